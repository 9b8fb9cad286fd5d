"""Mutations that came with a request id: done once, answered the same for 24 hours."""

from __future__ import annotations

import asyncpg

from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresRequests"]

# What is older than a day is forgotten; what was begun and never ended (the process died) may be tried again after
# ten minutes, which is longer than any deadline.
BEGIN_SQL = """
INSERT INTO request_memory AS old (caller, method, request_id, digest) VALUES ($1, $2, $3, $4)
ON CONFLICT (caller, method, request_id) DO UPDATE SET digest = excluded.digest, answer = NULL, created_at = now()
WHERE old.created_at < now() - interval '24 hours'
   OR (old.answer IS NULL AND old.digest = excluded.digest AND old.created_at < now() - interval '10 minutes')
RETURNING true
"""
RECALL_SQL = "SELECT digest, answer FROM request_memory WHERE caller = $1 AND method = $2 AND request_id = $3"
FINISH_SQL = "UPDATE request_memory SET answer = $4 WHERE caller = $1 AND method = $2 AND request_id = $3"
FORGET_SQL = """
DELETE FROM request_memory WHERE caller = $1 AND method = $2 AND request_id = $3 AND answer IS NULL
"""


class PostgresRequests:
    """csms.ports.stores.RequestMemory on PostgreSQL. The partition keeper clears what is old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, caller: str, method: str, request_id: str, digest: bytes) -> bytes | None:
        """None: go on. Bytes: the answer given before.

        Raises FailedPrecondition/REQUEST_IN_PROGRESS, InvalidArgument/REQUEST_ID_REUSED.
        """
        return await self._database.run(_begin, caller, method, clean(request_id), digest)

    async def finish(self, caller: str, method: str, request_id: str, answer: bytes) -> None:
        """Remember the answer."""
        await self._database.execute(FINISH_SQL, caller, method, clean(request_id), answer)

    async def forget(self, caller: str, method: str, request_id: str) -> None:
        """It failed before anything happened: may be asked again."""
        await self._database.execute(FORGET_SQL, caller, method, clean(request_id))


async def _begin(
    connection: asyncpg.Connection, caller: str, method: str, request_id: str, digest: bytes
) -> bytes | None:
    """In asyncio."""
    if await connection.fetchval(BEGIN_SQL, caller, method, request_id, digest):
        return None
    row = await connection.fetchrow(RECALL_SQL, caller, method, request_id)
    if row is not None and row["digest"] != digest:
        raise InvalidArgument(
            "This request id was used for another request. Use a new one for each request.",
            reason="REQUEST_ID_REUSED",
        )
    if row is None or row["answer"] is None:  # None: forgotten in this very moment
        raise FailedPrecondition(
            "The same request is still under way. Try again in a moment.", reason="REQUEST_IN_PROGRESS"
        )
    answer: bytes = row["answer"]
    return answer
