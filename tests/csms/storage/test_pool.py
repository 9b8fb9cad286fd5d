"""The pool: one-statement calls, transactions, outages, streams of rows; against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import trio

from csms.aio import Door, open_door
from csms.domain.errors import Unavailable
from csms.storage.pool import Database, DatabaseUnavailable, open_database
from csms.storage.postgres import EmbeddedPostgres
from tests.kit.database import HASTY, temporary_folder

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(door: Door, empty_database_url: str) -> AsyncIterator[Database]:
    async with open_database(door, empty_database_url, max_size=4) as database:
        yield database


async def test_one_statement_calls(database: Database) -> None:
    assert await database.execute("CREATE TABLE t (n integer)") == "CREATE TABLE"
    assert await database.execute("INSERT INTO t SELECT generate_series(1, $1)", 3) == "INSERT 0 3"
    assert [row["n"] for row in await database.fetch("SELECT n FROM t ORDER BY n")] == [1, 2, 3]
    row = await database.fetchrow("SELECT n FROM t WHERE n = $1", 2)
    assert row is not None
    assert row["n"] == 2
    assert await database.fetchrow("SELECT n FROM t WHERE n = 9") is None
    assert await database.fetchval("SELECT count(*) FROM t") == 3
    await database.ping()


async def test_a_mistake_in_a_statement_is_not_called_an_outage(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.DataError):
        await database.fetchval("SELECT $1::integer", "the connection is closed")
    assert await database.fetchval("SELECT 1") == 1


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    await database.execute("CREATE TABLE t (n integer)")

    async def insert(connection: asyncpg.Connection, n: int, *, fail: bool) -> int:
        await connection.execute("INSERT INTO t VALUES ($1)", n)
        if fail:
            raise LookupError("no such tag")
        return n

    assert await database.transaction(insert, 1, fail=False) == 1
    with pytest.raises(LookupError):
        await database.transaction(insert, 2, fail=True)
    assert await database.fetchval("SELECT array_agg(n) FROM t") == [1]


async def test_a_slow_statement_is_given_up_and_does_not_take_its_connection_along(database: Database) -> None:
    for _ in range(6):  # more than there are connections
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.fetchval("SELECT pg_sleep(60)", timeout=0.05)
        assert caught.value.reason == "DATABASE_TIMEOUT"
    assert await database.fetchval("SELECT 1") == 1


async def test_a_cancelled_caller_ends_the_statement_in_the_server(database: Database) -> None:
    with trio.move_on_after(0.1) as scope:
        await database.execute("SELECT pg_sleep(60) /* hopeless */")
    assert scope.cancelled_caught
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%/* hopeless' || ' */'"
    assert await database.fetchval(running) == 0


async def test_more_callers_than_connections_take_turns(database: Database) -> None:
    async def one(n: int) -> None:
        assert await database.fetchval("SELECT $1::integer", n) == n

    async with trio.open_nursery() as nursery:
        for n in range(200):
            nursery.start_soon(one, n)


async def test_a_deadlock_is_retried_until_both_have_their_way(database: Database) -> None:
    await database.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 0), (2, 0)")
    meeting = asyncio.Barrier(2)
    attempts = []

    async def both(connection: asyncpg.Connection, first: int, second: int) -> None:
        attempts.append(first)
        await connection.execute("SET LOCAL deadlock_timeout = '10ms'")
        await connection.execute("UPDATE t SET n = n + 1 WHERE id = $1", first)
        if len(attempts) <= 2:
            await meeting.wait()
        await connection.execute("UPDATE t SET n = n + 1 WHERE id = $1", second)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.transaction, both, 1, 2)
        nursery.start_soon(database.transaction, both, 2, 1)
    assert len(attempts) == 3
    assert await database.fetchval("SELECT array_agg(n ORDER BY id) FROM t") == [2, 2]


async def test_serialisation_failures_are_retried(database: Database) -> None:
    await database.execute("CREATE TABLE t (n integer)")

    async def count_and_insert(connection: asyncpg.Connection) -> None:
        n = await connection.fetchval("SELECT count(*) FROM t")
        await connection.execute("INSERT INTO t VALUES ($1)", n)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(database.serializable, count_and_insert)
    assert await database.fetchval("SELECT array_agg(n ORDER BY n) FROM t") == [0, 1, 2, 3]


async def test_deadlocks_without_end_are_given_up(database: Database) -> None:
    attempts = []

    async def always(_: asyncpg.Connection) -> None:
        attempts.append(1)
        raise asyncpg.DeadlockDetectedError("again")

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await database.run(always)
    assert len(attempts) == 6


async def test_rows_are_streamed_in_batches_from_one_snapshot(database: Database) -> None:
    await database.execute("CREATE TABLE t AS SELECT generate_series(1, 1050) AS n")
    sizes, total = [], 0
    async with database.row_stream("SELECT n FROM t WHERE n > $1", 0, batch=500) as batches:
        async for rows in batches:
            await database.execute("INSERT INTO t VALUES (0)")
            sizes.append(len(rows))
            total += sum(row["n"] for row in rows)
    assert sizes == [500, 500, 50]
    assert total == sum(range(1051))


async def test_a_stream_that_is_left_early_or_cancelled_gives_its_connection_back(database: Database) -> None:
    for _ in range(10):  # more than there are connections
        async with database.row_stream("SELECT generate_series(1, 1000000)", batch=10) as batches:
            async for _rows in batches:
                break
        with trio.move_on_after(0.02):
            async with database.row_stream("SELECT pg_sleep(10)", batch=10) as batches:
                async for _rows in batches:
                    pass
    assert await database.fetchval("SELECT 1") == 1


async def test_a_stream_of_nonsense_gives_its_connection_back(database: Database) -> None:
    for _ in range(6):
        with pytest.raises(asyncpg.UndefinedTableError):
            async with database.row_stream("SELECT * FROM nowhere"):
                pytest.fail("there is nothing to read")
    await database.ping()


async def test_a_dedicated_connection_keeps_its_session_and_is_outside_of_the_pool(database: Database) -> None:
    own = await database.dedicated()

    async def backend(connection: asyncpg.Connection) -> int:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        assert isinstance(pid, int)
        return pid

    first = await own.run(backend)
    assert await own.transaction(backend) == first
    kill = "SELECT pg_terminate_backend($1, 1000)"
    assert await database.fetchval(kill, first)
    with contextlib.suppress(DatabaseUnavailable):  # unless the loss was noticed before
        await own.run(backend)
    assert await own.run(backend) != first
    await own.close()
    await own.close()
    with pytest.raises(RuntimeError, match="closed"):
        await own.run(backend)


async def test_settings_of_a_dedicated_connection_outlive_an_outage_and_are_nobody_elses(
    database: Database,
) -> None:
    async def waits_for_disk(connection: asyncpg.Connection) -> str:
        return str(await connection.fetchval("SHOW synchronous_commit"))

    own = await database.dedicated(synchronous_commit="off")
    plain = await database.dedicated()
    assert await own.run(waits_for_disk) == "off"
    pid = await own.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()"))
    assert await database.fetchval("SELECT pg_terminate_backend($1, 1000)", pid)
    with contextlib.suppress(DatabaseUnavailable):  # unless the loss was noticed before
        await own.run(waits_for_disk)
    assert await own.run(waits_for_disk) == "off"
    assert await plain.run(waits_for_disk) == "on"
    assert await database.fetchval("SHOW synchronous_commit") == "on"


async def test_a_dedicated_connection_that_was_cancelled_in_the_middle_starts_afresh(database: Database) -> None:
    own = await database.dedicated()

    async def sleep(connection: asyncpg.Connection, seconds: int) -> int:
        await connection.execute("SELECT pg_sleep($1)", seconds)
        return seconds

    with trio.move_on_after(0.05) as scope:
        await own.transaction(sleep, 60)
    assert scope.cancelled_caught
    assert await own.transaction(sleep, 0) == 0
    await own.close()


async def test_a_terminated_backend_is_an_outage_of_one_call(database: Database) -> None:
    async def suicide(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable) as caught:
        await database.run(suicide)
    assert isinstance(caught.value, Unavailable)
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    assert await database.fetchval("SELECT 1") == 1


async def test_no_database_at_opening_is_said_clearly(door: Door, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with open_database(door, f"postgresql://nobody@/none?host={tmp_path}"):
            pytest.fail("there is no server")
    async with open_database(door, f"postgresql://nobody@/none?host={tmp_path}", min_size=0) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.ping()


async def test_everything_resumes_after_the_server_was_killed_and_restarted() -> None:
    with temporary_folder() as folder:
        server = EmbeddedPostgres(folder / "pg", settings={**HASTY, "fsync": "on"})
        server.start()
        try:
            async with open_door() as door, open_database(door, server.dsn, max_size=4) as database:
                await outage(server, database)
        finally:
            server.stop()


async def outage(server: EmbeddedPostgres, database: Database) -> None:
    await database.execute("CREATE TABLE t (n integer)")
    acknowledged: list[int] = []
    outages: list[int] = []
    killed: list[int] = []

    async def write() -> None:
        for n in range(100_000):
            # Processes of the killed server may go on answering for a while.
            back = bool(outages) and server.pid not in (None, *killed)
            try:
                await database.execute("INSERT INTO t VALUES ($1)", n)
                acknowledged.append(n)
                if back and len(acknowledged) > 100:
                    return
            except DatabaseUnavailable:
                outages.append(n)
                await trio.sleep(0.01)
            if len(acknowledged) == 50 and not killed:
                assert server.pid is not None
                killed.append(server.pid)
                os.kill(server.pid, signal.SIGKILL)

    async def read() -> set[int]:
        while True:
            try:
                return {row["n"] for row in await database.fetch("SELECT n FROM t")}
            except DatabaseUnavailable:
                await trio.sleep(0.01)

    own = await database.dedicated()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.supervise)
        with trio.fail_after(60):
            await write()
            stored = await read()
        nursery.cancel_scope.cancel()
    assert set(acknowledged) <= stored
    assert outages
    with contextlib.suppress(DatabaseUnavailable):  # unless the loss was noticed before
        await own.run(lambda connection: connection.fetchval("SELECT 1"))
    assert await own.run(lambda connection: connection.fetchval("SELECT 1")) == 1
