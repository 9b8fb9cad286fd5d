"""The security extension of 1.6: its certificates and events in the words of 2.x, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, CertificateUse, HashAlgorithm, SigningUse
from csms.domain.commands import TriggerMessage
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import ACK, Fact
from csms.ocpp import faults
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v16.routes import Dialect16

DIALECT = Dialect16()
HASHES = CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", "1f")


def a_call(action: str, payload: object) -> Call:
    return Call("1", action, msgspec.Raw(msgspec.json.encode(payload)))


def decoded(action: str, payload: object) -> Fact:
    return DIALECT.decode(a_call(action, payload))


@pytest.mark.feature("F-OCPP-2")
def test_a_station_asks_for_its_certificate() -> None:
    assert decoded("SignCertificate", {"csr": "PEM"}) == domain.CertificateSigningAsked("PEM")
    call = a_call("SignCertificate", {"csr": "PEM"})
    assert json.loads(DIALECT.reply(call, domain.SigningReply(True))) == {"status": "Accepted"}
    refused = domain.SigningReply(False, "InvalidCSR", "The key is weak.")
    assert json.loads(DIALECT.reply(call, refused)) == {"status": "Rejected"}, "1.6 has no words for the reason"
    with pytest.raises(LocalProtocolError):
        DIALECT.reply(call, ACK)


@pytest.mark.feature("F-OCPP-2")
def test_a_security_event_comes_in_utc() -> None:
    seen = decoded(
        "SecurityEventNotification",
        {"type": "FirmwareUpdated", "timestamp": "2026-05-04T14:00:00+02:00", "techInfo": "1.2"},
    )
    assert seen == domain.SecurityEventSeen("FirmwareUpdated", datetime(2026, 5, 4, 12, tzinfo=UTC), "1.2")


@pytest.mark.feature("F-OCPP-2")
def test_certificates_are_named_in_the_words_of_1_6() -> None:
    for command, action, payload in (
        (domain.CertificateSigned("PEM"), "CertificateSigned", {"certificateChain": "PEM"}),
        (
            domain.CertificateSigned("PEM", SigningUse.CHARGING_STATION, 7),
            "CertificateSigned",
            {"certificateChain": "PEM"},
        ),
        (
            domain.InstallCertificate(CertificateUse.CSMS_ROOT, "PEM"),
            "InstallCertificate",
            {"certificateType": "CentralSystemRootCertificate", "certificate": "PEM"},
        ),
        (
            domain.DeleteCertificate(HASHES),
            "DeleteCertificate",
            {
                "certificateHashData": {
                    "hashAlgorithm": "SHA256",
                    "issuerNameHash": "aa",
                    "issuerKeyHash": "bb",
                    "serialNumber": "1f",
                }
            },
        ),
        (
            domain.GetInstalledCertificateIds((CertificateUse.MANUFACTURER_ROOT,)),
            "GetInstalledCertificateIds",
            {"certificateType": "ManufacturerRootCertificate"},
        ),
    ):
        told, printed = DIALECT.encode(command)
        assert (told, json.loads(printed)) == (action, payload)


@pytest.mark.feature("F-OCPP-2")
def test_what_is_installed_comes_without_the_type_that_was_asked_for() -> None:
    command = domain.GetInstalledCertificateIds((CertificateUse.CSMS_ROOT,))
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f"}
    answer = DIALECT.outcome(command, msgspec.json.encode({"status": "Accepted", "certificateHashData": [hashes]}))
    assert answer.accepted
    assert answer.result == domain.InstalledCertificates((domain.InstalledCertificate(HASHES),))
    nothing = DIALECT.outcome(command, b'{"status":"NotFound"}')
    assert (nothing.status, nothing.accepted, nothing.result) == ("NotFound", False, domain.InstalledCertificates(()))


def test_what_1_6_cannot_say_is_not_sent() -> None:
    for command in (
        domain.InstallCertificate(CertificateUse.MO_ROOT, "PEM"),
        domain.GetInstalledCertificateIds((CertificateUse.V2G_CHAIN,)),
        domain.CertificateSigned("PEM", SigningUse.V2G),
    ):
        with pytest.raises(NotSupported):
            DIALECT.encode(command)
    for refused in (
        domain.CertificateSigned("x" * 10_001),
        domain.InstallCertificate(CertificateUse.CSMS_ROOT, "x" * 5_501),
        domain.GetInstalledCertificateIds(),
        domain.GetInstalledCertificateIds((CertificateUse.CSMS_ROOT, CertificateUse.MANUFACTURER_ROOT)),
    ):
        with pytest.raises(InvalidArgument):
            DIALECT.encode(refused)


@pytest.mark.feature("F-OCPP-2")
def test_the_extended_trigger_asks_for_what_only_it_knows() -> None:
    schema = schemas_of(faults.V16)
    plain, extended = (
        set(schema.schema(action, Direction.REQUEST)["properties"]["requestedMessage"].get("enum", ()))
        or set(schema.schema(action, Direction.REQUEST)["definitions"]["MessageTriggerEnumType"]["enum"])
        for action in ("TriggerMessage", "ExtendedTriggerMessage")
    )
    for word in extended - plain:
        action, payload = DIALECT.encode(TriggerMessage(word))
        assert (action, json.loads(payload)) == ("ExtendedTriggerMessage", {"requestedMessage": word})
    for word in plain:
        assert DIALECT.encode(TriggerMessage(word))[0] == "TriggerMessage"
    _, payload = DIALECT.encode(TriggerMessage("SignChargingStationCertificate", 1))
    assert json.loads(payload) == {"requestedMessage": "SignChargePointCertificate", "connectorId": 1}
    answer = DIALECT.outcome(TriggerMessage("LogStatusNotification"), b'{"status":"NotImplemented"}')
    assert (answer.status, answer.accepted) == ("NotImplemented", False)
