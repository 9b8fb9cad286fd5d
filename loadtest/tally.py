"""What is counted while a run goes on: latencies, connect times, answers per second, errors by kind."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

_HIGHEST_US = 3_600_000_000  # one hour: longer waits are counted as one hour
_SUB_BUCKETS = 1024
"""Within each power of two: a reported duration is at most a thousandth too long."""


class Latencies:
    """A histogram of durations with three significant digits, one microsecond to one hour.

    Durations below 1,024 µs are counted one by one, longer ones in 512 steps per power of two, so that memory stays
    small however long a run is and however far its tail reaches.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._highest_us = 0
        self.count = 0
        """How many durations were recorded."""

    def record(self, seconds: float) -> None:
        """Count one duration in seconds; durations out of range count as the nearest end of it."""
        micros = min(max(int(seconds * 1e6), 1), _HIGHEST_US)
        shift = max(0, micros.bit_length() - _SUB_BUCKETS.bit_length() + 1)
        self._counts[((micros >> shift) + 1 << shift) - 1] += 1  # the longest duration of its step
        self._highest_us = max(self._highest_us, micros)
        self.count += 1

    def percentile(self, percent: float) -> float:
        """The duration in milliseconds that `percent` of the recorded ones do not exceed; 0 when empty."""
        wanted = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for micros in sorted(self._counts):
            seen += self._counts[micros]
            if seen >= wanted:
                return min(micros, self._highest_us) / 1000
        return 0.0

    @property
    def highest(self) -> float:
        """The longest recorded duration in milliseconds; 0 when empty."""
        return self._highest_us / 1000

    def summary(self) -> dict[str, float]:
        """`{"p50": ms, "p90": …, "p99": …, "p99.9": …, "max": …}`, rounded to the microsecond."""
        out = {f"p{percent:g}": round(self.percentile(percent), 3) for percent in PERCENTILES}
        out["max"] = round(self.highest, 3)
        return out


@dataclass(slots=True)
class ActionTimes:
    """The two clocks of one action.

    `latency` starts when the station wanted to send, so that a server which holds one answer back also
    pays for the messages that queued behind it (no coordinated omission). `service` starts when the
    message went out.
    """

    latency: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)


@dataclass(slots=True)
class Second:
    """What happened within one second of the run."""

    answered: int = 0
    errors: int = 0
    connected: int = 0


class Tally:
    """Counts one run. `began` is the value of `trio.current_time()` at its start."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.actions: defaultdict[str, ActionTimes] = defaultdict(ActionTimes)
        self.connects = Latencies()
        self.errors: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        self.seconds: defaultdict[int, Second] = defaultdict(Second)
        self.answered_total = 0
        self.online = 0

    def answered(self, action: str, *, intended: float, sent: float, now: float) -> None:
        """A CALL of ours was answered by a CALLRESULT; all three are times of `trio.current_time()`."""
        times = self.actions[action]
        times.latency.record(now - intended)
        times.service.record(now - sent)
        self.seconds[int(now - self.began)].answered += 1
        self.answered_total += 1

    def connected(self, took: float, now: float) -> None:
        """A WebSocket stands; `took` seconds from the first SYN to the end of the handshake."""
        self.connects.record(took)
        self.seconds[int(now - self.began)].connected += 1

    def error(self, kind: str, now: float) -> None:
        """Something went wrong; `kind` is a short, stable sentence to count by."""
        self.errors[kind] += 1
        self.seconds[int(now - self.began)].errors += 1
