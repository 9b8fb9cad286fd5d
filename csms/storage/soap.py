"""Stations' own addresses, for commands over SOAP. A `csms.ports.soap.SoapAddresses`."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from csms.domain.errors import NotFound
from csms.ports.soap import SoapAddress
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

FIND_SQL = "SELECT id, soap_address, soap_address_seen, soap_address_seen_at FROM station WHERE id = $1"
SET_SQL = """
UPDATE station SET soap_address = $2, updated_at = now()
WHERE id = $1 RETURNING id, soap_address, soap_address_seen, soap_address_seen_at
"""
NOTE_SQL = "UPDATE station SET soap_address_seen = $2, soap_address_seen_at = $3 WHERE id = $1"


class PostgresSoapAddresses:
    """On PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def soap_address(self, station_id: int) -> SoapAddress | None:
        """See `SoapAddresses.soap_address`."""
        if not fits_bigint(station_id):
            return None
        row = await self._database.fetchrow(FIND_SQL, station_id)
        return None if row is None else _address(row)

    async def set_soap_address(self, station_id: int, address: str) -> SoapAddress:
        """See `SoapAddresses.set_soap_address`."""
        row = await self._database.fetchrow(SET_SQL, station_id, clean(address)) if fits_bigint(station_id) else None
        if row is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return _address(row)

    async def note_soap_address(self, station_id: int, address: str, at: datetime) -> None:
        """See `SoapAddresses.note_soap_address`."""
        await self._database.execute(NOTE_SQL, station_id, clean(address), at)


def _address(row: asyncpg.Record) -> SoapAddress:
    return SoapAddress(row["id"], row["soap_address"], row["soap_address_seen"], row["soap_address_seen_at"])
