"""Certificates: who signs, who knows which are revoked, who has those of vehicles, and where ours are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from csms.domain.certificates import (
    AuthorizeCertificateStatus,
    CertificateHashData,
    CertificateStatus,
    CertificateStatusRequest,
    EvCertificateAsked,
    EvCertificateReply,
    OcspRequestData,
    SigningRequest,
    SigningUse,
)


class SignedCertificate(msgspec.Struct, frozen=True):
    """What an authority made of a request. `chain` is PEM, the leaf first, without the root; `serial` is lower-case
    hexadecimal without leading zeros, as OCPP writes it."""

    chain: str
    serial: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime


class CertificateAuthority(Protocol):
    """Signs requests that were checked before."""

    def has_root(self, root: CertificateHashData, use: SigningUse) -> bool:
        """Whether its certificates for this use lead to this root, as far as can be told here."""

    async def sign(self, csr: str, identity: str, use: SigningUse) -> SignedCertificate:
        """Sign a station's request (PEM). Raises Unavailable, and InvalidArgument when the authority refuses it."""


class RevocationList(Protocol):
    """Which of the certificates that we know of are revoked. From memory."""

    def is_revoked(self, serial: int) -> bool:
        """Sync, for use within a TLS handshake."""

    def revoke(self, serial: str, issuer: str, at: datetime, reason: str) -> None:
        """From now on. `serial` is hexadecimal, `issuer` the issuer's name as text, `reason` of `RevocationReason`."""

    def crl(self, use: SigningUse = SigningUse.CHARGING_STATION) -> bytes:
        """The list of our own authority for this use, DER, signed by it."""

    def root_of(self, use: SigningUse) -> bytes:
        """The root certificate of our own authority for this use, PEM."""


class InstalledDetails(msgspec.Struct, frozen=True):
    """What people read in a certificate. Times are UTC."""

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    is_authority: bool
    hash_data: CertificateHashData
    """SHA-256; the issuer's key is known only of a self-signed one, else the hash of the key is empty."""


class CertificateReader(Protocol):
    """Reads X.509. Sync and pure but for the time that is given."""

    def request(self, pem: str) -> SigningRequest:
        """A signing request. Raises InvalidArgument."""

    def certificate(self, pem: str) -> InstalledDetails:
        """The first certificate of a PEM text. Raises InvalidArgument."""

    def check_contract(self, chain: str, emaid: str, now: datetime) -> AuthorizeCertificateStatus:
        """Does a contract certificate (PEM, the leaf first) lead to a root that the operator trusts, is it valid now,
        and is it that of the contract `emaid`? Does not ask whether it is revoked."""

    def ocsp_requests(self, chain: str) -> tuple[OcspRequestData, ...]:
        """Whom to ask about which certificates of a chain (PEM, the leaf first), as they say themselves."""


class RevocationReason(StrEnum):
    """Why a certificate counts no more (RFC 5280 §5.3.1, in X.509's own words)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"


class Delivery(StrEnum):
    """Whether the station has taken the certificate that was signed for it."""

    PENDING = "PENDING"
    """Not sent, or nothing heard: handed over again when the station boots."""
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    """The station refused it; handed over once more when it boots."""
    SUPERSEDED = "SUPERSEDED"
    """A newer one took its place before it was taken."""


class IssuedCertificate(msgspec.Struct, frozen=True):
    """A certificate that was signed for a station. `station_id` is None when the station was deleted."""

    id: int
    station_id: int | None
    station_identity: str
    use: SigningUse
    signed: SignedCertificate
    issued_at: datetime
    delivery: Delivery
    attempts: int = 0
    request_id: int | None = None
    typed: bool = True
    """The station named the use when it asked; the answer then does, too."""
    revoked_at: datetime | None = None
    revocation_reason: str = ""


class IssuedFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `query`: part of serial, subject or identity."""

    station_id: int | None = None
    revoked: bool | None = None
    query: str = ""


class IssuedCertificates(Protocol):
    """What was signed. All methods raise Unavailable while the database is away."""

    async def add(
        self,
        station_id: int,
        identity: str,
        use: SigningUse,
        signed: SignedCertificate,
        at: datetime,
        *,
        request_id: int | None,
        typed: bool,
    ) -> IssuedCertificate:
        """Keep a new one, PENDING; others of that use that the station has not taken are SUPERSEDED."""

    async def find(self, certificate_id: int) -> IssuedCertificate | None:
        """By our id."""

    async def page(
        self, wanted: IssuedFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[IssuedCertificate], int]:
        """Newest first, with an id below `before`; and how many match in all."""

    async def undelivered(self, station_id: int, now: datetime) -> Sequence[IssuedCertificate]:
        """PENDING or REJECTED, neither revoked nor expired, handed over fewer than `MAX_ATTEMPTS` times; the oldest
        first."""

    async def delivered(self, certificate_id: int, delivery: Delivery) -> None:
        """An attempt was made, and this came of it."""

    async def expiring(self, now: datetime, before: datetime) -> Sequence[IssuedCertificate]:
        """What stations have and must soon renew: of each station and use the newest, if the station took it, and it
        ends between now and `before`."""

    async def revoke(self, certificate_id: int, at: datetime, reason: RevocationReason) -> IssuedCertificate:
        """One that is revoked already stays as it is. Raises NotFound."""

    async def revoked(self) -> Sequence[IssuedCertificate]:
        """All that are revoked and have not expired."""


MAX_ATTEMPTS = 5
"""How often one certificate is handed to a station that does not take it."""


class EvCertificateResponder(Protocol):
    """Has contract certificates for vehicles (ISO 15118): a mobility operator's or a clearing house's service."""

    async def answer(self, identity: str, asked: EvCertificateAsked) -> EvCertificateReply:
        """What the provider says. Raises Unavailable."""


class CertificateStatuses(Protocol):
    """Asks OCSP responders, and reads lists of revoked certificates, where the operator allows it."""

    async def ocsp(self, asked: OcspRequestData) -> tuple[bytes, CertificateStatus]:
        """The responder's answer (DER), and what it says. Raises InvalidArgument/HOST_NOT_ALLOWED, Unavailable."""

    async def status(self, asked: CertificateStatusRequest) -> CertificateStatus:
        """From the first of its addresses that answers; FAILED when none does. Never raises DomainError."""


class AuthorityFiles(Protocol):
    """Where the authority's keys and root certificates are. Sync; raises Unavailable when the folder cannot be used."""

    def read(self, name: str) -> bytes | None:
        """A file of that name, None when there is none."""

    def keep(self, name: str, content: bytes) -> bytes:
        """Write it for the owner's eyes only, unless there is one already: then that one's content."""
