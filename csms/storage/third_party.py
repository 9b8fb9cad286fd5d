"""Third-party services, and the sites that are told to others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.third_party import SHAPES, PublishedSite, Service, ServiceKind, ServiceSettings
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresServices"]

ALL_SERVICES_SQL = 'SELECT * FROM external_service ORDER BY key COLLATE "C"'
GET_SERVICE_SQL = "SELECT * FROM external_service WHERE key = $1"
CHANGE_SERVICE_SQL = """
UPDATE external_service SET
    settings = coalesce($2::text::jsonb, settings), enabled = coalesce($3, enabled),
    version = version + 1, updated_at = now()
WHERE key = $1 AND ($4::integer IS NULL OR version = $4) RETURNING *
"""
NOTE_SERVICE_SQL = """
UPDATE external_service SET
    last_success_at = CASE WHEN $3 = '' THEN $2 ELSE last_success_at END,
    last_error_at = CASE WHEN $3 = '' THEN last_error_at ELSE $2 END,
    last_error = CASE WHEN $3 = '' THEN last_error ELSE $3 END
WHERE key = $1
"""
SITES_SQL = "SELECT * FROM roaming_location ORDER BY place_id"
PUT_SITE_SQL = """
INSERT INTO roaming_location (place_id, published, street, city, postal_code, country)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (place_id) DO UPDATE SET
    published = excluded.published, street = excluded.street, city = excluded.city,
    postal_code = excluded.postal_code, country = excluded.country, updated_at = now()
"""
_encode = msgspec.json.Encoder(order="deterministic").encode


class PostgresServices:
    """csms.ports.third_party.ServiceStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Service]:
        """In the order of their keys."""
        return [_service(row) for row in await self._database.fetch(ALL_SERVICES_SQL)]

    async def get(self, key: str) -> Service:
        """See `ServiceStore.get`."""
        row = await self._database.fetchrow(GET_SERVICE_SQL, clean(key))
        if row is None:
            raise NotFound("There is no such service.", reason="SERVICE_NOT_FOUND")
        return _service(row)

    async def change(
        self,
        key: str,
        *,
        settings: ServiceSettings | None = None,
        enabled: bool | None = None,
        version: int | None = None,
    ) -> Service:
        """See `ServiceStore.change`."""
        told = None if settings is None else _encode(settings).decode()
        row = await self._database.fetchrow(CHANGE_SERVICE_SQL, clean(key), told, enabled, version)
        if row is None:
            await self.get(key)
            raise StaleVersion("Somebody else has changed this service meanwhile. Reload it and try again.")
        return _service(row)

    async def note(self, key: str, at: datetime, error: str = "") -> None:
        """See `ServiceStore.note`."""
        await self._database.execute(NOTE_SERVICE_SQL, key, at, clean(error)[:500])

    async def sites(self) -> Sequence[PublishedSite]:
        """Those about which something was said."""
        rows = await self._database.fetch(SITES_SQL)
        return [
            PublishedSite(
                row["place_id"], row["published"], row["street"], row["city"], row["postal_code"], row["country"]
            )
            for row in rows
        ]

    async def put_site(self, site: PublishedSite) -> None:
        """See `ServiceStore.put_site`."""
        try:
            await self._database.execute(
                PUT_SITE_SQL,
                site.place_id,
                site.published,
                clean(site.street),
                clean(site.city),
                clean(site.postal_code),
                clean(site.country),
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no place {site.place_id} (any more).", reason="PLACE_NOT_FOUND") from error


def _service(row: asyncpg.Record) -> Service:
    kind = ServiceKind(row["kind"])
    return Service(
        row["key"],
        kind,
        row["enabled"],
        msgspec.json.decode(row["settings"], type=SHAPES[kind]),
        row["last_error"],
        row["last_error_at"],
        row["last_success_at"],
        row["version"],
    )
