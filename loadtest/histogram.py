"""A histogram of durations in HdrHistogram's layout: cheap to record, small, mergeable, readable by others' tools.

The package `hdrhistogram` writes and reads the standard encoding. Its own recording costs several times as much as
this one, and each of its histograms allocates all of its 23,552 counters; here only those exist that were hit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from hdrh.histogram import HdrHistogram

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

HIGHEST_US = 3_600_000_000  # one hour: longer waits are counted as one hour
DIGITS = 3
_HALF_BITS = 10  # three significant digits: 1,024 steps in each power of two, and 2,048 at the bottom
_EXACT_US = 2 << _HALF_BITS


def index_of(micros: int) -> int:
    """The place of a duration in µs among HdrHistogram's counters (up to 1 h, three digits)."""
    if micros < _EXACT_US:
        return micros
    shift = micros.bit_length() - _HALF_BITS - 1
    return (shift << _HALF_BITS) + (micros >> shift)


def highest_at(index: int) -> int:
    """The longest duration in µs that is counted at this place."""
    if index < _EXACT_US:
        return index
    shift = (index >> _HALF_BITS) - 1
    return ((index - (shift << _HALF_BITS) + 1) << shift) - 1


class Latencies:
    """Durations from nothing to one hour with three significant digits.

    Plain data: it can be pickled, and `merge` adds what another process has recorded.
    """

    __slots__ = ("_counts", "_highest_us")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._highest_us = 0

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return sum(self._counts.values())

    def record(self, seconds: float) -> int:
        """Count one duration in seconds; those out of range count as the nearest end of it. Returns its place."""
        micros = int(seconds * 1e6)
        if micros > self._highest_us:
            micros = self._highest_us = micros if micros < HIGHEST_US else HIGHEST_US
        if micros < 2048:  # `index_of`, spelt out: a call would cost more than all the rest
            index = micros if micros > 0 else 0
        else:
            shift = micros.bit_length() - 11
            index = (shift << 10) + (micros >> shift)
        counts = self._counts
        counts[index] = counts.get(index, 0) + 1
        return index

    def merge(self, other: Latencies) -> None:
        """Add everything that `other` counted."""
        for index, count in other._counts.items():
            self._counts[index] = self._counts.get(index, 0) + count
        self._highest_us = max(self._highest_us, other._highest_us)

    def percentile(self, percent: float) -> float:
        """The duration in milliseconds that `percent` of the recorded ones do not exceed; 0 when empty."""
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Iterable[float]) -> list[float]:
        """Several of them at once, in the order given (which must rise)."""
        return percentiles_of(self._counts, percents, self._highest_us)

    @property
    def highest(self) -> float:
        """The longest recorded duration in milliseconds; 0 when empty."""
        return self._highest_us / 1000

    def summary(self) -> dict[str, float]:
        """`{"p50": ms, "p90": …, "p99": …, "p99.9": …, "max": …}`, rounded to the microsecond."""
        values = self.percentiles(PERCENTILES)
        out = {f"p{percent:g}": round(value, 3) for percent, value in zip(PERCENTILES, values, strict=True)}
        out["max"] = round(self.highest, 3)
        return out

    def curve(self) -> list[tuple[float, float]]:
        """(percentile, milliseconds), each step halving what is left above, as far as the count bears it."""
        total = self.count
        if not total:
            return []
        percents = [0.0]
        left = 100.0
        while total * left / 100 > 1:
            percents += [100 - left * (1 - step / 8) for step in range(1, 5)]
            left /= 2
        percents.append(100.0)
        return [(round(p, 6), round(v, 3)) for p, v in zip(percents, self.percentiles(percents), strict=True)]

    def encoded(self) -> str:
        """HdrHistogram's compressed V2 encoding in base64; values are µs. Others' tools read it."""
        histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
        for index, count in self._counts.items():
            histogram.record_value(min(highest_at(index), self._highest_us), count)
        return bytes(histogram.encode()).decode()


def percentiles_of(
    counts: Mapping[int, int], percents: Iterable[float], highest_us: int = HIGHEST_US, coarse: int = 0
) -> list[float]:
    """Milliseconds at rising `percents` of `counts` by place.

    `coarse`: the places were shifted right by so many bits, so that each stands for that many more.
    """
    places = sorted(counts)
    total = sum(counts.values())
    out: list[float] = []
    at, seen = 0, 0
    for percent in percents:
        wanted = max(1, math.ceil(round(total * percent / 100, 6)))
        while at < len(places) and seen < wanted:
            seen += counts[places[at]]
            at += 1
        micros = highest_at(((places[at - 1] + 1) << coarse) - 1) if at else 0
        out.append(min(micros, highest_us) / 1000)
    return out
