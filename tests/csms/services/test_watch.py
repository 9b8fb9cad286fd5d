"""The live feed: batches, nothing twice, nothing missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
import trio

from csms.domain.access import Principal
from csms.domain.errors import InvalidArgument, PermissionDenied
from csms.ports.feed import RevisionTooOld, Subject
from csms.services.watch import Change
from tests.kit.service_world import ADMIN, STRANGER, ServiceWorld


@asynccontextmanager
async def watching(
    world: ServiceWorld, after: int | None = None, stations: frozenset[int] = frozenset(), caller: Principal = ADMIN
) -> AsyncIterator[AsyncIterator[Change]]:
    async with aclosing(world.watching.watch(caller, after, stations, tick=5.0)) as changes:
        yield changes


async def test_ten_changes_of_one_thing_are_shown_once(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    queries = 0
    ask = world.station_queries.get_stations

    async def count(ids: object) -> object:
        nonlocal queries
        queries += 1
        return await ask(ids)  # type: ignore[arg-type]

    world.station_queries.get_stations = count  # type: ignore[assignment, method-assign]
    async with watching(world) as changes:
        await anext(changes)
        for _ in range(10):
            world.feed.publish(Subject.STATION, number)
            world.feed.publish(Subject.SESSION, number, 7)
        station, session = [await anext(changes) for _ in range(2)]
    assert station.station is not None
    assert session.session is not None
    assert (station.revision, session.revision) == (world.feed.revision - 1, world.feed.revision)
    assert queries == 1


async def test_the_first_change_after_a_pause_comes_at_once_and_a_storm_in_batches(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = ServiceWorld()
    numbers = [await world.add_station(f"CP-{n}") for n in range(3)]
    async with watching(world) as changes:
        await anext(changes)
        begin = trio.current_time()
        world.feed.publish(Subject.STATION, numbers[0])
        await anext(changes)
        assert trio.current_time() == begin
        world.feed.publish(Subject.STATION, numbers[1])
        await anext(changes)
        assert 0.1 < trio.current_time() - begin <= 0.21


async def test_only_the_stations_asked_for_and_progress_all_the_same(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    first, second = [await world.add_station(f"CP-{n}") for n in range(2)]
    world.add_session(7, second)
    async with watching(world, stations=frozenset({second})) as changes:
        await anext(changes)
        world.feed.publish(Subject.STATION, first)
        tick = await anext(changes)
        assert (tick.station, tick.revision) == (None, world.feed.revision)
        world.feed.publish(Subject.SESSION, second, 7)
        change = await anext(changes)
        assert change.session is not None


async def test_what_is_gone_when_it_is_looked_up_is_left_out(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    after = world.feed.revision
    world.feed.publish(Subject.STATION, 9)
    world.feed.publish(Subject.SESSION, 9, 9)
    world.feed.publish(Subject.STATION_DELETED, 9)
    async with watching(world, after) as changes:
        hello, deleted = [await anext(changes) for _ in range(2)]
    assert (hello.revision, deleted.deleted_station_id) == (after, 9)


async def test_silence_ticks(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    async with watching(world) as changes:
        await anext(changes)
        begin = trio.current_time()
        tick = await anext(changes)
    assert (trio.current_time() - begin, tick.revision) == (5.0, world.feed.revision)


async def test_who_may_not_or_asks_nonsense_is_told_at_once() -> None:
    world = ServiceWorld()
    for caller, after, kind in (
        (STRANGER, None, PermissionDenied),
        (ADMIN, -1, InvalidArgument),
        (ADMIN, 1, RevisionTooOld),
    ):
        async with watching(world, after, caller=caller) as changes:
            with pytest.raises(kind):
                await anext(changes)
    assert world.feed.watchers == 0
