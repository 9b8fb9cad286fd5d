"""The time axis of a chart: a span cut into intervals of a calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.statistics import FINE, Bucket

MAX_BUCKETS: Final = 1_000
MAX_SPAN: Final = timedelta(days=20 * 366)
_AUTOMATIC: Final = (
    (timedelta(hours=26), Bucket.QUARTER_HOUR),
    (timedelta(days=4), Bucket.HOUR),
    (timedelta(days=100), Bucket.DAY),
    (timedelta(days=370), Bucket.WEEK),
    (timedelta(days=3_660), Bucket.MONTH),
)
_DAYS: Final = {Bucket.QUARTER_HOUR: 1 / 96, Bucket.HOUR: 1 / 24, Bucket.DAY: 1, Bucket.WEEK: 7, Bucket.MONTH: 28}


class Axis(msgspec.Struct, frozen=True):
    """`starts` are moments (UTC); `days` the same as days of the calendar, where the intervals are days or longer.
    `end`, `end_day`: where the last one ends."""

    bucket: Bucket
    zone: str
    starts: tuple[datetime, ...]
    end: datetime
    days: tuple[date, ...]
    end_day: date

    @property
    def fine(self) -> bool:
        """Are the intervals shorter than a day?"""
        return self.bucket in FINE

    def lengths(self) -> tuple[float, ...]:
        """Of the intervals, in seconds; a day has 23 to 25 hours."""
        return tuple(
            (until - start).total_seconds()
            for start, until in zip(self.starts, (*self.starts[1:], self.end), strict=True)
        )


def axis_of(start: datetime, end: datetime, bucket: Bucket | None, zone: str) -> Axis:
    """The intervals that hold the whole span. Raises InvalidArgument/INVALID_SPAN, /TOO_MANY_BUCKETS."""
    if not timedelta(0) < end - start <= MAX_SPAN or start.year < 1971 or end.year > 9000:
        raise InvalidArgument("A span ends after it begins, and has at most 20 years.", reason="INVALID_SPAN")
    chosen = bucket or next((name for longest, name in _AUTOMATIC if end - start <= longest), Bucket.YEAR)
    if (end - start).days / _DAYS.get(chosen, 366) > MAX_BUCKETS:
        raise InvalidArgument(
            f"That would be more than {MAX_BUCKETS} intervals. Choose longer ones, or a shorter span.",
            reason="TOO_MANY_BUCKETS",
        )
    tz = ZoneInfo(zone)
    if chosen in FINE:
        return _fine(start, end, chosen, zone, tz)
    first = _floor(start.astimezone(tz).date(), chosen)
    last = (end - timedelta(microseconds=1)).astimezone(tz).date()
    days = [first]
    until = _next(first, chosen, last)
    while until <= last:
        days.append(until)
        until = _next(until, chosen, last)
    return Axis(chosen, zone, tuple(_midnight(day, tz) for day in days), _midnight(until, tz), tuple(days), until)


def _fine(start: datetime, end: datetime, bucket: Bucket, zone: str, tz: ZoneInfo) -> Axis:
    width = timedelta(minutes=15 if bucket is Bucket.QUARTER_HOUR else 60)
    local = start.astimezone(tz)
    minute = local.minute // 15 * 15 if bucket is Bucket.QUARTER_HOUR else 0
    at = start - timedelta(minutes=local.minute - minute, seconds=local.second, microseconds=local.microsecond)
    at = at.astimezone(UTC)
    starts = []
    while at < end:
        starts.append(at)
        at += width
    return Axis(bucket, zone, tuple(starts), at, (), at.astimezone(tz).date())


def previous_span(axis: Axis) -> tuple[datetime, datetime]:
    """As many intervals as the axis has, right before it."""
    if axis.fine:
        return axis.starts[0] - (axis.end - axis.starts[0]), axis.starts[0]
    tz = ZoneInfo(axis.zone)
    day = axis.days[0]
    if axis.bucket is Bucket.TOTAL:
        return _midnight(day - (axis.end_day - day), tz), axis.starts[0]
    for _ in axis.days:
        day = _floor(day - timedelta(days=1), axis.bucket)
    return _midnight(day, tz), axis.starts[0]


def _floor(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.WEEK:
        return day - timedelta(days=day.weekday())
    if bucket is Bucket.MONTH:
        return day.replace(day=1)
    if bucket is Bucket.YEAR:
        return day.replace(month=1, day=1)
    return day


def _next(day: date, bucket: Bucket, last: date) -> date:
    if bucket is Bucket.TOTAL:
        return last + timedelta(days=1)
    if bucket is Bucket.WEEK:
        return day + timedelta(days=7)
    if bucket is Bucket.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    if bucket is Bucket.YEAR:
        return day.replace(year=day.year + 1, month=1, day=1)
    return day + timedelta(days=1)


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)
