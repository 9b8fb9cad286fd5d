"""Many stations at the pace of real life, and all of them coming back: the load tester as its users run it.

Each run has a node of its own on the first core; PostgreSQL and the load tester have the others. Every session is
compared with the load tester's books: one that is missing, doubled or altered ends the benchmark.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.machine import free_port, node, python
from benchmarks.plots import Line, plot
from benchmarks.story import make_key
from loadtest.report import ALL, Report, read_json

SIZES: Final = (1_000, 6_000, 12_000, 18_000)
"""18,000: a process may have 20,000 descriptors where the figures of docs/performance.md are taken."""
COLUMNS: Final = (
    "stations",
    "messages/s",
    "CPU of the node, cores",
    "CPU ms per station and minute",
    "private MiB",
    "KiB per station",
    "p99 ms, settled",
    "p99 ms, with connecting",
    "late itself, p99 ms",
    "commands p99 ms",
    "longest GC pause ms",
)


def run(scenario: str, *flags: str, node_flags: Sequence[str] = ()) -> Report:
    """One run of the load tester against a node of its own. Raises SystemExit when a session is wrong."""
    control, monitor = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with (
        node(f"--control-listen={control}", f"--monitor-listen={monitor}", *node_flags) as (pid, port, folder),
        tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as reports,
    ):
        file = Path(reports) / "report.json"
        command = python(
            "loadtest",
            f"--scenario={scenario}",
            f"--target=ws://127.0.0.1:{port}/ocpp",
            f"--control={control}",
            f"--metrics=http://{monitor}/metrics",
            f"--server-pid={pid}",
            f"--json={file}",
            *flags,
        )
        environment = {**os.environ, "CHARGEHOUSE_API_KEY": make_key(folder)}
        done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
        if not file.exists():
            raise SystemExit(f"{' '.join(command)} left no report:\n{done.stdout[-2000:]}")
        report = read_json(file)
        if not report.passed:
            raise SystemExit(f"{scenario}: {report.verdict}\n{done.stdout[-4000:]}")
        return report


def measure_fleet(sizes: Sequence[int], minutes: float, pictures: Path | None) -> str:
    """A table and a plot over the number of stations."""
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "| ---: " * len(COLUMNS) + "|",
    ]
    costs: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    for size in sizes:
        print(f"a fleet of {size:,}", file=sys.stderr, flush=True)
        rate = max(100, size // 60)
        report = run(
            "full-house", f"--stations={size}", f"--connect-rate={rate}", f"--minutes={minutes + size / rate / 60:.2f}"
        )
        server = report.server.groups["server"]
        steady = [look for look in server.looks if look.second > size / rate + 10]
        cores = sum(look.cpu for look in steady) / max(len(steady), 1)
        private = server.private_peak or server.resident_peak
        first = next((look.private for look in server.looks if look.private is not None), 0.0) or 0.0
        commands = [line.latency["p99"] for line in report.requests.values() if line.count]
        settled = [line.p99 for line in report.windows.get(ALL, ()) if line.second > size / rate + 10 and line.count]
        pause = max((spread.highest or 0.0 for spread in report.server.gc.values()), default=0.0)
        costs.append((size, cores * 60_000 / size))
        memory.append((size, (private - first) * 1024 / size))
        figures = (
            f"{size:,}",
            f"{report.answered_per_second:,.0f}",
            f"{cores:.2f}",
            f"{costs[-1][1]:.2f}",
            f"{private:,.0f}",
            f"{memory[-1][1]:.1f}",
            f"{statistics.median(settled or [0.0]):.0f}",
            f"{report.latency.latency['p99']:.0f}",
            f"{report.lateness.get('p99', 0.0):.0f}",
            f"{max(commands, default=0.0):.0f}",
            f"{pause:.0f}",
        )
        lines.append("| " + " | ".join(figures) + " |")
    if pictures is not None:
        lines_of = [Line("CPU ms per station and minute", costs), Line("KiB per station", memory)]
        (pictures / "fleet.svg").write_text(plot("Cost of a station by size of the fleet", "stations", lines_of))
    return "\n".join(lines)


def measure_storm(stations: int) -> str:
    """All come back at once."""
    print(f"{stations:,} stations come back at once", file=sys.stderr, flush=True)
    report = run(
        "reconnect-storm", f"--stations={stations}", "--connect-rate=200", "--minutes=3", "--commands-per-second=1"
    )
    return _told(report)


def measure_backlog(stations: int, hours: float) -> str:
    """Each replays what it kept while it was offline."""
    print(f"{stations:,} stations replay {hours:g} hours", file=sys.stderr, flush=True)
    return _told(run("offline-replay", f"--stations={stations}", f"--backlog-hours={hours:g}"))


def _told(report: Report) -> str:
    server = report.server.groups["server"]
    pairs = [
        ("seconds in all", f"{report.seconds:,.0f}"),
        ("connections made", f"{report.connects:,}"),
        (
            "connecting, p50 / p99 / longest ms",
            " / ".join(f"{report.connect[key]:,.0f}" for key in ("p50", "p99", "max")),
        ),
        ("messages answered, best second", f"{report.answered:,}, {report.peak_per_second:,}"),
        ("sessions, all compared", f"{report.sessions['checked']:,}"),
        ("wrong, unfinished", f"{report.sessions['wrong']}, {report.sessions['unfinished']}"),
        ("errors", ", ".join(f"{kind}: {count:,}" for kind, count in report.errors.items()) or "none"),
        ("node: private MiB at most", f"{server.private_peak or server.resident_peak:,.0f}"),
    ]
    for method, line in sorted(report.requests.items()):
        pairs.append((f"{method}, p99 ms", f"{line.latency['p99']:,.0f} of {line.count:,}"))
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in pairs)])
