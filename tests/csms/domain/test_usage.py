"""Sessions in slices: exact, whatever the meter says."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.usage import (
    MAX_SPAN,
    QUARTER,
    QUARTERS_A_DAY,
    Charge,
    Point,
    _steps,
    days_of,
    hours_of,
    local_time,
    slices_of,
    usage_of,
)

pytestmark = pytest.mark.feature("F-SES-7")

START = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp())


def a_charge(energy_wh: float = 9_000, seconds: int = 3_600, parked: int = 0) -> Charge:
    end = START + seconds
    return Charge(1, 2, 3, 4, 5, "TAG", "UTC", START, end, end + parked, round(energy_wh * 1000))


def test_energy_without_meter_values_is_spread_evenly() -> None:
    usage = usage_of(a_charge(8_000), [])
    assert usage.slice_mwh == (2_000_000,) * 4
    assert usage.slice_s == (900,) * 4
    assert usage.slice_w == (8_000,) * 4


def test_the_register_says_when_energy_flowed() -> None:
    points = [Point(START, 100.0, None), Point(START + 900, 3_100.0, None), Point(START + 2_700, 3_100.0, None)]
    usage = usage_of(a_charge(3_000), points)
    assert usage.slice_mwh == (3_000_000, 0, 0, 0)
    assert usage.slice_s == (900, 0, 0, 0)


def test_power_says_it_where_there_is_no_register() -> None:
    usage = usage_of(a_charge(3_000), [Point(START + 900, None, 10_000.0), Point(START + 1_800, None, 0.0)])
    assert usage.slice_mwh == (0, 3_000_000, 0, 0)
    assert usage.slice_w == (0, 10_000, 0, 0)


def test_a_correction_keeps_the_shape_and_changes_the_sum() -> None:
    points = [Point(START, 0.0, None), Point(START + 900, 1_000.0, None), Point(START + 3_600, 4_000.0, None)]
    assert usage_of(a_charge(4_000), points).slice_mwh == (1_000_000,) * 4
    assert usage_of(a_charge(2), points).slice_mwh == (500,) * 4


def test_a_vehicle_that_stays_occupies_and_does_not_charge() -> None:
    usage = usage_of(a_charge(1_000, 900, parked=1_000), [])
    assert [usage.occupied_s(index) for index in range(3)] == [900, 900, 100]
    assert usage.slice_s == (900, 0, 0)


def test_a_moment_is_a_slice_too() -> None:
    usage = usage_of(a_charge(5, 0), [])
    (only,) = slices_of(usage)
    assert (only.amounts.energy_mwh, only.amounts.sessions, only.amounts.occupied_s) == (5_000, 1, 0)


def test_a_year_on_the_cable_is_told_by_its_last_month() -> None:
    usage = usage_of(a_charge(365_000, 365 * 86_400), [])
    assert len(usage.slice_mwh) <= MAX_SPAN // QUARTER + 1
    assert sum(usage.slice_mwh) == 365_000_000


def test_days_and_hours_are_those_of_the_site() -> None:
    quarter = int(datetime(2026, 3, 29, 0, 45, tzinfo=UTC).timestamp()) // QUARTER
    assert local_time("Europe/Stockholm", quarter) == (date(2026, 3, 29), 1)
    assert local_time("Europe/Stockholm", quarter + 1) == (date(2026, 3, 29), 3)
    assert local_time("Asia/Kathmandu", quarter) == (date(2026, 3, 29), 6)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Stockholm", "Asia/Kathmandu", "America/Havana", "Pacific/Apia"])
@pytest.mark.parametrize("month", [date(2026, 3, 1), date(2026, 10, 20), date(2011, 12, 20)])
def test_days_and_hours_are_cut_where_each_slice_says(zone: str, month: date) -> None:
    first = (month - date(1970, 1, 1)).days * QUARTERS_A_DAY + 7
    quarters = range(first, first + 31 * QUARTERS_A_DAY)
    of_days = {
        quarter: day for start, end, day in days_of(zone, first, quarters[-1] + 1) for quarter in range(start, end)
    }
    assert of_days == {quarter: local_time(zone, quarter)[0] for quarter in quarters}
    utc_day = first // QUARTERS_A_DAY
    hours = [(each.day, each.hour) for each in hours_of(zone, utc_day) for _ in range(each.start, each.end)]
    assert hours == [local_time(zone, utc_day * QUARTERS_A_DAY + index) for index in range(QUARTERS_A_DAY)]


def plainly(charge: Charge, points: list[Point]) -> tuple[list[int], list[int]]:
    """Energy and seconds of charging, each step cut by each slice: slow, and short."""
    usage = usage_of(charge, points)
    steps = _steps(charge, points, float(charge.began_s), float(charge.ended_s))
    weights, seconds = [0.0] * len(usage.slice_mwh), [0.0] * len(usage.slice_mwh)
    for step in steps:
        for index in range(len(weights)):
            start = (usage.first_quarter + index) * QUARTER if index else -math.inf
            end = (usage.first_quarter + index + 1) * QUARTER if index + 1 < len(weights) else math.inf
            length = step.end - step.start
            if length > 0:
                part = max(0.0, min(end, step.end) - max(start, step.start)) / length
            else:
                part = float(start <= step.start < end)
            weights[index] += step.weight * part
            seconds[index] += length * part * step.charging
    energy = [charge.energy_mwh * weight / sum(weights) if steps else 0.0 for weight in weights]
    return [round(each) for each in energy], [min(QUARTER, round(each)) for each in seconds]


POINTS = st.lists(
    st.builds(
        Point,
        st.floats(START - 4_000, START + 40_000),
        st.none() | st.floats(-1e9, 1e9),
        st.none() | st.floats(-1e6, 1e6),
    ),
    max_size=12,
)


@given(
    energy=st.integers(0, 10**13),
    seconds=st.integers(0, 40 * 86_400),
    parked=st.integers(0, 40 * 86_400),
    power=st.floats(0, 1e7),
    points=POINTS,
)
def test_slices_add_up_whatever_the_meter_says(
    energy: int, seconds: int, parked: int, power: float, points: list[Point]
) -> None:
    end = START + seconds
    charge = Charge(1, 2, 3, 4, 5, "TAG", "Asia/Kathmandu", START, end, end + parked, energy, power)
    usage = usage_of(charge, sorted(points, key=lambda point: point.at))
    slices = list(slices_of(usage))
    assert sum(each.amounts.energy_mwh for each in slices) == energy
    assert min(each.amounts.energy_mwh for each in slices) >= 0
    assert sum(each.amounts.sessions for each in slices) == 1
    assert all(0 <= each.amounts.charging_s <= QUARTER for each in slices)
    assert all(0 <= each.amounts.occupied_s <= QUARTER for each in slices)
    assert max(each.peak_w for each in slices) >= round(power)
    if seconds + parked < MAX_SPAN:
        assert sum(each.amounts.occupied_s for each in slices) == seconds + parked


@given(
    seconds=st.sampled_from((0, 899, 900, 5_000, 86_400, 33 * 86_400)),
    parked=st.sampled_from((0, 1_000)),
    times=st.lists(st.integers(0, 40_000), max_size=5),
    registers=st.lists(st.integers(0, 5_000), min_size=5, max_size=5),
)
def test_slices_are_what_cutting_each_step_says(
    seconds: int, parked: int, times: list[int], registers: list[int]
) -> None:
    end = START + seconds
    charge = Charge(1, 2, 3, 4, 5, "TAG", "UTC", START, end, end + parked, 7_654_321)
    points = [Point(float(START + at), float(n), None) for at, n in zip(sorted(times), registers, strict=False)]
    usage = usage_of(charge, points)
    energy, charging = plainly(charge, points)
    assert usage.slice_mwh == pytest.approx(energy, abs=1)  # whole numbers that must add up
    assert usage.slice_s == pytest.approx(charging, abs=1)
