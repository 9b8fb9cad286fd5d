"""Meter values to curves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from control.v1 import sessions_pb2
from tests.kit.fake_world import stamp
from webui import chart
from webui.api import convert
from webui.values import MeterValue

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def value(minutes: int, *samples: tuple[str, float, str]) -> MeterValue:
    message = sessions_pb2.MeterValue(
        sample_time=stamp(NOON + timedelta(minutes=minutes)),
        sampled_values=[sessions_pb2.SampledValue(measurand=m, value=v, phase=p) for m, v, p in samples],
    )
    return convert.meter_value(message)


SESSION = convert.session(sessions_pb2.Session(name="sessions/1"))


def test_phases_are_added_where_no_total_is_told():
    values = [value(0, *((chart.POWER, 2000.0, phase) for phase in ("L1", "L2", "L3")))]
    assert chart.series(SESSION, values)["power"] == [6.0]


def test_a_total_wins_over_its_phases():
    values = [value(0, (chart.POWER, 5900.0, ""), (chart.POWER, 2000.0, "L1"))]
    assert chart.series(SESSION, values)["power"] == [5.9]


def test_power_follows_from_the_register_where_none_is_told():
    values = [value(0, (chart.ENERGY, 1000.0, "")), value(30, (chart.ENERGY, 3000.0, ""))]
    series = chart.series(SESSION, values)
    assert series["power"] == [None, 4.0]
    assert series["energy"] == [0.0, 2.0]


def test_moments_that_tell_neither_are_left_out_of_the_chart_but_not_of_the_table():
    values = [value(0, ("Temperature", 30.0, ""))]
    assert chart.series(SESSION, values)["time"] == []
    assert chart.rows(values)[0].values == (30.0,)


def test_a_session_without_meter_values_has_no_newest_point():
    assert chart.point(SESSION) is None
