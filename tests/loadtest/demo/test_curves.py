"""Charging curves: nothing flows that could not."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.demo.curves import MOST_SAMPLES, charge, current_a, interval_for
from loadtest.meter import Car

CAR = Car(capacity_wh=58_000, soc=0.5, max_power_w=11_000, phases=3)


@given(st.integers(), st.floats(0.0, 0.95), st.integers(1_000, 150_000), st.integers(30, 200_000))
def test_no_more_flows_than_fits_and_than_the_outlet_gives(seed: int, soc: float, power: int, seconds: int) -> None:
    found = charge(Random(seed), CAR, soc=soc, power_w=power, seconds=seconds)
    assert 0 <= found.energy_wh <= (1 - soc) * CAR.capacity_wh + 1
    assert found.energy_wh <= power * seconds / 3600 + 1
    assert len(found.points) <= max(MOST_SAMPLES, seconds / 3600) + 1  # very long ones are looked at each hour
    for one, two in pairwise(found.points):
        assert one.second < two.second <= seconds
        assert one.energy_wh <= two.energy_wh <= found.energy_wh
        assert one.soc_percent <= two.soc_percent <= 100
        assert 0 <= two.power_w <= power


def test_a_car_that_is_full_takes_nothing_more() -> None:
    found = charge(Random(1), CAR, soc=0.9, power_w=11_000, seconds=36_000)
    assert found.full_after is not None
    assert found.points[-1].power_w == 0
    assert found.energy_wh == pytest.approx(0.099 * CAR.capacity_wh, rel=0.02)


def test_power_tapers_in_the_end() -> None:
    found = charge(Random(1), CAR, soc=0.2, power_w=50_000, seconds=5400, every=300)
    assert found.points[0].power_w > 45_000
    assert 0 < found.points[-2].power_w < 20_000


def test_samples_are_few_whatever_the_length() -> None:
    for seconds in (60, 600, 3600, 36_000):
        assert seconds / interval_for(seconds) <= MOST_SAMPLES


def test_the_current_is_shared_by_the_phases() -> None:
    assert current_a(11_040, 3) == 16.0
