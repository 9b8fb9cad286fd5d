"""When something is due that repeats by the clock on a wall: every day or on some days of the week, or once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from csms.domain.errors import InvalidArgument

DAY_MINUTES: Final = 24 * 60
_LOOK_AHEAD_DAYS: Final = 9


class Timetable(msgspec.Struct, frozen=True):
    """`minute` after midnight by the clock of `time_zone` (IANA), on these `days` (0 is Monday), or once on `on_date`.

    On the day on which the clock is put forward, a time that it leaves out is as much later as the clock was put; on
    the day on which it is put back, a time that comes twice is the first of the two.
    """

    minute: int
    days: frozenset[int] = frozenset(range(7))
    on_date: date | None = None
    time_zone: str = "UTC"


def check_timetable(timetable: Timetable) -> None:
    """Raises InvalidArgument. That the zone exists is the caller's to check."""
    if not 0 <= timetable.minute < DAY_MINUTES:
        raise InvalidArgument("The time of day is given in minutes after midnight, 0 to 1439.", reason="INVALID_TIME")
    if timetable.on_date is None and not timetable.days:
        raise InvalidArgument("Say on which days of the week, or on which date.", reason="INVALID_DAYS")
    if not timetable.days <= frozenset(range(7)):
        raise InvalidArgument("Days of the week are 0 (Monday) to 6 (Sunday).", reason="INVALID_DAYS")


def next_run(timetable: Timetable, after: datetime) -> datetime | None:
    """The first time later than `after`, in UTC; None: never again."""
    zone = ZoneInfo(timetable.time_zone)
    if timetable.on_date is not None:
        due = _moment(timetable.on_date, timetable.minute, zone)
        return due if due > after else None
    day = after.astimezone(zone).date() - timedelta(days=1)
    for _ in range(_LOOK_AHEAD_DAYS):
        if day.weekday() in timetable.days and (due := _moment(day, timetable.minute, zone)) > after:
            return due
        day += timedelta(days=1)
    return None


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
    return wall.astimezone(UTC)


def is_open(start: int, end: int, now: datetime, time_zone: str) -> bool:
    """Is it between these minutes after midnight by the clock of the zone? `end` before `start` goes past midnight;
    both the same: always."""
    if start == end:
        return True
    local = now.astimezone(ZoneInfo(time_zone))
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def opens_at(start: int, end: int, now: datetime, time_zone: str) -> datetime:
    """Now when it is open, else the next time at which it opens (UTC)."""
    if is_open(start, end, now, time_zone):
        return now
    return next_run(Timetable(start, time_zone=time_zone), now) or now
