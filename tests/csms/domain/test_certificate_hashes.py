"""How OCPP names a certificate."""

from __future__ import annotations

import json

import msgspec

from csms.domain.certificate_hashes import CertificateHashData, HashAlgorithm, OcspRequestData

DATA = CertificateHashData(HashAlgorithm.SHA256, "AA", "BB", "01F")
OCSP = OcspRequestData(HashAlgorithm.SHA256, "aa", "bb", "1f", "http://192.0.2.1/ocsp")


def test_one_certificate_has_one_key_however_it_is_spelt() -> None:
    assert DATA.key == CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", "1F").key
    assert OCSP.certificate.key == DATA.key
    assert DATA.key != CertificateHashData(HashAlgorithm.SHA384, "aa", "bb", "1f").key


def test_values_are_the_json_of_ocpp() -> None:
    payload = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "aa",
        "issuerKeyHash": "bb",
        "serialNumber": "1f",
        "responderURL": "http://192.0.2.1/ocsp",
    }
    assert json.loads(msgspec.json.encode(OCSP)) == payload
    assert msgspec.convert(payload, OcspRequestData) == OCSP
