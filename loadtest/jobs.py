"""What the children of a run do: live as stations, or saturate the server. Plain values, so that they can be sent."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import trio

from loadtest.fleet import Fleet, run_fleet
from loadtest.ledger import SessionRecord
from loadtest.processes import Go, Line
from loadtest.saturate import saturate_now
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
    """A share of the stations, by whichever engine the scenario names."""

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

    @property
    def numbers(self) -> range:
        """Of its stations, from 0; those of a closed loop are neighbours."""
        count, index, of = self.scenario.stations, self.share.index, self.share.of
        if self.scenario.engine == "saturate":
            return range(count * index // of, count * (index + 1) // of)
        return self.share.numbers(count)

    @property
    def identities(self) -> list[str]:
        """Of its stations."""
        return [identity(self.scenario, number) for number in self.numbers]

    def run(self, line: Line) -> SwarmResult:
        """Live, stay, or saturate the server, for the length of the run."""
        if self.scenario.engine == "stations":
            return trio.run(self._live, line)
        stop = threading.Event()
        go = line.ready()
        tally = Tally(go.monotonic)
        work = self._saturate if self.scenario.engine == "saturate" else self._stay
        return work(go, tally, _watched(tally, go.monotonic, line, stop), stop)

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

    def _stay(self, go: Go, tally: Tally, watched: AbstractContextManager[None], stop: threading.Event) -> SwarmResult:
        """As a calm fleet."""
        fleet = Fleet(
            self.scenario,
            self.target,
            self.numbers,
            tally,
            time.monotonic,
            passwords=self.passwords,
            sources=self.sources,
            tls=make_tls(self.target, self.ca, insecure=self.insecure),
            date=go.date,
        )
        with watched:
            run_fleet(fleet, stop)
        result = self._of_books(fleet.books, go, tally, stop)
        result.unsettled_stations = sum(not resident.settled for resident in fleet.residents)
        return result

    def _saturate(
        self, go: Go, tally: Tally, watched: AbstractContextManager[None], stop: threading.Event
    ) -> SwarmResult:
        """In a closed loop."""
        (version,) = self.scenario.versions
        with watched:
            done = saturate_now(
                self.target,
                stations=len(self.numbers),
                seconds=self.scenario.run_seconds,
                kind=self.scenario.saturation,
                version=version,
                tally=tally,
                warm_up=self.scenario.ramp,
                first=self.numbers.start,
                prefix=self.scenario.prefix,
                passwords=self.passwords,
                sources=self.sources,
                tls=make_tls(self.target, self.ca, insecure=self.insecure),
                now=time.monotonic,
                stop=stop,
            )
        result = self._of_books(done.books, go, tally, stop)
        result.saturated = [done]
        return result

    def _of_books(self, books: Sequence[Book], go: Go, tally: Tally, stop: threading.Event) -> SwarmResult:
        """What an engine brings back whose stations do not live in full."""
        return SwarmResult(
            began=go.date,
            seconds=time.monotonic() - go.monotonic,
            tally=tally,
            ledger=[record_of(book) for book in books],
            identities=self.identities,
            interrupted=stop.is_set(),
            books=list(books),
        )


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
    """A session of a closed loop or a calm fleet in the ledger's words; `saturate.check` knows its meter values."""
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
