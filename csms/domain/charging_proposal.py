"""Schedules for a vehicle that told what it needs (OCPP 2.x K15, K16): as fast as possible, evenly until it leaves, and
as late as possible, all within what the station may draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

import msgspec

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    CompositeSchedule,
)
from csms.domain.composite_schedule import Supply
from csms.domain.ev_charging_needs import ChargingNeeds

DAY_S: Final = 86_400
PROPOSED_IDS: Final = 2_000_000_000
"""Profiles that we propose by ourselves have this id and the EVSE's number on top."""
_PHASES: Final = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3}
_SECONDS_PER_HOUR: Final = 3600.0


class Demand(msgspec.Struct, frozen=True):
    """What is needed: rates in `unit`, and how many watts one unit of rate is."""

    unit: ChargingRateUnit
    least_rate: float
    most_rate: float
    watts: float
    phases: int | None = None
    energy_wh: float | None = None
    departure: datetime | None = None

    def horizon_s(self, now: datetime) -> int:
        """How long to plan: until departure, else a day."""
        if self.departure is None:
            return DAY_S
        return max(0, math.floor((self.departure - now).total_seconds()))


class Step(msgspec.Struct, frozen=True):
    """From `start_s` on, until the next, at `rate`."""

    start_s: int
    rate: float


def demand_of(needs: ChargingNeeds, supply: Supply) -> Demand | None:
    """None where the vehicle did not tell what it can take."""
    ac, dc, v2x = needs.ac_charging_parameters, needs.dc_charging_parameters, needs.v2x_charging_parameters
    if ac is not None:
        phases = _PHASES.get(needs.requested_energy_transfer, supply.phases)
        return _sensible(
            Demand(
                ChargingRateUnit.AMPERE,
                ac.ev_min_current,
                ac.ev_max_current,
                supply.voltage * phases,
                phases,
                ac.energy_amount,
                needs.departure_time,
            )
        )
    if dc is not None:
        power = dc.ev_max_current * dc.ev_max_voltage if dc.ev_max_power is None else dc.ev_max_power
        energy = dc.energy_amount
        if energy is None and dc.ev_energy_capacity is not None and dc.state_of_charge is not None:
            full = 100 if dc.full_soc is None else dc.full_soc
            energy = dc.ev_energy_capacity * max(0, full - dc.state_of_charge) / 100
        return _sensible(Demand(ChargingRateUnit.WATT, 0.0, power, 1.0, None, energy, needs.departure_time))
    if v2x is not None and v2x.max_charge_power is not None:
        return _sensible(
            Demand(
                ChargingRateUnit.WATT,
                v2x.min_charge_power or 0.0,
                v2x.max_charge_power,
                1.0,
                None,
                v2x.ev_target_energy_request,
                needs.departure_time,
            )
        )
    return None


def _sensible(demand: Demand) -> Demand | None:
    return demand if demand.most_rate > 0 and demand.least_rate <= demand.most_rate else None


def propose(
    demand: Demand, limit: CompositeSchedule, now: datetime, *, max_tuples: int | None = None
) -> tuple[ChargingSchedule, ...]:
    """Up to three schedules, the fastest first; none when the vehicle leaves at once. `limit`: what the station may
    draw from `now` on, in the demand's unit. The slower ones are there only if they bring the energy in time."""
    horizon = demand.horizon_s(now)
    if horizon <= 0:
        return ()
    most = math.inf if max_tuples is None else max(1, max_tuples)
    fast = _squeezed(_available(demand, limit, horizon), most, horizon)
    found = [fast]
    needed = demand.energy_wh
    if demand.departure is not None and needed is not None and 0 < needed <= _energy(fast, demand, horizon):
        for made in (_even(fast, demand, horizon, needed), _late(fast, demand, horizon, needed)):
            steps = _squeezed(made, most, horizon)
            if steps not in found and _energy(steps, demand, horizon) >= needed - 1e-6:
                found.append(steps)
    return tuple(_schedule(number, steps, demand, now, horizon) for number, steps in enumerate(found, 1))


