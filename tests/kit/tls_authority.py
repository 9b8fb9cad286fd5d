"""An authority for tests, made in memory: certificates of servers and stations, good and bad, and revocation lists."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, and the authorities between it and the root."""

    certificate: x509.Certificate
    key: Key
    between: tuple[x509.Certificate, ...] = ()

    @property
    def chain_pem(self) -> bytes:
        return b"".join(pem(each) for each in (self.certificate, *self.between))

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """(chain, key)."""
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(self.chain_pem)
        key.write_bytes(self.key_pem)
        return chain, key


@dataclass
class Authority:
    """A root that signs; `below` makes one between it and the leaves."""

    name: str = "Test Root"
    parent: Authority | None = None
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    until: datetime = field(default_factory=lambda: datetime.now(UTC) + 30 * DAY)

    def __post_init__(self) -> None:
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        signer = self.parent or self
        self.certificate = (
            self._builder(self.subject, self.key, datetime.now(UTC) - 60 * DAY, self.until, signer)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .sign(signer.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return pem(self.certificate)

    def below(self, name: str = "Test Intermediate", until: datetime | None = None) -> Authority:
        return Authority(name, self, until=until or self.until)

    def server(self, *, key: Key | None = None, name: str = "localhost") -> Pair:
        """For localhost and 127.0.0.1."""
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        return self._leaf(name, names, ExtendedKeyUsageOID.SERVER_AUTH, key, None, None)

    def station(
        self,
        common_name: str,
        *,
        names: tuple[x509.GeneralName, ...] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Pair:
        return self._leaf(common_name, list(names), ExtendedKeyUsageOID.CLIENT_AUTH, None, since, until)

    def revocation_list(self, *revoked: Pair) -> bytes:
        """PEM."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.subject)
        builder = builder.last_update(now - DAY).next_update(now + DAY)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _leaf(
        self,
        common_name: str,
        names: list[x509.GeneralName],
        use: x509.ObjectIdentifier,
        key: Key | None,
        since: datetime | None,
        until: datetime | None,
    ) -> Pair:
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        builder = self._builder(subject, key, since or now - 2 * DAY, until or now + DAY, self)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not common_name)
        between = (self.certificate,) if self.parent is not None else ()
        return Pair(builder.sign(self.key, hashes.SHA256()), key, between)

    def _builder(
        self, subject: x509.Name, key: Key, since: datetime, until: datetime, signer: Authority
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
        )


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def client_context(root: Authority, pair: Pair | None = None, folder: Path | None = None) -> ssl.SSLContext:
    """A station's: it trusts `root` and shows `pair` (written to `folder`, as the ssl module wants files)."""
    context = ssl.create_default_context(cadata=root.pem.decode())
    if pair is not None and folder is not None:
        context.load_cert_chain(*pair.files(folder, f"client-{pair.certificate.serial_number:x}"))
    return context
