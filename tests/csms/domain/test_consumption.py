"""From meter curves to what is billed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.consumption import Sample, consumption_of, digest, exact
from csms.domain.tariff import Consumption

pytestmark = pytest.mark.feature("F-SES-6")
BEGAN = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def lasting(spans: tuple[tuple[datetime, datetime], ...]) -> timedelta:
    return sum((end - start for start, end in spans), timedelta(0))


def test_without_a_curve_energy_came_evenly() -> None:
    found = consumption_of(BEGAN, at(60), 11_000.0, [], at(90))
    assert found.readings == ((BEGAN, Decimal(0)), (at(60), Decimal(11_000)))
    assert (found.charging, found.parked) == (((BEGAN, at(60)),), ((at(60), at(90)),))


def test_a_session_without_energy_only_stood_there() -> None:
    found = consumption_of(BEGAN, at(60), 0.0, [])
    assert (found.charging, found.parked) == ((), ((BEGAN, at(60)),))


def test_a_vehicle_that_is_full_is_parked() -> None:
    samples = [
        Sample(at(minute), min(minute, 60) * 180.0, 10_800.0 if minute < 60 else 5.0) for minute in range(0, 121, 15)
    ]
    found = consumption_of(BEGAN, at(120), 10_800.0, samples)
    assert found.charging == ((BEGAN, at(60)),)
    assert found.parked == ((at(60), at(120)),)


def test_what_a_vehicle_takes_to_stay_awake_is_no_charging() -> None:
    samples = [Sample(BEGAN, 0.0), Sample(at(60), 7_000.0), Sample(at(480), 7_200.0)]
    found = consumption_of(BEGAN, at(480), 7_200.0, samples)
    assert found.charging == ((BEGAN, at(60)),)


def test_power_tells_more_than_a_coarse_register() -> None:
    samples = [Sample(at(minute), 1_000.0, 0.0 if 20 <= minute <= 40 else 3_000.0) for minute in range(0, 60, 10)]
    samples.append(Sample(at(60), 3_000.0, 0.0))
    found = consumption_of(BEGAN, at(60), 2_000.0, samples)
    assert lasting(found.parked) == timedelta(minutes=30), found  # 20 to 50: at 50 power flows again


def test_a_correction_shrinks_the_curve() -> None:
    samples = [Sample(BEGAN, 0.0), Sample(at(30), 6_000.0), Sample(at(60), 8_000.0)]
    found = consumption_of(BEGAN, at(60), 4_000.0, samples)
    assert [wh for _, wh in found.readings] == [0, 0, 3_000, 4_000, 4_000]


def test_what_the_curve_does_not_know_came_after_it() -> None:
    found = consumption_of(BEGAN, at(60), 9_000.0, [Sample(BEGAN, 0.0), Sample(at(30), 6_000.0)])
    assert found.readings[-2:] == ((at(30), Decimal(6_000)), (at(60), Decimal(9_000)))


def test_a_register_that_rolls_over_goes_on() -> None:
    samples = [Sample(BEGAN, 99_000.0), Sample(at(30), 1_000.0), Sample(at(60), 3_000.0)]
    found = consumption_of(BEGAN, at(60), 4_000.0, samples)
    assert [wh for _, wh in found.readings] == [0, 0, 2_000, 4_000, 4_000]


def test_readings_outside_of_the_session_are_left_out() -> None:
    samples = [Sample(at(-5), 0.0), Sample(at(5), 100.0), Sample(at(70), 9_999.0)]
    found = consumption_of(BEGAN, at(60), 500.0, samples)
    assert [moment for moment, _ in found.readings] == [BEGAN, at(5), at(60)]


def test_an_end_before_the_begin_takes_no_time() -> None:
    found = consumption_of(BEGAN, at(-10), 500.0, [])
    assert found.readings == ((BEGAN, Decimal(0)), (BEGAN, Decimal(500)))
    assert (found.charging, found.parked) == ((), ())


def test_a_digest_tells_consumptions_apart() -> None:
    one = consumption_of(BEGAN, at(60), 500.0, [])
    assert digest(one) == digest(consumption_of(BEGAN, at(60), 500.0, []))
    assert digest(one) != digest(consumption_of(BEGAN, at(60), 500.1, []))


readings = st.lists(
    st.tuples(st.floats(0, 120), st.none() | st.floats(0, 1e6, allow_nan=False), st.none() | st.floats(0, 350_000)),
    max_size=20,
)


@given(readings, st.floats(0, 1e6), st.floats(0, 120), st.floats(0, 60))
def test_energy_and_time_always_add_up(
    raw: list[tuple[float, float | None, float | None]], energy: float, minutes: float, stayed: float
) -> None:
    samples = [Sample(at(minute), wh, watt) for minute, wh, watt in sorted(raw, key=lambda each: each[0])]
    ended = at(minutes)
    found = consumption_of(BEGAN, ended, energy, samples, ended + timedelta(minutes=stayed))
    assert found.readings[0] == (BEGAN, Decimal(0))
    assert found.readings[-1] == (ended, exact(energy))
    for (one, before), (other, after) in pairwise(found.readings):
        assert one <= other
        assert before <= after
    whole = lasting(found.charging) + lasting(found.parked)
    assert whole == (ended + timedelta(minutes=stayed)) - BEGAN
    apart(found)


def apart(found: Consumption) -> None:
    spans = sorted([*found.charging, *found.parked])
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
