"""The outside world of certificates in memory: what was signed, a provider for vehicles, and who knows the revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import trio

from csms.domain.certificates import (
    CertificateStatus,
    CertificateStatusRequest,
    ChainStatus,
    EvCertificateAsked,
    EvCertificateReply,
    OcspRequestData,
    SigningUse,
    StatusSource,
)
from csms.domain.errors import AlreadyExists, DomainError, NotFound
from csms.ports.certificates import (
    MAX_ATTEMPTS,
    Delivery,
    IssuedCertificate,
    IssuedFilter,
    RevocationReason,
    SignedCertificate,
)
from tests.kit.certificates import NOW


class FakeCertificates:
    """csms.ports.certificates.IssuedCertificates."""

    def __init__(self) -> None:
        self.rows: dict[int, IssuedCertificate] = {}

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
        await trio.lowlevel.checkpoint()
        if any((r.signed.issuer, r.signed.serial) == (signed.issuer, signed.serial) for r in self.rows.values()):
            raise AlreadyExists("This number was used before.", reason="SERIAL_TAKEN")
        for row in self.rows.values():
            if (row.station_id, row.use) == (station_id, use) and row.delivery in (Delivery.PENDING, Delivery.REJECTED):
                self._change(row, delivery=Delivery.SUPERSEDED)
        new = IssuedCertificate(
            len(self.rows) + 1, station_id, identity, use, signed, at, Delivery.PENDING, 0, request_id, typed
        )
        self.rows[new.id] = new
        return new

    async def find(self, certificate_id: int) -> IssuedCertificate | None:
        await trio.lowlevel.checkpoint()
        return self.rows.get(certificate_id)

    async def page(
        self, wanted: IssuedFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[IssuedCertificate], int]:
        await trio.lowlevel.checkpoint()
        found = [row for row in reversed(self.rows.values()) if _matches(row, wanted)]
        return [row for row in found if before is None or row.id < before][:size], len(found)

    async def undelivered(self, station_id: int, now: datetime) -> Sequence[IssuedCertificate]:
        await trio.lowlevel.checkpoint()
        return [
            row
            for row in self.rows.values()
            if row.station_id == station_id
            and row.delivery in (Delivery.PENDING, Delivery.REJECTED)
            and row.revoked_at is None
            and row.signed.not_after > now
            and row.attempts < MAX_ATTEMPTS
        ]

    async def delivered(self, certificate_id: int, delivery: Delivery) -> None:
        await trio.lowlevel.checkpoint()
        row = self.rows[certificate_id]
        self._change(row, delivery=delivery, attempts=row.attempts + 1)

    async def expiring(self, now: datetime, before: datetime) -> Sequence[IssuedCertificate]:
        await trio.lowlevel.checkpoint()
        newest = {(row.station_id, row.use): row for row in self.rows.values() if row.station_id is not None}
        return sorted(
            (
                row
                for row in newest.values()
                if row.delivery is Delivery.ACCEPTED and row.revoked_at is None and now < row.signed.not_after <= before
            ),
            key=lambda row: (row.signed.not_after, row.id),
        )

    async def revoke(self, certificate_id: int, at: datetime, reason: RevocationReason) -> IssuedCertificate:
        await trio.lowlevel.checkpoint()
        if certificate_id not in self.rows:
            raise NotFound(f"There is no certificate {certificate_id}.", reason="CERTIFICATE_NOT_FOUND")
        row = self.rows[certificate_id]
        return row if row.revoked_at else self._change(row, revoked_at=at, revocation_reason=reason.value)

    async def revoked(self) -> Sequence[IssuedCertificate]:
        await trio.lowlevel.checkpoint()
        return [row for row in self.rows.values() if row.revoked_at is not None]

    def _change(self, row: IssuedCertificate, **changes: object) -> IssuedCertificate:
        self.rows[row.id] = msgspec.structs.replace(row, **changes)
        return self.rows[row.id]


def _matches(row: IssuedCertificate, wanted: IssuedFilter) -> bool:
    text = "\n".join((row.signed.serial, row.signed.subject, row.station_identity)).lower()
    return (
        wanted.station_id in (None, row.station_id)
        and wanted.revoked in (None, row.revoked_at is not None)
        and wanted.query.lower() in text
    )


class FakeEvResponder:
    """csms.ports.certificates.EvCertificateResponder: answers what it is told to; `asked` keeps the questions."""

    def __init__(self, reply: EvCertificateReply | DomainError) -> None:
        self.reply = reply
        self.asked: list[tuple[str, EvCertificateAsked]] = []

    async def answer(self, identity: str, asked: EvCertificateAsked) -> EvCertificateReply:
        await trio.lowlevel.checkpoint()
        self.asked.append((identity, asked))
        if isinstance(self.reply, DomainError):
            raise self.reply
        return self.reply


class FakeStatuses:
    """csms.ports.certificates.CertificateStatuses: `revoked` and `unknown` serial numbers; `failure` for all."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.unknown: set[str] = set()
        self.failure: DomainError | None = None

    async def ocsp(self, asked: OcspRequestData) -> tuple[bytes, CertificateStatus]:
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return b"DER", _status(asked, StatusSource.OCSP, self._of(asked.serial_number))

    async def status(self, asked: CertificateStatusRequest) -> CertificateStatus:
        await trio.lowlevel.checkpoint()
        status = ChainStatus.FAILED if self.failure else self._of(asked.certificate_hash_data.serial_number)
        return CertificateStatus(asked.certificate_hash_data, asked.source, status, NOW)

    def _of(self, serial: str) -> ChainStatus:
        if serial in self.revoked:
            return ChainStatus.REVOKED
        return ChainStatus.UNKNOWN if serial in self.unknown else ChainStatus.GOOD


def _status(asked: OcspRequestData, source: StatusSource, status: ChainStatus) -> CertificateStatus:
    return CertificateStatus(asked.certificate, source, status, NOW)
