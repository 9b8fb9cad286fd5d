"""Block A, in 2.0.1 and in 2.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain import certificates as domain
from csms.domain.certificates import SigningUse
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ACK
from csms.ocpp.faults import Fault, LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

BOTH = pytest.mark.parametrize("dialect", [Dialect201(), Dialect21()], ids=["2.0.1", "2.1"])


def a_call(action: str, payload: object) -> Call:
    return Call("1", action, msgspec.Raw(msgspec.json.encode(payload)))


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_a_station_asks_for_its_certificate_and_hears_why_it_gets_none(dialect: RoutedDialect) -> None:
    call = a_call("SignCertificate", {"csr": "PEM", "certificateType": "V2GCertificate"})
    assert dialect.decode(call) == domain.CertificateSigningAsked("PEM", SigningUse.V2G)
    assert dialect.decode(a_call("SignCertificate", {"csr": "PEM"})) == domain.CertificateSigningAsked("PEM")
    assert json.loads(dialect.reply(call, domain.SigningReply(True))) == {"status": "Accepted"}
    refused = domain.SigningReply(False, "InvalidCSR", "Why. " * 500)
    answer = json.loads(dialect.reply(call, refused))
    assert answer["status"] == "Rejected"
    assert answer["statusInfo"]["reasonCode"] == "InvalidCSR"
    assert answer["statusInfo"]["additionalInfo"].startswith("Why. Why.")
    with pytest.raises(LocalProtocolError):
        dialect.reply(call, ACK)


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_a_security_event_comes_in_utc(dialect: RoutedDialect) -> None:
    event = {"type": "TamperDetectionActivated", "timestamp": "2026-05-04T14:00:00+02:00"}
    seen = domain.SecurityEventSeen("TamperDetectionActivated", datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert dialect.decode(a_call("SecurityEventNotification", event)) == seen


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_the_certificate_is_handed_over_with_its_type(dialect: RoutedDialect) -> None:
    action, payload = dialect.encode(domain.CertificateSigned("PEM", SigningUse.V2G))
    assert action == "CertificateSigned"
    assert json.loads(payload) == {"certificateChain": "PEM", "certificateType": "V2GCertificate"}
    command = domain.CertificateSigned("PEM")
    assert json.loads(dialect.encode(command)[1]) == {"certificateChain": "PEM"}
    rejected = b'{"status":"Rejected","statusInfo":{"reasonCode":"InvalidCertificate","additionalInfo":"no"}}'
    answer = dialect.outcome(command, rejected)
    assert (answer.accepted, answer.reason_code, answer.additional_info) == (False, "InvalidCertificate", "no")
    with pytest.raises(InvalidArgument):
        dialect.encode(domain.CertificateSigned("x" * 10_001))


def test_only_2_1_knows_certificates_of_iso_15118_20_and_numbers_of_requests() -> None:
    new, old = Dialect21(), Dialect201()
    command = domain.CertificateSigned("PEM", SigningUse.V2G20, 7)
    assert json.loads(new.encode(command)[1]) == {
        "certificateChain": "PEM",
        "certificateType": "V2G20Certificate",
        "requestId": 7,
    }
    with pytest.raises(InvalidArgument):
        old.encode(command)
    assert b"requestId" not in old.encode(domain.CertificateSigned("PEM", SigningUse.V2G, 7))[1]
    asked = {"csr": "PEM", "certificateType": "V2G20Certificate", "requestId": 7}
    decoded = new.decode(a_call("SignCertificate", asked))
    assert decoded == domain.CertificateSigningAsked("PEM", SigningUse.V2G20, None, 7)
    with pytest.raises(Fault):
        old.decode(a_call("SignCertificate", asked))
    with pytest.raises(Fault):
        new.decode(a_call("SignCertificate", {**asked, "requestId": 2**70}))
