"""Who has a station, and what comes too late: two nodes on one PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest
import trio

from csms.domain.errors import Unavailable
from csms.domain.facts import RegistrationStatus
from csms.domain.records import LinkRecord, SessionRecord
from csms.ports.directory import LateSession
from csms.ports.journal import Fence, Fenced
from csms.storage.claims import LOCKS, STALL_SECONDS, Claims, NodeMark, begin
from csms.storage.journal import PostgresJournal
from csms.storage.pool import Database
from csms.storage.stations import PostgresStations
from tests.kit.records import T0, a_meter_record, a_transaction, after

pytestmark = pytest.mark.postgres

ONLINE = "SELECT online FROM station WHERE id = $1"
COUNT = "SELECT count(*) FROM meter_value WHERE station_id = $1"


@dataclass
class Side:
    """What one node has."""

    mark: NodeMark
    claims: Claims
    journal: PostgresJournal


@asynccontextmanager
async def node(database: Database, number: int) -> AsyncIterator[Side]:
    mark = NodeMark(number)
    side = Side(mark, Claims(database, mark), PostgresJournal(database, mark=mark))
    async with trio.open_nursery() as nursery:
        await nursery.start(side.claims.run)
        await nursery.start(side.journal.run)
        yield side
        await side.journal.close(trio.current_time() + 5)
        nursery.cancel_scope.cancel()


async def a_station(database: Database, identity: str = "CP-1") -> int:
    return (await PostgresStations(database).create(identity, RegistrationStatus.ACCEPTED)).id


async def test_epochs_grow_over_nodes_and_say_who_has_it(database: Database) -> None:
    station = await a_station(database)
    async with node(database, 7) as a, node(database, 9) as b:
        first = await a.claims.claim(station)
        second = await b.claims.claim(station)
        third = await b.claims.claim(station)
    assert (first.epoch % 4096, second.epoch % 4096, third.epoch % 4096) == (7, 9, 9)
    assert first.epoch < second.epoch < third.epoch
    assert (first.moved, second.moved, third.moved) == (False, True, False)


async def test_many_at_once_get_their_own_and_two_links_of_one_station_different_ones(database: Database) -> None:
    stations = [await a_station(database, f"CP-{number}") for number in range(20)]
    got: dict[int, list[int]] = {}
    async with node(database, 7) as a:

        async def one(station: int) -> None:
            got.setdefault(station, []).append((await a.claims.claim(station)).epoch)

        async with trio.open_nursery() as nursery:
            for station in (*stations, stations[0], stations[0]):
                nursery.start_soon(one, station)
    assert sorted(got) == stations
    assert len(set(got[stations[0]])) == 3


async def test_what_the_older_node_writes_later_is_refused_and_the_rest_of_its_batch_is_not(database: Database) -> None:
    mine, taken = await a_station(database, "CP-1"), await a_station(database, "CP-2")
    async with node(database, 7) as a, node(database, 9) as b:
        kept = Fence(mine, (await a.claims.claim(mine)).epoch)
        lost = Fence(taken, (await a.claims.claim(taken)).epoch)
        await a.journal.put([a_meter_record(taken, T0, 1.0)], lost).durable()
        newer = await b.claims.claim(taken)
        late = a.journal.put([a_meter_record(taken, after(1), 2.0)], lost)
        fine = a.journal.put([a_meter_record(mine, after(1), 2.0)], kept)
        goodbye = a.journal.put([LinkRecord(taken, False, after(2), lost.epoch)], lost)
        await b.journal.put([LinkRecord(taken, True, after(2), newer.epoch)], Fence(taken, newer.epoch)).durable()
        await fine.durable()
        for ticket in (late, goodbye):
            with pytest.raises(Fenced):
                await ticket.durable()
    assert await database.fetchval(COUNT, taken) == 1
    assert await database.fetchval(COUNT, mine) == 1
    assert await database.fetchval(ONLINE, taken) is True


async def test_an_older_link_of_the_same_node_still_writes(database: Database) -> None:
    station = await a_station(database)
    async with node(database, 7) as a:
        older = Fence(station, (await a.claims.claim(station)).epoch)
        await a.claims.claim(station)
        await a.journal.put([a_meter_record(station, T0, 1.0)], older).durable()
    assert await database.fetchval(COUNT, station) == 1


async def test_what_is_left_from_before_the_station_was_elsewhere_is_refused(database: Database) -> None:
    station = await a_station(database)
    async with node(database, 7) as a, node(database, 9) as b:
        older = Fence(station, (await a.claims.claim(station)).epoch)
        await b.claims.claim(station)
        assert (await a.claims.claim(station)).moved
        with pytest.raises(Fenced):
            await a.journal.put([a_meter_record(station, T0, 1.0)], older).durable()


WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND NOT granted"


@asynccontextmanager
async def a_batch_under_way(database: Database, side: Side, station: int) -> AsyncIterator[None]:
    """The node has looked, and written, and not committed: it does when the block ends."""
    own = await database.dedicated()

    async def begin_batch(connection: asyncpg.Connection) -> None:
        await connection.execute("BEGIN")
        await begin(connection, side.mark)
        await connection.execute("INSERT INTO id_token (id_token) VALUES ($1)", f"LATE-{station}")

    async def end_batch(connection: asyncpg.Connection) -> None:
        await connection.execute("COMMIT")

    await own.run(begin_batch)
    try:
        with trio.fail_after(60):
            yield
        await own.run(end_batch)
    finally:
        await own.close()


async def until_waiting(database: Database, count: int, done: list[str]) -> None:
    while await database.fetchval(WAITING, LOCKS) < count:
        assert not done, f"{done} did not wait"
        await trio.sleep(0.01)
    assert not done, f"{done} did not wait"


async def seen_after(done: list[str], name: str, database: Database, work: Awaitable[object]) -> None:
    """What the work finds written when it is done."""
    await work
    done.append(name if await database.fetchval("SELECT count(*) FROM id_token") else f"{name}, too early")


@pytest.mark.feature("F-SYS-7")
async def test_a_claim_waits_for_what_the_other_node_is_writing(database: Database) -> None:
    station, done = await a_station(database), list[str]()
    async with node(database, 7) as a, node(database, 9) as b, trio.open_nursery() as nursery:
        await a.claims.claim(station)
        async with a_batch_under_way(database, a, station):
            nursery.start_soon(seen_after, done, "claim", database, b.claims.claim(station))
            await until_waiting(database, 1, done)
    assert done == ["claim"]


@pytest.mark.feature("F-SYS-7")
async def test_who_takes_a_station_from_its_taker_waits_for_the_first_node_too(database: Database) -> None:
    """A station that comes to a third node while the second one still waits for the first."""
    station, done = await a_station(database), list[str]()
    async with node(database, 7) as a, node(database, 9) as b, node(database, 11) as c, trio.open_nursery() as nursery:
        first = await a.claims.claim(station)
        async with a_batch_under_way(database, a, station):
            nursery.start_soon(seen_after, done, "second", database, b.claims.claim(station))
            await until_waiting(database, 1, done)
            nursery.start_soon(seen_after, done, "third", database, c.claims.claim(station))
            await until_waiting(database, 2, done)
        with trio.fail_after(60):
            while len(done) < 2:
                await trio.sleep(0.01)
        assert sorted(done) == ["second", "third"]
        newest = await database.fetchval("SELECT link_epoch FROM station WHERE id = $1", station)
        assert newest // 4096 == first.epoch // 4096 + 2
        assert newest % 4096 in (9, 11)
        with pytest.raises(Fenced):
            await a.journal.put([a_meter_record(station, T0, 1.0)], Fence(station, first.epoch)).durable()


class Interrupted:
    """The database, where something happens after the next question."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._database, self._meanwhile = database, [meanwhile]

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        rows = await self._database.fetch(sql, *args)
        if self._meanwhile:
            await self._meanwhile.pop()()
        return rows


