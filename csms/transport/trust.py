"""Who may say that a certificate is revoked: signatures of OCSP answers and of lists of revoked certificates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.ocsp import OCSPResponse
from cryptography.x509.oid import ExtendedKeyUsageOID

from csms.domain.certificates import CertificateHashData
from csms.transport.x509 import BROKEN, DIGESTS, key_bits_of


class Authorities:
    """Certificates of authorities that the operator trusts, for whoever must believe a responder or a list. An issuer
    is known by the hash of its key, so one that comes with an answer needs no trust of its own."""

    def __init__(self, pem: bytes = b"") -> None:
        self._known = tuple(x509.load_pem_x509_certificates(pem)) if pem.strip() else ()

    def signed_crl(self, crl: x509.CertificateRevocationList, data: CertificateHashData) -> bool:
        """Is this list by the issuer of that certificate?"""
        issuer = self._issuer(data, ())
        try:
            return issuer is not None and crl.issuer == issuer.subject and crl.is_signature_valid(_verifying(issuer))
        except BROKEN:
            return False

    def signed_ocsp(self, response: OCSPResponse, data: CertificateHashData, now: datetime) -> bool:
        """Is this answer by the issuer of that certificate, or by whom the issuer lets answer (RFC 6960 §4.2.2.2)?"""
        try:
            issuer = self._issuer(data, response.certificates)
            if issuer is None:
                return False
            delegates = [each for each in response.certificates if _may_answer(each, issuer, now)]
            return any(_signed_answer(response, each) for each in (issuer, *delegates))
        except BROKEN:
            return False

    def _issuer(self, data: CertificateHashData, more: Iterable[x509.Certificate]) -> x509.Certificate | None:
        wanted = (data.issuer_name_hash.lower(), data.issuer_key_hash.lower())
        digest = DIGESTS[data.hash_algorithm]
        for each in (*self._known, *more):
            if (digest(each.subject.public_bytes()).hexdigest(), digest(key_bits_of(each)).hexdigest()) == wanted:
                return each
        return None


def _may_answer(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, *BROKEN):
        return False
    timely = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return timely and ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _signed_answer(response: OCSPResponse, signer: x509.Certificate) -> bool:
    key, algorithm = _verifying(signer), response.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(response.signature, response.tbs_response_bytes)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _verifying(
    certificate: x509.Certificate,
) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey:
    """Raises TypeError for a key of another kind."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key
    raise TypeError("keys of this kind sign nothing here")
