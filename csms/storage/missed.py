"""What changed while a process could not be told of it, for those that have something of it in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from csms.storage.pool import Database

__all__ = ["PostgresMissed"]

AT_ONCE: Final = 5_000
# `updated_at` is the beginning of the transaction; some take long.
STATIONS_SQL = """
SELECT u.id FROM unnest($1::bigint[]) AS u (id) LEFT JOIN station ON station.id = u.id
WHERE station.id IS NULL OR station.updated_at > now() - make_interval(secs => $2 + 60)
"""
SESSIONS_SQL = "SELECT id FROM session WHERE id = ANY($1::bigint[]) AND state <> 'ACTIVE'"


class PostgresMissed:
    """csms.ports.directory.Missed on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stations_changed(self, station_ids: Sequence[int], *, within_s: float) -> Sequence[int]:
        """See `csms.ports.directory.Missed`."""
        found: list[int] = []
        for begin in range(0, len(station_ids), AT_ONCE):
            rows = await self._database.fetch(STATIONS_SQL, station_ids[begin : begin + AT_ONCE], within_s)
            found += [row["id"] for row in rows]
        return found

    async def sessions_ended(self, session_ids: Sequence[int]) -> Sequence[int]:
        """See `csms.ports.directory.Missed`."""
        found: list[int] = []
        for begin in range(0, len(session_ids), AT_ONCE):
            rows = await self._database.fetch(SESSIONS_SQL, session_ids[begin : begin + AT_ONCE])
            found += [row["id"] for row in rows]
        return found
