"""Two reports beside each other: `chargehouse loadtest --compare a.json b.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from loadtest.report import ActionLine, Report, read_json

NOTEWORTHY = 0.05
"""A difference of less than a twentieth is given no colour: runs differ by that without a reason."""
Part = TypeVar("Part")
SHOWN = ("p50", "p99", "p99.9", "max")
SATURATION = {"per_second": 1, "messages": 0, "errors": -1, "cpu_us_per_message": -1}


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both reports; `better` is +1 when more is better, -1 when less is, 0 when neither."""

    what: str
    before: float | None
    after: float | None
    better: int = -1

    @property
    def ratio(self) -> float | None:
        """The second by the first; None where one of them is missing or nothing."""
        if not self.before or self.after is None:
            return None
        return self.after / self.before

    @property
    def verdict(self) -> int:
        """+1 when the second is better by more than chance, -1 when it is worse, 0 otherwise."""
        if self.before is None or self.after is None:
            return 0
        change = self.after - self.before
        if abs(change) <= NOTEWORTHY * max(abs(self.before), abs(self.after)):
            return 0
        return self.better if change > 0 else -self.better


def compare_files(before: Path, after: Path, console: Console) -> None:
    """Print how the second differs from the first. Raises ReportError or OSError when one cannot be read."""
    first, second = read_json(before), read_json(after)
    console.print(f"A: {_title(first)}\nB: {_title(second)}", highlight=False, markup=False, soft_wrap=True)
    for words in different_settings(first, second):
        console.print(f"  differs: {words}", style="yellow", markup=False, soft_wrap=True)
    table = Table()
    table.add_column("")
    for name in ("A", "B", "B − A", "B : A"):
        table.add_column(name, justify="right")
    for section in differences(first, second):
        table.add_section()
        for one in section:
            style = {1: "green", -1: "red", 0: ""}[one.verdict]
            change = None if one.before is None or one.after is None else one.after - one.before
            ratio = "" if one.ratio is None else f"× {one.ratio:.2f}"
            signed = "" if change is None else f"{change:+,.4g}" if abs(change) < 1000 else f"{change:+,.0f}"
            table.add_row(one.what, _shown(one.before), _shown(one.after), signed, ratio, style=style)
    console.print(table)


def different_settings(first: Report, second: Report) -> Iterator[str]:
    """What was not the same in settings and machine, one sentence each."""
    for mine, theirs in ((first.settings, second.settings), (first.machine, second.machine)):
        for name in dict.fromkeys([*mine, *theirs]):
            if name != "load_average" and mine.get(name) != theirs.get(name):
                yield f"{name} {mine.get(name)} and {theirs.get(name)}"


def differences(first: Report, second: Report) -> Iterator[list[Difference]]:
    """All figures, section by section."""
    yield [
        Difference("answers per second", first.answered_per_second, second.answered_per_second, 1),
        Difference("best second", first.peak_per_second, second.peak_per_second, 1),
        Difference("messages answered", first.answered, second.answered, 0),
        Difference("sessions finished", first.sessions["finished"], second.sessions["finished"], 0),
        Difference("sessions wrong", first.sessions["wrong"], second.sessions["wrong"]),
        Difference("errors", sum(first.errors.values()), sum(second.errors.values())),
        Difference("sent again", sum(first.retries.values()), sum(second.retries.values())),
    ]
    if names := dict.fromkeys([*first.saturation, *second.saturation]):
        yield [
            Difference(
                f"saturated, {name.replace('_', ' ')}", first.saturation.get(name), second.saturation.get(name), sign
            )
            for name in names
            if (sign := SATURATION.get(name)) is not None
        ]
    yield _latency("all actions", first.latency, second.latency)
    for action in sorted({*first.actions, *second.actions}):
        yield _latency(action, first.actions.get(action), second.actions.get(action))
    for method in sorted({*first.requests, *second.requests}):
        yield _latency(f"control: {method}", first.requests.get(method), second.requests.get(method))
    yield [
        *_summary("connect", first.connect, second.connect),
        *_summary("load tester late", first.lateness, second.lateness),
    ]
    yield from _machine(first, second)


def _latency(action: str, first: ActionLine | None, second: ActionLine | None) -> list[Difference]:
    count = _pair(f"{action}, count", first, second, lambda line: line.count, 0)
    return [count, *_summary(action, first.latency if first else {}, second.latency if second else {})]


def _summary(what: str, first: Mapping[str, float], second: Mapping[str, float]) -> list[Difference]:
    return [Difference(f"{what}, {name} ms", first.get(name), second.get(name)) for name in SHOWN if first or second]


def _machine(first: Report, second: Report) -> Iterator[list[Difference]]:
    one, other = first.server, second.server
    for name in sorted({*one.groups, *other.groups}):
        groups = one.groups.get(name), other.groups.get(name)
        yield [
            _pair(f"{name}, cores", *groups, lambda group: group.cpu_mean),
            _pair(f"{name}, µs of processor a message", *groups, lambda group: group.cpu_us_per_message),
            _pair(f"{name}, resident MiB", *groups, lambda group: group.resident_peak),
            _pair(f"{name}, private MiB", *groups, lambda group: group.private_peak),
            _pair(f"{name}, KiB a station", *groups, lambda group: group.kib_per_station),
        ]
    spreads = one.spreads(), other.spreads()
    for name in dict.fromkeys([*spreads[0], *spreads[1]]):
        both = spreads[0].get(name), spreads[1].get(name)
        yield [
            _pair(f"{name}, count", *both, lambda spread: spread.count, 0),
            _pair(f"{name}, ms in all", *both, lambda spread: spread.total),
            _pair(f"{name}, p99 ms at most", *both, lambda spread: spread.p99),
        ]
    if names := dict.fromkeys([*one.journal, *other.journal]):
        yield [
            Difference(f"journal, {name.replace('_', ' ')}", one.journal.get(name), other.journal.get(name), 0)
            for name in names
        ]


def _pair(
    what: str, first: Part | None, second: Part | None, read: Callable[[Part], float | None], better: int = -1
) -> Difference:
    """The same figure of a part that one of the reports may not have."""
    return Difference(what, None if first is None else read(first), None if second is None else read(second), better)


def _title(report: Report) -> str:
    settings = report.settings
    return f"{settings.get('name')}, {settings.get('stations')} stations, {report.began:.19} · {report.verdict}"


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.4g}"
