"""Meter values as lines of a chart, thinned out so that every peak can still be seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.metering import POWER, MeterValue
from csms.domain.transaction import power_of

_BUCKETS_PER_POINT: Final = 2
"""A bucket gives its least and its greatest point."""


class Point(msgspec.Struct, frozen=True, gc=False):
    """A number at a moment."""

    at: datetime
    value: float


class Series(msgspec.Struct, frozen=True):
    """One line: measurand, phase, location, unit in OCPP's words. `original_count`: how many points there were."""

    measurand: str
    phase: str
    location: str
    unit: str
    points: tuple[Point, ...]
    original_count: int


Key = tuple[str, str, str, str]


class SeriesOf:
    """Collects meter values, in the order of time."""

    def __init__(self, measurands: Iterable[str] = ()) -> None:
        self._wanted = frozenset(measurands)
        self._lines: dict[Key, list[Point]] = {}
        self._worked_out: list[Point] = []

    def add(self, value: MeterValue) -> None:
        """Take in one more."""
        measured_power = False
        for sample in value.sampled_values:
            measured_power = measured_power or sample.measurand == POWER
            if self._wants(sample.measurand):
                key = (sample.measurand, sample.phase, sample.location, sample.unit)
                self._lines.setdefault(key, []).append(Point(value.timestamp, sample.value))
        if not measured_power and self._wants(POWER) and (power := power_of(value)) is not None:
            self._worked_out.append(Point(value.timestamp, power))

    def finish(self, most: int) -> tuple[Series, ...]:
        """All lines with at most so many points each, by measurand, phase and location."""
        lines = dict(self._lines)
        if self._worked_out and not any(key[0] == POWER for key in lines):
            lines[POWER, "", "", "W"] = self._worked_out
        return tuple(Series(*key, tuple(thinned(points, most)), len(points)) for key, points in sorted(lines.items()))

    def _wants(self, measurand: str) -> bool:
        return not self._wanted or measurand in self._wanted


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most so many points (at least 4): the first and the last, and of each stretch of time between them the least
    and the greatest, so that no peak is lost."""
    most = max(most, 4)
    if len(points) <= most:
        return points
    first, last = points[0], points[-1]
    count = (most - 2) // _BUCKETS_PER_POINT
    span = (last.at - first.at).total_seconds() or 1.0
    kept = [first]
    bucket: list[Point] = []
    number = 0
    for point in points[1:-1]:
        now = min(int((point.at - first.at).total_seconds() / span * count), count - 1)
        if now != number:
            kept.extend(_extremes(bucket))
            bucket, number = [], now
        bucket.append(point)
    kept.extend(_extremes(bucket))
    kept.append(last)
    return kept


def _extremes(bucket: Sequence[Point]) -> list[Point]:
    if not bucket:
        return []
    least = min(bucket, key=lambda point: point.value)
    greatest = max(bucket, key=lambda point: point.value)
    if least is greatest:
        return [least]
    return [least, greatest] if least.at <= greatest.at else [greatest, least]
