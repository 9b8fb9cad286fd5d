"""Three months that could have been: nobody is at two places, meters only count upwards."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from loadtest.demo.history import History, make_history
from loadtest.demo.world import BLOCKED, SITES, World, make_world

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3, 24)


@pytest.fixture(scope="module")
def history(world: World) -> History:
    return make_history(world, 40, NOW)


def test_it_is_the_same_for_the_same_seed(world: World, history: History) -> None:
    again = make_history(world, 40, NOW)
    assert (again.visits, again.faults, again.attempts) == (history.visits, history.faults, history.attempts)


def test_outlets_have_one_visitor_at_a_time_and_their_meters_count_on(history: History) -> None:
    by_outlet = defaultdict(list)
    for visit in history.visits:
        by_outlet[visit.station, visit.evse].append(visit)
    assert len(by_outlet) > 20
    for outlet, visits in by_outlet.items():
        for one, two in pairwise(visits):
            assert one.stopped < two.started
            assert one.meter_stop_wh == two.meter_start_wh
        assert history.registers[outlet] == visits[-1].meter_stop_wh


def test_no_tag_is_at_two_outlets_at_once(history: History) -> None:
    by_tag = defaultdict(list)
    for visit in history.visits:
        if visit.id_token and visit.id_token not in BLOCKED:
            by_tag[visit.id_token].append(visit)
    for visits in by_tag.values():
        for one, two in pairwise(sorted(visits, key=lambda visit: visit.started)):
            assert one.stopped <= two.started


def test_all_is_in_the_past_and_in_the_days_that_were_asked_for(history: History) -> None:
    begin = NOW - timedelta(days=41, hours=3)
    assert all(begin < visit.started < visit.stopped <= NOW - timedelta(hours=1) for visit in history.visits)
    assert all(fault.began < NOW for fault in history.faults)
    assert all(fault.cleared is None or fault.began <= fault.cleared for fault in history.faults)


def test_offices_are_empty_on_sundays_and_busy_in_the_morning(world: World, history: History) -> None:
    days, hours = defaultdict(int), defaultdict(int)
    for visit in history.visits:
        plan = world.stations[visit.station]
        if SITES[plan.site].floors[plan.floor].use == "office":
            days[visit.started.weekday()] += 1
            hours[visit.started.hour] += 1
    assert days[6] < days[1] / 4
    assert sum(hours[hour] for hour in range(5, 10)) > sum(hours.values()) / 2


def test_some_go_wrong(history: History) -> None:
    failed = [visit for visit in history.visits if visit.charge.energy_wh == 0]
    assert 0.005 < len(failed) / len(history.visits) < 0.08
    assert any(visit.reason == "DeAuthorized" for visit in failed)
    assert history.attempts
    assert history.faults
