"""The journal on PostgreSQL: outages, back-pressure, ordered stop, group commit."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio

from csms.aio import open_door
from csms.domain.errors import Unavailable
from csms.domain.facts import RegistrationStatus
from csms.domain.records import Record
from csms.ports.journal import RecordConflict
from csms.storage.journal import PostgresJournal, PostgresTicket
from csms.storage.migrate import migrate
from csms.storage.pool import Database, open_database
from csms.storage.postgres import EmbeddedPostgres
from csms.storage.stations import PostgresStations
from tests.kit.database import HASTY, temporary_folder
from tests.kit.records import T0, a_meter_record, a_session_record, a_transaction, after

pytestmark = pytest.mark.postgres

COUNT = "SELECT count(*) FROM meter_value"


@asynccontextmanager
async def running(
    database: Database, *, wait_bound: float = 20.0, batch_limit: int = 2_000, room: int = 20_000
) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(database, wait_bound=wait_bound, batch_limit=batch_limit, room=room)
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        yield journal
        await journal.close(trio.current_time() + 5)


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Nobody gets at meter_value meanwhile."""
    own = await database.dedicated()

    async def lock(connection: asyncpg.Connection) -> None:
        await connection.execute("BEGIN; LOCK TABLE meter_value IN ACCESS EXCLUSIVE MODE")

    await own.run(lock)
    try:
        yield
    finally:
        await own.close()


async def test_what_gathers_during_a_commit_is_written_in_one(database: Database) -> None:
    async with running(database) as journal:
        async with locked(database):
            tickets = [journal.put([a_meter_record(1, T0, 1.0)])]
            await trio.testing.wait_all_tasks_blocked(0.01)  # the writer is on its way with the first
            tickets += [journal.put([a_meter_record(n, after(n), 1.0)]) for n in range(2, 101)]
        for ticket in tickets:
            await ticket.durable()
        counts = journal.statistics
        assert (counts.commits, counts.records, counts.last_batch, counts.pending_records) == (2, 100, 99, 0)
        assert counts.mean_batch == 50.0
        assert counts.mean_wait_s > 0
        assert await database.fetchval(COUNT) == 100


