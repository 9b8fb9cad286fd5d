"""What is counted while a run goes on: latencies, connect times, answers per second, errors by kind.

Plain data throughout: a process of the load tester pickles its tally, and another `merge`s it. Times are of
`trio.current_time()`, whose zero is another in each process; so everything is counted from `began`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from loadtest.histogram import Latencies, percentiles_of

COARSE_BITS = 4
"""Windows hold 64 steps per power of two (1.6 %) instead of 1,024: there are many windows."""
MOST_WINDOWS = 720
"""When a run has more, two neighbours become one, so that a week takes no more memory than an hour."""

COMMANDS, LATE = "(commands)", "(load tester late)"

Window = dict[str, dict[int, int]]
"""By action: how many answers came at each place (of `Latencies`, shifted right by COARSE_BITS)."""


@dataclass(slots=True)
class ActionTimes:
    """The two clocks of one action.

    `latency` starts when the station wanted to send, so that a server which holds one answer back also
    pays for the messages that queued behind it (no coordinated omission). `service` starts when the
    message went out.
    """

    latency: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)

    def merge(self, other: ActionTimes) -> None:
        """Add what `other` counted."""
        self.latency.merge(other.latency)
        self.service.merge(other.service)


@dataclass(slots=True)
class Second:
    """What happened within one second of the run."""

    answered: int = 0
    errors: int = 0
    connected: int = 0
    commands: int = 0
    online: int = 0
    """Stations online at its end, as far as a pulse was taken then."""

    def merge(self, other: Second) -> None:
        """Add what `other` counted."""
        self.answered += other.answered
        self.errors += other.errors
        self.connected += other.connected
        self.commands += other.commands
        self.online += other.online


@dataclass(slots=True)
class Pulse:
    """What is shown of a run while it goes on: small enough to go from process to process each second."""

    second: float
    online: int = 0
    answered: int = 0
    answered_last: int = 0
    """In the last full second."""
    connects: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    commands: int = 0
    window: Window = field(default_factory=dict)
    """The last seconds' latencies."""

    def merge(self, other: Pulse) -> None:
        """Add another process's."""
        self.second = max(self.second, other.second)
        self.online += other.online
        self.answered += other.answered
        self.answered_last += other.answered_last
        self.connects += other.connects
        self.errors.update(other.errors)
        self.retries += other.retries
        self.commands += other.commands
        merge_window(self.window, other.window)

    def rows(self) -> list[tuple[str, int, float, float]]:
        """(action, answers, p50 in ms, p99 in ms) of the last seconds, the busiest first."""
        rows = [
            (action, sum(counts.values()), *window_percentiles(counts, (50.0, 99.0)))
            for action, counts in self.window.items()
        ]
        return sorted(((a, n, p50, p99) for a, n, p50, p99 in rows), key=lambda row: -row[1])


