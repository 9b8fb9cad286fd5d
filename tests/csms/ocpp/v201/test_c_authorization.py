"""Block C: Authorize and the cache."""

from __future__ import annotations

import pytest

from csms.domain.certificates import HashAlgorithm, OcspRequestData
from csms.domain.commands import ClearCache
from csms.domain.facts import (
    ACK,
    AdditionalInfo,
    AuthorizationAsked,
    AuthorizationReply,
    AuthorizationStatus,
    IdTokenInfo,
)
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import answer, both, fact_of, printed, replied

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)


@both
def test_a_card_with_what_was_read_beside_it(dialect: RoutedDialect) -> None:
    token = {"idToken": "a1", "type": "ISO14443", "additionalInfo": [{"additionalIdToken": "77", "type": "PIN"}]}
    asked = AuthorizationAsked("a1", "ISO14443", (AdditionalInfo("77", "PIN"),))
    assert fact_of(dialect, "Authorize", {"idToken": token}) == asked
    assert replied(dialect, "Authorize", AuthorizationReply(ACCEPTED)) == {"idTokenInfo": {"status": "Accepted"}}
    with pytest.raises(LocalProtocolError):
        replied(dialect, "Authorize", ACK)


@both
def test_a_contract_with_the_hashes_of_its_certificates(dialect: RoutedDialect) -> None:
    told = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "aa",
        "issuerKeyHash": "bb",
        "serialNumber": "01",
        "responderURL": "http://ocsp.example.org",
    }
    payload = {
        "idToken": {"idToken": "DEABC1", "type": "eMAID"},
        "certificate": "PEM",
        "iso15118CertificateHashData": [told],
    }
    hashes = OcspRequestData(HashAlgorithm.SHA256, "aa", "bb", "01", "http://ocsp.example.org")
    asked = AuthorizationAsked("DEABC1", "eMAID", certificate="PEM", certificate_hash_data=(hashes,))
    assert fact_of(dialect, "Authorize", payload) == asked
    reply = AuthorizationReply(ACCEPTED, certificate_status="CertificateRevoked")
    assert replied(dialect, "Authorize", reply)["certificateStatus"] == "CertificateRevoked"


@both
def test_the_cache_is_cleared(dialect: RoutedDialect) -> None:
    assert printed(dialect, ClearCache()) == ("ClearCache", {})
    assert answer(dialect, ClearCache(), {"status": "Accepted"}).accepted
