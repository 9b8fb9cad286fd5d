"""What the children of a run do: live as stations, or saturate the server. Plain values, so that they can be sent."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import trio

from loadtest.fleet import Fleet, run_fleet
from loadtest.ledger import SessionRecord
from loadtest.processes import Line
from loadtest.saturate import Saturated, saturate_now
from loadtest.saturate_words import Book
from loadtest.scenario import Scenario, identity
from loadtest.session import RunClock
from loadtest.station import Habits
from loadtest.swarm import Share, SwarmResult, run_swarm
from loadtest.tally import Tally
from loadtest.target import Target, make_tls

LOOK_FOR_THE_END = 0.2


@dataclass(frozen=True, slots=True)
class StationsJob:
    """A share of the stations, alive by their plans."""

    scenario: Scenario
    target: Target
    passwords: Mapping[str, str]
    sources: tuple[str, ...]
    ca: str | None
    insecure: bool
    share: Share

    @property
    def name(self) -> str:
        """Who this is."""
        return f"process {self.share.index + 1} of {self.share.of}"

    def run(self, line: Line) -> SwarmResult:
        """Live."""
        return trio.run(self._live, line)

    async def _live(self, line: Line) -> SwarmResult:
        stop = trio.Event()

        async def hear_the_parent() -> None:
            if not line.stopped(0):
                await trio.lowlevel.wait_readable(line.fileno())
            stop.set()

        def begin() -> RunClock:
            go = line.ready()
            nursery.start_soon(hear_the_parent)
            return RunClock(trio.current_time() + go.monotonic - time.monotonic(), go.date)

        async with trio.open_nursery() as nursery:
            result = await run_swarm(
                self.scenario,
                self.target,
                habits=habits_of(self.scenario),
                passwords=self.passwords,
                sources=self.sources,
                tls=make_tls(self.target, self.ca, insecure=self.insecure),
                share=self.share,
                begin=begin,
                stop=stop,
                progress=line.pulse,
            )
            nursery.cancel_scope.cancel()
        return result


def habits_of(scenario: Scenario) -> Habits:
    """How the stations of a scenario behave."""
    return Habits(
        meter_interval=scenario.meter_interval,
        time_scale=scenario.time_scale,
        heartbeat_interval=scenario.heartbeat_interval,
        fault_share=scenario.fault_share,
        repair_seconds=scenario.repair_seconds,
        backlog_meter_interval=scenario.backlog_meter_interval,
        back_off=scenario.back_off,
        longest_back_off=scenario.longest_back_off,
        retry_interval=scenario.retry_interval,
        attempts=scenario.attempts,
        connect_timeout=scenario.connect_timeout,
        call_timeout=scenario.call_timeout,
        remote_session_length=min(20.0, scenario.run_seconds / 5),
    )


@dataclass(frozen=True, slots=True)
class FleetJob:
    """A share of a calm fleet."""

    scenario: Scenario
    target: Target
    passwords: Mapping[str, str]
    sources: tuple[str, ...]
    ca: str | None
    insecure: bool
    share: Share

    @property
    def name(self) -> str:
        """Who this is."""
        return f"process {self.share.index + 1} of {self.share.of}"

    def run(self, line: Line) -> SwarmResult:
        """Stay for the length of the run."""
        stop = threading.Event()
        numbers = self.share.numbers(self.scenario.stations)
        tls = make_tls(self.target, self.ca, insecure=self.insecure)
        go = line.ready()
        tally = Tally(go.monotonic)
        where = (self.scenario, self.target, numbers, tally, time.monotonic)
        fleet = Fleet(*where, passwords=self.passwords, sources=self.sources, tls=tls)
        with _watched(tally, go.monotonic, line, stop):
            run_fleet(fleet, stop)
        return SwarmResult(
            began=go.date,
            seconds=time.monotonic() - go.monotonic,
            tally=tally,
            ledger=[record_of(book) for book in fleet.books],
            identities=[resident.identity for resident in fleet.residents],
            unsettled_stations=sum(not resident.settled for resident in fleet.residents),
            interrupted=stop.is_set(),
            books=fleet.books,
        )


@dataclass(frozen=True, slots=True)
class SaturateJob:
    """A share of the connections of a closed loop. `first` is the number of its first station, from 0."""

    scenario: Scenario
    target: Target
    passwords: Mapping[str, str]
    sources: tuple[str, ...]
    ca: str | None
    insecure: bool
    first: int
    stations: int

    @property
    def name(self) -> str:
        """Who this is."""
        return f"the process of stations {self.first + 1} to {self.first + self.stations}"

    def run(self, line: Line) -> SwarmResult:
        """Load the server for the length of the run."""
        (version,) = self.scenario.versions
        stop = threading.Event()
        go = line.ready()
        tally = Tally(go.monotonic)
        with _watched(tally, go.monotonic, line, stop):
            done = saturate_now(
                self.target,
                stations=self.stations,
                seconds=self.scenario.run_seconds,
                kind=self.scenario.saturation,
                version=version,
                tally=tally,
                warm_up=self.scenario.ramp,
                first=self.first,
                prefix=self.scenario.prefix,
                passwords=self.passwords,
                sources=self.sources,
                tls=make_tls(self.target, self.ca, insecure=self.insecure),
                now=time.monotonic,
                stop=stop,
            )
        return self._result(done, go.date, tally, time.monotonic() - go.monotonic, interrupted=stop.is_set())

    def _result(
        self, done: Saturated, began: datetime, tally: Tally, seconds: float, *, interrupted: bool
    ) -> SwarmResult:
        numbers = range(self.first, self.first + self.stations)
        return SwarmResult(
            began=began,
            seconds=seconds,
            tally=tally,
            ledger=[record_of(book) for book in done.books],
            identities=[identity(self.scenario, number) for number in numbers],
            interrupted=interrupted,
            saturated=[done],
            books=done.books,
        )


@contextmanager
def _watched(tally: Tally, began: float, line: Line, stop: threading.Event) -> Iterator[None]:
    """A thread that sends a pulse each second and hears when the run is to end."""
    over = threading.Event()

    def watch() -> None:
        second = 1
        while not over.is_set():
            if line.stopped(LOOK_FOR_THE_END):
                stop.set()
                return
            if time.monotonic() - began >= second:
                with contextlib.suppress(RuntimeError):  # a dictionary grew meanwhile: a second without a pulse
                    line.pulse(tally.pulse(float(second)))
                second += 1

    thread = threading.Thread(target=watch, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def record_of(book: Book) -> SessionRecord:
    """A session of the closed loop in the ledger's words, but for its meter values (`saturate.check` has those)."""
    return SessionRecord(
        station=book.station,
        connector=1,
        id_tag=book.id_tag,
        start_time=datetime.fromisoformat(book.started) if book.started else datetime.min.replace(tzinfo=UTC),
        meter_start_wh=book.meter_start_wh,
        transaction_id=book.transaction_id or None,
        stop_time=datetime.fromisoformat(book.stopped) if book.stopped else None,
        meter_stop_wh=book.last_wh,
        stop_acknowledged=book.finished,
    )