async def test_who_finds_that_a_station_has_moved_on_waits_for_the_node_that_has_it_now(database: Database) -> None:
    station, done = await a_station(database), list[str]()
    taken, writing = trio.Event(), trio.Event()
    async with node(database, 7) as a, node(database, 9) as b, node(database, 11) as c, trio.open_nursery() as nursery:
        await a.claims.claim(station)

        async def b_takes_it_and_writes() -> None:
            await b.claims.claim(station)
            taken.set()
            await writing.wait()

        c.claims._database = Interrupted(database, b_takes_it_and_writes)  # type: ignore[assignment]
        nursery.start_soon(seen_after, done, "claim", database, c.claims.claim(station))
        await taken.wait()
        async with a_batch_under_way(database, b, station):
            writing.set()
            await until_waiting(database, 1, done)
    assert done == ["claim"]
    assert await database.fetchval("SELECT link_epoch % 4096 FROM station WHERE id = $1", station) == 11


@pytest.mark.feature("F-SYS-7")
async def test_a_claim_waits_until_the_journal_of_the_other_node_has_written_its_batch(database: Database) -> None:
    """The real journal, held up in the middle of a batch by a lock on the row of another station."""
    first, wanted, done = await a_station(database, "CP-1"), await a_station(database, "CP-2"), list[str]()
    own = await database.dedicated()

    async def hold(connection: asyncpg.Connection) -> None:
        await connection.execute("BEGIN")
        await connection.execute("SELECT FROM station WHERE id = $1 FOR UPDATE", first)

    async def let_go(connection: asyncpg.Connection) -> None:
        await connection.execute("COMMIT")

    async with node(database, 7) as a, node(database, 9) as b, trio.open_nursery() as nursery:
        links = [Fence(each, (await a.claims.claim(each)).epoch) for each in (first, wanted)]
        await own.run(hold)
        late = a.journal.put([LinkRecord(first, True, T0, links[0].epoch)], links[0])
        also = a.journal.put([a_meter_record(wanted, T0, 1.0)], links[1])
        with trio.fail_after(60):
            while not await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await trio.sleep(0.01)

            async def claim() -> None:
                await b.claims.claim(wanted)
                done.append("claim" if await database.fetchval(COUNT, wanted) else "claim, too early")

            nursery.start_soon(claim)
            await until_waiting(database, 1, done)
            await own.run(let_go)
            await late.durable()
            await also.durable()
    assert done == ["claim"]
    await own.close()


