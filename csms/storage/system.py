"""What operators say of the installation."""

from __future__ import annotations

import asyncpg

from csms.domain.errors import StaleVersion
from csms.domain.system import EDITABLE, SystemSettings
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresSystemSettings"]

READ_SYSTEM_SETTINGS_SQL = "SELECT * FROM system_settings"
WRITE_SYSTEM_SETTINGS_SQL = """
UPDATE system_settings SET
    title = $1, description = $2, organization = $3, support_email = $4, support_phone = $5, imprint = $6,
    privacy = $7, language = $8, time_zone = $9, version = version + 1, updated_at = now()
WHERE $10::integer IS NULL OR version = $10 RETURNING *
"""
DATABASE_BYTES_SQL = "SELECT pg_database_size(current_database())"


class PostgresSystemSettings:
    """csms.ports.system.SystemSettingsStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> SystemSettings:
        """As it stands."""
        row = await self._database.fetchrow(READ_SYSTEM_SETTINGS_SQL)
        return SystemSettings() if row is None else _settings(row)

    async def write(self, settings: SystemSettings, *, version: int | None) -> SystemSettings:
        """See `SystemSettingsStore.write`."""
        values = [clean(getattr(settings, name)) for name in EDITABLE]
        row = await self._database.fetchrow(WRITE_SYSTEM_SETTINGS_SQL, *values, version)
        if row is None:
            raise StaleVersion("Somebody else has changed the settings meanwhile. Reload them and try again.")
        return _settings(row)

    async def database_bytes(self) -> int:
        """How much the database holds."""
        return int(await self._database.fetchval(DATABASE_BYTES_SQL))


def _settings(row: asyncpg.Record) -> SystemSettings:
    return SystemSettings(**{name: row[name] for name in SystemSettings.__struct_fields__})
