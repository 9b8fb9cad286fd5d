"""Daily partitions: made ahead of time, and dropped when their time is over.

Each partitioned table has a default partition for what wrong clocks bring. It costs us DETACH … CONCURRENTLY, which
PostgreSQL refuses beside a default partition: so a day is detached under a lock, which is waited for only shortly
(whoever comes meanwhile would queue up behind us) and tried again in the next round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import asyncpg
import msgspec
import structlog
import trio

from csms.domain.errors import Unavailable
from csms.storage.pool import Database

__all__ = ["PartitionKeeper"]

DAYS_AHEAD = 7
ROUND = 3600.0  # seconds
SOON = 60.0  # seconds until the next round after one that the database broke off
_NAME = re.compile(r"(meter_value|message_log)_(\d{8})")

PARTITIONS_SQL = """
SELECT child.relname::text AS name FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
JOIN pg_class AS parent ON parent.oid = inhparent
WHERE parent.relname = ANY($1::text[]) AND parent.relnamespace = 'public'::regnamespace
"""
# Two nodes may keep house at once.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('chargehouse partitions'))"
OLD_METER_VALUES_SQL = "DELETE FROM meter_value_default WHERE received_at < $1"
OLD_MESSAGES_SQL = "DELETE FROM message_log_default WHERE at < $1"
OLD_REQUESTS_SQL = "DELETE FROM request_memory WHERE created_at < now() - interval '24 hours'"
OLD_SIGN_INS_SQL = "DELETE FROM sign_in WHERE expires_at < now()"
OLD_GONE_TAGS_SQL = "DELETE FROM id_token_gone WHERE gone_at < now() - interval '24 hours'"
OLD_EVENTS_SQL = "DELETE FROM station_event WHERE received_at < $1"
OLD_JOBS_SQL = "DELETE FROM station_job WHERE finished_at < $1"
OLD_STATUSES_SQL = "DELETE FROM status_history WHERE received_at < $1"
# That a thing is gone must be remembered only for as long as older words of it can still come.
OLD_ITEMS_SQL = "DELETE FROM station_item WHERE body IS NULL AND at < $1"
# Stations forget orders: over a restart, with new firmware, when they are swapped.
SILENT_JOBS_SQL = r"""
UPDATE station_job SET
    state = 'FAILED', status = 'NO_NEWS', detail = detail || E'Nothing was heard of it for 30 days.\n',
    finished_at = now()
WHERE finished_at IS NULL AND updated_at < now() - interval '30 days'
"""

log = structlog.get_logger(__name__)


class _Table(msgspec.Struct, frozen=True):
    name: str
    column: str
    keep_days: int | None
    old_in_default_sql: str


def _today() -> date:
    return datetime.now(UTC).date()


class PartitionKeeper:
    """Keeps partitions of yesterday to a week ahead, and drops those that are older than wanted.

    Args:
        database: where.
        meter_value_days: how long meter values are kept, by the station's clock; None: for ever.
        message_log_days: how long the message log is kept; None: for ever.
        station_event_days: how long stations' events and ended jobs are kept; None: for ever.
        today: the date (UTC).
    """

    def __init__(
        self,
        database: Database,
        *,
        meter_value_days: int | None = None,
        message_log_days: int | None = 30,
        station_event_days: int | None = None,
        today: Callable[[], date] = _today,
    ) -> None:
        self._database = database
        self._today = today
        self._event_days = station_event_days
        self._tables = (
            _Table("meter_value", "measured_at", meter_value_days, OLD_METER_VALUES_SQL),
            _Table("message_log", "at", message_log_days, OLD_MESSAGES_SQL),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep house every hour; started after the first round (which may have failed: the default one serves)."""
        pause = await self._round()
        task_status.started()
        while True:
            await trio.sleep(pause)
            pause = await self._round()

    async def tend(self) -> None:
        """One round. Raises Unavailable."""
        today = self._today()
        names = [table.name for table in self._tables]
        present = {row["name"] for row in await self._database.fetch(PARTITIONS_SQL, names)}
        for table in self._tables:
            for ahead in range(-1, DAYS_AHEAD + 1):
                day = today + timedelta(days=ahead)
                if _partition(table, day) not in present:
                    await self._database.transaction(_create, table, day)
            if table.keep_days is not None:
                await self._drop_old(table, present, today - timedelta(days=table.keep_days))
        await self._database.execute(OLD_REQUESTS_SQL)
        await self._database.execute(OLD_SIGN_INS_SQL)
        await self._database.execute(OLD_GONE_TAGS_SQL)
        await self._database.execute(SILENT_JOBS_SQL)
        if self._event_days is not None:
            first_kept = _midnight(today - timedelta(days=self._event_days))
            for sql in (OLD_EVENTS_SQL, OLD_JOBS_SQL, OLD_ITEMS_SQL, OLD_STATUSES_SQL):
                await self._database.execute(sql, first_kept)

    async def _round(self) -> float:
        try:
            await self.tend()
        except Unavailable as error:
            log.warning("partitions_not_tended", error=str(error))
            return SOON
        return ROUND

    async def _drop_old(self, table: _Table, present: set[str], first_kept: date) -> None:
        for name in sorted(present):
            match = _NAME.fullmatch(name)
            if match is None or match[1] != table.name or _day(match[2]) >= first_kept:
                continue
            try:
                await self._database.transaction(_drop, table, name)
                log.info("partition_dropped", partition=name)
            except asyncpg.LockNotAvailableError:
                log.info("partition_busy", partition=name)
        await self._database.execute(table.old_in_default_sql, _midnight(first_kept))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def _partition(table: _Table, day: date) -> str:
    return f"{table.name}_{day:%Y%m%d}"


def _day(digits: str) -> date:
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()


async def _create(connection: asyncpg.Connection, table: _Table, day: date) -> None:
    """In asyncio: make the partition and move into it what the default one has of that day.

    Made beside and then attached: unlike CREATE TABLE … PARTITION OF, that does not lock the whole table.
    """
    name, default = _partition(table, day), f"{table.name}_default"
    start, end = f"{day} 00:00:00+00", f"{day + timedelta(days=1)} 00:00:00+00"
    await connection.execute(LOCK_SQL)
    if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
        return
    # DDL takes no parameters; all that is put in are names of ours and dates.
    await connection.execute(f"""
        CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL);
        LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE;
        WITH moved AS (
            DELETE FROM {default} WHERE {table.column} >= '{start}' AND {table.column} < '{end}' RETURNING *)
        INSERT INTO {name} SELECT * FROM moved;
        ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')
    """)  # noqa: S608


async def _drop(connection: asyncpg.Connection, table: _Table, name: str) -> None:
    """In asyncio."""
    await connection.execute(LOCK_SQL)
    await connection.execute("SET LOCAL lock_timeout = '1s'")
    await connection.execute(f"ALTER TABLE {table.name} DETACH PARTITION {name}; DROP TABLE {name}")