class Tally:
    """Counts one run. `began` is the value of `trio.current_time()` at its start."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.actions: defaultdict[str, ActionTimes] = defaultdict(ActionTimes)
        self.connects = Latencies()
        self.errors: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        """Commands of the server that the stations answered, by action."""
        self.requests: defaultdict[str, ActionTimes] = defaultdict(ActionTimes)
        """What the load tester itself asked of the control API while the run went on, by method."""
        self.troubles: Counter[str] = Counter()
        """What befell stations by plan, by kind; see `loadtest.troubles`."""
        self.replays = Latencies()
        """How long stations took to tell what had waited for a connection."""
        self.lateness = Latencies()
        """How late the load tester's own tasks woke: when this is high, so is every latency, by its own fault."""
        self.seconds: defaultdict[int, Second] = defaultdict(Second)
        self.window_seconds = 1
        self.windows: dict[int, Window] = {}
        """Latencies over time: window n begins at n × `window_seconds`."""
        self.asides: defaultdict[str, dict[int, dict[int, int]]] = defaultdict(dict)
        """COMMANDS and LATE over time: by second of the run, how many fell at each place."""
        self.answered_total = 0
        self.online = 0
        self._noted = 0

    def answered(self, action: str, *, intended: float, sent: float, now: float) -> None:
        """A CALL of ours was answered by a CALLRESULT; all three are times of `trio.current_time()`."""
        times = self.actions[action]
        place = times.latency.record(now - intended) >> COARSE_BITS
        times.service.record(now - sent)
        second = int(now - self.began)
        self.seconds[second].answered += 1
        self.answered_total += 1
        counts = self._window(second).setdefault(action, {})
        counts[place] = counts.get(place, 0) + 1

    def requested(self, method: str, *, intended: float, sent: float, now: float) -> None:
        """A call of the control API was answered."""
        times = self.requests[method]
        place = times.latency.record(now - intended)
        times.service.record(now - sent)
        self._aside(COMMANDS, now, place)

    def connected(self, took: float, now: float) -> None:
        """A WebSocket stands; `took` seconds from the first SYN to the end of the handshake."""
        self.connects.record(took)
        self.seconds[int(now - self.began)].connected += 1

    def commanded(self, action: str, now: float) -> None:
        """The server sent a command, and the station answered it."""
        self.commands[action] += 1
        self.seconds[int(now - self.began)].commands += 1

    def error(self, kind: str, now: float) -> None:
        """Something went wrong; `kind` is a short, stable sentence to count by."""
        self.errors[kind] += 1
        self.seconds[int(now - self.began)].errors += 1

    def trouble(self, kind: str) -> None:
        """A trouble befell a station, and is over."""
        self.troubles[kind] += 1

    def late(self, seconds: float, now: float | None = None) -> None:
        """A task of the load tester woke so much later than it had wanted to."""
        place = self.lateness.record(seconds)
        if now is not None:
            self._aside(LATE, now, place)

    def _aside(self, name: str, now: float, place: int) -> None:
        second = int(now - self.began)
        if 0 <= second < MOST_WINDOWS:
            counts = self.asides[name].setdefault(second, {})
            counts[place >> COARSE_BITS] = counts.get(place >> COARSE_BITS, 0) + 1

    def pulse(self, second: float, span: int = 5) -> Pulse:
        """The state of affairs `second` seconds after the begin, with the latencies of the last `span` seconds.

        Call it each second: it also notes how many stations were online in the seconds since the last time.
        """
        whole = int(second)
        for passed in range(self._noted, whole):
            self.seconds[passed].online = self.online
        self._noted = max(self._noted, whole)
        last = self.seconds.get(whole - 1)
        window: Window = {}
        width = self.window_seconds
        for number in range(max(0, whole - span) // width, whole // width + 1):
            merge_window(window, self.windows.get(number, {}))
        return Pulse(
            second=second,
            online=self.online,
            answered=self.answered_total,
            answered_last=0 if last is None else last.answered,
            connects=self.connects.count,
            errors=Counter(self.errors),
            retries=self.retries.total(),
            commands=self.commands.total(),
            window=window,
        )

    def merge(self, other: Tally) -> None:
        """Add what another process counted of the same run; second 0 of both is taken for the same moment."""
        for mine, theirs in ((self.actions, other.actions), (self.requests, other.requests)):
            for name, times in theirs.items():
                mine[name].merge(times)
        self.connects.merge(other.connects)
        self.lateness.merge(other.lateness)
        self.replays.merge(other.replays)
        self.troubles.update(other.troubles)
        self.errors.update(other.errors)
        self.retries.update(other.retries)
        self.commands.update(other.commands)
        for second, counted in other.seconds.items():
            self.seconds[second].merge(counted)
        while self.window_seconds < other.window_seconds:
            self._widen()
        for number, window in other.windows.items():
            merge_window(self._window(number * other.window_seconds), window)
        for name, seconds in other.asides.items():
            for second, counts in seconds.items():
                merge_window({name: self.asides[name].setdefault(second, {})}, {name: counts})
        self.answered_total += other.answered_total
        self.online += other.online

    def _window(self, second: int) -> Window:
        window = self.windows.get(second // self.window_seconds)
        if window is not None:
            return window
        while second // self.window_seconds >= MOST_WINDOWS:
            self._widen()
        return self.windows.setdefault(second // self.window_seconds, {})

    def _widen(self) -> None:
        narrow, self.windows = self.windows, {}
        self.window_seconds *= 2
        for number, window in narrow.items():
            merge_window(self.windows.setdefault(number // 2, {}), window)


def merge_window(into: Window, other: Window) -> None:
    """Add the counts of `other`."""
    for action, counts in other.items():
        mine = into.setdefault(action, {})
        for place, count in counts.items():
            mine[place] = mine.get(place, 0) + count


def window_percentiles(counts: dict[int, int], percents: tuple[float, float]) -> tuple[float, float]:
    """Two rising percentiles of a window's counts, in milliseconds."""
    low, high = percentiles_of(counts, percents, coarse=COARSE_BITS)
    return low, high
