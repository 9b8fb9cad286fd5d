"""The message log on PostgreSQL: written behind everybody's back, bounded, and going on after outages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from csms.domain.errors import Unavailable
from csms.ports.message_log import Direction, LogFilter
from csms.storage.message_log import PostgresMessageLog
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres

COUNT = "SELECT count(*) FROM message_log"
KILL_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@asynccontextmanager
async def writing(log: PostgresMessageLog) -> AsyncIterator[None]:
    """To its ordered end."""
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        yield
        log.close()


async def test_everything_is_written_by_the_end(database: Database) -> None:
    log = PostgresMessageLog(database)
    async with writing(log):
        for n in range(2_500):
            log.record(1, Direction.RECEIVED, f"frame {n}")
    assert await database.fetchval(COUNT) == 2_500
    assert (log.statistics.written, log.statistics.waiting, log.statistics.dropped) == (2_500, 0, 0)


async def test_an_entry_is_written_soon_and_the_sequence_grows_over_a_restart(database: Database) -> None:
    first = PostgresMessageLog(database)
    async with writing(first):
        for n in range(100):
            first.record(1, Direction.RECEIVED, str(n))
        with trio.fail_after(60):
            while await database.fetchval(COUNT) < 100:
                await trio.sleep(0.01)
    second = PostgresMessageLog(database)
    second.record(1, Direction.RECEIVED, "100")
    page = await second.page(1, size=200, before=None, wanted=LogFilter())
    assert [entry.content for entry in page] == [str(n) for n in range(100, -1, -1)]


async def test_what_does_not_fit_is_dropped_from_the_old_end_and_counted(database: Database) -> None:
    log = PostgresMessageLog(database, room=10)
    for n in range(15):
        log.record(1, Direction.RECEIVED, str(n))
    assert (log.statistics.waiting, log.statistics.dropped) == (10, 5)
    page = await log.page(1, size=99, before=None, wanted=LogFilter())
    assert [entry.content for entry in page] == [str(n) for n in range(14, 4, -1)]
    fat = PostgresMessageLog(database, room_bytes=25)
    for _ in range(5):
        fat.record(1, Direction.RECEIVED, b"ten bytes.")
    assert fat.statistics.waiting == 2


async def test_switched_off_nothing_is_kept_but_one_can_still_follow(database: Database) -> None:
    log = PostgresMessageLog(database, enabled=False)
    async with writing(log), log.tail(1) as tail:
        log.record(1, Direction.RECEIVED, "frame")
        assert [entry.content for entry in await tail.next_batch(tick=1)] == ["frame"]
    assert await database.fetchval(COUNT) == 0


@pytest.mark.feature("F-OCPP-12")
async def test_an_outage_delays_and_loses_and_doubles_nothing(database: Database) -> None:
    log = PostgresMessageLog(database)
    async with writing(log):
        for n in range(30):
            log.record(1, Direction.RECEIVED, str(n))
            with contextlib.suppress(Unavailable):  # it may meet a connection that the last one has killed
                await database.fetch(KILL_OTHERS)
            await trio.sleep(0.03)
        with trio.fail_after(60):
            while log.statistics.waiting:
                await trio.sleep(0.01)
    with contextlib.suppress(Unavailable):
        await database.ping()
    assert await database.fetchval("SELECT count(DISTINCT sequence) FROM message_log") == 30
    assert await database.fetchval(COUNT) == 30
