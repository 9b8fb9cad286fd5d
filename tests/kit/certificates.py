"""Keys, signing requests and certificates for tests, made with `cryptography` apart from the product's own code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from csms.domain.errors import Unavailable
from csms.transport.authority import LocalAuthority

PEM = serialization.Encoding.PEM
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def an_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """One per size: they take a while."""
    return rsa.generate_private_key(65537, bits)


def a_name(common_name: str | None, organization: str | None = None) -> x509.Name:
    parts = [(NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, organization)]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text is not None])


def a_request(
    common_name: str | None = "CP-1", organization: str | None = None, *, key: Key | None = None, sha1: bool = False
) -> str:
    """A signing request, PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(a_name(common_name, organization))
    algorithm = hashes.SHA1() if sha1 else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(PEM).decode()


def a_broken_request(common_name: str = "CP-1") -> str:
    """Its signature is by another key than the one inside."""
    der = x509.load_pem_x509_csr(a_request(common_name).encode()).public_bytes(serialization.Encoding.DER)
    other = x509.load_pem_x509_csr(a_request(common_name).encode()).public_bytes(serialization.Encoding.DER)
    # Both have keys of the same size: the names and lengths agree up to the key's point.
    mine = (
        x509.load_der_x509_csr(der)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    theirs = (
        x509.load_der_x509_csr(other)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    return x509.load_der_x509_csr(der.replace(mine, theirs)).public_bytes(PEM).decode()


class Made:
    """A certificate, its key, and whoever it signs."""

    def __init__(
        self,
        common_name: str,
        *,
        by: Made | None = None,
        authority: bool = False,
        start: datetime = NOW - timedelta(days=1),
        days: int = 30,
        path_length: int | None = None,
        responder: str = "",
        answers: bool = False,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        issuer, signer = (a_name(common_name), self.key) if by is None else (by.certificate.subject, by.key)
        builder = (
            x509.CertificateBuilder()
            .subject_name(a_name(common_name))
            .issuer_name(issuer)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, path_length if authority else None), critical=True)
        )
        if responder:
            place = x509.UniformResourceIdentifier(responder)
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        if answers:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        self.certificate = builder.sign(signer, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()


class FakeFiles:
    """csms.ports.certificates.AuthorityFiles in memory."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.away = False

    def read(self, name: str) -> bytes | None:
        self._check()
        return self.content.get(name)

    def keep(self, name: str, content: bytes) -> bytes:
        self._check()
        return self.content.setdefault(name, content)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The folder is gone. Bring it back.", reason="AUTHORITY_FOLDER")


def an_authority(files: FakeFiles | None = None, *, organization: str = "", days: float = 365.0) -> LocalAuthority:
    """A real one on files in memory, at NOW."""
    return LocalAuthority(files or FakeFiles(), now=lambda: NOW, organization=organization, days=days)