@pytest.mark.parametrize("known", [True, False])
async def test_a_node_is_given_up_after_what_it_is_writing_at_that_moment(database: Database, known: bool) -> None:
    """Else who takes its stations next would load them without it: the number that says whom to wait for is gone."""
    station, done = await a_station(database), list[str]()
    async with node(database, 7) as a, node(database, 9) as b, trio.open_nursery() as nursery:
        fence = Fence(station, (await a.claims.claim(station)).epoch)
        await a.journal.put([LinkRecord(station, True, T0, fence.epoch)], fence).durable()
        async with a_batch_under_way(database, a, station):
            work = b.claims.release(7) if known else b.claims.release_all_but([9])
            nursery.start_soon(seen_after, done, "release", database, work)
            await until_waiting(database, 1, done)
    assert done == ["release"]
    assert await database.fetchval(ONLINE, station) is False


async def test_what_a_node_writes_that_nobody_knows_any_more_is_refused(database: Database) -> None:
    station = await a_station(database)
    async with node(database, 7) as a, node(database, 9) as b:
        fence = Fence(station, (await a.claims.claim(station)).epoch)
        await a.journal.put([LinkRecord(station, True, T0, fence.epoch)], fence).durable()
        assert await b.claims.release_all_but([7, 9]) == []
        assert await b.claims.release_all_but([9]) == [station]
        with pytest.raises(Fenced):
            await a.journal.put([a_meter_record(station, T0, 1.0)], fence).durable()
        assert (await b.claims.claim(station)).moved


async def test_a_node_that_is_paused_in_the_middle_of_a_batch_is_thrown_out_after_seconds(database: Database) -> None:
    """By the server: a claim would wait for it for ever."""

    async def limit(connection: asyncpg.Connection) -> list[str]:
        found = []
        async with connection.transaction():
            await begin(connection, NodeMark(7))
            found.append(await connection.fetchval("SHOW idle_in_transaction_session_timeout"))
        return [*found, await connection.fetchval("SHOW idle_in_transaction_session_timeout")]

    within, afterwards = await database.run(limit)
    assert within == f"{STALL_SECONDS}s"
    assert afterwards != within


