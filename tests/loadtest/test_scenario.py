"""What each simulated station is to do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario import (
    NATURAL_SESSION,
    Scenario,
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


def test_a_run_too_short_for_any_session_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="--minutes longer or --ramp shorter"):
        plan_station(Scenario(stations=1, minutes=0.04), 0)
