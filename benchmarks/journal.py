"""The journal alone: how long a record waits for the disk, idle and loaded, and which way of inserting is cheaper."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import trio
from msgspec.structs import astuple

from benchmarks.figures import spread, table
from benchmarks.machine import scratch_postgres
from csms.aio import open_door
from csms.domain.records import MeterRecord
from csms.storage.journal import PostgresJournal
from csms.storage.migrate import apply_migrations, known_migrations
from csms.storage.pool import open_database
from csms.storage.records import METER_SQL

WRITERS: Final = (1, 10, 100, 1_000)
BATCHES: Final = (10, 100, 1_000)
Waits = tuple[float, float, float, float, float]
"""Records and commits a second, records a commit, ms until durable: p50 and p99."""
_SAMPLES: Final = (
    b'[["Energy.Active.Import.Register",1000000.0,"Wh"],["Power.Active.Import",7212.4,"W"],'
    b'["Current.Import",31.4,"A","L1"],["Voltage",229.7,"V","L1"]]'
)


def measure(seconds: float, rounds: int) -> str:
    """Two tables, as Markdown."""
    waits: dict[int, list[Waits]] = {writers: [] for writers in WRITERS}
    inserts: dict[int, list[tuple[float, float]]] = {size: [] for size in BATCHES}
    with scratch_postgres() as dsn:
        asyncio.run(_migrate(dsn))
        for number in range(rounds):
            print(f"the journal alone, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            trio.run(_waits, dsn, seconds, waits)
            asyncio.run(_inserts(dsn, inserts))
    columns = ("writers", "records/s", "commits/s", "records a commit", "wait p50 ms", "p99 ms")
    forms = (",.0f", ",.0f", ".1f", ".2f", ".1f")
    rows = [
        (
            f"{writers:,}",
            *(spread(figures, form) for figures, form in zip(zip(*found, strict=True), forms, strict=True)),
        )
        for writers, found in waits.items()
    ]
    ways = [(f"{size:,}", *(spread(one, ".1f") for one in zip(*found, strict=True))) for size, found in inserts.items()]
    titles = ("records at once", "arrays, µs a record", "COPY and merge, µs a record")
    return f"{table(columns, rows, words=0)}\n\n{table(titles, ways, words=0)}"


async def _migrate(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await apply_migrations(connection, known_migrations())
    await connection.close()


def _record(number: int, at: datetime) -> MeterRecord:
    moment = at + timedelta(milliseconds=number)
    return MeterRecord(
        number % 5_000 + 1, 1, None, moment, moment, number, 1_000_000.0 + number, 7212.4, None, _SAMPLES
    )


async def _waits(dsn: str, seconds: float, found: dict[int, list[Waits]]) -> None:
    serial = 0
    async with open_door() as door, open_database(door, dsn) as database, trio.open_nursery() as nursery:
        journal = PostgresJournal(database)
        await nursery.start(journal.run)
        for writers in WRITERS:
            waits: list[float] = []
            before, began = journal.statistics, time.perf_counter()
            with trio.move_on_after(seconds):
                async with trio.open_nursery() as crowd:
                    for _ in range(writers):
                        serial += 1_000_000
                        crowd.start_soon(_write, journal, serial, waits)
            took, after = time.perf_counter() - began, journal.statistics
            commits = after.commits - before.commits
            cuts = statistics.quantiles(waits, n=100)
            figures = (len(waits) / took, commits / took, len(waits) / commits, cuts[49] * 1000, cuts[98] * 1000)
            found[writers].append(figures)
        await journal.close(trio.current_time() + 10)
        nursery.cancel_scope.cancel()


async def _write(journal: PostgresJournal, serial: int, waits: list[float]) -> None:
    """Put, wait until it is on disk, put again."""
    now = datetime.now(UTC)
    while True:
        began = time.perf_counter()
        await journal.put([_record(serial, now)]).durable()
        waits.append(time.perf_counter() - began)
        serial += 1


async def _inserts(dsn: str, found: dict[int, list[tuple[float, float]]]) -> None:
    """The statement of the journal (arrays, which a doubled record passes) against COPY into a staging table."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TEMPORARY TABLE staged (LIKE meter_value)")
    now = datetime.now(UTC)
    serial = 900_000_000
    for size in BATCHES:
        figures = []
        for way in (_by_arrays, _by_copy):
            took = []
            for _ in range(15):
                serial += size
                rows = [astuple(_record(serial + n, now)) for n in range(size)]
                took.append(await _timed(way(connection, rows)))
            figures.append(statistics.median(took) / size * 1e6)
        found[size].append((figures[0], figures[1]))
    await connection.close()


Rows = list[tuple[object, ...]]


async def _by_arrays(connection: asyncpg.Connection, rows: Rows) -> None:
    await connection.execute(METER_SQL, *zip(*rows, strict=True))


async def _by_copy(connection: asyncpg.Connection, rows: Rows) -> None:
    async with connection.transaction():
        await connection.copy_records_to_table("staged", records=rows)
        await connection.execute("INSERT INTO meter_value SELECT * FROM staged ON CONFLICT DO NOTHING")
        await connection.execute("TRUNCATE staged")


async def _timed(work: Coroutine[object, object, None]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
