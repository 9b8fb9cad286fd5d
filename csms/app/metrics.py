"""What a node measures of itself, in Prometheus' words. It is read when somebody asks; only counters are kept."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from typing import Final

import trio
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from csms.actors.registry import RegistryCounts
from csms.ports.message_log import Direction
from csms.services.traffic import BOUNDS, Traffic
from csms.storage.journal import WAIT_BOUNDS, JournalStatistics
from csms.storage.message_log import MessageLogStatistics

LAG_SECONDS: Final = 1.0
_WORDS: Final = {Direction.RECEIVED: "received", Direction.SENT: "sent", Direction.REMARK: "remark"}


@dataclass(frozen=True, slots=True)
class BusFigures:
    """Of a process among others. `keys_behind`, `events_behind`: what waits for the bus. `works`: the work that is done
    once is done here."""

    connected: bool
    outages: int
    keys_behind: int
    events_behind: int
    works: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures come from."""

    registry: Callable[[], RegistryCounts]
    journal: Callable[[], JournalStatistics]
    message_log: Callable[[], MessageLogStatistics]
    connections: Callable[[], int]
    available: Callable[[], bool]
    draining: Callable[[], bool]
    traffic: Traffic
    refused_proxied: Callable[[], int]
    bus: Callable[[], BusFigures] | None = None


class NodeCollector(Collector):
    """Asks the parts of the node each time."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield InfoMetricFamily(
            "chargehouse", "What runs here.", value={"version": version("chargehouse"), "part": "node"}
        )
        yield from self._stations()
        yield from self._messages()
        yield from self._journal()
        yield _gauge("chargehouse_database_available", "1: the database answers.", self._sources.available())
        yield _gauge("chargehouse_draining", "1: the node is stopping.", self._sources.draining())
        if self._sources.bus is not None:
            yield from self._bus(self._sources.bus())

    def _bus(self, bus: BusFigures) -> Iterator[Metric]:
        yield _gauge("chargehouse_bus_connected", "1: connected to NATS, the bus between the nodes.", bus.connected)
        yield _counter("chargehouse_bus_outages", "How often the connection to NATS was lost.", bus.outages)
        yield _gauge("chargehouse_bus_keys_behind", "Stations whose keys wait to be written.", bus.keys_behind)
        yield _gauge("chargehouse_bus_events_behind", "Events of the feed that wait to be told.", bus.events_behind)
        yield _gauge("chargehouse_work_here", "1: the work that is done once is done here.", bus.works)

    def _stations(self) -> Iterator[Metric]:
        counts = self._sources.registry()
        yield _gauge("chargehouse_stations_online", "Stations with a live link to this node.", counts.online)
        yield _gauge("chargehouse_connections", "Open WebSocket connections.", self._sources.connections())
        sentence = "Connections through trusted balancers, closed for a PROXY header that was broken or late."
        yield _counter("chargehouse_proxy_headers_refused", sentence, self._sources.refused_proxied())
        yield _gauge("chargehouse_actors", "Actors in memory, online or resting.", counts.actors)
        yield _gauge("chargehouse_actors_down", "Actors that crashed too often and cool down.", counts.down)
        yield _counter("chargehouse_actor_crashes", "Crashes of actors, each contained.", counts.crashes)
        yield _counter("chargehouse_link_bugs", "Bugs that were contained in links.", counts.bugs)

    def _messages(self) -> Iterator[Metric]:
        traffic = self._sources.traffic
        messages = CounterMetricFamily(
            "chargehouse_ocpp_messages", "OCPP messages.", labels=("direction", "type", "action")
        )
        for (direction, kind, action), count in traffic.counts.items():
            messages.add_metric((_WORDS[direction], kind or "none", action or "none"), count)
        yield messages
        buckets, seconds = traffic.latencies
        sentence = "From a station's message to our answer, which is sent when the message is on disk."
        yield _histogram("chargehouse_ocpp_answer_seconds", sentence, BOUNDS, buckets, seconds)

    def _journal(self) -> Iterator[Metric]:
        journal, log = self._sources.journal(), self._sources.message_log()
        yield _counter("chargehouse_journal_commits", "Group commits.", journal.commits)
        yield _counter("chargehouse_journal_records", "Records that are on disk.", journal.records)
        yield _counter("chargehouse_journal_refused", "Records that the database refused.", journal.refused)
        yield _counter("chargehouse_journal_wait_seconds", "Waiting for the disk, added up by batches.", journal.wait_s)
        waits = journal.waits or (0,) * (len(WAIT_BOUNDS) + 1)
        sentence = "From the first record of a group commit to the disk."
        yield _histogram("chargehouse_journal_commit_wait_seconds", sentence, WAIT_BOUNDS, waits, journal.wait_s)
        yield _gauge("chargehouse_journal_pending_records", "Records that wait for the disk.", journal.pending_records)
        yield _gauge("chargehouse_journal_last_batch_records", "Records in the last group commit.", journal.last_batch)
        yield _counter("chargehouse_message_log_entries", "Entries of the message log, written.", log.written)
        yield _counter("chargehouse_message_log_dropped", "Entries that found no room, and are lost.", log.dropped)
        yield _gauge("chargehouse_message_log_pending", "Entries of the message log that wait.", log.waiting)


class CallMetrics:
    """Calls of the control API, by method and outcome."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "chargehouse_control_calls", "Calls of the control API.", ("method", "code"), registry=registry
        )
        self._seconds = Histogram(
            "chargehouse_control_call_seconds",
            "How long calls of the control API took; streams are not in it.",
            ("method",),
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0),
            registry=registry,
        )

    def ended(self, method: str, code: str, seconds: float, *, streaming: bool) -> None:
        """`method` as gRPC names it, `/control.v1.SystemService/GetSystemInfo`. From any thread."""
        short = method.removeprefix("/control.v1.").replace("Service/", ".")
        self._calls.labels(short, code).inc()
        if not streaming:
            self._seconds.labels(short).observe(seconds)


class LoopMetrics:
    """What holds everybody up: how late the event loop wakes its tasks, and how long the garbage collector works."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "chargehouse_loop_lag_seconds",
            "How late a task of the event loop woke.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0),
            registry=registry,
        )
        pauses = Histogram(
            "chargehouse_gc_pause_seconds",
            "Pauses by the garbage collector.",
            ("generation",),
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            registry=registry,
        )
        self._pauses = [pauses.labels(str(generation)) for generation in range(len(gc.get_threshold()))]
        self._began = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        gc.callbacks.append(self._collected)
        try:
            while True:
                wanted = trio.current_time() + LAG_SECONDS
                await trio.sleep_until(wanted)
                self._lag.observe(max(0.0, trio.current_time() - wanted))
        finally:
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._pauses[info["generation"]].observe(time.perf_counter() - self._began)


def open_registry() -> CollectorRegistry:
    """With what is known of the process itself."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _histogram(name: str, sentence: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
    """`counts`: how many fell into each bucket alone, one more than there are bounds."""
    family = HistogramMetricFamily(name, sentence)
    family.add_metric((), list(zip([*map(str, bounds), "+Inf"], accumulate(counts), strict=True)), total)
    return family


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=float(value))
