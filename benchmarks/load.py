"""A closed loop of MeterValues over many connections, cheap enough never to be the limit: `loadtest.saturate`'s loop,
as `benchmarks` wants it. It takes an echo for an answer, so that the floor can be measured with the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from loadtest.saturate import Loop, Seat
from loadtest.saturate_wire import Wire
from loadtest.saturate_words import Moment, Request, Saturating, meter_values_16
from loadtest.tally import Tally

_REGISTER = 1_000_000  # Wh


@dataclass
class Figures:
    """What the clients saw."""

    messages: int
    seconds: float
    latencies_ms: list[float]
    cpu_seconds: float
    """Of this process, in the measured time."""


class Client(Wire):
    """One simulated station's connection."""

    __slots__ = ()

    def __init__(self, host: str, port: int, identity: str) -> None:
        super().__init__(host, port, f"/ocpp/{identity}", identity)


class _Stopwatch(Tally):
    """Keeps each latency as it is."""

    def __init__(self, began: float) -> None:
        super().__init__(began)
        self.latencies_ms: list[float] = []

    def answered(self, action: str, *, intended: float, sent: float, now: float) -> None:
        self.latencies_ms.append((now - sent) * 1000)


def _nothing() -> None:
    return None


def saturate(
    clients: list[Client],
    transactions: list[int],
    seconds: float,
    *,
    warm_up: float = 2.0,
    at_start: Callable[[], None] = _nothing,
) -> Figures:
    """Each client sends, waits for the answer, sends again. Counted after the warm-up, at the end of which `at_start`
    is called. Not to be called twice with the same clients: the last answers are still under way then."""
    moment, stopwatch = Moment(), _Stopwatch(time.perf_counter())
    seats = [
        Seat(client, Saturating(client.identity, "BENCH", moment), _meter_values(client, transaction, moment))
        for client, transaction in zip(clients, transactions, strict=True)
    ]
    loop = Loop(seats, moment, stopwatch, time.perf_counter)
    loop.begin()
    begin = time.perf_counter() + warm_up
    while time.perf_counter() < begin:
        loop.turn()
    at_start()
    begin, cpu = time.perf_counter(), time.thread_time()
    loop.measuring = True
    while time.perf_counter() < begin + seconds:
        loop.turn()
    took, cpu = time.perf_counter() - begin, time.thread_time() - cpu
    if loop.errors:
        raise RuntimeError(f"{loop.errors} errors: {dict(stopwatch.errors)}")
    loop.release()
    return Figures(loop.messages, took, stopwatch.latencies_ms, cpu)


def _meter_values(client: Client, transaction: int, moment: Moment) -> Generator[Request, bytes | None, None]:
    frame_of = meter_values_16(transaction)
    while True:
        client.serial += 1
        yield "MeterValues", b"[", frame_of(client.serial, moment.stamp, _REGISTER + client.serial)
