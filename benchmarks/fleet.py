"""Many stations at the pace of real life, all of them coming back at once, and what they kept while they were offline:
the load tester as its users run it.

Each run has a node of its own on the first core; PostgreSQL and the load tester have the others. Every session is
compared with the load tester's books: one that is missing, doubled or altered ends the part.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import spread, table
from benchmarks.machine import CORES, free_port, node, pin, python, tree
from benchmarks.plots import Line, curves, plot
from benchmarks.story import make_key
from loadtest.report import ALL, Report, WindowLine, read_json
from loadtest.report_making import PARTS, SETTLING
from loadtest.tally import COMMANDS, LATE

SIZES: Final = (1_000, 6_000, 18_000)
"""18,000: a process may have 20,000 descriptors where the figures of docs/performance.md are taken."""
REPEATED: Final = 1_000
"""Fleets up to this size are connected anew for each run; of larger ones, the three parts of one run are the runs."""
CONNECT_RATE: Final = 300
FAST_RATE: Final = 500
"""Before a storm, whose first connecting is not what is measured."""
TAIL: Final = 5.0  # seconds in which sessions end
COMMANDS_PER_SECOND: Final = 4
COLUMNS: Final = (
    "stations",
    "messages/s",
    "node, cores",
    "CPU ms per station and minute",
    "private MiB",
    "KiB per station",
    "p99 ms",
    "commands p99 ms",
    "p99 ms while connecting",
    "load tester late, p99 ms",
    "load tester, cores",
    "GC, ms of a second",
    "longest GC pause, ms",
)


@dataclass(slots=True)
class Fleet:
    """What was seen of fleets of one size, run by run."""

    size: int
    messages: list[float]
    cores: list[float]
    private: list[float]
    growth: list[float]
    p99: list[float]
    commands: list[float]
    connecting: list[float]
    late: list[float]
    tester: list[float]
    collecting: list[float]
    pauses: list[float]

    @property
    def cost(self) -> list[float]:
        """CPU ms of the node per station and minute."""
        return [cores * 60_000 / self.size for cores in self.cores]

    def row(self) -> list[str]:
        """A line of the table."""
        return [
            f"{self.size:,}",
            spread(self.messages),
            spread(self.cores, ".2f"),
            spread(self.cost, ".2f"),
            spread(self.private),
            spread(self.growth, ".1f"),
            spread(self.p99),
            spread(self.commands),
            spread(self.connecting),
            spread(self.late, ".1f"),
            spread(self.tester, ".2f"),
            spread(self.collecting, ".1f"),
            spread(self.pauses),
        ]


def run(scenario: str, *flags: str, node_flags: Sequence[str] = (), workers: int = 1) -> Report:
    """One run of the load tester against a node of its own. Raises SystemExit when a session is wrong."""
    control, monitor = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    more = [f"--workers={workers}"] if workers > 1 else []
    pages = [f"node-{number + 1}/metrics" for number in range(workers)] if workers > 1 else ["metrics"]
    mine = os.sched_getaffinity(0)
    with (
        node(f"--control-listen={control}", f"--monitor-listen={monitor}", *more, *node_flags) as (pid, port, folder),
        tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as reports,
    ):
        file = Path(reports) / "report.json"
        command = python(
            "loadtest",
            f"--scenario={scenario}",
            f"--target=ws://127.0.0.1:{port}/ocpp",
            f"--control={control}",
            f"--server-pid={pid}",
            f"--json={file}",
            f"--processes={workers}",
            *(f"--metrics=http://{monitor}/{page}" for page in pages),
            *flags,
        )
        environment = {**os.environ, "CHARGEHOUSE_API_KEY": make_key(folder)}
        try:
            if workers > 1:  # nothing is pinned: all share all cores
                os.sched_setaffinity(0, set(CORES))
                for process in (pid, *tree(pid)):
                    pin(process, set(CORES))
            done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
        finally:
            os.sched_setaffinity(0, mine)
        if not file.exists():
            raise SystemExit(f"{' '.join(command)} left no report:\n{done.stdout[-2000:]}")
        report = read_json(file)
        if not report.passed:
            raise SystemExit(f"{scenario}: {report.verdict}\n{done.stdout[-4000:]}")
        return report


def measure_fleet(sizes: Sequence[int], part: float, rounds: int, pictures: Path | None, workers: int = 1) -> str:
    """A table and a plot over the number of stations; each part of a run lasts so many seconds."""
    fleets, failures = [], []
    for size in sizes:
        found = Fleet(size, [], [], [], [], [], [], [], [], [], [], [])
        for number in range(rounds if size <= REPEATED else 1):
            print(f"a fleet of {size:,}, round {number + 1}", file=sys.stderr, flush=True)
            try:
                report = _stay(size, part if size > REPEATED else part / 3, workers)
            except SystemExit as error:  # the others are worth having all the same
                failures.append(f"\n\nA fleet of {size:,} failed: {str(error).splitlines()[0]}")
            else:
                _add(found, report, whole=size <= REPEATED)
        if found.cores:
            fleets.append(found)
    if not fleets:
        raise SystemExit("".join(failures))
    if pictures is not None and len(fleets) > 1:
        lines = [
            Line("CPU ms per station and minute", [(one.size, _middle(one.cost)) for one in fleets]),
            Line("KiB per station", [(one.size, _middle(one.growth)) for one in fleets]),
        ]
        (pictures / "fleet.svg").write_text(plot("Cost of a station by size of the fleet", "stations", lines))
    return table(COLUMNS, [one.row() for one in fleets], words=0) + "".join(failures)


def _stay(size: int, part: float, workers: int) -> Report:
    seconds = size / CONNECT_RATE + SETTLING + PARTS * part + TAIL + 2
    return run(
        "full-house",
        f"--stations={size}",
        f"--connect-rate={CONNECT_RATE}",
        f"--minutes={seconds / 60:.3f}",
        f"--commands-per-second={COMMANDS_PER_SECOND}",
        workers=workers,
    )


def _add(fleet: Fleet, report: Report, *, whole: bool) -> None:
    """The figures of a run: those of its three parts, or `whole`, their medians as one."""
    server, tester = report.server.groups["server"], report.server.groups.get("load tester")
    parts = report.settled[ALL]
    width = parts[1].second - parts[0].second
    seen: dict[str, list[float]] = {name: [] for name in ("messages", "cores", "p99", "collecting", "tester")}
    for one in parts:
        inside = range(one.second, one.second + width)
        seen["messages"].append(one.count / width)
        seen["p99"].append(one.p99)
        seen["cores"].append(_mean([look.cpu for look in server.looks if int(look.second) in inside]))
        seen["tester"].append(_mean([look.cpu for look in tester.looks if int(look.second) in inside]) if tester else 0)
        pauses = [second.gc_ms for second in report.server.per_second if int(second.second) in inside]
        seen["collecting"].append(_mean(pauses))
    seen["commands"] = _p99(report.settled.get(COMMANDS, ()))
    seen["late"] = _p99(report.settled.get(LATE, ()))
    for name, values in seen.items():
        getattr(fleet, name).extend([_middle(values)] if whole and values else values)
    private = server.private_peak or server.resident_peak
    first = next((look.private for look in server.looks if look.private is not None), 0.0) or 0.0
    fleet.private.append(private)
    fleet.growth.append((private - first) * 1024 / fleet.size)
    connecting = [line.p99 for line in report.windows[ALL] if line.second < parts[0].second and line.count >= 10]
    fleet.connecting.append(_middle(connecting))
    fleet.pauses.append(max((one.highest or float("inf") for one in report.server.gc.values()), default=0.0))


def _p99(parts: Sequence[WindowLine]) -> list[float]:
    return [part.p99 for part in parts]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _middle(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0


# -- a power cut ------------------------------------------------------------------------------------------------------


def measure_storm(stations: int, storms: int, gap: float, bare: float, pictures: Path | None) -> str:
    """All come back at once, several times in one run; `bare`: handshakes per second of a bare listener."""
    print(f"{stations:,} stations come back at once, {storms} times", file=sys.stderr, flush=True)
    ramp = stations / FAST_RATE
    seconds = ramp + SETTLING + storms * gap + TAIL + 2
    at = [ramp + SETTLING + number * gap for number in range(storms)]
    dark = 5.0
    report = run(
        "full-house",
        f"--stations={stations}",
        f"--connect-rate={FAST_RATE}",
        f"--minutes={seconds / 60:.4f}",
        f"--storms={','.join(f'{begin / seconds:.6f}' for begin in at)}",
        f"--storm-seconds={dark:g}",
        "--charging-share=0.1",
        "--commands-per-second=2",
        "--seed=2",
    )
    backs = [_boots(report, begin + dark, begin + gap) for begin in at]
    if pictures is not None:
        lines = [Line(f"power cut {number + 1}", points) for number, points in enumerate(backs)]
        floor = Line("a bare listener", [(0.0, 0.0), (stations / bare, float(stations))])
        drawn = curves("Stations that have booted again", "seconds after the power is back", [*lines, floor])
        (pictures / "storm.svg").write_text(drawn)
    server = report.server.groups["server"]
    rows = [
        ("seconds until half of them have booted again", spread((_reached(p, stations / 2) for p in backs), ".1f")),
        ("until 99 %", spread((_reached(p, stations * 0.99) for p in backs), ".1f")),
        ("until all", spread((_reached(p, stations) for p in backs), ".1f")),
        ("a bare listener does as many handshakes in", f"{stations / bare:.1f}"),
        *_told(report, server.private_peak or server.resident_peak),
    ]
    return table(("", f"{stations:,} stations, {storms} power cuts"), rows, words=2)


def _boots(report: Report, begin: float, end: float) -> list[tuple[float, float]]:
    """How many have booted so many seconds after the power was back."""
    counts = {line.second: line.count for line in report.windows.get("BootNotification", ())}
    points, booted = [(0.0, 0.0)], 0
    for second in range(int(begin), int(end)):
        booted += counts.get(second, 0)
        points.append((max(second + 1 - begin, 0.0), float(booted)))
    return points


def _reached(points: Sequence[tuple[float, float]], wanted: float) -> float:
    """When; infinite when it was not."""
    return next((at for at, booted in points if booted >= wanted), float("inf"))


# -- what was kept meanwhile ------------------------------------------------------------------------------------------


def measure_backlog(stations: int, hours: float, rounds: int, pictures: Path | None) -> str:
    """Each replays what it kept while it was offline."""
    reports = []
    for number in range(rounds):
        print(f"{stations:,} stations replay {hours:g} hours, round {number + 1}", file=sys.stderr, flush=True)
        hours_told = (f"--stations={stations}", f"--backlog-hours={hours:g}")
        flags = ("--engine=fleet", *hours_told, "--minutes=0.1", "--ramp=2")
        reports.append(run("offline-replay", *flags))
    if pictures is not None:
        lines = [
            Line(f"run {number + 1}", [(float(at), float(second.answered)) for at, second in enumerate(one.per_second)])
            for number, one in enumerate(reports)
        ]
        (pictures / "backlog.svg").write_text(curves("Messages answered per second", "seconds", lines))
    servers = [one.server.groups["server"] for one in reports]
    rows = [
        ("seconds in all", spread(one.seconds for one in reports)),
        ("messages answered", spread(one.answered for one in reports)),
        ("the best second", spread(one.peak_per_second for one in reports)),
        ("CPU µs of the node per message", spread((one.cpu_us_per_message for one in servers), ".1f")),
        ("a station's queue told, p50 s", spread((one.replay["p50"] / 1000 for one in reports), ".1f")),
        ("the last one's, s", spread((one.replay["max"] / 1000 for one in reports), ".1f")),
        ("load tester late, p99 ms", spread((one.lateness.get("p99", 0.0) for one in reports), ".1f")),
        ("sessions, all compared and right", spread(one.sessions["checked"] for one in reports)),
        ("their energy, MWh, right to the Wh", spread((one.sessions["energy_wh"] / 1e6 for one in reports), ".1f")),
        ("their meter values", spread(one.sessions["meter_values"] for one in reports)),
        ("errors", _errors(reports)),
        ("node: private MiB at most", spread(one.private_peak or one.resident_peak for one in servers)),
    ]
    return table(("", f"{stations:,} stations, {hours:g} hours each"), rows, words=2)


def _told(report: Report, private: float) -> list[tuple[str, str]]:
    commands = [line for line in report.requests.values() if line.count]
    answered = sum(line.count for line in commands)
    worst = max((line.latency["p99"] for line in commands), default=0.0)
    return [
        ("connections made", f"{report.connects:,}"),
        ("sessions, all compared and right", f"{report.sessions['checked']:,}"),
        ("errors", _errors([report])),
        ("commands answered, p99 ms", f"{answered:,}, {worst:,.0f}"),
        ("load tester late, p99 ms", f"{report.lateness.get('p99', 0.0):,.1f}"),
        ("node: private MiB at most", f"{private:,.0f}"),
    ]


def _errors(reports: Sequence[Report]) -> str:
    counts: dict[str, int] = {}
    for report in reports:
        for kind, count in report.errors.items():
            counts[kind] = counts.get(kind, 0) + count
    return ", ".join(f"{kind}: {count:,}" for kind, count in counts.items()) or "none"
