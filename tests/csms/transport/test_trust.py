"""Whose word on revoked certificates counts. That of OCSP responders: see test_certificate_http.py, over the wire."""

from __future__ import annotations

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

from csms.domain.certificates import HashAlgorithm, SigningUse
from csms.transport.trust import Authorities
from csms.transport.x509 import hash_data
from tests.kit.certificates import NOW, PEM, Made, a_name, an_authority, an_rsa_key


@pytest.mark.feature("F-OCPP-5")
def test_a_list_counts_only_when_the_issuer_of_that_certificate_signed_it() -> None:
    ours, other = an_authority(), an_authority()
    root = x509.load_pem_x509_certificate(ours.root)
    crl, foreign = (x509.load_der_x509_crl(each.crl()) for each in (ours, other))
    data = hash_data(root)
    both = Authorities(ours.root + other.root)
    assert both.signed_crl(crl, data)
    assert not both.signed_crl(foreign, data), "the same name, another key"
    assert not Authorities(other.root).signed_crl(crl, data)
    assert not Authorities().signed_crl(crl, data)
    assert not Authorities(ours.root_of(SigningUse.V2G)).signed_crl(crl, data)
    assert not both.signed_crl(crl, msgspec.structs.replace(data, hash_algorithm=HashAlgorithm.SHA512))


def an_rsa_root() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    made, key = Made("RSA Root", authority=True).certificate, an_rsa_key(2048)
    builder = x509.CertificateBuilder(
        a_name("RSA Root"), a_name("RSA Root"), key.public_key(), 7, made.not_valid_before_utc, made.not_valid_after_utc
    )
    return key, builder.sign(key, hashes.SHA256())


def test_an_answer_signed_with_rsa_counts_too() -> None:
    key, root = an_rsa_root()
    builder = ocsp.OCSPResponseBuilder().add_response(
        root, root, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, NOW, NOW, None, None
    )
    response = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, root).sign(key, hashes.SHA256())
    pem = Made("x").certificate  # no authority for it
    assert not Authorities(pem.public_bytes(PEM)).signed_ocsp(response, hash_data(root), NOW)
    assert Authorities(root.public_bytes(PEM)).signed_ocsp(response, hash_data(root), NOW)
