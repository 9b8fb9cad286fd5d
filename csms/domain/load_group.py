"""Load groups: stations that share a fuse or a contract, what it carries, and what is safe when nobody can be told.

A group is at a place: all stations there and below, or only some of them. Groups may lie within each other (a floor
within a site); an outlet then keeps to the limits of all groups that it is in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.load_balancing import Sharing

MAX_NAME: Final = 100
MAX_AMPERES: Final = 10_000.0
MAX_WATTS: Final = 100_000_000.0
MAX_OUTLET: Final = 1_000.0
MIN_VOLTAGE: Final = 50
MAX_VOLTAGE: Final = 1_000
MAX_STATIONS: Final = 1_000
MAX_PRIORITY: Final = 100
LEAST_AMPERES: Final = 6.0
FUTURE: Final = timedelta(minutes=5)
"""So far ahead a meter's clock may be."""
LONGEST_METER_AGE_S: Final = 3_600
READING_LIMIT: Final = 1_000_000_000.0


class LimitUnit(StrEnum):
    """What a limit is in."""

    AMPERE = "AMPERE"
    """On each phase: a fuse."""
    WATT = "WATT"
    """In all: a contract."""


class Phases(StrEnum):
    """To which phases of the supply a station is connected. What is not known counts on all of them."""

    ALL = "ALL"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"

    @property
    def numbers(self) -> tuple[int, ...]:
        """From 1."""
        return (1, 2, 3) if self is Phases.ALL else (int(self.value[1]),)


class StationShare(msgspec.Struct, frozen=True):
    """What is particular about one station. `max_current_a` None: as the group says. `in_watts`: it takes limits in
    watts only (fast chargers)."""

    station_id: int
    priority: int = 0
    phases: Phases = Phases.ALL
    max_current_a: float | None = None
    in_watts: bool = False


class Policy(msgspec.Struct, frozen=True):
    """What holds for a group. Currents in amperes per phase; `limit` and `fallback_limit` in the unit."""

    unit: LimitUnit = LimitUnit.AMPERE
    limit: float = 0.0
    voltage: int = 230
    """Of a phase against neutral."""
    fail_safe_current_a: float = LEAST_AMPERES
    """An outlet whose station hears nothing from us falls back to it; 0: it does not charge."""
    max_current_a: float = 32.0
    """What an outlet can give."""
    sharing: Sharing = Sharing.FAIR
    meter: bool = False
    """A grid meter says what the building draws in all; outlets get what it leaves."""
    meter_max_age_s: int = 60
    fallback_limit: float = 0.0
    """For all outlets together, while the meter is silent."""
    station_ids: tuple[int, ...] = ()
    """Only these; none: all at the place."""
    stations: tuple[StationShare, ...] = ()


class LoadGroup(msgspec.Struct, frozen=True):
    """A group, as it is kept."""

    id: int
    place_id: int
    display_name: str
    policy: Policy = Policy()
    enabled: bool = True
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class GridReading(msgspec.Struct, frozen=True):
    """What a grid meter told: amperes on each phase, or watts in all; what flows out counts as less than 0."""

    group_id: int
    at: datetime
    amperes: tuple[float, float, float] | None = None
    watts: float | None = None

    def is_fresh(self, policy: Policy, now: datetime) -> bool:
        """Does it still count?"""
        return self.at > now - timedelta(seconds=policy.meter_max_age_s)


def checked_group(group: LoadGroup) -> LoadGroup:
    """Without blanks around its name. Raises InvalidArgument."""
    name, policy = group.display_name.strip(), group.policy
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise _wrong(f"A load group has a name of 1 to {MAX_NAME} characters.")
    most = MAX_AMPERES if policy.unit is LimitUnit.AMPERE else MAX_WATTS
    if not _between(policy.limit, 0, most) or policy.limit == 0:
        raise _wrong(f"Give the limit: more than 0 and at most {most:.0f}, in amperes of each phase or watts in all.")
    if policy.meter and not _between(policy.fallback_limit, 0, policy.limit):
        raise _wrong("The limit for times when the meter is silent is 0 up to the limit itself.")
    if not MIN_VOLTAGE <= policy.voltage <= MAX_VOLTAGE:
        raise _wrong(f"A phase has {MIN_VOLTAGE} to {MAX_VOLTAGE} volts.")
    if not 1 <= policy.meter_max_age_s <= LONGEST_METER_AGE_S:
        raise _wrong(f"A reading of the meter counts for 1 to {LONGEST_METER_AGE_S} seconds.")
    _check_outlet(policy.max_current_a, policy.fail_safe_current_a)
    if max(len(policy.station_ids), len(policy.stations)) > MAX_STATIONS:
        raise _wrong(f"A load group names at most {MAX_STATIONS} stations.")
    shares = {share.station_id for share in policy.stations}
    if len(shares) < len(policy.stations) or len(set(policy.station_ids)) < len(policy.station_ids):
        raise _wrong("Name each station once.")
    for share in policy.stations:
        if not 0 <= share.priority <= MAX_PRIORITY:
            raise _wrong(f"Priorities are 0 to {MAX_PRIORITY}; the greatest goes first.")
        if share.max_current_a is not None:
            _check_outlet(share.max_current_a, policy.fail_safe_current_a)
    return msgspec.structs.replace(group, display_name=name)


def check_reading(reading: GridReading, policy: Policy, now: datetime) -> None:
    """Raises InvalidArgument for a reading in the other unit, or of the future."""
    fits = reading.amperes is not None if policy.unit is LimitUnit.AMPERE else reading.watts is not None
    if not fits:
        wanted = "amperes on each phase" if policy.unit is LimitUnit.AMPERE else "watts in all"
        raise InvalidArgument(f"The limit of this group needs readings in {wanted}.", reason="WRONG_UNIT")
    values: Iterable[float] = reading.amperes or ((reading.watts or 0.0),)
    if not all(_between(value, -READING_LIMIT, READING_LIMIT) for value in values):
        raise InvalidArgument("Readings are numbers.", reason="INVALID_READING")
    if reading.at > now + FUTURE:
        raise InvalidArgument("The reading is of the future; set the meter's clock.", reason="INVALID_TIME")


def tenths(value: float) -> int:
    """Down to whole tenths."""
    return math.floor(round(value * 10, 6))


def _check_outlet(most: float, fail_safe: float) -> None:
    if not _between(most, LEAST_AMPERES, MAX_OUTLET):
        raise _wrong(f"An outlet gives {LEAST_AMPERES:.0f} to {MAX_OUTLET:.0f} amperes.")
    if fail_safe != 0 and not LEAST_AMPERES <= fail_safe <= most:
        raise _wrong("The fail-safe current is 0, or from 6 amperes up to what an outlet can give.")


def _between(value: float, least: float, most: float) -> bool:
    return math.isfinite(value) and least <= value <= most


def _wrong(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason="INVALID_LOAD_GROUP")
