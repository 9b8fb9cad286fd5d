"""The report of a run: one value, written as JSON and read again; others print it and draw it.

Durations are milliseconds, times since the begin of the run are seconds, memory is MiB, processor time is in cores
(1.0: one core was busy). `VERSION` is that of the JSON format: a new field does not change it, another meaning does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from loadtest.histogram import Latencies, percentiles_of
from loadtest.ledger import Discrepancy
from loadtest.report_server import ServerFigures, server_figures
from loadtest.resources import ResourceWatch, machine_facts
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult
from loadtest.tally import COARSE_BITS, ActionTimes, Second, Tally, Window

FORMAT = "chargehouse-loadtest"
VERSION = 1
ALL = "(all)"


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
    lateness: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, ActionLine] = field(default_factory=dict)
    connect_curve: Sequence[tuple[float, float]] = ()
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


def make_report(
    scenario: Scenario,
    target: str,
    result: SwarmResult,
    wrong: Sequence[Discrepancy] | None,
    watch: ResourceWatch | None = None,
) -> Report:
    """Put the figures of a run together; `wrong` is None when nothing was checked."""
    tally = result.tally
    last = max(tally.seconds, default=-1)
    seconds = [tally.seconds.get(second, Second()) for second in range(last + 1)]
    answers = [second.answered for second in seconds]
    every = ActionTimes()
    for times in tally.actions.values():
        every.merge(times)
    return Report(
        settings={"target": target, **asdict(scenario)},
        machine=machine_facts(),
        began=result.began.isoformat(),
        seconds=round(result.seconds, 3),
        answered=tally.answered_total,
        answered_per_second=round(tally.answered_total / max(result.seconds, 1e-9), 2),
        peak_per_second=max(answers, default=0),
        per_second=seconds,
        latency=_line(every),
        actions={action: _line(times) for action, times in sorted(tally.actions.items())},
        window_seconds=tally.window_seconds,
        windows=_windows(tally),
        connects=tally.connects.count,
        connect=tally.connects.summary(),
        connect_curve=tally.connects.curve(),
        errors=dict(tally.errors.most_common()),
        retries=dict(tally.retries.most_common()),
        commands=dict(tally.commands.most_common()),
        lateness=tally.lateness.summary() if tally.lateness.count else {},
        requests={method: _line(times) for method, times in sorted(tally.requests.items())},
        server=ServerFigures() if watch is None else server_figures(watch, tally.answered_total),
        sessions=_sessions(result, wrong),
        checked=wrong is not None,
        wrong=tuple(wrong or ()),
        failures=tuple(result.failures),
        interrupted=result.interrupted,
    )


def _sessions(result: SwarmResult, wrong: Sequence[Discrepancy] | None) -> dict[str, int]:
    finished = result.finished
    return {
        "started": len(result.ledger),
        "finished": len(finished),
        "checked": len(finished) if wrong is not None else 0,
        "wrong": len({(one.station, one.transaction_id) for one in wrong or ()}),
        "unfinished": len(result.unfinished),
        "refused": result.refused_sessions,
        "skipped": result.skipped_sessions,
        "energy_wh": sum(record.energy_wh for record in finished),
        "meter_values": sum(len(record.samples_acknowledged) for record in finished),
    }


def _line(times: ActionTimes) -> ActionLine:
    latency: Latencies = times.latency
    return ActionLine(
        latency.count, latency.summary(), times.service.summary(), tuple(latency.curve()), latency.encoded()
    )


def _windows(tally: Tally) -> dict[str, list[WindowLine]]:
    """Per action, and for all of them together, a line for each window in which there was an answer."""
    out: dict[str, list[WindowLine]] = {ALL: []}
    for number in sorted(tally.windows):
        window = tally.windows[number]
        second = number * tally.window_seconds
        for action, counts in ({ALL: _together(window)} | window).items():
            p50, p99, highest = (round(ms, 3) for ms in percentiles_of(counts, (50.0, 99.0, 100.0), coarse=COARSE_BITS))
            out.setdefault(action, []).append(WindowLine(second, sum(counts.values()), p50, p99, highest))
    return out


def _together(window: Window) -> dict[int, int]:
    counts: dict[int, int] = {}
    for several in window.values():
        for place, count in several.items():
            counts[place] = counts.get(place, 0) + count
    return counts


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
