"""The message path: what an acknowledged MeterValues costs each server, in rounds, one server after another."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import spread, table
from benchmarks.load import Client, saturate
from benchmarks.machine import cpu_seconds
from benchmarks.peers import ECHO, MINIMAL, NODE_JS, OURS, OURS_QUIET, PLAIN, Peer, Running, has_node_js

_WARM_UP: Final = 1.5
AIMS: Final = (
    # peer, what is compared, aim: at least (or, for the floor, at most)
    (MINIMAL.key, "times the messages per core of the minimal server", 6.0),
    (PLAIN.key, "times those of the one that inserts each message", 9.0),
    (NODE_JS.key, "of those of Node's ocpp-rpc", 0.5),
    (ECHO.key, "times the floor's CPU", 2.5),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One server in one round. Times are CPU microseconds for each message, and milliseconds of latency; `load_us` is
    what the load tester took."""

    per_second: float
    cpu_us: float
    postgres_us: float
    p50_ms: float
    p99_ms: float
    load_us: float


def measure(seconds: float, rounds: int, stations: int) -> str:
    """The table and the ratios, as Markdown."""
    peers = [ECHO, MINIMAL, PLAIN, *([NODE_JS] if has_node_js() else []), OURS, OURS_QUIET]
    found: dict[str, list[Row]] = {peer.key: [] for peer in peers}
    for number in range(rounds):
        for peer in peers:
            print(f"message path, round {number + 1} of {rounds}: {peer.name}", file=sys.stderr, flush=True)
            with peer.start() as server:
                found[peer.key].append(_one(peer, server, seconds, stations))
    return "\n".join([_table(peers, found), "", *_ratios(found)])


def _one(peer: Peer, server: Running, seconds: float, stations: int) -> Row:
    clients = [Client("127.0.0.1", server.port, f"BENCH-{index}") for index in range(stations)]
    transactions = [begin(client) for client in clients] if peer.answers else [1] * stations
    cpu = postgres = 0.0

    def look() -> None:
        nonlocal cpu, postgres
        cpu, postgres = cpu_seconds(server.pid), server.postgres_cpu()

    figures = saturate(clients, transactions, seconds, warm_up=_WARM_UP, at_start=look)
    each = 1e6 / figures.messages
    cuts = statistics.quantiles(figures.latencies_ms, n=100)
    row = Row(
        figures.messages / figures.seconds,
        (cpu_seconds(server.pid) - cpu) * each,
        (server.postgres_cpu() - postgres) * each,
        cuts[49],
        cuts[98],
        figures.cpu_seconds * each,
    )
    for client in clients:
        client.close()
    return row


def begin(client: Client) -> int:
    """A transaction that begins now: one from long ago would be reckoned over all its days."""
    client.call("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "B1"})
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    start = {"connectorId": 1, "idTag": "BENCH", "meterStart": 1_000_000, "timestamp": now}
    answer = client.call("StartTransaction", start)
    return int(answer["transactionId"]) if isinstance(answer, dict) else 1


def _table(peers: Sequence[Peer], found: dict[str, list[Row]]) -> str:
    columns = ("server", "messages/s", "CPU µs per message", "PostgreSQL µs", "load tester µs", "p50 ms", "p99 ms")
    lines = []
    for peer in peers:
        rows = found[peer.key]
        lines.append(
            (
                peer.name,
                spread(row.per_second for row in rows),
                spread((row.cpu_us for row in rows), ".1f"),
                spread((row.postgres_us for row in rows), ".1f"),
                spread((row.load_us for row in rows), ".1f"),
                spread((row.p50_ms for row in rows), ".1f"),
                spread((row.p99_ms for row in rows), ".1f"),
            )
        )
    return table(columns, lines)


def _ratios(found: dict[str, list[Row]]) -> list[str]:
    """Chargehouse with its message log against each peer, round by round: the median and the spread."""
    lines = ["| Chargehouse, durable | measured | aim |", "| --- | ---: | ---: |"]
    for key, sentence, aim in AIMS:
        if key not in found:
            lines.append(f"| {sentence} | not measured: Node is not here | ≥ {aim:g} |")
            continue
        at_most = key == ECHO.key
        ratios = [
            ours.cpu_us / theirs.cpu_us if at_most else theirs.cpu_us / ours.cpu_us
            for ours, theirs in zip(found[OURS.key], found[key], strict=True)
        ]
        lines.append(f"| {sentence} | {spread(ratios, '.2f')} | {'≤' if at_most else '≥'} {aim:g} |")
    cheaper = [ours.cpu_us / ours.load_us for ours in found[OURS.key]]
    lines.append(f"| CPU of the node per message, times the load tester's | {spread(cheaper, '.2f')} | ≥ 2 |")
    return lines
