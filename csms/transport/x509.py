"""X.509 with `cryptography`: read requests and certificates, make roots, sign, and list what is revoked. No files."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from csms.domain.certificates import (
    AuthorizeCertificateStatus,
    CertificateHashData,
    HashAlgorithm,
    OcspRequestData,
    SigningRequest,
    SigningUse,
)
from csms.domain.errors import InvalidArgument
from csms.ports.certificates import InstalledDetails, SignedCertificate

ROOT_DAYS: Final = 20 * 365
SERVER_DAYS: Final = 397
"""More is refused by some clients."""
CRL_DAYS: Final = 7
MAX_PEM: Final = 20_000
MAX_CHAIN: Final = 5
_BACK: Final = timedelta(hours=1)
"""Stations' clocks are not the best: certificates count from an hour ago."""
DIGESTS: Final = {
    HashAlgorithm.SHA256: hashlib.sha256,
    HashAlgorithm.SHA384: hashlib.sha384,
    HashAlgorithm.SHA512: hashlib.sha512,
}
BROKEN: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises for bytes that are no certificate."""


# -- reading -------------------------------------------------------------------------------------------------------


class X509Reader:
    """csms.ports.certificates.CertificateReader. `contract_roots` (PEM): who signs contract certificates."""

    def __init__(self, contract_roots: bytes = b"") -> None:
        self._roots = tuple(x509.load_pem_x509_certificates(contract_roots)) if contract_roots.strip() else ()

    def request(self, pem: str) -> SigningRequest:
        """A signing request. Raises InvalidArgument."""
        csr = load_request(pem)
        try:
            algorithm = csr.signature_hash_algorithm
            key_algorithm, key_bits = _key_of(csr.public_key())
            valid = csr.is_signature_valid
            return SigningRequest(
                tuple(_texts(csr.subject, NameOID.COMMON_NAME)),
                tuple(_texts(csr.subject, NameOID.ORGANIZATION_NAME)),
                key_algorithm,
                key_bits,
                "" if algorithm is None else algorithm.name.lower(),
                valid,
                csr.subject.rfc4514_string(),
            )
        except BROKEN as error:
            raise InvalidArgument(f"The signing request cannot be read: {error}.", reason="INVALID_CSR") from None

    def certificate(self, pem: str) -> InstalledDetails:
        """The first certificate of a PEM text. Raises InvalidArgument."""
        try:
            certificate = load_chain(pem)[0]
            return InstalledDetails(
                certificate.subject.rfc4514_string(),
                certificate.issuer.rfc4514_string(),
                serial_text(certificate.serial_number),
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
                _is_authority(certificate),
                hash_data(certificate),
            )
        except BROKEN as error:
            raise InvalidArgument(f"The certificate cannot be read: {error}.", reason="INVALID_CERTIFICATE") from None

    def check_contract(self, chain: str, emaid: str, now: datetime) -> AuthorizeCertificateStatus:
        """See the port. The chain ends below the root, or with it (C07.FR.06)."""
        if not self._roots:
            return AuthorizeCertificateStatus.NO_CERTIFICATE
        try:
            certificates = load_chain(chain)
            return self._check(certificates, emaid, now)
        except (*BROKEN, InvalidArgument):
            return AuthorizeCertificateStatus.CHAIN_ERROR

    def ocsp_requests(self, chain: str) -> tuple[OcspRequestData, ...]:
        """From their authority information access (RFC 5280 §4.2.2.1); of those whose issuer is known."""
        try:
            certificates = load_chain(chain)[:MAX_CHAIN]
        except InvalidArgument:
            return ()
        found = []
        for position, certificate in enumerate(certificates):
            above = (*certificates[position + 1 : position + 2], *self._roots)
            issuer = next((each for each in above if each.subject == certificate.issuer), None)
            url = _responder_of(certificate)
            if issuer is not None and url:
                data = hash_data(certificate, issuer)
                found.append(
                    OcspRequestData(
                        data.hash_algorithm, data.issuer_name_hash, data.issuer_key_hash, data.serial_number, url
                    )
                )
        return tuple(found)

    def _check(self, chain: Sequence[x509.Certificate], emaid: str, now: datetime) -> AuthorizeCertificateStatus:
        status = AuthorizeCertificateStatus
        if emaid and not _same_emaid(emaid, "".join(_texts(chain[0].subject, NameOID.COMMON_NAME))):
            return status.CHAIN_ERROR
        last = chain[-1]
        above = next((root for root in self._roots if root.subject == last.issuer), None)
        if above is None or len(chain) > MAX_CHAIN:
            return status.CHAIN_ERROR
        issuers = [*chain[1:], above]
        for depth, issuer in enumerate(issuers):
            if not _may_sign(issuer, depth):
                return status.CHAIN_ERROR
        for certificate, issuer in zip(chain, issuers, strict=True):
            try:
                certificate.verify_directly_issued_by(issuer)
            except InvalidSignature:
                return status.SIGNATURE_ERROR
        for certificate in (*chain, above):
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                return status.EXPIRED
        return status.ACCEPTED


def common_name(certificate: x509.Certificate) -> str:
    """Empty when there is none."""
    return "".join(_texts(certificate.subject, NameOID.COMMON_NAME))


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """Raises InvalidArgument/INVALID_CSR."""
    try:
        if len(pem) > MAX_PEM:
            raise ValueError("it is too long")
        return x509.load_pem_x509_csr(pem.encode())
    except BROKEN as error:
        raise InvalidArgument(f"This is no signing request in PEM: {error}.", reason="INVALID_CSR") from None


def load_chain(pem: str) -> list[x509.Certificate]:
    """At least one. Raises InvalidArgument/INVALID_CERTIFICATE."""
    try:
        if len(pem) > MAX_PEM:
            raise ValueError("it is too long")
        return x509.load_pem_x509_certificates(pem.encode())
    except BROKEN as error:
        raise InvalidArgument(f"This is no certificate in PEM: {error}.", reason="INVALID_CERTIFICATE") from None


def serial_text(serial: int) -> str:
    """As OCPP writes it: lower-case hexadecimal without leading zeros."""
    return f"{serial:x}"


def hash_data(certificate: x509.Certificate, issuer: x509.Certificate | None = None) -> CertificateHashData:
    """OCPP CertificateHashDataType, SHA-256. The issuer's key is that of `issuer`, or its own if it is self-signed."""
    if issuer is None and certificate.issuer == certificate.subject:
        issuer = certificate
    name = hashlib.sha256(certificate.issuer.public_bytes()).hexdigest()
    key = "" if issuer is None else hashlib.sha256(key_bits_of(issuer)).hexdigest()
    return CertificateHashData(HashAlgorithm.SHA256, name, key, serial_text(certificate.serial_number))