async def test_of_a_station_that_is_gone_nobody_gets_a_claim_and_the_others_get_theirs(database: Database) -> None:
    station, found = await a_station(database), list[str]()
    async with node(database, 7) as a, trio.open_nursery() as nursery:

        async def ask(wanted: int) -> None:
            try:
                await a.claims.claim(wanted)
            except Unavailable as error:
                found.append(error.reason)
            else:
                found.append("claimed")

        with trio.fail_after(60):
            for wanted in (station, station + 1_000):
                nursery.start_soon(ask, wanted)
            while len(found) < 2:
                await trio.sleep(0.01)
    assert sorted(found) == ["STATION_NOT_FOUND", "claimed"]


async def test_what_is_left_to_write_when_a_node_had_to_take_another_number_is_kept(database: Database) -> None:
    station = await a_station(database)
    async with node(database, 7) as a:
        fence = Fence(station, (await a.claims.claim(station)).epoch)
        await a.journal.put([LinkRecord(station, True, T0, fence.epoch)], fence).durable()
        a.mark.number = 8
        await a.journal.put([LinkRecord(station, False, after(1), fence.epoch)], fence).durable()
        assert await database.fetchval(ONLINE, station) is False
        assert (await a.claims.claim(station)).moved


async def test_a_node_that_is_gone_has_nothing_online_and_nothing_to_write(database: Database) -> None:
    station, other = await a_station(database, "CP-1"), await a_station(database, "CP-2")
    async with node(database, 7) as a, node(database, 9) as b:
        gone = Fence(station, (await a.claims.claim(station)).epoch)
        await a.journal.put([LinkRecord(station, True, T0, gone.epoch)], gone).durable()
        stays = Fence(other, (await b.claims.claim(other)).epoch)
        await b.journal.put([LinkRecord(other, True, T0, stays.epoch)], stays).durable()
        assert await b.claims.release(7) == [station]
        assert await b.claims.release_all_but([9]) == []
        assert await database.fetchval(ONLINE, station) is False
        assert await database.fetchval(ONLINE, other) is True
        with pytest.raises(Fenced):
            await a.journal.put([a_meter_record(station, T0, 1.0)], gone).durable()
        assert (await a.claims.claim(station)).moved


async def test_a_node_is_told_which_of_its_links_are_others_or_were_given_up(database: Database) -> None:
    stations = [await a_station(database, f"CP-{number}") for number in range(4)]
    _kept, taken, given_up, back = stations
    async with node(database, 7) as a, node(database, 9) as b:
        links = {each: Fence(each, (await a.claims.claim(each)).epoch) for each in stations}
        await a.journal.put([LinkRecord(given_up, True, T0, links[given_up].epoch)], links[given_up]).durable()
        assert await a.claims.lost(list(links.values())) == set()
        assert await a.claims.release(7) == [given_up]
        await b.claims.claim(taken)
        await b.claims.claim(back)
        newest = Fence(back, (await a.claims.claim(back)).epoch)
        lost = {links[taken], links[given_up], links[back]}
        assert await a.claims.lost([*links.values(), newest]) == lost
        assert await a.claims.lost([]) == set()


async def test_what_happened_lately_is_found_for_a_station_whose_node_went_without_a_word(database: Database) -> None:
    station, orderly = await a_station(database, "CP-1"), await a_station(database, "CP-2")
    now = await database.fetchval("SELECT date_trunc('second', now())")
    async with node(database, 7) as a, node(database, 9) as b:
        for each in (station, orderly):
            fence = Fence(each, (await a.claims.claim(each)).epoch)
            await a.journal.put([LinkRecord(each, True, T0, fence.epoch)], fence).durable()
        old = a_transaction(70, station, identity="CP-1", id_token="OLD")
        old.end(after(60), 2000.0, "Local", after(60))
        over = a_transaction(71, station, identity="CP-1", started_at=now, id_token="OVER")
        over.end(now, 2000.0, "Local", now)
        going_on = a_transaction(72, station, identity="CP-1", started_at=now, id_token="ON")
        await a.journal.put([SessionRecord(each.snapshot()) for each in (old, over, going_on)]).durable()
        await a.journal.put([LinkRecord(orderly, False, after(1), fence.epoch)], fence).durable()
        abandoned: list[int] = []
        b.claims.abandoned = abandoned.append
        await b.claims.claim(station)
        await b.claims.claim(orderly)
        assert abandoned == [station]
        assert sorted(await b.claims.late_sessions(abandoned), key=lambda each: each.session_id) == [
            LateSession(71, station, "OVER", True),
            LateSession(72, station, "ON", False),
        ]
