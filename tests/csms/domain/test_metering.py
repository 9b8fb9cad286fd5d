"""Units become one, and registers are followed over roll-overs and swaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.metering import (
    CURRENT,
    ENERGY_REGISTER,
    POWER,
    VOLTAGE,
    MeterValue,
    Register,
    SampledValue,
    Step,
    default_unit,
    to_base_unit,
)

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "unit", "multiplier", "expected"),
    [
        (1.5, "kWh", 0, (1500.0, "Wh")),
        (0.1, "kWh", 0, (100.0, "Wh")),
        (7.4, "kW", 0, (7400.0, "W")),
        (12.0, "Wh", 3, (12000.0, "Wh")),
        (50.0, "Fahrenheit", 0, (10.0, "Celsius")),
        (273.15, "K", 0, (0.0, "Celsius")),
        (21.0, "Celcius", 0, (21.0, "Celsius")),
        (3.0, "furlong", 0, (3.0, "furlong")),
    ],
)
def test_units_are_made_one(value: float, unit: str, multiplier: int, expected: tuple[float, str]) -> None:
    got, base = to_base_unit(value, unit, multiplier)
    assert (round(got, 6), base) == expected


def test_phases_are_summed_and_voltage_is_averaged() -> None:
    value = MeterValue(
        T0,
        (
            SampledValue(POWER, 1000.0, "W", "L1"),
            SampledValue(POWER, 1100.0, "W", "L2"),
            SampledValue(POWER, 900.0, "W", "L3"),
            SampledValue(VOLTAGE, 230.0, "V", "L1-N"),
            SampledValue(VOLTAGE, 232.0, "V", "L2-N"),
        ),
    )
    assert value.find(POWER) == 3000.0
    assert value.find(VOLTAGE) == 231.0
    assert value.find(CURRENT) is None


def test_the_unphased_value_wins_over_the_sum() -> None:
    value = MeterValue(T0, (SampledValue(POWER, 1.0, "W", "L1"), SampledValue(POWER, 3000.0, "W")))
    assert value.find(POWER) == 3000.0


def test_a_phase_sent_twice_counts_once() -> None:
    value = MeterValue(T0, (SampledValue(POWER, 1000.0, "W", "L1"), SampledValue(POWER, 1000.0, "W", "L1-N")))
    assert value.find(POWER) == 1000.0


def test_signed_data_is_not_a_number() -> None:
    assert MeterValue(T0, (SampledValue(ENERGY_REGISTER, 0.0, "Wh", signed="ab12"),)).find(ENERGY_REGISTER) is None


def test_a_register_advances() -> None:
    register = Register()
    assert register.read(1000.0, at(0)) is Step.FIRST
    assert register.read(1500.0, at(60)) is Step.ADVANCE
    assert register.energy_wh == 500.0


def test_a_late_reading_changes_nothing() -> None:
    register = Register()
    register.read(1000.0, at(0))
    register.read(1500.0, at(60))
    assert register.read(1200.0, at(30)) is Step.LATE
    assert register.read(1600.0, at(90)) is Step.ADVANCE
    assert register.energy_wh == 600.0


def test_a_clock_set_back_does_not_freeze_the_register() -> None:
    register = Register()
    register.read(1000.0, at(0))
    register.read(1500.0, at(-86_400))
    register.read(1700.0, at(-86_300))
    assert register.energy_wh == 700.0


def test_a_rollover_goes_on_at_nought() -> None:
    register = Register()
    register.read(999_900.0, at(0))
    assert register.read(150.0, at(60)) is Step.ROLLOVER
    assert register.energy_wh == 250.0


def test_a_swapped_meter_begins_anew() -> None:
    register = Register()
    register.read(500_000.0, at(0))
    register.read(503_000.0, at(60))
    assert register.read(12.0, at(120)) is Step.SWAP
    register.read(512.0, at(180))
    assert register.energy_wh == 3500.0


@given(st.lists(st.floats(0, 5000, allow_nan=False), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_order_of_readings_gives_the_same_energy(deltas: list[float], random: object) -> None:
    readings, total = [], 1_000_000.0
    for index, delta in enumerate(deltas):
        total += delta
        readings.append((total, at(60.0 * (index + 1))))
    last = readings[-1]
    shuffled = readings[:-1]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    register = Register()
    register.read(1_000_000.0, at(0))
    for value, when in [*shuffled, last, *shuffled]:
        register.read(value, when)
    assert register.energy_wh == pytest.approx(last[0] - 1_000_000.0)


def test_a_reading_from_before_the_first_is_the_first_where_messages_come_in_any_order() -> None:
    register = Register()
    register.read(1100.0, T0 + timedelta(minutes=1))
    register.read(1000.0, T0)
    assert register.energy_wh == 0.0
    register.read(1000.0, T0, earlier=True)
    assert (register.energy_wh, register.first_wh, register.last_wh) == (100.0, 1000.0, 1100.0)
    register.read(1050.0, T0 + timedelta(seconds=30), earlier=True)
    assert register.energy_wh == 100.0


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        ("Energy.Active.Import.Register", "Wh"),
        ("Energy.Reactive.Net", "varh"),
        ("Power.Factor", ""),
        ("Power.Offered", "W"),
        ("Current.Import.Offered", "A"),
        ("Voltage.Minimum", "V"),
        ("Display.PresentSOC", "Percent"),
        ("Display.RemainingTimeToTargetSOC", "s"),
        ("Vendor.Thing", ""),
    ],
)
def test_units_that_stations_leave_out(measurand: str, unit: str) -> None:
    assert default_unit(measurand) == unit
