"""Keeping sites under their limits: whatever stations and lines do, the fuse holds."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from csms.domain.charging_profile import CHARGING_PROFILE_ITEM, ChargingRateUnit
from csms.domain.load_balancing import Sharing
from csms.domain.load_group import GridReading, LimitUnit, LoadGroup, StationShare
from csms.domain.load_hold import SHARE_IDS
from csms.domain.smart_charging import SetChargingProfile
from csms.ports.feed import Subject
from tests.kit.load_world import Kept, LoadWorld

pytestmark = pytest.mark.feature("F-SYS-8")


@pytest.fixture
def world() -> LoadWorld:
    return LoadWorld()


async def test_a_vehicle_alone_gets_all_and_shares_when_another_comes(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=40.0)
    world.plug(first)
    await world.settle()
    assert world.current(first) == 320
    assert world.sum() <= 400
    number = world.plug(second)
    await world.settle()
    assert (world.current(first), world.current(second)) == (200, 200)
    world.unplug(number)
    await world.settle()
    assert world.current(first) == 320


async def test_an_outlet_opens_only_after_others_have_agreed_to_less(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=32.0)
    world.plug(first)
    await world.settle()
    world.garage.kept[first].manner = "refuses"
    world.plug(second)
    await world.settle()
    assert world.current(first) == 320
    assert world.current(second) == 0
    world.garage.kept[first].manner = "accepts"
    await world.settle(301)
    assert (world.current(first), world.current(second)) == (160, 160)


@pytest.mark.parametrize("manner", ["deaf", "mute"])
async def test_who_does_not_answer_counts_with_the_greater_of_both(
    world: LoadWorld, autojump_clock: MockClock, manner: str
) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=32.0)
    number = world.plug(first)
    world.plug(second)
    await world.settle()
    world.unplug(number)
    world.garage.kept[second].manner = manner
    await world.settle()
    assert world.sum() <= 320
    world.plug(first)
    world.garage.kept[second].manner = "accepts"
    await world.settle()
    assert world.sum() <= 320
    await world.settle(31)
    assert (world.current(first), world.current(second)) == (160, 160)


async def test_an_offline_station_keeps_its_share_then_its_fail_safe_and_others_leave_room_for_it(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=32.0)
    world.plug(first)
    world.plug(second, power_w=11_000.0)
    await world.settle()
    world.tables.stations[first].online = False
    await world.settle()
    assert (world.current(first), world.current(second)) == (160, 100)  # its empty outlet counts with 6 A
    for minute in range(40):
        await world.settle(60, rounds=2)
        assert world.sum() <= 320, minute
    assert (world.current(first), world.current(first, 1), world.current(second)) == (60, 60, 200)


async def test_when_the_server_falls_silent_all_fall_back_and_the_sum_holds_all_the_way(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    stations = [await world.add_station(identity) for identity in "ABC"]
    await world.group(limit=40.0)
    for station in stations:
        world.plug(station)
    await world.settle()
    assert [world.current(station) for station in stations] == [133, 133, 133]
    for _ in range(60):
        world.time += timedelta(minutes=1)
        assert world.sum() <= 400
    assert [world.current(station) for station in stations] == [60, 60, 60]


async def test_a_restart_forgets_nothing_that_counts(world: LoadWorld, autojump_clock: MockClock) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=32.0)
    world.plug(first)
    await world.settle()
    world.tables.stations[first].online = False
    world.plug(second)
    world.start()
    await world.settle(30)
    assert world.current(first) == 320
    assert world.current(second) == 0
    for _ in range(15):
        await world.settle(60)
        assert world.sum() <= 320
    assert world.current(second) == 200


async def test_one_that_never_took_a_limit_counts_with_all_it_can_give(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    world.garage.kept[first] = Kept(manner="refuses")
    await world.group(limit=80.0, max_current_a=32.0)
    world.plug(second)
    await world.settle()
    assert world.current(second) == 160
    world.garage.kept[first].manner = "accepts"
    await world.settle(301)
    assert world.current(second) == 320


async def test_turns_where_not_all_can_charge(world: LoadWorld, autojump_clock: MockClock) -> None:
    stations = [await world.add_station(identity) for identity in "ABC"]
    await world.group(limit=12.0, fail_safe_current_a=0.0)
    for station in stations:
        world.plug(station)
    charged: set[int] = set()
    for _ in range(12):
        await world.settle(300, rounds=2)
        on = {station for station in stations if world.current(station) >= 60}
        assert len(on) == 2
        charged |= on
        assert world.sum() <= 120
    assert charged == set(stations)


async def test_what_a_vehicle_does_not_take_goes_to_the_other(world: LoadWorld, autojump_clock: MockClock) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(limit=32.0)
    number = world.plug(first)
    world.plug(second)
    await world.settle()
    await world.settle(60)
    world.tables.sessions[number].power_w = 7 * 230.0  # one phase, or less on three
    await world.settle()
    assert (world.current(first), world.current(second)) == (90, 230)


async def test_priority_goes_first(world: LoadWorld, autojump_clock: MockClock) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    shares = (StationShare(second, priority=5, max_current_a=20.0),)
    await world.group(limit=32.0, sharing=Sharing.PRIORITY, stations=shares)
    world.plug(first)
    world.plug(second)
    await world.settle()
    assert (world.current(first), world.current(second)) == (120, 200)


async def test_a_fast_charger_is_told_watts(world: LoadWorld, autojump_clock: MockClock) -> None:
    first = await world.add_station("A")
    await world.group(limit=50_000.0, unit=LimitUnit.WATT, stations=(StationShare(first, in_watts=True),))
    world.plug(first)
    await world.settle()
    commands = [each for _, each in world.garage.heard if isinstance(each, SetChargingProfile)]
    schedules = [each.charging_profile.charging_schedule[0] for each in commands]
    assert {each.charging_rate_unit for each in schedules} == {ChargingRateUnit.WATT}
    assert max(each.charging_schedule_period[0].limit or 0 for each in schedules) == 32 * 690


async def test_with_a_meter_outlets_get_what_the_building_leaves_and_the_safe_value_when_it_is_silent(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first = await world.add_station("A")
    group = await world.group(limit=63.0, meter=True, fallback_limit=16.0)
    world.plug(first)
    await world.settle()
    assert world.current(first) == 160
    await world.load_store.put_reading(GridReading(group.id, world.time, (43.0, 10.0, 10.0)))
    await world.settle()
    assert world.current(first) == 200
    await world.settle(61)
    assert world.current(first) == 160


async def test_what_the_outlets_draw_themselves_is_not_the_buildings(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first = await world.add_station("A")
    group = await world.group(limit=40.0, meter=True, fallback_limit=16.0)
    world.plug(first, power_w=16 * 690.0)
    await world.settle()
    await world.load_store.put_reading(GridReading(group.id, world.time, (36.0, 26.0, 26.0)))
    await world.settle()
    assert world.current(first) == 200  # of 40 A the building takes 20


async def test_a_floor_keeps_its_own_limit_within_that_of_the_site(world: LoadWorld, autojump_clock: MockClock) -> None:
    first, second, third = [await world.add_station(identity) for identity in "ABC"]
    await world.group(limit=50.0)
    await world.group(name="Floor", limit=16.0, station_ids=(first, second))
    for station in (first, second, third):
        world.plug(station)
    await world.settle()
    assert (world.current(first), world.current(second), world.current(third)) == (80, 80, 320)


async def test_stations_that_leave_the_group_forget_our_profiles(world: LoadWorld, autojump_clock: MockClock) -> None:
    first = await world.add_station("A")
    group = await world.group()
    await world.settle()
    items = await world.inventory_store.items(first, CHARGING_PROFILE_ITEM)
    assert {item.key for item in items} == {str(SHARE_IDS + evse) for evse in (0, 1, 2)}
    await world.load_store.update(msgspec.structs.replace(group, enabled=False), version=None)
    world.tables.stations[first].online = False
    await world.settle()
    assert await world.load_store.holds()
    world.tables.stations[first].online = True
    await world.settle()
    assert not world.garage.kept[first].profiles
    assert not await world.load_store.holds()
    assert not await world.inventory_store.items(first, CHARGING_PROFILE_ITEM)


async def test_one_that_is_slow_to_forget_is_asked_once_whatever_happens_meanwhile(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first = await world.add_station("A")
    group = await world.group()
    await world.settle()
    await world.load_store.update(msgspec.structs.replace(group, enabled=False), version=None)
    world.garage.slow[first] = 12.0
    said = len(world.garage.sent)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.balancing.run)
        for _ in range(8):
            await trio.sleep(1)
            world.balancing.wake()
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert len(world.garage.sent) == said + 3  # both outlets, and the fail-safe
    assert not world.garage.kept[first].profiles


async def test_looks_do_not_pile_up_at_a_slow_database(
    world: LoadWorld, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0

    async def slowly() -> list[LoadGroup]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await trio.sleep(20)
        at_once -= 1
        return []

    monkeypatch.setattr(world.load_store, "all", slowly)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.balancing.run)
        for _ in range(50):
            await trio.sleep(1)
            world.balancing.wake()
        nursery.cancel_scope.cancel()
    assert most == 1


async def test_one_that_came_back_is_told_again(world: LoadWorld, autojump_clock: MockClock) -> None:
    first = await world.add_station("A")
    await world.group()
    await world.settle()
    world.garage.kept[first].profiles.clear()  # it forgets over a restart, which it should not
    world.tables.stations[first].connected_at = world.time + timedelta(seconds=1)
    await world.settle(5)
    assert world.current(first) == 60


async def test_nothing_is_said_while_nothing_changes_but_shares_are_renewed(
    world: LoadWorld, autojump_clock: MockClock
) -> None:
    first = await world.add_station("A")
    await world.group()
    world.plug(first)
    await world.settle()
    said = len(world.garage.sent)
    await world.settle(60)
    assert len(world.garage.sent) == said
    await world.settle(200)
    assert len(world.garage.sent) == said + 2  # both outlets


async def test_a_slow_station_holds_up_its_own_site_only(world: LoadWorld, autojump_clock: MockClock) -> None:
    first, second = await world.add_station("A"), await world.add_station("B")
    await world.group(name="One", station_ids=(first,))
    await world.group(name="Two", station_ids=(second,))
    world.garage.slow[first] = 60.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.balancing.run)
        await trio.sleep(20)
        assert world.current(second) == 60
        assert world.current(first) == 320
        await trio.sleep(200)
        assert world.current(first) == 60
        nursery.cancel_scope.cancel()


async def test_a_start_is_answered_at_once(world: LoadWorld, autojump_clock: MockClock) -> None:
    first = await world.add_station("A")
    await world.group(limit=20.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.balancing.run)
        await trio.sleep(30.5)
        assert world.current(first) == 60
        number = world.plug(first)
        world.feed.publish(Subject.SESSION, first, number)
        await trio.sleep(2)
        assert world.current(first) == 200
        nursery.cancel_scope.cancel()


async def test_the_work_outlives_the_database(world: LoadWorld, autojump_clock: MockClock) -> None:
    first = await world.add_station("A")
    await world.group()
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.balancing.run)
        await trio.sleep(30)
        world.tables.away = False
        await trio.sleep(30)
        assert world.current(first) == 60
        nursery.cancel_scope.cancel()


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["plug", "unplug", "leave", "come", "accepts", "refuses", "deaf", "mute", "restart"]),
        st.integers(0, 2),
        st.integers(0, 400),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(HAPPENINGS)
def test_whatever_happens_the_fuse_holds(happenings: list[tuple[str, int, int]]) -> None:
    """Three stations with two outlets each under a fuse that carries their fail-safes."""

    async def story() -> None:
        world = LoadWorld()
        stations = [await world.add_station(identity) for identity in "ABC"]
        await world.group(limit=40.0)
        await world.settle()
        sessions: dict[int, int] = {}
        for what, which, seconds in happenings:
            station = stations[which]
            if what == "plug" and station not in sessions:
                sessions[station] = world.plug(station)
            elif what == "unplug" and station in sessions:
                world.unplug(sessions.pop(station))
            elif what in ("leave", "come"):
                world.tables.stations[station].online = what == "come"
            elif what == "restart":
                world.start()
            else:
                world.garage.kept[station].manner = what if what not in ("plug", "unplug") else "accepts"
            assert world.sum() <= 400
            await world.settle(rounds=2)
            assert world.sum() <= 400
            for _ in range(0, seconds, 100):
                await world.settle(100, rounds=1)
                assert world.sum() <= 400

    trio.run(story, clock=MockClock(autojump_threshold=0))
