"""The report of a run: one value, written as JSON and read again; others print it and draw it.

Durations are milliseconds, times since the begin of the run are seconds, memory is MiB, processor time is in cores
(1.0: one core was busy). `VERSION` is that of the JSON format: a new field does not change it, another meaning does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from loadtest.ledger import Discrepancy
from loadtest.report_server import ServerFigures
from loadtest.tally import Second

FORMAT = "chargehouse-loadtest"
VERSION = 1
ALL = "(all)"
LATE_MS, LATE_SHARE = 5.0, 0.1
"""The load tester's own lateness (p99) is worth a warning when it is more than both: ms, and share of the latency's."""


class ReportError(Exception):
    """A file that is no report; its text says why."""


@dataclass(frozen=True, slots=True)
class ActionLine:
    """One action's figures; `latency` from the intended time, `service` from the sending.

    `curve` is the latency by percentile. `hdr` is the whole histogram of it in HdrHistogram's own encoding, in µs.
    """

    count: int
    latency: Mapping[str, float]
    service: Mapping[str, float]
    curve: Sequence[tuple[float, float]] = ()
    hdr: str = ""


@dataclass(frozen=True, slots=True)
class WindowLine:
    """The latency of one action in one window, which begins at `second`."""

    second: int
    count: int
    p50: float
    p99: float
    highest: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told about a run."""

    settings: Mapping[str, object]
    machine: Mapping[str, object]
    began: str
    seconds: float
    answered: int
    answered_per_second: float
    peak_per_second: int
    per_second: Sequence[Second]
    latency: ActionLine
    actions: Mapping[str, ActionLine]
    window_seconds: int
    windows: Mapping[str, Sequence[WindowLine]]
    connects: int
    connect: Mapping[str, float]
    errors: Mapping[str, int]
    retries: Mapping[str, int]
    commands: Mapping[str, int]
    sessions: Mapping[str, int]
    checked: bool
    troubles: Mapping[str, int] = field(default_factory=dict)
    """What befell stations by plan, by kind."""
    replays: int = 0
    replay: Mapping[str, float] = field(default_factory=dict)
    """How long stations took to tell what had waited for a connection, in ms."""
    lateness: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, ActionLine] = field(default_factory=dict)
    connect_curve: Sequence[tuple[float, float]] = ()
    settled: Mapping[str, Sequence[WindowLine]] = field(default_factory=dict)
    """The time after the ramp and before the end in three parts: all messages, commands, the load tester's lateness."""
    saturation: Mapping[str, float] = field(default_factory=dict)
    """Of a closed loop's measured time: messages, seconds, per_second, errors, cpu_us_per_message (of the tester)."""
    server: ServerFigures = field(default_factory=ServerFigures)
    wrong: Sequence[Discrepancy] = ()
    failures: Sequence[str] = ()
    interrupted: bool = False
    format: str = FORMAT
    version: int = VERSION

    @property
    def passed(self) -> bool:
        """True when sessions were finished, none is left hanging, none is wrong, and the load tester did not fail."""
        return (
            self.sessions["finished"] > 0 and self.sessions["unfinished"] == 0 and not self.wrong and not self.failures
        )

    @property
    def warning(self) -> str:
        """What keeps the latencies from being the server's alone; empty when nothing does."""
        server_us, own_us = self.saturated_server_us, self.saturation.get("cpu_us_per_message", 0.0)
        if server_us is not None and server_us < 2 * own_us:
            return (
                f"The load tester spent {own_us:,.0f} µs on each message and the server {server_us:,.0f}: "
                "it may be the limit itself, so give it cores of its own and more --processes."
            )
        late = self.lateness.get("p99", 0.0)
        if late <= max(LATE_MS, self.latency.latency["p99"] * LATE_SHARE):
            return ""
        return (
            f"The load tester itself was late by {late:,.0f} ms (p99): its machine was too busy, "
            "and the latencies are in part its own."
        )

    @property
    def saturated_server_us(self) -> float | None:
        """CPU of the server for each message of a closed loop's measured time, in µs; None when it was not watched."""
        server = self.server.groups.get("server")
        if not self.saturation or server is None:
            return None
        counts = {second: line.answered for second, line in enumerate(self.per_second) if line.answered}
        inside = range(min(counts, default=0) + 1, max(counts, default=0))  # whole seconds
        cores = [look.cpu for look in server.looks if int(look.second) in inside]
        answered = [counts[second] for second in inside if second in counts]
        if not cores or not answered:
            return None
        return sum(cores) / len(cores) / (sum(answered) / len(answered)) * 1e6

    @property
    def verdict(self) -> str:
        """What came out, in a sentence."""
        sessions = self.sessions
        if self.failures:
            return f"The load tester itself failed: {self.failures[0]}"
        if self.wrong:
            return f"{sessions['wrong']:,} of {sessions['checked']:,} finished sessions are wrong on the server."
        if not sessions["finished"]:
            return "Failed: no session finished."
        if sessions["unfinished"]:
            return f"Failed: {sessions['unfinished']:,} sessions did not finish."
        if not self.checked:
            return f"{sessions['finished']:,} sessions finished; the server's list was not looked at (--no-check)."
        return f"All {sessions['checked']:,} finished sessions are right on the server."


def write_json(report: Report, path: Path) -> None:
    """Write the report; raises OSError when the file cannot be written."""
    data = msgspec.to_builtins(report, enc_hook=str, str_keys=True)
    data |= {"passed": report.passed, "verdict": report.verdict}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")


class _Head(msgspec.Struct):
    """What tells a report from other JSON."""

    format: str = ""
    version: int = 0


def read_json(path: Path) -> Report:
    """Read a report. Raises ReportError when it is none, or one of a newer version; OSError when there is no file."""
    data = path.read_bytes()
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise ReportError(f"{path} is not a report of the load tester: write one with --json")
        if head.version > VERSION:
            raise ReportError(f"{path} is of format {head.version}, and this load tester reads up to {VERSION}")
        return msgspec.json.decode(data, type=Report)
    except msgspec.DecodeError as error:
        raise ReportError(f"{path} is not a report of the load tester: {error}") from error
