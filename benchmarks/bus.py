"""Commands through the bus: from the control API to a station and back, in one process and over NATS to another node.

Stations answer at once, in a process of their own; an operator sends one command after the other and waits for each.
Under load all stations send meter values as well, at a pace that leaves the processors room.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

import grpc

from benchmarks.load import Client
from benchmarks.machine import CORES, cpu_seconds, free_port, node, pin, tree
from benchmarks.path import begin
from control.v1 import auth_pb2, auth_pb2_grpc, remote_pb2, remote_pb2_grpc, stations_pb2, stations_pb2_grpc
from loadtest.saturate_wire import frame
from loadtest.saturate_words import Moment, meter_values_16

AIMS_MS: Final = {"idle": 20.0, "under load": 100.0}
METER_VALUES: Final = 1_000
"""A second, of all stations together."""
COMMANDS: Final = 500
"""In each round, idle and under load."""
COMMANDED: Final = 16
"""Stations that get commands, in turn."""
WAYS: Final = (
    ("`serve`: in the process", ()),
    ("`serve --workers 2`: control process, NATS, node", ("--workers=2",)),
)
_EMAIL, _PASSWORD = "bench@example.org", "a-long-way-round-1"


@dataclass(frozen=True, slots=True)
class Row:
    """Milliseconds of one round. `cpu`: of all processes but PostgreSQL, for each command. `met`: meter values a second
    that were answered meanwhile."""

    p50: float
    p99: float
    worst: float
    cpu: float
    met: float


def measure(rounds: int, stations: int, commands: int = COMMANDS) -> str:
    """A table, as Markdown. Nothing is pinned: stations, operator, nodes, NATS and PostgreSQL share all cores."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(CORES))
    found: dict[tuple[str, str], list[Row]] = {}
    try:
        for name, flags in WAYS:
            print(f"commands: {name}", file=sys.stderr, flush=True)
            for when, rows in _one(flags, rounds, commands, stations).items():
                found[name, when] = rows
    finally:
        os.sched_setaffinity(0, mine)
    return "\n".join(_table(found, stations))


