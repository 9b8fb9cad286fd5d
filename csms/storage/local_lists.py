"""What stations hold as local authorisation lists."""

from __future__ import annotations

from datetime import datetime

import msgspec

from csms.domain.errors import NotFound
from csms.domain.local_list import HeldList, LocalListEntry
from csms.storage.inventory_records import clean_json
from csms.storage.pool import Database
from csms.storage.text import fits_bigint

__all__ = ["PostgresLocalLists"]

FIND_SQL = "SELECT * FROM local_list WHERE station_id = $1"
SENDING_SQL = """
INSERT INTO local_list AS old (station_id, version, sent_version, certain, entries, updated_at)
SELECT id, 0, $2::integer, true, '[]', $3 FROM station WHERE id = $1 FOR KEY SHARE
ON CONFLICT (station_id) DO UPDATE SET
    sent_version = greatest(old.sent_version, excluded.sent_version), updated_at = excluded.updated_at
RETURNING station_id
"""
PUT_SQL = """
INSERT INTO local_list AS old (station_id, version, sent_version, certain, entries, updated_at)
SELECT id, $2, $3, $4, $5, $6 FROM station WHERE id = $1 FOR KEY SHARE
ON CONFLICT (station_id) DO UPDATE SET
    version = excluded.version, sent_version = greatest(old.sent_version, excluded.sent_version),
    certain = excluded.certain, entries = excluded.entries, updated_at = excluded.updated_at
"""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[LocalListEntry, ...]).decode


class PostgresLocalLists:
    """csms.ports.local_lists.LocalListStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, station_id: int) -> HeldList | None:
        """What we believe that it holds."""
        if not fits_bigint(station_id):
            return None
        row = await self._database.fetchrow(FIND_SQL, station_id)
        if row is None:
            return None
        return HeldList(
            row["station_id"],
            row["version"],
            row["sent_version"],
            row["certain"],
            _decode(row["entries"]),
            row["updated_at"],
        )

    async def sending(self, station_id: int, version: int, at: datetime) -> None:
        """Its version is used up. Raises NotFound/STATION_NOT_FOUND."""
        row = None
        if fits_bigint(station_id):
            row = await self._database.fetchrow(SENDING_SQL, station_id, version, at)
        if row is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")

    async def put(self, held: HeldList, at: datetime) -> None:
        """What the station holds now."""
        if fits_bigint(held.station_id):
            entries = clean_json(_encode(held.entries))
            sent = max(held.version, held.sent_version)
            await self._database.execute(PUT_SQL, held.station_id, held.version, sent, held.certain, entries, at)
