"""Whole charging stories, from boot to stop, in a closed loop: what one costs the node, by version of OCPP."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Final

from benchmarks.figures import spread, table
from benchmarks.machine import children_cpu, cpu_seconds, free_port, node, python
from loadtest.probe import Probe
from loadtest.saturate import check, saturate_now
from loadtest.saturate_words import VALUES_OF_A_STORY
from loadtest.target import parse_target

VERSIONS: Final = ("1.6", "2.0.1", "2.1")
MESSAGES: Final = VALUES_OF_A_STORY + 5  # boot, status, authorisation, start, stop


def measure(seconds: float, rounds: int, stations: int) -> str:
    """A table, as Markdown: the versions take turns on one node, each time with new stations."""
    found: dict[str, list[tuple[float, float, float]]] = {version: [] for version in VERSIONS}
    control = f"127.0.0.1:{free_port()}"
    with node(f"--control-listen={control}") as (pid, port, folder), Probe(control, make_key(folder)) as probe:
        for number in range(rounds):
            for version in VERSIONS:
                print(f"stories of OCPP {version}, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                prefix = f"R{number}-{version}-"
                found[version].append(_one(pid, port, probe, version, prefix, seconds, stations))
    rows = []
    for version, figures in found.items():
        stories, cpu, postgres = zip(*figures, strict=True)
        rows.append(
            (
                version,
                spread(stories),
                spread(one * MESSAGES for one in stories),
                spread(cpu, ".1f"),
                spread(postgres, ".1f"),
                spread((one * MESSAGES / 1000 for one in cpu), ".2f"),
            )
        )
    columns = ("version", "stories/s", "messages/s", "CPU µs per message", "PostgreSQL µs", "CPU ms per story")
    return table(columns, rows)


def make_key(folder: str) -> str:
    """A key for the node whose data is there."""
    words = ("key", "create", "--name", "bench", "--role", "administrator", "--data-dir", folder)
    done = subprocess.run(python("csms", *words), check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


def _one(
    pid: int, port: int, probe: Probe, version: str, prefix: str, seconds: float, stations: int
) -> tuple[float, float, float]:
    """Stories a second, and CPU microseconds per message of the node and of PostgreSQL. Every session is checked."""
    names = [f"{prefix}{index + 1:05d}" for index in range(stations)]
    probe.prepare(names, {}, [f"{name}-1" for name in names])
    target = parse_target(f"ws://127.0.0.1:{port}/ocpp")
    cpu, postgres = cpu_seconds(pid), children_cpu(pid)
    done = saturate_now(target, stations=stations, seconds=seconds, kind="story", version=version, prefix=prefix)
    cpu, postgres = cpu_seconds(pid) - cpu, children_cpu(pid) - postgres
    if done.errors:
        raise SystemExit(f"{done.errors} messages of the stories were refused")
    wrong = check(done.books, probe.sessions(names, done.began, datetime.now(UTC), samples=False))
    if wrong:
        raise SystemExit(f"{len(wrong)} sessions are wrong, the first: {wrong[0]}")
    messages = max(done.stories, 1) * MESSAGES
    return done.per_second / MESSAGES, cpu * 1e6 / messages, postgres * 1e6 / messages
