"""The simulated meter and car."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from loadtest.meter import FULL, TAPER_FROM, Car, Meter, share_of_power

CAR = Car(capacity_wh=50_000, soc=0.5, max_power_w=11_000, phases=3)


def charging(car: Car = CAR, register: int = 1000) -> Meter:
    meter = Meter(Random(7), register)
    meter.plug_in(car)
    return meter


def test_an_hour_at_full_power_is_what_the_power_says() -> None:
    meter = charging()
    meter.advance(3600, charging=True)
    assert 11_000 * 0.98 <= meter.energy_wh - 1000 <= 11_000


def test_many_small_steps_count_as_much_as_a_few_long_ones() -> None:
    one, many = charging(), charging()
    one.advance(1800, charging=True)
    for _ in range(1800):
        many.advance(1.0, charging=True)
    assert many.energy_wh == pytest.approx(one.energy_wh, rel=0.01)


def test_the_register_never_runs_backwards_and_readings_agree_with_it() -> None:
    meter = charging()
    readings = []
    for _ in range(500):
        meter.advance(60, charging=True)
        reading = meter.read()
        assert reading.energy_wh == meter.energy_wh
        readings.append(reading.energy_wh)
    assert all(a <= b for a, b in pairwise(readings))


def test_a_full_battery_takes_exactly_what_was_missing() -> None:
    meter = charging()
    meter.advance(24 * 3600, charging=True)
    assert meter.full
    assert 24_900 <= meter.energy_wh - 1000 <= 25_000
    assert meter.read().soc_percent >= 99
    assert meter.read().power_w == 0


def test_no_energy_while_suspended_or_without_a_car() -> None:
    meter = charging()
    meter.advance(600, charging=True)
    before = meter.energy_wh
    meter.advance(600, charging=False)
    assert (meter.energy_wh, meter.read().power_w) == (before, 0)
    meter.unplug()
    meter.advance(600, charging=True)
    assert meter.energy_wh == before


def test_the_taper_falls_steadily() -> None:
    assert share_of_power(TAPER_FROM) == 1.0
    shares = [share_of_power(soc / 1000) for soc in range(800, 1000)]
    assert all(a >= b for a, b in pairwise(shares))
    assert share_of_power(FULL) == 0.0


def test_currents_times_voltages_are_the_power() -> None:
    meter = charging()
    meter.advance(60, charging=True)
    reading = meter.read()
    product = sum(a * v for a, v in zip(reading.current_a, reading.voltage_v, strict=True))
    assert product == pytest.approx(reading.power_w, abs=1)


def test_a_limit_lowers_the_power_and_the_energy() -> None:
    free, limited = charging(), charging()
    limited.limit_w = 4000.0
    free.advance(1800, charging=True)
    limited.advance(1800, charging=True)
    assert 3900 <= limited.read().power_w <= 4000
    assert limited.energy_wh - 1000 <= 2000 < free.energy_wh - 1000
    limited.limit_w = 0.0
    before = limited.energy_wh
    limited.advance(1800, charging=True)
    assert limited.energy_wh == before


def test_a_limit_goes_with_the_car() -> None:
    meter = charging()
    meter.limit_w = 0.0
    meter.plug_in(CAR)
    assert meter.limit_w is None
    assert meter.phases == 3
