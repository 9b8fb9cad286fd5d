"""What 2.1 adds to certificates. What it shares with 2.0.1 is tested there, for both."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain import certificates as domain
from csms.domain.certificates import CertificateHashData, ChainStatus, HashAlgorithm, StatusSource
from csms.domain.facts import ACK
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.v21.routes import Dialect21

DIALECT = Dialect21()
HASHES = {"hashAlgorithm": "SHA384", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f"}
DATA = CertificateHashData(HashAlgorithm.SHA384, "aa", "bb", "1f")


def a_call(action: str, payload: object) -> Call:
    return Call("1", action, msgspec.Raw(msgspec.json.encode(payload)))


@pytest.mark.feature("F-OCPP-5")
def test_the_state_of_a_chain_is_asked_and_told() -> None:
    request = {"certificateHashData": HASHES, "source": "CRL", "urls": ["http://192.0.2.1/crl"]}
    call = a_call("GetCertificateChainStatus", {"certificateStatusRequests": [request]})
    wanted = domain.CertificateStatusRequest(DATA, StatusSource.CRL, ("http://192.0.2.1/crl",))
    assert DIALECT.decode(call) == domain.CertificateChainStatusAsked((wanted,))
    status = domain.CertificateStatus(DATA, StatusSource.CRL, ChainStatus.GOOD, datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert json.loads(DIALECT.reply(call, domain.CertificateChainStatusReply((status,)))) == {
        "certificateStatus": [
            {"certificateHashData": HASHES, "source": "CRL", "status": "Good", "nextUpdate": "2026-05-04T12:00:00Z"}
        ]
    }
    with pytest.raises(LocalProtocolError):
        DIALECT.reply(call, ACK)


@pytest.mark.feature("F-OCPP-5")
def test_a_vehicle_may_have_several_contracts() -> None:
    asked = {
        "iso15118SchemaVersion": "urn:iso:std:iso:15118:-20:CommonMessages",
        "action": "Update",
        "exiRequest": "x" * 11_000,
        "maximumContractCertificateChains": 2,
        "prioritizedEMAIDs": ["DE8AAC123456789"],
    }
    fact = DIALECT.decode(a_call("Get15118EVCertificate", asked))
    assert isinstance(fact, domain.EvCertificateAsked)
    assert (fact.maximum_contract_certificate_chains, fact.prioritized_emaids) == (2, ("DE8AAC123456789",))
    reply = domain.EvCertificateReply(True, "x" * 17_000, remaining_contracts=1)
    printed = json.loads(DIALECT.reply(a_call("Get15118EVCertificate", asked), reply))
    assert (printed["status"], printed["remainingContracts"]) == ("Accepted", 1)
