"""Schedules of operations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.operations import Draft, Schedule
from csms.domain.timetable import Timetable
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["ScheduleTable"]

CREATE_SQL = """
INSERT INTO operation_schedule (title, draft, minute, days, on_date, time_zone, enabled, next_run_at, created_by,
                                created_by_name, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *
"""
FIND_SQL = "SELECT * FROM operation_schedule WHERE id = $1"
PAGE_SQL = """
SELECT * FROM operation_schedule WHERE ($1 = '' OR created_by = $1) AND ($2::bigint IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""
UPDATE_SQL = """
UPDATE operation_schedule SET
    title = $2, draft = $3, minute = $4, days = $5, on_date = $6, time_zone = $7, enabled = $8, next_run_at = $9,
    updated_at = $10, version = version + 1
WHERE id = $1 AND ($11::integer IS NULL OR version = $11) RETURNING *
"""
DELETE_SQL = "DELETE FROM operation_schedule WHERE id = $1 RETURNING id"
DUE_SQL = "SELECT * FROM operation_schedule WHERE enabled AND next_run_at <= $1 ORDER BY next_run_at, id LIMIT 100"
TAKE_RUN_SQL = """
UPDATE operation_schedule SET next_run_at = $4, last_run_at = $5, last_detail = ''
WHERE id = $1 AND version = $2 AND next_run_at = $3 AND enabled RETURNING id
"""
NOTE_RUN_SQL = "UPDATE operation_schedule SET last_detail = $2 WHERE id = $1"


class ScheduleTable:
    """The part of csms.ports.operations.OperationStore that is about schedules."""

    def __init__(self, database: Database) -> None:
        self._schedules = database

    async def create_schedule(self, schedule: Schedule) -> Schedule:
        """`schedule.id` is ignored."""
        row = await self._schedules.fetchrow(
            CREATE_SQL,
            *_fields(schedule),
            schedule.created_by,
            clean(schedule.created_by_name),
            schedule.created_at,
            schedule.updated_at,
        )
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _schedule(row)

    async def find_schedule(self, schedule_id: int) -> Schedule | None:
        """By id."""
        row = await self._schedules.fetchrow(FIND_SQL, schedule_id) if fits_bigint(schedule_id) else None
        return None if row is None else _schedule(row)

    async def page_schedules(self, created_by: str, *, size: int, before: int | None = None) -> Sequence[Schedule]:
        """See `OperationStore.page_schedules`."""
        return [_schedule(row) for row in await self._schedules.fetch(PAGE_SQL, created_by, before, size)]

    async def update_schedule(self, schedule: Schedule, *, version: int | None) -> Schedule:
        """Raises NotFound, StaleVersion."""
        if await self.find_schedule(schedule.id) is None:
            raise _no_schedule(schedule.id)
        row = await self._schedules.fetchrow(UPDATE_SQL, schedule.id, *_fields(schedule), schedule.updated_at, version)
        if row is None:
            raise StaleVersion("Somebody else has changed this schedule meanwhile. Reload it and try again.")
        return _schedule(row)

    async def delete_schedule(self, schedule_id: int) -> None:
        """Raises NotFound."""
        if not fits_bigint(schedule_id) or await self._schedules.fetchrow(DELETE_SQL, schedule_id) is None:
            raise _no_schedule(schedule_id)

    async def due_schedules(self, now: datetime) -> Sequence[Schedule]:
        """Those switched on whose time has come."""
        return [_schedule(row) for row in await self._schedules.fetch(DUE_SQL, now)]

    async def take_run(self, schedule: Schedule, next_run_at: datetime | None, now: datetime) -> bool:
        """See `OperationStore.take_run`."""
        row = await self._schedules.fetchrow(
            TAKE_RUN_SQL, schedule.id, schedule.version, schedule.next_run_at, next_run_at, now
        )
        return row is not None

    async def note_run(self, schedule_id: int, detail: str) -> None:
        """What became of its last run."""
        await self._schedules.execute(NOTE_RUN_SQL, schedule_id, clean(detail))


def _fields(schedule: Schedule) -> tuple[object, ...]:
    timetable = schedule.timetable
    return (
        clean(schedule.title),
        msgspec.json.encode(schedule.draft).decode(),
        timetable.minute,
        sorted(timetable.days),
        timetable.on_date,
        timetable.time_zone,
        schedule.enabled,
        schedule.next_run_at,
    )


def _schedule(row: asyncpg.Record) -> Schedule:
    return Schedule(
        row["id"],
        row["title"],
        msgspec.json.decode(row["draft"], type=Draft),
        Timetable(row["minute"], frozenset(row["days"]), row["on_date"], row["time_zone"]),
        row["created_by"],
        row["created_by_name"],
        row["created_at"],
        row["updated_at"],
        row["enabled"],
        row["next_run_at"],
        row["last_run_at"],
        row["last_detail"],
        row["version"],
    )


def _no_schedule(schedule_id: int) -> NotFound:
    return NotFound(f"There is no schedule {schedule_id} (any more).", reason="SCHEDULE_NOT_FOUND")