def _table(found: dict[tuple[str, str], list[Row]], stations: int) -> list[str]:
    lines = [
        f"| {stations} stations | meter values/s | p50 ms | p99 ms | longest ms | CPU ms per command | aim (p99) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for (name, when), rows in found.items():
        p99 = statistics.median(row.p99 for row in rows)
        spread = f"{min(row.p99 for row in rows):.1f}–{max(row.p99 for row in rows):.1f}"
        cpu = f"{statistics.median(row.cpu for row in rows):.1f}" if when == "idle" else ""
        aim = f"{AIMS_MS[when]:.0f}: {'met' if p99 < AIMS_MS[when] else 'missed'}"
        lines.append(
            f"| {name}, {when} | {statistics.median(row.met for row in rows):,.0f} "
            f"| {statistics.median(row.p50 for row in rows):.1f} | {p99:.1f} ({spread}) "
            f"| {max(row.worst for row in rows):.1f} | {cpu} | {aim} |"
        )
    return lines


def _one(flags: tuple[str, ...], rounds: int, commands: int, stations: int) -> dict[str, list[Row]]:
    """One installation: idle, then under load, and so on."""
    rows: dict[str, list[Row]] = {"idle": [], "under load": []}
    port = free_port()
    administrator = (f"--admin-email={_EMAIL}", f"--admin-password={_PASSWORD}")
    with node(f"--control-listen=127.0.0.1:{port}", *administrator, *flags) as (pid, ocpp_port, _folder):
        time.sleep(3.0)  # until every worker listens
        for process in [pid, *tree(pid)]:
            pin(process, set(CORES))
        context = multiprocessing.get_context("fork")
        ready, pressed, stop = context.Event(), context.Event(), context.Event()
        answered = context.Value("q", 0)
        fleet = context.Process(target=_stations, args=(ocpp_port, stations, ready, pressed, stop, answered))
        fleet.start()
        try:
            if not ready.wait(120):
                raise SystemExit("The stations did not connect in time.")
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                operator = _Operator(channel)
                operator.send(2 * COMMANDED)
                for _ in range(rounds):
                    spent = _cpu(pid)
                    took = operator.send(commands)
                    rows["idle"].append(_row(took, (_cpu(pid) - spent) / commands * 1000, 0.0))
                    pressed.set()
                    time.sleep(2.0)
                    before, began = answered.value, time.perf_counter()
                    took = operator.send(commands)
                    met = (answered.value - before) / (time.perf_counter() - began)
                    rows["under load"].append(_row(took, 0.0, met))
                    pressed.clear()
                    time.sleep(1.0)  # for the last answers
        finally:
            stop.set()
            fleet.join(30)
    return rows


def _row(took_ms: list[float], cpu: float, met: float) -> Row:
    cuts = statistics.quantiles(took_ms, n=100)
    return Row(cuts[49], cuts[98], max(took_ms), cpu, met)


def _cpu(pid: int) -> float:
    """CPU seconds of an installation but for PostgreSQL: nodes, control process, NATS."""
    spent = 0.0
    for process in [pid, *tree(pid)]:
        with contextlib.suppress(OSError):
            if not Path(f"/proc/{process}/comm").read_text().startswith("postgres"):
                spent += cpu_seconds(process)
    return spent


class _Operator:
    """Signed in; knows the stations that get commands."""

    def __init__(self, channel: grpc.Channel) -> None:
        signed = auth_pb2_grpc.AuthServiceStub(channel).SignIn(
            auth_pb2.SignInRequest(email=_EMAIL, password=_PASSWORD), timeout=30
        )
        self._who = (("authorization", f"Bearer {signed.token}"),)
        self._remote = remote_pb2_grpc.RemoteServiceStub(channel)
        listed = stations_pb2_grpc.StationServiceStub(channel).ListStations(
            stations_pb2.ListStationsRequest(page_size=COMMANDED), timeout=30, metadata=self._who
        )
        self._names = [station.name for station in listed.stations]

    def send(self, count: int) -> list[float]:
        """One after the other; milliseconds of each."""
        took = []
        for number in range(count):
            target = remote_pb2.CommandTarget(station=self._names[number % len(self._names)])
            request = remote_pb2.ClearCacheRequest(target=target)
            began = time.perf_counter()
            self._remote.ClearCache(request, timeout=30, metadata=self._who)
            took.append((time.perf_counter() - began) * 1000)
        return took


def _stations(port: int, count: int, ready: Event, pressed: Event, stop: Event, answered: object) -> None:
    """In a process of its own: all stations, in one loop that thinks as little as possible."""
    wires = [Client("127.0.0.1", port, f"BENCH-{index}") for index in range(count)]
    frames = [meter_values_16(begin(wire)) for wire in wires]
    moment, epoll = Moment(), select.epoll()
    by_descriptor = {wire.fileno(): wire for wire in wires}
    for wire in wires:
        wire.unblock()
        epoll.register(wire.fileno(), select.EPOLLIN)
    ready.set()
    due, turn, pause = time.perf_counter(), 0, 1.0 / METER_VALUES
    counted = 0
    while not stop.is_set():
        loaded = pressed.is_set()
        for descriptor, _ in epoll.poll(max(due - time.perf_counter(), 0.0) if loaded else 0.05):
            for text in by_descriptor[descriptor].take_in():
                if text.startswith(b"[2"):
                    message_id = text.split(b'"', 2)[1]
                    by_descriptor[descriptor].send(frame(b'[3,"' + message_id + b'",{"status":"Accepted"}]'))
                else:
                    counted += 1
        answered.value = counted  # type: ignore[attr-defined]
        now = time.perf_counter()
        moment.stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}".encode()
        if not loaded or now - due > 1.0:  # what could not be sent in time is not sent in a burst
            due = now
        while loaded and due <= now:
            wire = wires[turn % count]
            wire.serial += 1
            wire.send(frames[turn % count](wire.serial, moment.stamp, 1_000_000 + wire.serial))
            turn, due = turn + 1, due + pause
    for wire in wires:
        wire.close()
