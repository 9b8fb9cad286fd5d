"""The live feed: batches, nothing twice, nothing missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
import trio

from csms.domain import alarms
from csms.domain.access import Principal
from csms.domain.alarms import Alarm, AlarmKind, AlarmSource, Severity
from csms.domain.errors import InvalidArgument, PermissionDenied
from csms.ports.alarms import Batch
from csms.ports.feed import RevisionTooOld, Subject
from csms.services.alarm_telling import publish
from csms.services.watch import Change
from tests.csms.services.test_scopes import a_town
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


async def raise_alarm(world: ServiceWorld, subject: alarms.Subject) -> int:
    """As the sweep does: kept, then told."""
    (number,) = await world.alarm_store.new_ids(1)
    at, kind = world.time, AlarmKind.TEMPERATURE
    alarm = Alarm(number, subject, f"k{number}", kind, Severity.MAJOR, AlarmSource.STATUS, "Hot", "Hot.", at, at)
    await world.alarm_store.save(Batch(at, [alarm]))
    publish(world.feed, [(alarm, 0)])
    return number


def told(changes: list[Change]) -> list[int | None]:
    return [None if change.alarm is None else change.alarm.alarm.id for change in changes]


@pytest.mark.feature("F-ALM-1")
async def test_an_alarm_is_told_when_it_comes_is_noticed_and_ends(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    async with watching(world) as changes:
        await anext(changes)
        number = await raise_alarm(world, alarms.Subject(station))
        raised = await anext(changes)
        await world.alarms.acknowledge(ADMIN, [number], "Coming")
        noticed = await anext(changes)
        world.time += timedelta(minutes=1)
        await world.alarms.clear(ADMIN, [number, number], "")
        over = await anext(changes)
        quiet = await anext(changes)
    assert told([raised, noticed, over, quiet]) == [number, number, number, None]
    assert raised.alarm is not None
    assert noticed.alarm is not None
    assert over.alarm is not None
    assert (raised.alarm.station_name, raised.alarm.alarm.acknowledged_at) == ("CP-1", None)
    assert (noticed.alarm.alarm.note, noticed.alarm.alarm.active) == ("Coming", True)
    assert not over.alarm.alarm.active
    assert quiet.revision == over.revision


@pytest.mark.feature("F-ALM-1")
async def test_alarms_are_told_to_those_who_may_see_them(autojump_clock: trio.testing.MockClock) -> None:
    town = await a_town()
    world, (mine, theirs, nowhere) = town.world, town.stations
    north, south = town.sites
    seen: dict[str, list[int]] = {"admin": [], "ada": [], "eve": [], "station": []}

    async def listen(name: str, caller: Principal, stations: frozenset[int] = frozenset()) -> None:
        async with watching(world, world.feed.revision, stations, caller) as changes:
            async for change in changes:
                if change.alarm is not None:
                    seen[name].append(change.alarm.alarm.id)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, "admin", ADMIN)
        nursery.start_soon(listen, "ada", town.ada)
        nursery.start_soon(listen, "eve", town.eve)
        nursery.start_soon(listen, "station", ADMIN, frozenset({theirs}))
        await trio.testing.wait_all_tasks_blocked()
        subjects = [
            *(alarms.Subject(station) for station in (mine, theirs, nowhere)),
            *(alarms.Subject(place_id=place) for place in (north, south, 1)),
        ]
        numbers = [await raise_alarm(world, subject) for subject in subjects]
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert seen == {"admin": numbers, "ada": [numbers[0], numbers[3]], "eve": [], "station": [numbers[1]]}


async def test_what_only_figures_follow_is_no_more_than_a_tick(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    async with watching(world) as changes:
        await anext(changes)
        world.feed.publish(Subject.RESERVATION, station)
        world.feed.publish(Subject.FIGURES)
        tick = await anext(changes)
    assert tick == Change(world.feed.revision, tick.at)
