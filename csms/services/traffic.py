"""How many messages went by and how long stations waited for their answers: counted on the message path, cheaply.

What stations send decides the words that are counted under; so that nobody can fill the memory with words, there are
at most `MOST_KINDS` of them, and the rest counts as "other".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from csms.ports.message_log import Direction

MOST_KINDS: Final = 500
OTHER: Final = "other"
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; the buckets of the latencies."""

Kind = tuple[Direction, str, str]
"""Direction, message type (CALL, CALLRESULT, …), action."""


class Traffic:
    """Counters since the start of the process."""

    __slots__ = ("_buckets", "_counts", "_seconds")

    def __init__(self) -> None:
        self._counts: dict[Kind, int] = {}
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, direction: Direction, message_type: str, action: str, latency_s: float | None) -> None:
        """One message. `latency_s`: how long the station waited for it, where it is an answer to the station."""
        kind = (direction, message_type, action)
        counts = self._counts
        if kind in counts:
            counts[kind] += 1
        else:
            self._begin(kind)
        if latency_s is not None:
            self._seconds += latency_s
            self._buckets[bisect_left(BOUNDS, latency_s)] += 1

    def _begin(self, kind: Kind) -> None:
        if len(self._counts) >= MOST_KINDS:
            kind = (kind[0], OTHER, OTHER)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    @property
    def counts(self) -> Mapping[Kind, int]:
        """Messages by kind."""
        return MappingProxyType(self._counts)

    @property
    def latencies(self) -> tuple[tuple[int, ...], float]:
        """How many fell into each bucket (up to each of `BOUNDS`, then beyond), and the sum in seconds."""
        return tuple(self._buckets), self._seconds
