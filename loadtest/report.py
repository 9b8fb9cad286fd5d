"""The report of a run: one dictionary, printed for people and written as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from loadtest.ledger import Discrepancy
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult

SHOWN_DISCREPANCIES = 50


@dataclass(frozen=True, slots=True)
class ActionLine:
    """One action's figures, in milliseconds; `latency` from the intended time, `service` from the sending."""

    count: int
    latency: Mapping[str, float]
    service: Mapping[str, float]


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
    per_second: Sequence[Mapping[str, int]]
    actions: Mapping[str, ActionLine]
    connects: int
    connect: Mapping[str, float]
    errors: Mapping[str, int]
    retries: Mapping[str, int]
    commands: Mapping[str, int]
    sessions: Mapping[str, int]
    checked: bool
    wrong: Sequence[Discrepancy] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """True when sessions were finished, none is left hanging, and none is wrong."""
        return self.sessions["finished"] > 0 and self.sessions["unfinished"] == 0 and not self.wrong


def make_report(
    scenario: Scenario,
    target: str,
    result: SwarmResult,
    wrong: Sequence[Discrepancy] | None,
) -> Report:
    """Put the figures of a run together; `wrong` is None when nothing was checked."""
    tally = result.tally
    last = max(tally.seconds, default=-1)
    seconds = [asdict(tally.seconds[second]) for second in range(last + 1)]
    finished = result.finished
    return Report(
        settings={"target": target, **asdict(scenario)},
        machine=_machine(),
        began=result.began.isoformat(),
        seconds=round(result.seconds, 3),
        answered=tally.answered_total,
        answered_per_second=round(tally.answered_total / max(result.seconds, 1e-9), 2),
        peak_per_second=max((second["answered"] for second in seconds), default=0),
        per_second=seconds,
        actions={
            action: ActionLine(times.service.count, times.latency.summary(), times.service.summary())
            for action, times in sorted(tally.actions.items())
        },
        connects=tally.connects.count,
        connect=tally.connects.summary(),
        errors=dict(tally.errors.most_common()),
        retries=dict(tally.retries.most_common()),
        commands=dict(tally.commands.most_common()),
        sessions={
            "started": len(result.ledger),
            "finished": len(finished),
            "checked": len(finished) if wrong is not None else 0,
            "wrong": len({(one.station, one.transaction_id) for one in wrong or ()}),
            "unfinished": len(result.unfinished),
            "refused": result.refused_sessions,
            "skipped": result.skipped_sessions,
            "energy_wh": sum(record.energy_wh for record in finished),
            "meter_values": sum(len(record.samples_acknowledged) for record in finished),
        },
        checked=wrong is not None,
        wrong=tuple(wrong or ()),
    )


def _machine() -> dict[str, object]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": usable,
    }


def write_json(report: Report, path: Path) -> None:
    """Write the report; raises OSError when the file cannot be written."""
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def print_report(report: Report, console: Console) -> None:
    """Show the report in the terminal."""
    settings = report.settings
    console.print(
        f"\n[bold]{settings['stations']} stations[/bold] for {report.seconds:.0f} s against {settings['target']}"
    )
    console.print(
        f"{report.answered:,} messages answered, {report.answered_per_second:,.0f} per second "
        f"(best second {report.peak_per_second:,})"
    )
    console.print(_latency_table(report))
    for title, counts in (
        ("Errors", report.errors),
        ("Sent again", report.retries),
        ("Commands of the server", report.commands),
    ):
        if counts:
            console.print(_count_table(title, counts))
    _print_sessions(report, console)


def _latency_table(report: Report) -> Table:
    table = Table(title="Latency in ms, from the intended time of sending", title_justify="left")
    table.add_column("Action")
    for name in ("count", "p50", "p90", "p99", "p99.9", "max", "service p99"):
        table.add_column(name, justify="right")
    for action, line in report.actions.items():
        figures = [f"{value:,.1f}" for value in line.latency.values()]
        table.add_row(action, f"{line.count:,}", *figures, f"{line.service['p99']:,.1f}")
    figures = [f"{value:,.1f}" for value in report.connect.values()]
    table.add_row("(connect)", f"{report.connects:,}", *figures, "", style="dim")
    return table


def _count_table(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for kind, number in counts.items():
        table.add_row(kind, f"{number:,}")
    return table


def _print_sessions(report: Report, console: Console) -> None:
    sessions = report.sessions
    console.print(
        f"Sessions: {sessions['finished']:,} finished, {sessions['unfinished']:,} unfinished, "
        f"{sessions['refused']:,} refused, {sessions['skipped']:,} skipped; "
        f"{sessions['energy_wh'] / 1000:,.3f} kWh in {sessions['meter_values']:,} meter values"
    )
    if not report.checked:
        console.print("Not checked against the server's list (--no-check).")
    elif report.wrong:
        console.print(f"[bold red]{sessions['wrong']:,} wrong[/bold red]:")
        for discrepancy in report.wrong[:SHOWN_DISCREPANCIES]:
            console.print(f"  {discrepancy}", markup=False, soft_wrap=True)
        if len(report.wrong) > SHOWN_DISCREPANCIES:
            console.print(f"  … and {len(report.wrong) - SHOWN_DISCREPANCIES} more (all in the --json file)")
    else:
        console.print(f"[green]All {sessions['checked']:,} finished sessions are right on the server.[/green]")
    if not report.passed and not report.wrong:
        reason = "no session finished" if not sessions["finished"] else "sessions did not finish"
        console.print(f"[bold red]Failed: {reason}.[/bold red]")