def is_named(root: x509.Certificate, data: CertificateHashData) -> bool:
    """Whether a self-signed certificate is the one that is named."""
    digest = DIGESTS[data.hash_algorithm]
    return (
        data.issuer_name_hash.lower() == digest(root.subject.public_bytes()).hexdigest()
        and data.issuer_key_hash.lower() == digest(key_bits_of(root)).hexdigest()
        and data.serial_number.lower().lstrip("0") == serial_text(root.serial_number)
    )


def key_bits_of(certificate: x509.Certificate) -> bytes:
    """The value of the subject public key field: what OCSP hashes (RFC 6960 §4.1.1)."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key.public_bytes_raw()
    raise InvalidArgument("The certificate's key is of a kind that OCPP does not know.", reason="INVALID_CERTIFICATE")


def _key_of(key: CertificatePublicKeyTypes) -> tuple[str, int]:
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return "EC", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 253
        case ed448.Ed448PublicKey():
            return "Ed448", 446
        case _:
            return type(key).__name__.removesuffix("PublicKey"), 0


def _texts(name: x509.Name, oid: x509.ObjectIdentifier) -> Iterable[str]:
    for attribute in name.get_attributes_for_oid(oid):
        yield attribute.value if isinstance(attribute.value, str) else attribute.value.decode("utf-8", "replace")


def _responder_of(certificate: x509.Certificate) -> str:
    try:
        places = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *BROKEN):
        return ""
    for place in places:
        if place.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            place.access_location, x509.UniformResourceIdentifier
        ):
            return place.access_location.value
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _may_sign(issuer: x509.Certificate, below: int) -> bool:
    """Is it an authority with `below` others beneath it?"""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    try:
        signs = issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        signs = True
    return constraints.ca and signs and (constraints.path_length is None or constraints.path_length >= below)


def _same_emaid(one: str, other: str) -> bool:
    """Hyphens and case do not matter, nor whether the check digit is there (ISO 15118-2 annex H)."""
    first, second = (text.replace("-", "").upper() for text in (one, other))
    return first == second or (first[:14] == second[:14] and {len(first), len(second)} == {14, 15})


# -- signing -------------------------------------------------------------------------------------------------------


def make_root(common_name: str, organization: str, now: datetime) -> tuple[bytes, bytes]:
    """A new authority: (key, self-signed certificate), PEM. ECDSA on P-256, which 1.6's and 2.x's stations know."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name, organization)
    certificate = (
        _builder(name, name, key.public_key(), now, now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _key_pem(key), certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry of a list of revoked certificates; `reason` in X.509's words."""

    serial: int
    at: datetime
    reason: str


class Issuer:
    """An authority's key and certificate, and what can be done with them. Raises ValueError for PEM that is none, or
    for a key that is not the certificate's."""

    def __init__(self, key: bytes, certificate: bytes, *, crl_url: str = "") -> None:
        loaded = serialization.load_pem_private_key(key, None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("the authority's key must be RSA or an elliptic curve's")  # noqa: TRY004  one error for all
        self._key = loaded
        self.certificate = x509.load_pem_x509_certificate(certificate)
        if self.certificate.public_key() != loaded.public_key():
            raise ValueError("the authority's key does not belong to its certificate")
        self.pem = certificate
        self.subject = self.certificate.subject.rfc4514_string()
        self._crl_url = crl_url

    def sign_station(self, csr: str, identity: str, organization: str, now: datetime, days: float) -> SignedCertificate:
        """The certificate that a station connects with: a client, and nothing else. Of the request only the key is
        taken; the names are those that we vouch for."""
        names = _name(identity, organization)
        return self._sign(load_request(csr), names, [ExtendedKeyUsageOID.CLIENT_AUTH], now, days)

    def sign_v2g(self, csr: str, organization: str, now: datetime, days: float) -> SignedCertificate:
        """The certificate that a station shows to vehicles: a server's (ISO 15118-2 §7.9, "SECC certificate")."""
        request = load_request(csr)
        common_name = "".join(_texts(request.subject, NameOID.COMMON_NAME))
        component = x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "CPO")
        names = x509.Name([*_name(common_name, organization), component])
        return self._sign(request, names, [ExtendedKeyUsageOID.SERVER_AUTH], now, days)

    def issue_server(self, names: Sequence[str], now: datetime) -> tuple[bytes, bytes]:
        """A new key with a certificate for host names and addresses of ours: (certificate chain, key), PEM."""
        if not names:
            raise InvalidArgument("A server certificate needs a host name or an address.", reason="NAME_MISSING")
        key = ec.generate_private_key(ec.SECP256R1())
        end = min(now + timedelta(days=SERVER_DAYS), self.certificate.not_valid_after_utc)
        builder = _builder(_name(names[0][:64], ""), self.certificate.subject, key.public_key(), now, end)
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(name) for name in names]), critical=False)
        certificate = self._extended(builder, key.public_key(), [ExtendedKeyUsageOID.SERVER_AUTH]).sign(
            self._key, hashes.SHA256()
        )
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)

    def crl(self, revoked: Iterable[Revoked], now: datetime) -> bytes:
        """The list, DER, valid for `CRL_DAYS`."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=CRL_DAYS))
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(self._authority_key(), critical=False)
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(each.at)
            if each.reason != x509.ReasonFlags.unspecified.value:  # RFC 5280 §5.3.1: then it is left out
                entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(each.reason)), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _sign(
        self,
        request: x509.CertificateSigningRequest,
        names: x509.Name,
        purposes: list[x509.ObjectIdentifier],
        now: datetime,
        days: float,
    ) -> SignedCertificate:
        end = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        key = request.public_key()
        builder = self._extended(_builder(names, self.certificate.subject, key, now, end), key, purposes)
        certificate = builder.sign(self._key, hashes.SHA256())
        return described(certificate, certificate.public_bytes(serialization.Encoding.PEM).decode())

    def _extended(
        self, builder: x509.CertificateBuilder, key: CertificatePublicKeyTypes, purposes: list[x509.ObjectIdentifier]
    ) -> x509.CertificateBuilder:
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False, enciphers=isinstance(key, rsa.RSAPublicKey)), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._authority_key(), critical=False)
        )
        if not self._crl_url:
            return builder
        place = x509.DistributionPoint([x509.UniformResourceIdentifier(self._crl_url)], None, None, None)
        return builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)

    def _authority_key(self) -> x509.AuthorityKeyIdentifier:
        try:
            own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def described(certificate: x509.Certificate, chain: str) -> SignedCertificate:
    """What is kept of a certificate that was signed."""
    return SignedCertificate(
        chain,
        serial_text(certificate.serial_number),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(end)
    )


def _name(common_name: str, organization: str) -> x509.Name:
    try:
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        return x509.Name(parts)
    except ValueError as error:  # X.520: at most 64 characters each
        raise InvalidArgument(
            f"A certificate cannot carry the name {common_name[:80]!r}: {error}.", reason="INVALID_NAME"
        ) from None


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool, enciphers: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=enciphers,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


USES: Final[Mapping[SigningUse, str]] = {
    SigningUse.CHARGING_STATION: "stations",
    SigningUse.V2G: "v2g",
    SigningUse.V2G20: "v2g",
}
"""Which of our two authorities signs what: whoever trusts one need not trust the other."""
