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


def test_power_and_energy_stand_before_everything_else_in_the_table():
    samples = (("Temperature", 30.0, ""), (chart.ENERGY, 1000.0, ""), (chart.POWER, 2000.0, "L1"))
    values = [value(0, *samples), value(1, ("Temperature", 31.0, ""))]
    assert chart.columns(values) == [f"{chart.POWER} L1", chart.ENERGY, "Temperature"]
    assert [row.values for row in chart.rows(values)] == [(2000.0, 1000.0, 30.0), (None, None, 31.0)]


def test_a_session_without_meter_values_has_no_newest_point():
    assert chart.point(SESSION) is None
