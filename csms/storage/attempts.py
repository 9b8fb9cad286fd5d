"""Attempts at signing in, counted in the database: a limit holds for all processes together, and over restarts."""

from __future__ import annotations

import hashlib
from typing import Final

import trio

from csms.ports.attempts import Begun
from csms.storage.pool import Database

__all__ = ["PostgresAttempts"]

PRUNE_SECONDS: Final = 3600.0
BEGIN_SQL: Final = """
INSERT INTO attempt AS a (key, times, last_at)
VALUES ($1, ARRAY[statement_timestamp()], statement_timestamp())
ON CONFLICT (key) DO UPDATE SET last_at = statement_timestamp(), times = (
    SELECT CASE WHEN cardinality(kept.times) < $2 THEN kept.times || statement_timestamp() ELSE kept.times END
    FROM (SELECT ARRAY(
        SELECT at FROM unnest(a.times) AS u (at)
        WHERE at > statement_timestamp() - make_interval(secs => $3) ORDER BY at) AS times) AS kept)
RETURNING cardinality(times) AS count, times[cardinality(times)] = statement_timestamp() AS allowed,
    extract(epoch FROM times[1] + make_interval(secs => $3) - statement_timestamp())::double precision AS wait_s
"""
CLEAR_SQL: Final = "DELETE FROM attempt WHERE key = $1"
PRUNE_SQL: Final = "DELETE FROM attempt WHERE last_at < now() - interval '1 day'"


class PostgresAttempts:
    """csms.ports.attempts.AttemptBook on PostgreSQL. Only digests of keys are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prune_at = 0.0

    async def begin(self, key: str, *, limit: int, window_s: float) -> Begun:
        """See `AttemptBook.begin`."""
        if trio.current_time() >= self._prune_at:
            self._prune_at = trio.current_time() + PRUNE_SECONDS
            await self._database.execute(PRUNE_SQL)
        row = await self._database.fetchrow(BEGIN_SQL, _digest(key), limit, window_s)
        assert row is not None  # noqa: S101  INSERT … RETURNING gives one
        return Begun(row["allowed"], row["count"], max(row["wait_s"], 0.0))

    async def clear(self, key: str) -> None:
        """See `AttemptBook.clear`."""
        await self._database.execute(CLEAR_SQL, _digest(key))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
