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
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import bus, fleet, journal, path, story, workers
from benchmarks.machine import CORES, OTHER_CORES

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
PICTURES: Final = DOCUMENT.parent / "img"


def main() -> None:
    """Measure what is wanted and print it."""
    options = _options()
    os.sched_setaffinity(0, OTHER_CORES)
    pictures = PICTURES if options.write else None
    sections: dict[str, Callable[[], str]] = {
        "path": lambda: path.measure(options.seconds, options.rounds, options.stations),
        "story": lambda: story.measure(options.seconds, options.rounds, options.stations // 2),
        "workers": lambda: workers.measure(options.seconds, options.rounds, options.stations),
        "bus": lambda: bus.measure(options.rounds, options.stations),
        "journal": lambda: journal.measure(options.seconds),
        "fleet": lambda: fleet.measure_fleet(_sizes(options.fleet), options.minutes, pictures),
        "storm": lambda: fleet.measure_storm(options.storm),
        "backlog": lambda: fleet.measure_backlog(options.backlog, 8),
    }
    wanted = options.sections or list(sections)
    unknown = [name for name in wanted if name not in sections]
    if unknown:
        sys.exit(f"There is no {unknown[0]!r} to measure; there are {', '.join(sections)}.")
    for name in wanted:
        began = time.monotonic()
        result = f"{_facts()}\n\n{sections[name]()}"
        print(f"\n## {name}\n\n{result}\n", flush=True)
        print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if options.write:
            _write(name, result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", help="path, story, workers, bus, journal, fleet, storm, backlog; all when left out"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="of load per server and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stations", type=int, default=200, help="connections under closed-loop load")
    parser.add_argument("--fleet", default=",".join(map(str, fleet.SIZES)), help="sizes of the fleets, with commas")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each fleet, once all are connected")
    parser.add_argument("--storm", type=int, default=10_000, help="stations that come back at once")
    parser.add_argument("--backlog", type=int, default=1_000, help="stations that replay eight hours")
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


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
