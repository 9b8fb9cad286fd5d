"""Certificates that were signed for stations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.certificates import SigningUse
from csms.domain.errors import AlreadyExists, NotFound
from csms.ports.certificates import (
    MAX_ATTEMPTS,
    Delivery,
    IssuedCertificate,
    IssuedFilter,
    RevocationReason,
    SignedCertificate,
)
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresCertificates"]

SUPERSEDE_SQL = """
UPDATE issued_certificate SET delivery = 'SUPERSEDED'
WHERE station_id = $1 AND certificate_use = $2 AND delivery IN ('PENDING', 'REJECTED')
"""
ADD_SQL = """
INSERT INTO issued_certificate (station_id, station_identity, certificate_use, chain, serial, subject, issuer,
    not_before, not_after, issued_at, delivery, request_id, typed)
VALUES ((SELECT id FROM station WHERE id = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, 'PENDING', $11, $12) RETURNING *
"""
FIND_SQL = "SELECT * FROM issued_certificate WHERE id = $1"
_MATCHES = r"""
($1::bigint IS NULL OR station_id = $1) AND ($2::boolean IS NULL OR (revoked_at IS NOT NULL) = $2)
AND ($3::text = '' OR concat_ws(E'\n', serial, subject, station_identity) ILIKE $3)
"""
PAGE_SQL = f"""
SELECT * FROM issued_certificate WHERE {_MATCHES} AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $5
"""  # noqa: S608 - constants of ours
COUNT_SQL = f"SELECT count(*) FROM issued_certificate WHERE {_MATCHES}"  # noqa: S608 - constants of ours
UNDELIVERED_SQL = """
SELECT * FROM issued_certificate
WHERE station_id = $1 AND delivery IN ('PENDING', 'REJECTED') AND revoked_at IS NULL AND not_after > $2
  AND attempts < $3
ORDER BY id
"""
DELIVERED_SQL = "UPDATE issued_certificate SET delivery = $2, attempts = attempts + 1 WHERE id = $1"
EXPIRING_SQL = """
SELECT * FROM (
    SELECT DISTINCT ON (station_id, certificate_use) * FROM issued_certificate
    WHERE station_id IS NOT NULL ORDER BY station_id, certificate_use, id DESC
) AS newest
WHERE delivery = 'ACCEPTED' AND revoked_at IS NULL AND not_after > $1 AND not_after <= $2 ORDER BY not_after, id
"""
REVOKE_SQL = """
UPDATE issued_certificate SET
    revocation_reason = CASE WHEN revoked_at IS NULL THEN $3 ELSE revocation_reason END,
    revoked_at = coalesce(revoked_at, $2)
WHERE id = $1 RETURNING *
"""
REVOKED_SQL = "SELECT * FROM issued_certificate WHERE revoked_at IS NOT NULL AND not_after > now() ORDER BY id"


class PostgresCertificates:
    """csms.ports.certificates.IssuedCertificates on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """See the port. Raises AlreadyExists when an authority gave the same serial number twice."""
        values = (
            station_id,
            clean(identity),
            use.value,
            signed.chain,
            signed.serial,
            clean(signed.subject),
            clean(signed.issuer),
            signed.not_before,
            signed.not_after,
            at,
            request_id,
            typed,
        )
        try:
            return _issued(await self._database.transaction(_add, *values))
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                f"The certificate authority has used the serial number {signed.serial} before. It must not.",
                reason="SERIAL_TAKEN",
            ) from error

    async def find(self, certificate_id: int) -> IssuedCertificate | None:
        """By our id."""
        if not fits_bigint(certificate_id):
            return None
        row = await self._database.fetchrow(FIND_SQL, certificate_id)
        return None if row is None else _issued(row)

    async def page(
        self, wanted: IssuedFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[IssuedCertificate], int]:
        """Newest first, with an id below `before`; and how many match in all."""
        conditions = (wanted.station_id, wanted.revoked, pattern(wanted.query))
        rows = await self._database.fetch(PAGE_SQL, *conditions, before, size)
        return [_issued(row) for row in rows], await self._database.fetchval(COUNT_SQL, *conditions)

    async def undelivered(self, station_id: int, now: datetime) -> Sequence[IssuedCertificate]:
        """See the port."""
        return [_issued(row) for row in await self._database.fetch(UNDELIVERED_SQL, station_id, now, MAX_ATTEMPTS)]

    async def delivered(self, certificate_id: int, delivery: Delivery) -> None:
        """An attempt was made, and this came of it."""
        await self._database.execute(DELIVERED_SQL, certificate_id, delivery.value)

    async def expiring(self, now: datetime, before: datetime) -> Sequence[IssuedCertificate]:
        """See the port."""
        return [_issued(row) for row in await self._database.fetch(EXPIRING_SQL, now, before)]

    async def revoke(self, certificate_id: int, at: datetime, reason: RevocationReason) -> IssuedCertificate:
        """See the port. Raises NotFound."""
        row = None
        if fits_bigint(certificate_id):
            row = await self._database.fetchrow(REVOKE_SQL, certificate_id, at, reason.value)
        if row is None:
            raise NotFound(f"There is no certificate {certificate_id}.", reason="CERTIFICATE_NOT_FOUND")
        return _issued(row)

    async def revoked(self) -> Sequence[IssuedCertificate]:
        """All that are revoked and have not expired."""
        return [_issued(row) for row in await self._database.fetch(REVOKED_SQL)]


async def _add(connection: asyncpg.Connection, *values: object) -> asyncpg.Record:
    """In asyncio."""
    await connection.execute(SUPERSEDE_SQL, values[0], values[2])
    row = await connection.fetchrow(ADD_SQL, *values)
    assert row is not None  # noqa: S101  RETURNING
    return row


def _issued(row: asyncpg.Record) -> IssuedCertificate:
    signed = SignedCertificate(*(row[name] for name in SignedCertificate.__struct_fields__))
    return IssuedCertificate(
        row["id"],
        row["station_id"],
        row["station_identity"],
        SigningUse(row["certificate_use"]),
        signed,
        row["issued_at"],
        Delivery(row["delivery"]),
        row["attempts"],
        row["request_id"],
        row["typed"],
        row["revoked_at"],
        row["revocation_reason"],
    )
