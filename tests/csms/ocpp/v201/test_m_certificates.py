"""Block M, in 2.0.1 and in 2.1."""

from __future__ import annotations

import json

import msgspec
import pytest

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, CertificateUse, HashAlgorithm, OcspRequestData
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ACK
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

BOTH = pytest.mark.parametrize("dialect", [Dialect201(), Dialect21()], ids=["2.0.1", "2.1"])
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f"}
DATA = CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", "1f")


def a_call(action: str, payload: object) -> Call:
    return Call("1", action, msgspec.Raw(msgspec.json.encode(payload)))


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_a_vehicle_gets_what_its_provider_says(dialect: RoutedDialect) -> None:
    asked = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "gJg="}
    call = a_call("Get15118EVCertificate", asked)
    assert dialect.decode(call) == domain.EvCertificateAsked("urn:iso:15118:2:2013:MsgDef", "Install", "gJg=")
    good = dialect.reply(call, domain.EvCertificateReply(True, "gJo="))
    assert json.loads(good) == {"status": "Accepted", "exiResponse": "gJo="}
    none = json.loads(dialect.reply(call, domain.EvCertificateReply(False, "", None, "NotEnabled", "No provider.")))
    assert none == {
        "status": "Failed",
        "exiResponse": "",
        "statusInfo": {"reasonCode": "NotEnabled", "additionalInfo": "No provider."},
    }
    long = json.loads(dialect.reply(call, domain.EvCertificateReply(True, "x" * 20_000)))
    assert (long["status"], long["exiResponse"]) == ("Failed", ""), "half an answer is none"
    with pytest.raises(LocalProtocolError):
        dialect.reply(call, ACK)


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_a_station_gets_what_the_ocsp_responder_says(dialect: RoutedDialect) -> None:
    call = a_call("GetCertificateStatus", {"ocspRequestData": {**HASHES, "responderURL": "http://192.0.2.1/ocsp"}})
    data = OcspRequestData(HashAlgorithm.SHA256, "aa", "bb", "1f", "http://192.0.2.1/ocsp")
    assert dialect.decode(call) == domain.CertificateStatusAsked(data)
    good = dialect.reply(call, domain.CertificateStatusReply(True, "MIIB"))
    assert json.loads(good) == {"status": "Accepted", "ocspResult": "MIIB"}
    failed = json.loads(dialect.reply(call, domain.CertificateStatusReply(False, "", "NotEnabled", "No.")))
    assert failed == {"status": "Failed", "statusInfo": {"reasonCode": "NotEnabled", "additionalInfo": "No."}}
    assert json.loads(dialect.reply(call, domain.CertificateStatusReply(True, "x" * 20_000)))["status"] == "Failed"
    with pytest.raises(LocalProtocolError):
        dialect.reply(call, ACK)


@BOTH
@pytest.mark.feature("F-OCPP-4")
def test_certificates_are_installed_told_and_deleted(dialect: RoutedDialect) -> None:
    install = domain.InstallCertificate(CertificateUse.V2G_ROOT, "PEM")
    assert json.loads(dialect.encode(install)[1]) == {"certificateType": "V2GRootCertificate", "certificate": "PEM"}
    assert json.loads(dialect.encode(domain.DeleteCertificate(DATA))[1]) == {"certificateHashData": HASHES}
    every = domain.GetInstalledCertificateIds()
    assert dialect.encode(every) == ("GetInstalledCertificateIds", b"{}")
    some = domain.GetInstalledCertificateIds((CertificateUse.V2G_CHAIN, CertificateUse.CSMS_ROOT))
    assert json.loads(dialect.encode(some)[1]) == {"certificateType": ["V2GCertificateChain", "CSMSRootCertificate"]}
    chain = {
        "certificateType": "V2GCertificateChain",
        "certificateHashData": HASHES,
        "childCertificateHashData": [HASHES],
    }
    payload = msgspec.json.encode({"status": "Accepted", "certificateHashDataChain": [chain]})
    installed = domain.InstalledCertificate(DATA, CertificateUse.V2G_CHAIN, (DATA,))
    assert dialect.outcome(every, payload).result == domain.InstalledCertificates((installed,))
    nothing = dialect.outcome(every, b'{"status":"NotFound"}')
    assert (nothing.accepted, nothing.result) == (False, domain.InstalledCertificates(()))
    for command in (
        domain.InstallCertificate(CertificateUse.V2G_ROOT, "x" * 10_001),
        domain.InstallCertificate(CertificateUse.V2G_CHAIN, "PEM"),
        domain.DeleteCertificate(CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", "1" * 41)),
    ):
        with pytest.raises(InvalidArgument):
            dialect.encode(command)


def test_a_long_certificate_and_an_oem_s_root_are_for_2_1() -> None:
    for command in (
        domain.InstallCertificate(CertificateUse.V2G_ROOT, "x" * 5_501),
        domain.InstallCertificate(CertificateUse.OEM_ROOT, "PEM"),
    ):
        Dialect21().encode(command)
        with pytest.raises(InvalidArgument, match=r"OCPP 2\.0\.1"):
            Dialect201().encode(command)
