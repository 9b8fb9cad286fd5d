"""`make bench`: what each acknowledged message costs, against other servers; stations by the thousand; the journal.

Every server under test is pinned to the first core, PostgreSQL and the load to the others. CPU is read from the
kernel's account of the server's process (all threads, user and system), so that a busy machine changes the throughput
but hardly the cost. With `--write`, the results take the place of the earlier ones in docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import bus, connections, fleet, journal, path, profile, story, workers
from benchmarks.machine import CORES, OTHER_CORES

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
PICTURES: Final = DOCUMENT.parent / "img"
PARTS: Final = (
    "path",
    "profile",
    "story",
    "workers",
    "bus",
    "journal",
    "connections",
    "fleet",
    "storm",
    "backlog",
    "workers-fleet",
)
ON_DEMAND: Final = ("workers-fleet",)
"""45,000 stations need 2.5 GiB, and cores of which nobody else wants anything."""


def main() -> None:
    """Measure what is wanted and print it."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, as Ctrl-C does
    os.sched_setaffinity(0, OTHER_CORES)
    sections = _sections(options)
    wanted = options.sections or [name for name in sections if name not in ON_DEMAND]
    unknown = [name for name in wanted if name not in sections]
    if unknown:
        sys.exit(f"There is no {unknown[0]!r} to measure; there are {', '.join(sections)}.")
    began, took, failed = time.monotonic(), dict[str, float](), list[str]()
    try:
        for name in wanted:
            start = time.monotonic()
            if not _measure(name, sections[name], write=options.write):
                failed.append(name)
            took[name] = time.monotonic() - start
            print(f"{name} took {took[name]:.0f} s", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        failed.append("the rest: interrupted, what was done before is kept")
    told = ", ".join(f"{name} {seconds:.0f}" for name, seconds in took.items())
    print(f"{time.monotonic() - began:.0f} s in all: {told}", file=sys.stderr, flush=True)
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}.")


def _measure(name: str, section: Callable[[], str], *, write: bool) -> bool:
    """Measure a part and tell it at once; false, with a word, when it cannot be measured."""
    facts = _facts()
    try:
        result = f"{facts}\n\n{section()}"
    except (SystemExit, OSError, subprocess.SubprocessError) as error:
        print(f"{name} could not be measured: {error}", file=sys.stderr, flush=True)
        return False
    print(f"\n## {name}\n\n{result}\n", flush=True)
    if write:
        _write(name, result)
    return True


def _sections(options: argparse.Namespace) -> dict[str, Callable[[], str]]:
    pictures = PICTURES if options.write else options.pictures
    seconds, rounds, stations = options.seconds, options.rounds, options.stations
    sizes = [int(part) for part in options.fleet.split(",")]
    return {
        "path": lambda: path.measure(seconds, rounds, stations),
        "profile": lambda: profile.measure(seconds, stations),
        "story": lambda: story.measure(seconds, rounds, stations // 2),
        "workers": lambda: workers.measure(seconds, rounds, stations),
        "bus": lambda: bus.measure(rounds, stations),
        "journal": lambda: journal.measure(seconds / 2, rounds),
        "connections": lambda: connections.measure(options.connections, rounds),
        "fleet": lambda: fleet.measure_fleet(sizes, options.part, rounds, pictures),
        "storm": lambda: fleet.measure_storm(
            options.storm, rounds, options.gap, connections.bare_rate(options.connections), pictures
        ),
        "backlog": lambda: fleet.measure_backlog(options.backlog, options.hours, rounds, pictures),
        "workers-fleet": lambda: fleet.measure_fleet([options.big], options.part, 1, None, options.workers),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    add = parser.add_argument
    add("sections", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all but {ON_DEMAND[0]} when left out")
    add("--seconds", type=float, default=3.0, help="of load per server and round")
    add("--rounds", type=int, default=3)
    add("--stations", type=int, default=200, help="connections under closed-loop load")
    add("--connections", type=int, default=800, help="that are opened to measure what one costs")
    add("--fleet", default=",".join(map(str, fleet.SIZES)), help="sizes of the fleets, with commas")
    add("--part", type=float, default=12.0, help="seconds of each of the three parts of a fleet's settled time")
    add("--storm", type=int, default=10_000, help="stations that come back at once")
    add("--gap", type=float, default=22.0, help="seconds from one power cut to the next")
    add("--backlog", type=int, default=1_000, help="stations that replay")
    add("--hours", type=float, default=8.0, help="that each of them replays")
    add("--big", type=int, default=45_000, help="stations of workers-fleet")
    add("--workers", type=int, default=3, help="of workers-fleet, and processes of the load tester")
    add("--write", action="store_true", help="put the results into docs/performance.md, the plots beside it")
    add("--pictures", type=Path, metavar="FOLDER", help="put the plots there")
    return parser.parse_args()


def _facts() -> str:
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, {platform.machine()}, {len(CORES)} cores, "
        f"load average {load:.1f} before; medians (lowest–highest)"
    )


def _write(name: str, result: str) -> None:
    """Between the markers of that section."""
    text = DOCUMENT.read_text()
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in text or end not in text:
        sys.exit(f"docs/performance.md has no place for {name}: it lacks the marker {begin}.")
    text = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n\n{result}\n\n{end}", text, flags=re.DOTALL)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
