"""What results of all charging profiles that a station holds, computed by us (OCPP 2.x K08, 1.6 §5.7.2).

Of each purpose, at every moment, the valid profile with the highest stack level counts (on the same level the one of
the EVSE before the station's). A transaction is held by its TxProfile, else by the TxDefaultProfile; priority charging
takes the place of both. The station is held by its ChargingStationMaxProfile and by external constraints, to which
local generation is added. The lowest of these is the limit; where nothing limits, a period has none.

Not in it, because only the station knows: what EVSEs share among each other, random delays, limits at a state of
charge, local time, which of several schedules a vehicle chose (the first one is taken).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingSchedulePeriod,
    CompositeSchedule,
    HeldProfile,
    RecurrencyKind,
)
from csms.domain.charging_profile import ChargingProfileKind as Kind
from csms.domain.charging_profile import ChargingProfilePurpose as Purpose
from csms.domain.charging_profile import ChargingRateUnit as Unit

DAY: Final = 86_400
_RECURS: Final = {RecurrencyKind.DAILY: DAY, RecurrencyKind.WEEKLY: 7 * DAY}
_PLACES: Final = 1


class Supply(msgspec.Struct, frozen=True):
    """For amperes and watts: volts between phase and neutral, and the phases that charge where a profile does not
    say."""

    voltage: float = 230.0
    phases: int = 3


class RunningTransaction(msgspec.Struct, frozen=True):
    """The transaction at the EVSE: as the station names it, and since when it charges."""

    transaction_id: str
    started_at: datetime
    priority: bool = False


class Limit(msgspec.Struct, frozen=True):
    """In watts, and in amperes per phase; `phases` where a profile says so."""

    power_w: float
    current_a: float
    phases: int | None = None

    def rate(self, unit: Unit) -> float:
        """In the unit."""
        return self.power_w if unit is Unit.WATT else self.current_a


def composite_schedule(
    held: Iterable[HeldProfile],
    *,
    evse_id: int,
    start: datetime,
    duration_s: int,
    unit: Unit,
    supply: Supply | None = None,
    transaction: RunningTransaction | None = None,
) -> CompositeSchedule:
    """From `start` for `duration_s` seconds. Relative profiles begin with the transaction, else at `start`. For EVSE 0
    it is what holds the station as a whole, not the sum of its EVSEs."""
    supply = supply or Supply()
    lanes = _lanes(held, evse_id, start, duration_s, supply, transaction)
    moments = sorted({0, *(moment for lane in lanes for moment in lane.changes(duration_s))})
    periods: list[ChargingSchedulePeriod] = []
    for moment in moments:
        limit = _limit_at(lanes, moment, unit, priority=transaction is not None and transaction.priority)
        rate = None if limit is None else _rounded(limit.rate(unit))
        phases = None if limit is None else limit.phases
        if not periods or (periods[-1].limit, periods[-1].number_phases) != (rate, phases):
            periods.append(ChargingSchedulePeriod(moment, rate, number_phases=phases))
    return CompositeSchedule(evse_id, duration_s, start, unit, tuple(periods))


def _rounded(rate: float) -> float:
    """Down, so that a rounded limit never allows more. A hair above is what conversion left."""
    return math.floor(rate * 10**_PLACES + 1e-6) / 10**_PLACES


# -- one profile over time -----------------------------------------------------------------------------------------


class _Lane:
    """One profile on the time line: seconds from the start that is asked for."""

    __slots__ = (
        "_begins",
        "_every",
        "_from",
        "_length",
        "_limits",
        "_starts",
        "_until",
        "purpose",
        "rank",
    )

    def __init__(self, held: HeldProfile, start: datetime, begins: datetime, supply: Supply) -> None:
        profile = held.profile
        schedule = profile.charging_schedule[0]
        self.purpose = profile.charging_profile_purpose
        self.rank = (profile.stack_level, held.evse_id > 0)
        """Which of one purpose wins."""
        self._every = _RECURS[profile.recurrency_kind] if profile.recurrency_kind is not None else None
        self._begins = _seconds(begins - start)
        self._length = math.inf if schedule.duration is None else float(schedule.duration)
        if self._every is not None:
            self._length = min(self._length, self._every)
        self._from = -math.inf if profile.valid_from is None else _seconds(profile.valid_from - start)
        self._until = math.inf if profile.valid_to is None else _seconds(profile.valid_to - start)
        self._starts = [period.start_period for period in schedule.charging_schedule_period]
        self._limits = [
            _limit_of(period, schedule.charging_rate_unit, supply) for period in schedule.charging_schedule_period
        ]

    def at(self, moment: float) -> tuple[bool, Limit | None]:
        """(is it at work, its limit)."""
        if not self._from <= moment < self._until or moment < self._begins:
            return False, None
        into = moment - self._begins
        if self._every is not None:
            into %= self._every
        if into >= self._length:
            return False, None
        return True, self._limits[bisect_right(self._starts, into) - 1]

    def changes(self, duration_s: int) -> Iterator[int]:
        """The whole seconds within the duration at which `at` may change."""
        for moment in (self._from, self._until):
            if 0 < moment <= duration_s - 1:
                yield math.ceil(moment)
        for beginning in self._beginnings(duration_s):
            for into in (*self._starts, self._length):
                moment = beginning + into
                if 0 < moment <= duration_s - 1:
                    yield math.ceil(moment)

    def _beginnings(self, duration_s: int) -> Iterator[float]:
        if self._every is None:
            yield self._begins
            return
        first = max(0, math.floor(-self._begins / self._every))
        beginning = self._begins + first * self._every
        while beginning < duration_s:
            yield beginning
            beginning += self._every


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def _limit_of(period: ChargingSchedulePeriod, unit: Unit, supply: Supply) -> Limit | None:
    rates = (period.limit, period.limit_l2, period.limit_l3)
    if period.limit is None:
        return None
    phases = period.number_phases or supply.phases
    per_phase = [period.limit if rate is None else rate for rate in rates][:phases]
    if unit is Unit.AMPERE:
        return Limit(sum(per_phase) * supply.voltage, min(per_phase), period.number_phases)
    power = period.limit if period.limit_l2 is None and period.limit_l3 is None else sum(per_phase)
    return Limit(power, power / phases / supply.voltage, period.number_phases)


# -- all of them ---------------------------------------------------------------------------------------------------


def _lanes(
    held: Iterable[HeldProfile],
    evse_id: int,
    start: datetime,
    duration_s: int,
    supply: Supply,
    transaction: RunningTransaction | None,
) -> list[_Lane]:
    lanes = []
    for each in held:
        profile = each.profile
        if not profile.charging_schedule or not _applies(each, evse_id, transaction):
            continue
        begins = profile.charging_schedule[0].start_schedule
        if begins is None or profile.charging_profile_kind in (Kind.RELATIVE, Kind.DYNAMIC):
            begins = _without_start(profile, start, transaction)
        lanes.append(_Lane(each, start, begins, supply))
    return lanes


def _without_start(profile: ChargingProfile, start: datetime, transaction: RunningTransaction | None) -> datetime:
    if profile.charging_profile_kind is Kind.DYNAMIC or transaction is None:
        return start
    return transaction.started_at


def _applies(held: HeldProfile, evse_id: int, transaction: RunningTransaction | None) -> bool:
    """Whether it has a say at this EVSE."""
    profile = held.profile
    match profile.charging_profile_purpose:
        case Purpose.TX_PROFILE:
            return (
                evse_id > 0
                and held.evse_id == evse_id
                and transaction is not None
                and profile.transaction_id == transaction.transaction_id
            )
        case Purpose.TX_DEFAULT_PROFILE | Purpose.PRIORITY_CHARGING:
            return evse_id > 0 and held.evse_id in (0, evse_id)
        case Purpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS:
            return held.evse_id in (0, evse_id)
        case _:
            return held.evse_id == 0


def _limit_at(lanes: Sequence[_Lane], moment: float, unit: Unit, *, priority: bool) -> Limit | None:
    winners: dict[Purpose, tuple[tuple[int, bool], Limit | None]] = {}
    for lane in lanes:
        at_work, limit = lane.at(moment)
        if at_work and (lane.purpose not in winners or winners[lane.purpose][0] < lane.rank):
            winners[lane.purpose] = (lane.rank, limit)

    limits = {purpose: limit for purpose, (_, limit) in winners.items()}
    external = limits.get(Purpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS)
    local = limits.get(Purpose.LOCAL_GENERATION)
    if external is not None and local is not None:
        external = Limit(external.power_w + local.power_w, external.current_a + local.current_a, external.phases)
    candidates = [limits.get(Purpose.CHARGING_STATION_MAX_PROFILE), external]
    of_transaction = (Purpose.PRIORITY_CHARGING, Purpose.TX_PROFILE, Purpose.TX_DEFAULT_PROFILE)
    for purpose in of_transaction[0 if priority else 1 :]:
        if purpose in limits:
            candidates.append(limits[purpose])
            break
    found = [limit for limit in candidates if limit is not None]
    return min(found, key=lambda limit: limit.rate(unit)) if found else None