async def test_a_batch_is_bounded_and_an_actors_order_is_kept(database: Database) -> None:
    async with running(database, batch_limit=10) as journal:
        async with locked(database):
            done: list[int] = []
            tickets = [journal.put([a_meter_record(1, after(n), 1.0)]) for n in range(95)]

            async def wait(n: int, ticket: PostgresTicket) -> None:
                await ticket.durable()
                done.append(n // 10)

            async with trio.open_nursery() as nursery:
                for n, ticket in enumerate(tickets):
                    nursery.start_soon(wait, n, ticket)
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert done == []
                nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:
            for n, ticket in enumerate(tickets):
                nursery.start_soon(wait, n, ticket)
        assert journal.statistics.commits >= 10
        assert sorted(done) == [n // 10 for n in range(95)]


@pytest.mark.feature("F-OCPP-8")
async def test_whoever_waits_too_long_is_told_and_the_records_get_there_all_the_same(database: Database) -> None:
    async with running(database, wait_bound=0.2, room=5) as journal:
        async with locked(database):
            early = journal.put([a_meter_record(1, T0, 1.0)])
            late = journal.put([a_meter_record(1, after(n), 1.0) for n in range(1, 10)])
            async with trio.open_nursery() as nursery:
                for wait in (early.durable, late.durable, journal.wait_room):
                    nursery.start_soon(expect_unavailable, wait)
            with pytest.raises(Unavailable):
                await early.durable()
        with trio.fail_after(60):
            while journal.statistics.pending_records:
                await trio.sleep(0.01)
            await early.durable()
            await late.durable()
            await journal.wait_room()
        assert await database.fetchval(COUNT) == 10


@pytest.mark.feature("F-OCPP-8")
async def test_whoever_left_a_note_is_called_once_when_it_takes_too_long_or_the_end_is_here(database: Database) -> None:
    called: list[str] = []
    async with running(database, wait_bound=0.2) as journal, locked(database):
        ticket = journal.put([a_meter_record(1, T0, 1.0)])
        assert ticket.when_done(lambda: called.append("late"))
        with trio.fail_after(60):
            while not called:
                await trio.sleep(0.01)
        assert not ticket.kept
        assert not ticket.when_done(lambda: called.append("never"))
        last = journal.put([a_meter_record(1, after(1), 1.0)])
        assert last.when_done(lambda: called.append("the end"))
        await journal.close(trio.current_time())
        with trio.fail_after(60):
            while len(called) < 2:
                await trio.sleep(0.01)
    assert called == ["late", "the end"]


async def expect_unavailable(wait: object) -> None:
    with pytest.raises(Unavailable):
        await wait()  # type: ignore[operator]


async def test_whoever_waits_for_room_goes_on_as_soon_as_there_is_some(database: Database) -> None:
    async with running(database, room=5) as journal:
        went_on = trio.Event()

        async def actor() -> None:
            await journal.wait_room()
            went_on.set()

        async with trio.open_nursery() as nursery:
            async with locked(database):
                ticket = journal.put([a_meter_record(1, after(n), 1.0) for n in range(10)])
                nursery.start_soon(actor)
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert not went_on.is_set()
            await ticket.durable()
            with trio.fail_after(60):
                await went_on.wait()


async def test_an_ordered_stop_writes_what_is_there_and_takes_nothing_more(database: Database) -> None:
    async with running(database) as journal:
        ticket = journal.put([a_meter_record(1, T0, 1.0)])
        await journal.close(trio.current_time() + 5)
        await ticket.durable()
        with pytest.raises(Unavailable) as caught:
            await journal.put([a_meter_record(1, after(1), 1.0)]).durable()
        assert caught.value.reason == "DRAINING"
    assert await database.fetchval(COUNT) == 1


async def test_a_stop_that_comes_to_its_deadline_says_so_to_those_who_wait(database: Database) -> None:
    async with running(database) as journal, locked(database):
        tickets = [journal.put([a_meter_record(1, T0, 1.0)])]
        await trio.testing.wait_all_tasks_blocked(0.01)
        tickets.append(journal.put([a_meter_record(1, after(1), 1.0)]))
        async with trio.open_nursery() as nursery:
            for ticket in tickets:
                nursery.start_soon(expect_unavailable, ticket.durable)
            await trio.testing.wait_all_tasks_blocked(0.01)
            await journal.close(trio.current_time() + 0.1)


async def test_many_culprits_in_one_batch_are_all_found(database: Database) -> None:
    station = (await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)).id
    async with running(database) as journal:
        await journal.put([a_session_record(a_transaction(1, station))]).durable()
        async with locked(database):
            journal.put([a_meter_record(1, T0, 1.0)])
            await trio.testing.wait_all_tasks_blocked(0.01)
            tickets = {
                n: journal.put([a_session_record(a_transaction(n, station, started_at=after(n if n % 7 else 0)))])
                for n in range(2, 50)
            }
        refused = []
        for n, ticket in tickets.items():
            try:
                await ticket.durable()
            except RecordConflict:
                refused.append(n)
        assert refused == [7, 14, 21, 28, 35, 42, 49]
        assert journal.statistics.refused == 7
    assert await database.fetchval("SELECT count(*) FROM session") == 42


@pytest.mark.feature("F-OCPP-8")
async def test_everything_acknowledged_is_there_once_after_the_server_was_killed_and_restarted() -> None:
    with temporary_folder() as folder:
        server = EmbeddedPostgres(folder / "pg", settings={**HASTY, "fsync": "on"})
        server.start()
        try:
            async with open_door() as door:
                await migrate(door, server.dsn)
                async with open_database(door, server.dsn, max_size=4) as database, running(database) as journal:
                    await outage(server, database, journal)
        finally:
            server.stop()


def is_available(journal: PostgresJournal) -> bool:
    return journal.available


async def outage(server: EmbeddedPostgres, database: Database, journal: PostgresJournal) -> None:
    acknowledged: list[tuple[int, int]] = []
    stations, per_station = 20, 60

    async def actor(station: int) -> None:
        for n in range(per_station):
            records: Sequence[Record] = [a_meter_record(station, after(n), float(n))]
            await journal.wait_room()
            await journal.put(records).durable()
            acknowledged.append((station, n))

    async with trio.open_nursery() as watch:
        async with trio.open_nursery() as nursery:
            for station in range(1, stations + 1):
                nursery.start_soon(actor, station)
            with trio.fail_after(60):
                while len(acknowledged) < stations * per_station // 3:
                    await trio.sleep(0.001)
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                while is_available(journal):
                    await trio.sleep(0.001)
                watch.start_soon(server.supervise)
        watch.cancel_scope.cancel()
    assert is_available(journal)
    assert len(acknowledged) == stations * per_station
    with contextlib.suppress(Unavailable):  # the pool's connections are found to be dead
        await database.fetchval(COUNT)
    rows = await database.fetch("SELECT station_id, energy_wh FROM meter_value")
    assert sorted((row[0], int(row[1])) for row in rows) == sorted(acknowledged)
