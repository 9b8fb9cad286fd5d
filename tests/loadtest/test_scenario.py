"""What each simulated station is to do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario import (
    NATURAL_SESSION,
    TROUBLES,
    Scenario,
    StationPlan,
    Trouble,
    fitting_meter_interval,
    fitting_time_scale,
    plan_station,
)


@given(
    minutes=st.floats(0.5, 120),
    stations=st.integers(1, 2000),
    connectors=st.integers(1, 3),
    scale=st.floats(1, 600),
    seed=st.integers(),
    data=st.data(),
)
def test_whole_sessions_fit_into_the_run_one_after_the_other(
    minutes: float, stations: int, connectors: int, scale: float, seed: int, data: st.DataObject
) -> None:
    scenario = Scenario(
        stations=stations, minutes=minutes, ramp=minutes * 10, time_scale=scale, seed=seed, connectors=connectors
    )
    index = data.draw(st.integers(0, stations - 1))
    plan = plan_station(scenario, index)
    assert 0 <= plan.start <= scenario.ramp
    assert len(plan.connectors) == connectors
    for visits in plan.connectors:
        assert visits
        assert visits[0].start >= plan.start
        assert visits[-1].end <= scenario.run_seconds - scenario.tail_seconds + 1e-6
        assert all(a.end < b.start for a, b in pairwise(visits))
        for visit in visits:
            assert visit.start < visit.tag_shown < visit.suspended < visit.stopped < visit.end


def test_a_station_lives_the_same_day_in_a_bigger_fleet() -> None:
    one = plan_station(Scenario(stations=10, ramp=0), 3)
    assert one == plan_station(Scenario(stations=5000, ramp=0), 3)
    assert one != plan_station(Scenario(stations=10, ramp=0, seed=2), 3)


def test_identities_and_tags_are_one_each() -> None:
    plans = [plan_station(Scenario(stations=300, connectors=2), index) for index in range(300)]
    assert len({plan.identity for plan in plans}) == 300
    tags = [tag for plan in plans for tag in plan.id_tags]
    assert len(set(tags)) == 600
    assert all(len(tag) <= 20 for tag in tags)
    for plan in plans:
        assert [visits[0].id_tag for visits in plan.connectors] == list(plan.id_tags)


def test_stations_come_evenly_over_the_ramp() -> None:
    starts = [plan_station(Scenario(stations=100, ramp=20), index).start for index in range(100)]
    assert starts == pytest.approx([index * 0.2 for index in range(100)])


def test_the_default_scale_lets_two_usual_sessions_into_a_minute() -> None:
    scale = fitting_time_scale(60, 10)
    assert NATURAL_SESSION[1] / scale == pytest.approx(20)
    assert fitting_time_scale(24 * 3600, 60) == 1.0
    assert fitting_meter_interval(scale) == pytest.approx(2.5)
    assert fitting_meter_interval(1.0) == 60.0


def fleet(**settings: object) -> list[StationPlan]:
    scenario = Scenario(**settings)  # type: ignore[arg-type]
    return [plan_station(scenario, index) for index in range(scenario.stations)]


def charging(plans: list[StationPlan], at: float) -> float:
    """The share of connectors that charge at this second."""
    busy = [any(v.start <= at < v.end for v in visits) for plan in plans for visits in plan.connectors]
    return sum(busy) / len(busy)


@pytest.mark.parametrize(("share", "scale"), [(0.2, 1.0), (0.2, 60.0), (0.7, 30.0)])
def test_a_share_of_all_connectors_charges_from_the_begin_to_the_end(share: float, scale: float) -> None:
    plans = fleet(stations=1000, minutes=10, ramp=0, time_scale=scale, charging_share=share)
    for at in (10.0, 100.0, 300.0, 500.0, 590.0):
        assert charging(plans, at) == pytest.approx(share, abs=0.06)
    for plan in plans:
        for visits in plan.connectors:
            assert all(a.end < b.start for a, b in pairwise(visits))


def test_in_the_morning_all_cars_come_in_a_part_of_the_run() -> None:
    plans = fleet(stations=200, minutes=10, ramp=0, arrival_share=0.25)
    first = [plan.connectors[0][0].start for plan in plans]
    assert max(first) <= 1 + 0.25 * 600
    assert max(first) - min(first) > 100


def test_versions_come_by_weight_and_evenly() -> None:
    plans = fleet(stations=400, versions={"1.6": 3, "2.0.1": 1})
    assert sum(plan.version == "1.6" for plan in plans) == pytest.approx(300, abs=4)
    for first in range(0, 380, 20):
        assert 3 <= sum(plan.version == "2.0.1" for plan in plans[first : first + 20]) <= 7
    assert {plan.version for plan in fleet(stations=5)} == {"1.6"}


def test_a_storm_hits_all_at_the_same_moment() -> None:
    plans = fleet(stations=20, minutes=1, storms=(0.5,), storm_seconds=3)
    assert {plan.troubles for plan in plans} == {(Trouble(30.0, "power-cut", 3),)}


def test_troubles_come_as_often_as_told_and_leave_time_to_recover() -> None:
    rates = dict.fromkeys(TROUBLES, 0.5) | {"repeat": 2.5}
    settings = {"stations": 400, "minutes": 5, "troubles": rates, "trouble_seconds": 10}
    plans = fleet(**settings)
    assert plans == fleet(**settings)
    found = [trouble for plan in plans for trouble in plan.troubles]
    for kind, rate in rates.items():
        assert sum(trouble.kind == kind for trouble in found) == pytest.approx(400 * rate, rel=0.2)
    for plan in plans:
        assert list(plan.troubles) == sorted(plan.troubles, key=lambda trouble: trouble.at)
        for trouble in plan.troubles:
            assert plan.start < trouble.at <= 300 - 5 - 20
            assert 5 <= trouble.seconds <= 15
    assert [plan.connectors for plan in plans] == [plan.connectors for plan in fleet(stations=400, minutes=5)]


def test_hours_before_the_run_are_full_of_visits_that_were_over_before_it() -> None:
    for plan in fleet(stations=50, connectors=2, backlog_hours=8):
        for visits, tag in zip(plan.backlog, plan.id_tags, strict=True):
            assert len(visits) >= 3
            assert visits[0].start >= -8 * 3600
            assert visits[-1].end <= -60
            assert all(a.end < b.start for a, b in pairwise(visits))
            assert {visit.id_tag for visit in visits} == {tag}
    assert fleet(stations=1)[0].backlog == ()


def test_one_tag_for_everybody_is_shown_by_everybody() -> None:
    for plan in fleet(stations=3, id_tag="PEER", backlog_hours=1):
        assert {visit.id_tag for visits in (*plan.connectors, *plan.backlog) for visit in visits} == {"PEER"}
        assert "PEER" in plan.id_tags


def test_a_run_too_short_for_any_session_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="--minutes longer or --ramp shorter"):
        plan_station(Scenario(stations=1, minutes=0.04), 0)
