"""The audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.people import AuditEntry, AuditFilter
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresAudit"]

ADD_ENTRY_SQL = """
INSERT INTO audit_entry (at, actor, actor_name, method, resource, outcome, request_id, peer, forwarded_for, request,
    before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id
"""
FINISH_ENTRY_SQL = "UPDATE audit_entry SET resource = $2, outcome = $3, before = $4, after = $5 WHERE id = $1"
# The entry itself is on disk: nobody waits for the disk again, to read OK in place of UNFINISHED after a power cut.
FINISH_ENTRY_SOON_SQL = """
WITH soon AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE audit_entry SET resource = $2, outcome = $3, before = $4, after = $5 FROM soon WHERE id = $1
"""
PAGE_ENTRIES_SQL = """
SELECT * FROM audit_entry
WHERE ($1::bigint IS NULL OR id < $1)
  AND ($2 = '' OR actor = $2)
  AND ($3 = '' OR resource = $3 OR starts_with(resource, $3 || '/'))
  AND ($4 = '' OR starts_with(method, $4) OR right(method, length($4) + 1) = '/' || $4)
  AND ($5 = '' OR outcome = $5)
  AND ($6::timestamptz IS NULL OR at >= $6)
  AND ($7::timestamptz IS NULL OR at < $7)
ORDER BY id DESC LIMIT $8
"""
FORGET_ACTOR_SQL = (
    "UPDATE audit_entry SET actor_name = '', request = '', peer = '', forwarded_for = '' WHERE actor = $1"
)
FORGET_RESOURCE_SQL = "UPDATE audit_entry SET request = '', before = '', after = '' WHERE resource = $1"
PRUNE_ENTRIES_SQL = "WITH gone AS (DELETE FROM audit_entry WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone"


class PostgresAudit:
    """csms.ports.audit.AuditStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        """See `AuditStore.add`."""
        await self.begin(entry)

    async def begin(self, entry: AuditEntry) -> int:
        """See `AuditStore.begin`."""
        number: int = await self._database.fetchval(
            ADD_ENTRY_SQL,
            entry.at,
            clean(entry.actor),
            clean(entry.actor_name),
            clean(entry.method),
            clean(entry.resource),
            clean(entry.outcome),
            clean(entry.request_id),
            clean(entry.peer),
            clean(entry.forwarded_for),
            clean(entry.request),
            clean(entry.before),
            clean(entry.after),
        )
        return number

    async def finish(self, entry: AuditEntry) -> None:
        """See `AuditStore.finish`."""
        sql = FINISH_ENTRY_SQL if entry.before or entry.after else FINISH_ENTRY_SOON_SQL
        await self._database.execute(
            sql, entry.id, clean(entry.resource), clean(entry.outcome), clean(entry.before), clean(entry.after)
        )

    async def page(self, *, wanted: AuditFilter, size: int, before: int | None) -> Sequence[AuditEntry]:
        """See `AuditStore.page`."""
        rows = await self._database.fetch(
            PAGE_ENTRIES_SQL,
            before if before is None or fits_bigint(before) else 0,
            clean(wanted.actor),
            clean(wanted.resource),
            clean(wanted.method),
            clean(wanted.outcome),
            wanted.since,
            wanted.until,
            size,
        )
        return [_entry(row) for row in rows]

    async def forget_actor(self, actor: str) -> None:
        """See `AuditStore.forget_actor`."""
        await self._database.execute(FORGET_ACTOR_SQL, clean(actor))
        await self._database.execute(FORGET_RESOURCE_SQL, clean(actor))

    async def prune(self, before: datetime) -> int:
        """See `AuditStore.prune`."""
        return int(await self._database.fetchval(PRUNE_ENTRIES_SQL, before))


def _entry(row: asyncpg.Record) -> AuditEntry:
    return AuditEntry(
        row["id"],
        row["at"],
        row["actor"],
        row["actor_name"],
        row["method"],
        row["resource"],
        row["outcome"],
        row["request_id"],
        row["peer"],
        row["forwarded_for"],
        row["request"],
        row["before"],
        row["after"],
    )
