"""Tasks that only one process does: an advisory lock of PostgreSQL, on a connection of its own.

The lock lives as long as the connection. When the process dies, or its connection breaks, another process gets it with
its next `holds`.
"""

from __future__ import annotations

from typing import Final

import asyncpg

from csms.storage.pool import Database, Dedicated

__all__ = ["Lease"]

SPACE: Final = 0x4348  # "CH": the locks of this program, beside those of others in the same database
TAKE_SQL = """
SELECT CASE WHEN EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
       AND classid = $1::bigint::oid AND objid = (hashtext($2)::bigint & 4294967295)::oid AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) THEN true ELSE pg_try_advisory_lock($1::integer, hashtext($2)) END
"""


class Lease:
    """csms.ports.lease.Lease. `name` says which task it is for."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._own: Dedicated | None = None

    async def holds(self) -> bool:
        """See `csms.ports.lease.Lease.holds`."""
        if self._own is None:
            self._own = await self._database.dedicated()
        return await self._own.run(_take, self._name)

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""
        own, self._own = self._own, None
        if own is not None:
            await own.close()


async def _take(connection: asyncpg.Connection, name: str) -> bool:
    return bool(await connection.fetchval(TAKE_SQL, SPACE, name))
