"""What is kept of what stations tell about certificates, and what they are answered when nobody was asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from csms.domain import certificates as domain
from csms.domain.applying import Applied, Context
from csms.domain.certificates import (
    CRITICAL_EVENTS,
    HANDLERS,
    CertificateHashData,
    CertificateStatusRequest,
    ChainStatus,
    HashAlgorithm,
    OcspRequestData,
    SigningUse,
    StatusSource,
    severity_of,
)
from csms.domain.facts import AuthorizationStatus, Fact, IdTokenInfo, Reply
from csms.domain.records import EventRecord

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DATA = CertificateHashData(HashAlgorithm.SHA256, "AA", "BB", "01F")
OCSP = OcspRequestData(HashAlgorithm.SHA256, "aa", "bb", "1f", "http://192.0.2.1/ocsp")


def taken_in(fact: Fact, consulted: Reply | None = None) -> tuple[Applied, EventRecord]:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    context = Context(NOW, lambda _tag, _starting: info, lambda: 1, consulted=consulted)
    applied = HANDLERS[type(fact)](fact, 7, context)
    (record,) = applied.records
    assert isinstance(record, EventRecord)
    assert record.station_id == 7
    json.loads(record.body)
    assert applied.wait, "told and answered means kept"
    return applied, record


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
def test_a_critical_event_stands_out() -> None:
    at = datetime(2026, 5, 4, 11, tzinfo=UTC)
    _, record = taken_in(domain.SecurityEventSeen("TamperDetectionActivated", at, "door"))
    assert (record.kind, record.severity, record.at) == ("SecurityEventNotification", 3, at)
    assert record.summary == "TamperDetectionActivated: door"
    _, record = taken_in(domain.SecurityEventSeen("AcmeOddity", at))
    assert (record.severity, record.summary) == (5, "AcmeOddity")
    assert {severity_of(kind) for kind in CRITICAL_EVENTS} == {3}


def test_a_request_for_a_certificate_is_told_with_what_became_of_it() -> None:
    asked = domain.CertificateSigningAsked("PEM", SigningUse.V2G, request_id=9)
    applied, record = taken_in(asked, domain.SigningReply(True))
    assert applied.reply == domain.SigningReply(True)
    assert record.summary == "The station asked for a V2GCertificate."
    assert json.loads(record.body) == {
        "certificateType": "V2GCertificate",
        "accepted": True,
        "csr": "PEM",
        "requestId": 9,
    }
    _, record = taken_in(asked, domain.SigningReply(False, "InvalidCSR", "The key is weak."))
    assert record.summary.endswith("refused: The key is weak.")


CHAIN = domain.CertificateChainStatusAsked((CertificateStatusRequest(DATA, StatusSource.CRL, ("http://x",)),))


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        (domain.CertificateSigningAsked("PEM"), domain.SigningReply),
        (domain.EvCertificateAsked("urn", "Install", "x"), domain.EvCertificateReply),
        (domain.CertificateStatusAsked(OCSP), domain.CertificateStatusReply),
    ],
)
def test_without_an_answer_from_outside_a_station_hears_no_and_why(fact: Fact, kind: type[Reply]) -> None:
    applied, _ = taken_in(fact)
    assert isinstance(applied.reply, kind)
    assert applied.reply.accepted is False  # type: ignore[attr-defined]
    assert applied.reply.reason_code == "InternalError"  # type: ignore[attr-defined]
    assert applied.reply.additional_info.endswith(".")  # type: ignore[attr-defined]


def test_a_chain_that_nobody_could_check_has_failed() -> None:
    applied, record = taken_in(CHAIN)
    assert isinstance(applied.reply, domain.CertificateChainStatusReply)
    assert [each.status for each in applied.reply.statuses] == [ChainStatus.FAILED]
    assert "01F: Failed" in record.summary


def test_a_bad_contract_is_no_token() -> None:
    status = domain.AuthorizeCertificateStatus
    assert domain.contract_advice(status.ACCEPTED).status is None, "the tags decide"
    assert domain.contract_advice(status.EXPIRED).status is AuthorizationStatus.EXPIRED
    for bad in set(status) - {status.ACCEPTED, status.EXPIRED}:
        advice = domain.contract_advice(bad)
        assert (advice.status, advice.certificate_status) == (AuthorizationStatus.INVALID, bad.value)
