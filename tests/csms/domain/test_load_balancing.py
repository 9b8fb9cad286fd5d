"""Sharing what a fuse carries: never too much, nobody forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.domain.load_balancing import (
    LEAST,
    Limit,
    Outlet,
    OutletKey,
    Sharing,
    Why,
    allocate,
    fits,
    raises_that_fit,
    used,
)

pytestmark = pytest.mark.feature("F-SYS-8")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def outlet(number: int, **more: Any) -> Outlet:
    return Outlet(OutletKey(number, 1), NOW, **more)


def fuse(outlets: Sequence[Outlet], amperes: int, numbers: Sequence[int] | None = None) -> Limit:
    members = frozenset(each.key for each in outlets if numbers is None or each.key.station_id in numbers)
    return Limit(members, amperes=(amperes, amperes, amperes))


def shares(outlets: Sequence[Outlet], *limits: Limit, **more: Any) -> list[int]:
    found = allocate(outlets, limits, more.pop("now", NOW), **more)
    return [found[each.key].current for each in outlets]


def test_all_get_all_where_the_fuse_carries_it() -> None:
    three = [outlet(number) for number in range(3)]
    assert shares(three, fuse(three, 960)) == [320, 320, 320]
    assert {share.why for share in allocate(three, [fuse(three, 960)], NOW).values()} == {Why.FULL}


def test_what_there_is_is_shared_alike_and_what_one_cannot_take_goes_to_the_others() -> None:
    three = [outlet(1, most=100), outlet(2), outlet(3)]
    assert shares(three, fuse(three, 500)) == [100, 200, 200]


def test_a_vehicle_that_draws_less_leaves_the_rest_to_the_others_and_gets_it_back_when_it_wants_more() -> None:
    slow = [outlet(1, given=160, drawn=70), outlet(2, given=160, drawn=158)]
    assert shares(slow, fuse(slow, 320)) == [90, 230]
    hungry = [outlet(1, given=90, drawn=88), outlet(2, given=230, drawn=228)]
    assert shares(hungry, fuse(hungry, 320)) == [160, 160]


def test_nobody_is_held_back_for_nothing() -> None:
    alone = [outlet(1, given=320, drawn=70)]
    assert shares(alone, fuse(alone, 630)) == [320]


def test_floors_keep_to_their_own_fuse_and_the_rest_goes_to_the_other_floor() -> None:
    four = [outlet(number) for number in range(4)]
    assert shares(four, fuse(four, 800), fuse(four, 200, [0, 1])) == [100, 100, 300, 300]


def test_a_contract_in_watts_counts_the_phases_that_each_outlet_has() -> None:
    two = [outlet(1, phases=(2,)), outlet(2)]
    contract = Limit(frozenset(each.key for each in two), watts=230 * 4 * 100, voltage=230)
    assert shares(two, contract) == [100, 100]
    assert used(two, contract, {OutletKey(1, 1): 100, OutletKey(2, 1): 100}) == ((100, 200, 100), 230 * 400)


def test_outlets_on_different_phases_are_not_in_each_others_way() -> None:
    three = [outlet(phase, phases=(phase,)) for phase in (1, 2, 3)]
    assert shares(three, fuse(three, 160)) == [160, 160, 160]


def test_what_an_offline_station_may_draw_is_kept_free_for_it() -> None:
    three = [outlet(1, fixed=60), outlet(2), outlet(3)]
    found = allocate(three, [fuse(three, 260)], NOW)
    assert [found[each.key].current for each in three] == [60, 100, 100]
    assert found[three[0].key].why is Why.FIXED


def test_when_that_alone_is_too_much_nobody_else_gets_anything() -> None:
    two = [outlet(1, fixed=320), outlet(2), outlet(3, charging=False)]
    assert shares(two, fuse(two, 200)) == [320, 0, 0]


def test_the_highest_priority_gets_more_but_all_get_the_least_current() -> None:
    three = [outlet(1), outlet(2, priority=5), outlet(3, priority=5)]
    assert shares(three, fuse(three, 400), sharing=Sharing.PRIORITY) == [60, 170, 170]
    assert shares(three, fuse(three, 900), sharing=Sharing.PRIORITY) == [260, 320, 320]


def test_where_not_all_can_charge_those_who_do_keep_their_turn_and_then_the_longest_waiting_comes() -> None:
    waiting = NOW - timedelta(minutes=14)
    cars = [
        Outlet(OutletKey(1, 1), NOW - timedelta(minutes=10), given=60),
        Outlet(OutletKey(2, 1), NOW - timedelta(minutes=16), given=60),
        Outlet(OutletKey(3, 1), waiting),
        Outlet(OutletKey(4, 1), waiting - timedelta(minutes=1)),
    ]
    assert shares(cars, fuse(cars, 130)) == [60, 0, 0, 65]


def test_a_vehicle_that_takes_nothing_makes_room_for_one_that_waits() -> None:
    cars = [outlet(1, given=60, drawn=0), outlet(2)]
    assert shares(cars, fuse(cars, 60)) == [0, 60]


def test_small_ones_do_not_go_past_one_that_waited_for_its_turn() -> None:
    fixed, waits = NOW - timedelta(minutes=5), NOW - timedelta(minutes=20)
    cars = [
        Outlet(OutletKey(1, 1), fixed, given=60),
        Outlet(OutletKey(2, 1), waits, least=160),
        Outlet(OutletKey(3, 1), NOW),
    ]
    assert shares(cars, fuse(cars, 160)) == [160, 0, 0]


def test_one_that_can_never_fit_is_in_nobodys_way() -> None:
    cars = [Outlet(OutletKey(1, 1), NOW - timedelta(hours=2), least=160), outlet(2)]
    assert shares(cars, fuse(cars, 120)) == [0, 120]


def test_empty_outlets_are_open_while_there_is_room_and_shut_when_there_is_none() -> None:
    three = [outlet(1, given=320), outlet(2, charging=False), outlet(3, charging=False)]
    found = allocate(three, [fuse(three, 380)], NOW)
    assert [(share.current, share.why) for share in found.values()] == [
        (320, Why.FULL),
        (60, Why.READY),
        (0, Why.CLOSED),
    ]


@pytest.mark.parametrize(("given", "then"), [(155, 155), (150, 160), (165, 160)])
def test_small_changes_are_let_be_where_the_fuse_allows(given: int, then: int) -> None:
    two = [outlet(1, given=given), outlet(2, given=given)]
    assert shares(two, fuse(two, 320)) == [then, then]


def test_what_sinks_a_little_for_no_need_stays() -> None:
    two = [outlet(1, given=135, drawn=107), outlet(2, given=160, drawn=160, most=160)]
    assert shares(two, fuse(two, 300)) == [135, 160]


def test_a_raise_that_does_not_fit_beside_what_others_still_may_draw_is_cut_or_waits() -> None:
    three = [outlet(1), outlet(2), outlet(3)]
    may = {each.key: current for each, current in zip(three, (200, 60, 0), strict=True)}
    wanted = {three[1].key: 160, three[2].key: 100}
    assert raises_that_fit(three, [fuse(three, 330)], may, wanted) == {three[1].key: 130}
    assert raises_that_fit(three, [fuse(three, 460)], may, wanted) == {three[1].key: 160, three[2].key: 100}
    assert raises_that_fit(three, [fuse(three, 260)], may, wanted) == {}


# -- for all -----------------------------------------------------------------------------------------------------------

TENTHS = st.integers(0, 400)
AGES = st.integers(0, 7200).map(lambda seconds: NOW - timedelta(seconds=seconds))


@st.composite
def fleets(draw: st.DrawFn, *, fixed: bool = True, idle: bool = True) -> list[Outlet]:
    count = draw(st.integers(1, 8))
    return [
        Outlet(
            OutletKey(number, 1),
            draw(AGES),
            charging=draw(st.booleans()) if idle else True,
            most=draw(st.integers(60, 400)),
            phases=draw(st.sampled_from([(1, 2, 3), (1,), (2,), (3,)])),
            given=draw(TENTHS),
            drawn=draw(st.none() | TENTHS),
            priority=draw(st.integers(0, 3)),
            fixed=draw(st.none() | st.none() | TENTHS) if fixed else None,
        )
        for number in range(count)
    ]


@st.composite
def limits_of(draw: st.DrawFn, outlets: list[Outlet]) -> list[Limit]:
    everybody = frozenset(each.key for each in outlets)
    found = [Limit(everybody, amperes=draw(st.tuples(*[st.integers(-100, 2000)] * 3)))]
    for _ in range(draw(st.integers(0, 2))):
        some = frozenset(draw(st.sets(st.sampled_from(sorted(everybody)))))
        watts = draw(st.integers(0, 1_000_000))
        found.append(Limit(some, watts=watts) if draw(st.booleans()) else Limit(some, amperes=(watts // 500,) * 3))
    return found


@given(st.data(), fleets(), st.sampled_from(Sharing))
def test_no_limit_is_ever_exceeded_and_nobody_gets_more_than_they_can_take(
    data: st.DataObject, outlets: list[Outlet], sharing: Sharing
) -> None:
    limits = data.draw(limits_of(outlets))
    found = {key: share.current for key, share in allocate(outlets, limits, NOW, sharing).items()}
    for each in outlets:
        if each.fixed is not None:
            assert found[each.key] == each.fixed
        else:
            assert found[each.key] == 0 or min(each.least, each.most) <= found[each.key] <= each.most
    reserve = {each.key: each.fixed for each in outlets if each.fixed is not None}
    for limit in limits:
        if fits(outlets, [limit], reserve):
            assert fits(outlets, [limit], found)
        else:  # what cannot be lowered is too much already: nobody adds to it
            assert all(
                found[each.key] == 0
                for each in outlets
                if each.key in limit.members
                and each.fixed is None
                and limit.amperes is not None
                and any(used(outlets, limit, reserve)[0][phase - 1] > limit.amperes[phase - 1] for phase in each.phases)
            )


@given(fleets(fixed=False, idle=False), st.integers(0, 2000), st.integers(0, 500))
def test_a_greater_fuse_never_lets_fewer_charge_nor_carries_less_in_all(
    outlets: list[Outlet], amperes: int, more: int
) -> None:
    alike = [msgspec.structs.replace(each, phases=(1, 2, 3), given=0, drawn=None, most=320) for each in outlets]
    small, great = shares(alike, fuse(alike, amperes)), shares(alike, fuse(alike, amperes + more))
    assert sum(current > 0 for current in small) <= sum(current > 0 for current in great)
    assert sum(small) <= sum(great) + len(alike)  # a tenth each may be lost to rounding
    if all(small):
        assert all(before <= after for before, after in zip(small, great, strict=True))


@given(fleets(fixed=False, idle=False), st.integers(60, 2000))
def test_with_one_fuse_the_share_is_the_same_for_all_who_can_take_it(outlets: list[Outlet], amperes: int) -> None:
    alike = [msgspec.structs.replace(each, phases=(1, 2, 3), given=0, drawn=None) for each in outlets]
    found = shares(alike, fuse(alike, amperes))
    level = max(found)
    for each, current in zip(alike, found, strict=True):
        assert current in (0, level, min(each.most, level))
    if 0 not in found and any(current < each.most for each, current in zip(alike, found, strict=True)):
        assert amperes - sum(found) < len(alike)  # nothing is left but what cannot be divided


@settings(max_examples=15)
@given(st.integers(2, 8), st.integers(1, 3), st.lists(st.integers(0, 3), min_size=8, max_size=8), st.booleans())
def test_nobody_starves(cars: int, room: int, priorities: list[int], by_priority: bool) -> None:
    """With room for a few of them at a time, each charges within a day of turns."""
    now = NOW
    fleet = [Outlet(OutletKey(number, 1), now, priority=priorities[number]) for number in range(cars)]
    limit = fuse(fleet, room * LEAST)
    charged: set[OutletKey] = set()
    for _ in range(24 * 12):
        found = allocate(fleet, [limit], now, Sharing.PRIORITY if by_priority else Sharing.FAIR)
        charged |= {key for key, share in found.items() if share.current}
        fleet = [
            msgspec.structs.replace(
                each,
                given=found[each.key].current,
                since=each.since if (each.given > 0) == (found[each.key].current > 0) else now,
            )
            for each in fleet
        ]
        now += timedelta(minutes=5)
    assert charged == {each.key for each in fleet}


@given(st.data(), fleets(fixed=False), st.dictionaries(st.integers(0, 7), TENTHS))
def test_raises_never_go_over_a_limit(data: st.DataObject, outlets: list[Outlet], wanted: dict[int, int]) -> None:
    limits = data.draw(limits_of(outlets))
    may = {each.key: each.given for each in outlets}
    asked = {each.key: current for each in outlets if (current := wanted.get(each.key.station_id, 0)) > each.given}
    told = raises_that_fit(outlets, limits, may, asked)
    assert all(may[key] < current <= asked[key] for key, current in told.items())
    if fits(outlets, limits, may):
        assert fits(outlets, limits, may | told)
