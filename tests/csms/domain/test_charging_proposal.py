"""Schedules for vehicles keep to what vehicle and station can, and bring the energy in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.charging_profile import ChargingRateUnit, ChargingSchedule, ChargingSchedulePeriod, CompositeSchedule
from csms.domain.charging_proposal import Demand, demand_of, profile_of, propose
from csms.domain.charging_rules import check_profile
from csms.domain.composite_schedule import Supply
from csms.domain.ev_charging_needs import (
    AcChargingParameters,
    ChargingNeeds,
    DcChargingParameters,
    V2xChargingParameters,
)
from tests.kit.profiles import START

A, W = ChargingRateUnit.AMPERE, ChargingRateUnit.WATT
SUPPLY = Supply()


def limits(*periods: tuple[int, float | None], unit: ChargingRateUnit = A) -> CompositeSchedule:
    made = tuple(ChargingSchedulePeriod(start, limit) for start, limit in periods)
    return CompositeSchedule(1, 86_400, START, unit, made)


def a_demand(**changes: Any) -> Demand:
    fields: dict[str, Any] = {
        "unit": A,
        "least_rate": 6.0,
        "most_rate": 16.0,
        "watts": 690.0,
        "phases": 3,
        "energy_wh": 11_040.0,
        "departure": START + timedelta(hours=4),
    }
    return Demand(**{**fields, **changes})


def rates(schedule: ChargingSchedule) -> list[tuple[int, float | None]]:
    return [(period.start_period, period.limit) for period in schedule.charging_schedule_period]


@pytest.mark.feature("F-OCPP-4")
def test_three_ways_for_one_need() -> None:
    # 11,040 Wh at 16 A on three phases of 230 V is one hour.
    fast, even, late = propose(a_demand(least_rate=2.0), limits((0, 32.0)), START)
    assert rates(fast) == [(0, 16.0)]
    assert rates(even) == [(0, 4.0)]
    assert rates(late) == [(0, 0.0), (3 * 3600, 16.0)]
    assert [schedule.id for schedule in (fast, even, late)] == [1, 2, 3]
    assert fast.duration == 4 * 3600
    check_profile(profile_of(2, "7", (fast, even, late)), 2)


def test_station_s_limit_shapes_all_of_them() -> None:
    fast, even, late = propose(a_demand(), limits((0, 10.0), (3600, None)), START)
    assert rates(fast) == [(0, 10.0), (3600, 16.0)]
    assert rates(even) == [(0, 6.0)]
    assert rates(late) == [(0, 0.0), (3 * 3600, 16.0)]


def test_less_than_the_vehicle_s_least_is_nothing() -> None:
    (fast,) = propose(a_demand(energy_wh=None), limits((0, 5.0), (60, 16.0)), START)
    assert rates(fast) == [(0, 0.0), (60, 16.0)]


@pytest.mark.parametrize(
    "changes",
    [{"energy_wh": None}, {"departure": None}, {"energy_wh": 1e9}, {"energy_wh": 0.0}],
)
def test_only_the_fastest_where_nothing_slower_can_be_planned(changes: dict[str, Any]) -> None:
    assert len(propose(a_demand(**changes), limits((0, 32.0)), START)) == 1


def test_vehicle_that_leaves_at_once_gets_none() -> None:
    assert propose(a_demand(departure=START), limits((0, 32.0)), START) == ()


def test_no_more_periods_than_the_vehicle_can_read() -> None:
    wild = limits(*((60 * number, 6.0 + number % 5) for number in range(30)))
    for schedule in propose(a_demand(), wild, START, max_tuples=3):
        assert len(schedule.charging_schedule_period) <= 3


def needs(**fields: Any) -> ChargingNeeds:
    return ChargingNeeds(**{"requested_energy_transfer": "AC_two_phase", **fields})


def test_what_vehicles_tell_of_their_needs() -> None:
    ac = AcChargingParameters(5000.0, 6.0, 32.0, 400.0)
    demand = demand_of(needs(ac_charging_parameters=ac, departure_time=START), SUPPLY)
    assert demand == Demand(A, 6.0, 32.0, 460.0, 2, 5000.0, START)
    dc = DcChargingParameters(100.0, 400.0, ev_energy_capacity=50_000.0, state_of_charge=20, full_soc=80)
    demand = demand_of(needs(requested_energy_transfer="DC", dc_charging_parameters=dc), SUPPLY)
    assert demand == Demand(W, 0.0, 40_000.0, 1.0, None, 30_000.0, None)
    v2x = V2xChargingParameters(max_charge_power=11_000.0, ev_target_energy_request=1000.0)
    demand = demand_of(needs(requested_energy_transfer="AC_BPT", v2x_charging_parameters=v2x), SUPPLY)
    assert demand == Demand(W, 0.0, 11_000.0, 1.0, None, 1000.0, None)
    assert demand_of(needs(), SUPPLY) is None
    assert demand_of(needs(ac_charging_parameters=AcChargingParameters(1.0, 9.0, 8.0, 400.0)), SUPPLY) is None


PERIODS = st.lists(st.tuples(st.integers(1, 7200), st.none() | st.floats(0, 40)), max_size=6).map(
    lambda made: [(0, 20.0), *sorted(dict(made).items())]
)


@pytest.mark.feature("F-OCPP-4")
@given(
    PERIODS,
    st.integers(1, 7200),
    st.floats(0, 40_000),
    st.floats(0, 10),
    st.none() | st.integers(0, 5),
)
def test_never_above_the_limit_and_never_too_late(
    periods: list[tuple[int, float | None]], leaves: int, energy: float, least: float, tuples: int | None
) -> None:
    demand = a_demand(energy_wh=energy, least_rate=least, departure=START + timedelta(seconds=leaves))
    schedules = propose(demand, limits(*periods), START, max_tuples=tuples)
    assert 1 <= len(schedules) <= 3
    brought = []
    for schedule in schedules:
        total = 0.0
        for second in range(leaves):
            rate = [limit for start, limit in rates(schedule) if start <= second][-1]
            allowed = [limit for start, limit in periods if start <= second][-1]
            assert rate is not None
            assert rate <= min(16.0, 99.0 if allowed is None else allowed) + 1e-6
            assert rate == 0 or rate >= least
            total += rate * 690.0 / 3600
        brought.append(total)
    assert all(total >= energy - 0.001 for total in brought[1:])
    assert brought[0] >= max(brought) - 0.001 or tuples is not None
