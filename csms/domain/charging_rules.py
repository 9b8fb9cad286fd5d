"""What makes a charging profile valid, beyond its schema (OCPP 2.x K01, 1.6 §3.13, §7.8): said before a station says no
more than "Rejected"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    ChargingSchedulePeriod,
    HeldProfile,
    OperationMode,
)
from csms.domain.charging_profile import ChargingProfileKind as Kind
from csms.domain.charging_profile import ChargingProfilePurpose as Purpose
from csms.domain.errors import InvalidArgument

MAX_PERIODS: Final = 1024
MAX_SCHEDULES: Final = 3
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_STATION_WIDE: Final = (Purpose.CHARGING_STATION_MAX_PROFILE, Purpose.LOCAL_GENERATION)


def check_profile(profile: ChargingProfile, evse_id: int, *, with_start: bool = False) -> None:
    """Raises InvalidArgument/INVALID_CHARGING_PROFILE with all that is wrong, a sentence each. `with_start`: it goes
    with a remote start, so its transaction is not known yet."""
    wrong = list(_faults(profile, evse_id, with_start))
    if wrong:
        raise InvalidArgument(" ".join(wrong[:8]), reason="INVALID_CHARGING_PROFILE")


def check_beside(profile: ChargingProfile, evse_id: int, held: Iterable[HeldProfile]) -> None:
    """Against what the station holds already. Raises InvalidArgument/OVERLAPPING_CHARGING_PROFILE: of two profiles that
    are valid at the same time, at the same place and for the same purpose, the stack level must differ."""
    for other in held:
        if conflict(profile, evse_id, other):
            raise InvalidArgument(
                f"Charging profile {other.profile.id} has the same purpose ({profile.charging_profile_purpose.value})"
                f" and stack level ({profile.stack_level}) at this EVSE, at the same time. Choose another stack level,"
                " or clear that profile first.",
                reason="OVERLAPPING_CHARGING_PROFILE",
                charging_profile_id=str(other.profile.id),
            )


def conflict(profile: ChargingProfile, evse_id: int, held: HeldProfile) -> bool:
    """Whether the two cannot stand beside each other. One with the same id is not in the way: it is replaced."""
    other = held.profile
    return (
        other.id != profile.id
        and other.charging_profile_purpose is profile.charging_profile_purpose
        and other.stack_level == profile.stack_level
        and other.transaction_id == profile.transaction_id
        and held.evse_id == evse_id
        and (other.valid_from or _FIRST) < (profile.valid_to or _LAST)
        and (profile.valid_from or _FIRST) < (other.valid_to or _LAST)
    )


# -- the profile ---------------------------------------------------------------------------------------------------


def _faults(profile: ChargingProfile, evse_id: int, with_start: bool) -> Iterator[str]:
    if not 0 <= profile.id < 2**31:
        yield "The id of a charging profile is a number from 0 to 2147483647."
    if profile.stack_level < 0:
        yield "Stack levels count from 0."
    if evse_id < 0:
        yield "EVSEs count from 1; 0 is the station as a whole."
    yield from _purpose_faults(profile, evse_id, with_start)
    yield from _kind_faults(profile)
    if profile.valid_from is not None and profile.valid_to is not None and profile.valid_from >= profile.valid_to:
        yield "The profile is never valid: it ends (validTo) before it begins (validFrom)."
    count = len(profile.charging_schedule)
    if not 1 <= count <= MAX_SCHEDULES:
        yield f"A charging profile has 1 to {MAX_SCHEDULES} schedules; this one has {count}."
    if len({schedule.id for schedule in profile.charging_schedule}) != count:
        yield "Each schedule of a charging profile has its own id."
    for schedule in profile.charging_schedule:
        yield from _schedule_faults(schedule)


def _purpose_faults(profile: ChargingProfile, evse_id: int, with_start: bool) -> Iterator[str]:
    purpose, kind = profile.charging_profile_purpose, profile.charging_profile_kind
    if purpose is Purpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS:
        yield (
            "ChargingStationExternalConstraints are told by the station; set a ChargingStationMaxProfile to limit it."
        )
    if purpose in _STATION_WIDE and evse_id != 0:
        yield f"A {purpose.value} is for the station as a whole: set it on EVSE 0."
    if purpose is Purpose.CHARGING_STATION_MAX_PROFILE and kind is Kind.RELATIVE:
        yield "A ChargingStationMaxProfile cannot be Relative: the station as a whole has no transaction to begin with."
    if purpose is Purpose.TX_PROFILE:
        if evse_id == 0 and not with_start:
            yield "A TxProfile is for one EVSE: say which, from 1."
        if profile.transaction_id is None and not with_start:
            yield "A TxProfile is for one transaction: give its transaction id."
        if profile.transaction_id is not None and with_start:
            yield "A profile that goes with a remote start has no transaction id yet: leave it out."
    else:
        if profile.transaction_id is not None:
            yield f"A {purpose.value} is for no transaction in particular: leave the transaction id out."
        if with_start:
            yield "A profile that goes with a remote start is a TxProfile."
    if len(profile.charging_schedule) > 1 and purpose not in (Purpose.TX_PROFILE, Purpose.TX_DEFAULT_PROFILE):
        yield f"Several schedules are for a vehicle to choose from; a {purpose.value} has one."


def _kind_faults(profile: ChargingProfile) -> Iterator[str]:
    kind = profile.charging_profile_kind
    starts = [schedule.start_schedule is not None for schedule in profile.charging_schedule]
    if (kind is Kind.RECURRING) != (profile.recurrency_kind is not None):
        yield "A Recurring profile, and no other, says how it recurs (recurrencyKind): Daily or Weekly."
    if kind in (Kind.ABSOLUTE, Kind.RECURRING) and not all(starts):
        yield f"The schedules of a profile that is {kind.value} say when they start (startSchedule)."
    if kind is Kind.RELATIVE and any(starts):
        yield "The schedules of a Relative profile start with the transaction: leave startSchedule out."
    if kind is Kind.DYNAMIC:
        periods = [schedule.charging_schedule_period for schedule in profile.charging_schedule]
        if [len(each) for each in periods] != [1]:
            yield "A Dynamic profile has one schedule with one period, whose numbers are updated."
    elif profile.dyn_update_interval is not None or profile.dyn_update_time is not None:
        yield "Only a Dynamic profile is updated (dynUpdateInterval, dynUpdateTime)."


# -- its schedules -------------------------------------------------------------------------------------------------


def _schedule_faults(schedule: ChargingSchedule) -> Iterator[str]:
    name = f"schedule {schedule.id}"
    if schedule.duration is not None and schedule.duration <= 0:
        yield f"The duration of {name} is more than 0 seconds; leave it out for no end."
    if schedule.min_charging_rate is not None and not _is_rate(schedule.min_charging_rate):
        yield f"The least charging rate of {name} is 0 or more."
    if schedule.randomized_delay is not None and schedule.randomized_delay < 0:
        yield f"The random delay of {name} is 0 or more seconds."
    if schedule.limit_at_soc is not None:
        if not 0 <= schedule.limit_at_soc.soc <= 100:
            yield f"The state of charge in {name} is 0 to 100 per cent."
        if not _is_rate(schedule.limit_at_soc.limit):
            yield f"The limit at a state of charge in {name} is 0 or more."
    yield from _order_faults(schedule, name)
    for number, period in enumerate(schedule.charging_schedule_period, 1):
        for wrong in (*_rate_faults(period), *_mode_faults(period), *_phase_faults(period)):
            yield f"Period {number} of {name} {wrong}"


def _order_faults(schedule: ChargingSchedule, name: str) -> Iterator[str]:
    periods = schedule.charging_schedule_period
    if not 1 <= len(periods) <= MAX_PERIODS:
        yield f"A charging schedule has 1 to {MAX_PERIODS} periods; {name} has {len(periods)}."
        return
    starts = [period.start_period for period in periods]
    if starts[0] != 0:
        yield f"The first period of {name} starts at 0, not {starts[0]}."
    if any(later <= earlier for earlier, later in pairwise(starts)):
        yield f"The periods of {name} come in the order of their starts, no two at the same."
    if schedule.duration is not None and starts[-1] >= schedule.duration:
        yield f"The last period of {name} starts at {starts[-1]} s, when the schedule is over ({schedule.duration} s)."


def _setpoints(period: ChargingSchedulePeriod) -> tuple[float | None, ...]:
    return period.setpoint, period.setpoint_l2, period.setpoint_l3


def _discharge_limits(period: ChargingSchedulePeriod) -> tuple[float | None, ...]:
    return period.discharge_limit, period.discharge_limit_l2, period.discharge_limit_l3


def _rate_faults(period: ChargingSchedulePeriod) -> Iterator[str]:
    if any(not _is_rate(limit) for limit in (period.limit, period.limit_l2, period.limit_l3) if limit is not None):
        yield "has a limit below 0; to give power back, set a discharge limit."
    if any(not _is_rate(-limit) for limit in _discharge_limits(period) if limit is not None):
        yield "has a discharge limit above 0; what is given back counts negative."
    setpoints = _setpoints(period)
    if any(not math.isfinite(setpoint) for setpoint in setpoints if setpoint is not None):
        yield "has a setpoint that is no number."
    for name, (base, *others) in (("limit", (period.limit, period.limit_l2, period.limit_l3)), ("setpoint", setpoints)):
        if base is None and any(other is not None for other in others):
            yield f"has a {name} for L2 or L3 and none for L1."


def _mode_faults(period: ChargingSchedulePeriod) -> Iterator[str]:
    mode = period.operation_mode or OperationMode.CHARGING_ONLY
    if mode is OperationMode.CHARGING_ONLY:
        if period.limit is None:
            yield "has no limit."
        if any(value is not None for value in (*_discharge_limits(period), *_setpoints(period))):
            yield "only charges, so it has neither setpoint nor discharge limit; give it another operationMode."
    if mode is OperationMode.CENTRAL_SETPOINT and period.setpoint is None:
        yield "has no setpoint, which CentralSetpoint needs."
    if mode is OperationMode.LOCAL_FREQUENCY and not period.v2x_freq_watt_curve:
        yield "has no v2xFreqWattCurve, which LocalFrequency needs."


def _phase_faults(period: ChargingSchedulePeriod) -> Iterator[str]:
    if period.number_phases is not None and not 0 <= period.number_phases <= 3:
        yield "uses 1 to 3 phases."
    if period.phase_to_use is not None:
        if period.number_phases != 1:
            yield "names the phase to use, which is for charging on one phase (numberPhases 1)."
        if not 1 <= period.phase_to_use <= 3:
            yield "names a phase to use that is not 1, 2 or 3."


def _is_rate(rate: float) -> bool:
    return math.isfinite(rate) and rate >= 0
