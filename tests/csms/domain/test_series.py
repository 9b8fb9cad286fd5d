"""Lines of a chart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from csms.domain.metering import MeterValue, SampledValue
from csms.domain.series import Point, SeriesOf, thinned

T0 = datetime(2026, 5, 1, tzinfo=UTC)


def points(values: list[float]) -> list[Point]:
    return [Point(T0 + timedelta(seconds=10 * n), value) for n, value in enumerate(values)]


@given(st.lists(st.floats(-1e6, 1e6), max_size=400), st.integers(0, 60))
def test_no_peak_is_lost_and_the_order_is_kept(values: list[float], most: int) -> None:
    line = points(values)
    thin = thinned(line, most)
    assert len(thin) <= max(most, 4)
    assert [point.at for point in thin] == sorted(point.at for point in thin)
    assert set(thin) <= set(line)
    if line:
        assert (thin[0], thin[-1]) == (line[0], line[-1])
        assert max(p.value for p in thin) == max(values)
        assert min(p.value for p in thin) == min(values)


def test_all_at_one_moment_is_no_trouble() -> None:
    line = [Point(T0, float(n)) for n in range(100)]
    assert {p.value for p in thinned(line, 10)} >= {0.0, 99.0}


def sample(measurand: str, value: float, unit: str, phase: str = "") -> SampledValue:
    return SampledValue(measurand, value, unit, phase)


def test_lines_by_measurand_and_phase_with_power_worked_out() -> None:
    series = SeriesOf()
    for n in range(3):
        values = (sample("Current.Import", 10.0, "A", "L1"), sample("Voltage", 230.0, "V", "L1"))
        series.add(MeterValue(T0 + timedelta(seconds=n), values))
    lines = {(line.measurand, line.phase): line for line in series.finish(10)}
    assert set(lines) == {("Current.Import", "L1"), ("Voltage", "L1"), ("Power.Active.Import", "")}
    assert [p.value for p in lines["Power.Active.Import", ""].points] == [2_300.0] * 3


def test_only_what_is_asked_for() -> None:
    series = SeriesOf(["SoC"])
    series.add(MeterValue(T0, (sample("SoC", 50.0, "Percent"), sample("Power.Active.Import", 1.0, "W"))))
    assert [line.measurand for line in series.finish(10)] == ["SoC"]
