"""Charging profiles in a station: what was set, and how much power it leaves to a connector now.

Within one purpose the highest stack level counts, over purposes the lowest limit; a profile of the transaction takes
the place of the default one (OCPP 1.6, 3.13.2; 2.0.1, K01). Profiles are kept as the server's JSON: the names are the
same in all versions but for id and purpose of the station's maximum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from loadtest.client import Json
from loadtest.ledger import TransactionId
from loadtest.meter import NOMINAL_VOLTAGE

STATION_WIDE = frozenset({"ChargePointMaxProfile", "ChargingStationMaxProfile", "ChargingStationExternalConstraints"})
_REPEATS = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Kept:
    """A profile and where it counts: connector or EVSE 0 is the station."""

    connector: int
    number: int
    profile: Json

    @property
    def purpose(self) -> str:
        """Of the profile."""
        return str(self.profile.get("chargingProfilePurpose", ""))

    @property
    def stack_level(self) -> int:
        """Of the profile."""
        level = self.profile.get("stackLevel", 0)
        return level if isinstance(level, int) else 0


class ChargingProfiles:
    """The profiles of one station."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[Kept] = []

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, connector: int, profile: Json) -> None:
        """Keep it. It takes the place of one with the same id, or with the same level, purpose and connector."""
        new = Kept(connector, _number(profile), profile)
        self._kept = [
            old
            for old in self._kept
            if old.number != new.number
            and (old.connector, old.purpose, old.stack_level) != (connector, new.purpose, new.stack_level)
        ]
        self._kept.append(new)

    def find(self, wanted: Callable[[Kept], bool]) -> list[Kept]:
        """Those that fit."""
        return [kept for kept in self._kept if wanted(kept)]

    def clear(self, wanted: Callable[[Kept], bool]) -> int:
        """Forget those that fit; how many there were."""
        before = len(self._kept)
        self._kept = [kept for kept in self._kept if not wanted(kept)]
        return before - len(self._kept)

    def end_of_transaction(self, connector: int) -> None:
        """Profiles of a transaction end with it."""
        self.clear(lambda kept: kept.purpose == "TxProfile" and kept.connector == connector)

    def limit_w(
        self, connector: int, now: datetime, *, phases: int, began: datetime, transaction: TransactionId | None = None
    ) -> float | None:
        """The most that may be drawn now, in W; None when nothing says so."""
        best: dict[str, tuple[int, float]] = {}
        for kept in self._kept:
            if kept.connector not in (0, connector) or not _concerns(kept, transaction):
                continue
            limit = _limit(kept.profile, now, began, phases)
            purpose = "station" if kept.purpose in STATION_WIDE else kept.purpose
            if limit is not None and (purpose not in best or kept.stack_level > best[purpose][0]):
                best[purpose] = (kept.stack_level, limit)
        if "TxProfile" in best:
            best.pop("TxDefaultProfile", None)
        return min((limit for _, limit in best.values()), default=None)


def _concerns(kept: Kept, transaction: TransactionId | None) -> bool:
    theirs = kept.profile.get("transactionId")
    return kept.purpose != "TxProfile" or theirs is None or theirs == transaction


def _number(profile: Json) -> int:
    value = profile.get("chargingProfileId", profile.get("id"))
    return value if isinstance(value, int) else 0


def _limit(profile: Json, now: datetime, began: datetime, phases: int) -> float | None:
    """What one profile says now; None while it says nothing."""
    valid_from, valid_to = _time(profile.get("validFrom")), _time(profile.get("validTo"))
    if (valid_from is not None and now < valid_from) or (valid_to is not None and now > valid_to):
        return None
    schedules = profile.get("chargingSchedule")
    schedule = schedules[0] if isinstance(schedules, list) and schedules else schedules
    if not isinstance(schedule, dict):
        return None
    began = _time(schedule.get("startSchedule")) or began if profile.get("chargingProfileKind") != "Relative" else began
    elapsed = now - began
    period = (
        _REPEATS.get(str(profile.get("recurrencyKind"))) if profile.get("chargingProfileKind") == "Recurring" else None
    )
    if period is not None:
        elapsed %= period
    seconds = elapsed.total_seconds()
    duration = schedule.get("duration")
    if seconds < 0 or (isinstance(duration, int) and seconds >= duration):
        return None
    return _at(schedule, seconds, phases)


def _at(schedule: Json, seconds: float, phases: int) -> float | None:
    found: float | None = None
    periods = schedule.get("chargingSchedulePeriod")
    for period in periods if isinstance(periods, list) else ():
        if period.get("startPeriod", 0) > seconds:
            break
        limit = period.get("limit")
        if isinstance(limit, int | float):
            amperes = schedule.get("chargingRateUnit") == "A"
            lines = min(phases, int(period.get("numberPhases") or 3))
            found = float(limit) * NOMINAL_VOLTAGE * lines if amperes else float(limit)
    return found


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
