"""What is counted while a run goes on: latencies, connect times, answers per second, errors by kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hdrh.histogram import HdrHistogram

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

_HIGHEST_US = 3_600_000_000  # one hour: longer waits are counted as one hour
_DIGITS = 3


class Latencies:
    """One HdrHistogram of durations, three significant digits, one microsecond to one hour."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, _HIGHEST_US, _DIGITS)

    def record(self, seconds: float) -> None:
        """Count one duration in seconds; durations out of range count as the nearest end of it."""
        self._histogram.record_value(min(max(int(seconds * 1e6), 1), _HIGHEST_US))

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return int(self._histogram.get_total_count())

    def percentile(self, percent: float) -> float:
        """The duration in milliseconds that `percent` of the recorded ones do not exceed; 0 when empty."""
        return float(self._histogram.get_value_at_percentile(percent)) / 1000 if self.count else 0.0

    @property
    def highest(self) -> float:
        """The longest recorded duration in milliseconds; 0 when empty."""
        return float(self._histogram.get_max_value()) / 1000 if self.count else 0.0

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