def profile_of(
    evse_id: int, transaction_id: str, schedules: tuple[ChargingSchedule, ...], *, stack_level: int = 0
) -> ChargingProfile:
    """The TxProfile that carries them."""
    return ChargingProfile(
        PROPOSED_IDS + evse_id,
        stack_level,
        ChargingProfilePurpose.TX_PROFILE,
        ChargingProfileKind.ABSOLUTE,
        schedules,
        transaction_id=transaction_id,
    )


# -- steps ---------------------------------------------------------------------------------------------------------


def _available(demand: Demand, limit: CompositeSchedule, horizon: int) -> list[Step]:
    """What can be drawn: what the vehicle takes and the station may. Less than the vehicle's least is nothing."""
    steps = []
    for period in limit.charging_schedule_period:
        if period.start_period < horizon:
            rate = demand.most_rate if period.limit is None else min(demand.most_rate, period.limit)
            rate = math.floor(rate * 10 + 1e-6) / 10
            steps.append(Step(period.start_period, rate if rate >= demand.least_rate else 0.0))
    return _joined(steps or [Step(0, math.floor(demand.most_rate * 10) / 10)])


def _even(available: Sequence[Step], demand: Demand, horizon: int, needed: float) -> list[Step]:
    """The lowest constant rate that brings the energy."""
    low, high = 0.0, max(step.rate for step in available)
    for _ in range(40):
        middle = (low + high) / 2
        if _energy(_capped(available, middle), demand, horizon) >= needed:
            high = middle
        else:
            low = middle
    rate = max(math.ceil(high * 10 - 1e-6) / 10, math.ceil(demand.least_rate * 10) / 10)
    return _joined(_capped(available, rate))


def _capped(steps: Sequence[Step], rate: float) -> list[Step]:
    return [Step(step.start_s, min(step.rate, rate)) for step in steps]


def _late(available: Sequence[Step], demand: Demand, horizon: int, needed: float) -> list[Step]:
    """Nothing until the last second at which full rate still brings the energy."""
    low, high = 0, horizon
    while high - low > 1:
        middle = (low + high) // 2
        if _energy(_from(available, middle), demand, horizon) >= needed:
            low = middle
        else:
            high = middle
    return _joined(_from(available, low))


def _from(steps: Sequence[Step], begin: int) -> list[Step]:
    """The same from `begin` on, nothing before."""
    if begin == 0:
        return list(steps)
    at_begin = [step for step in steps if step.start_s <= begin][-1]
    return [Step(0, 0.0), Step(begin, at_begin.rate), *(step for step in steps if step.start_s > begin)]


def _energy(steps: Sequence[Step], demand: Demand, horizon: int) -> float:
    """In Wh, until the horizon."""
    ends = [*(step.start_s for step in steps[1:]), horizon]
    seconds = sum(step.rate * (end - step.start_s) for step, end in zip(steps, ends, strict=True))
    return seconds * demand.watts / _SECONDS_PER_HOUR


def _joined(steps: Sequence[Step]) -> list[Step]:
    """Without changes that change nothing."""
    return [step for number, step in enumerate(steps) if number == 0 or step.rate != steps[number - 1].rate]


def _squeezed(steps: list[Step], most: float, horizon: int) -> list[Step]:
    """At most so many: neighbours are joined at the lower rate, those first that lose least."""
    steps = list(steps)
    while len(steps) > most:
        ends = [*(step.start_s for step in steps[1:]), horizon]
        losses = []
        for number, (one, other) in enumerate(pairwise(steps)):
            wider = one if one.rate > other.rate else other
            end = ends[number] if wider is one else ends[number + 1]
            losses.append((abs(one.rate - other.rate) * (end - wider.start_s), number))
        _, number = min(losses)
        joined = Step(steps[number].start_s, min(steps[number].rate, steps[number + 1].rate))
        steps[number : number + 2] = [joined]
    return _joined(steps)


def _schedule(number: int, steps: Sequence[Step], demand: Demand, now: datetime, horizon: int) -> ChargingSchedule:
    return ChargingSchedule(
        number,
        demand.unit,
        tuple(ChargingSchedulePeriod(step.start_s, step.rate, number_phases=demand.phases) for step in steps),
        start_schedule=now,
        duration=horizon,
    )
