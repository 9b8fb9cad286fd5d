"""One process against several on one port (`serve --workers N`): what a second one adds, and what a message costs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.figures import spread, table
from benchmarks.load import Client, saturate
from benchmarks.machine import CORES, cpu_seconds, node, pin, tree
from benchmarks.path import begin


def measure(seconds: float, rounds: int, stations: int) -> str:
    """A table, as Markdown. Nothing is pinned: load, nodes and PostgreSQL share all cores.

    One installation of each, that take turns: the other one has nothing to do meanwhile.
    """
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(CORES))
    found: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    try:
        with node() as (alone, alone_port, _), node("--workers=2") as (pair, pair_port, _folder):
            time.sleep(3.0)  # until every worker listens
            for process in [alone, *tree(alone), pair, *tree(pair)]:
                pin(process, set(CORES))
            for number in range(rounds):
                for count, pid, port in ((1, alone, alone_port), (2, pair, pair_port)):
                    print(f"{count} worker(s), round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                    found[count].append(_one(pid, port, f"R{number}-", seconds, stations))
    finally:
        os.sched_setaffinity(0, mine)
    rows = []
    for count, figures in found.items():
        rate, cpu, postgres = zip(*figures, strict=True)
        times = [one / alone for one, (alone, *_) in zip(rate, found[1], strict=True)]
        rows.append((str(count), spread(rate), spread(times, ".2f"), spread(cpu, ".1f"), spread(postgres, ".1f")))
    columns = ("workers", "messages/s", "times one", "CPU µs per message, all nodes", "PostgreSQL, µs")
    return table(columns, rows, words=0)


def _one(pid: int, port: int, prefix: str, seconds: float, stations: int) -> tuple[float, float, float]:
    clients = [Client("127.0.0.1", port, f"{prefix}{index}") for index in range(stations)]
    transactions = [begin(client) for client in clients]
    before = 0.0, 0.0

    def look() -> None:
        nonlocal before
        before = _cpu(pid)

    figures = saturate(clients, transactions, seconds, warm_up=2.0, at_start=look)
    after = _cpu(pid)
    for client in clients:
        client.close()
    each = 1e6 / figures.messages
    return figures.messages / figures.seconds, (after[0] - before[0]) * each, (after[1] - before[1]) * each


def _cpu(pid: int) -> tuple[float, float]:
    """CPU seconds of the node's processes, and of PostgreSQL's."""
    ours = theirs = 0.0
    for process in [pid, *tree(pid)]:
        try:
            name, spent = Path(f"/proc/{process}/comm").read_text(), cpu_seconds(process)
        except OSError:
            continue
        if name.startswith("postgres"):
            theirs += spent
        else:
            ours += spent
    return ours, theirs
