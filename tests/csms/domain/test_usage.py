"""Sessions in slices: exact, whatever the meter says."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.usage import MAX_SPAN, QUARTER, Charge, Point, local_time, slices_of, usage_of

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
