"""Many stations at once: addresses, ramp, progress, and the end of the run.

The model is open: what a station does and when was decided before the run (`loadtest.scenario`), so a
slow server is not spared the messages that a patient client would have held back. How late this process
itself was is counted as well, so that a slow load tester is not taken for a slow server.
"""

from __future__ import annotations

import gc
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trio

from loadtest.client import Dial
from loadtest.ledger import SessionRecord
from loadtest.saturate import Saturated
from loadtest.saturate_words import Book
from loadtest.scenario import Scenario, StationPlan, plan_station
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Pulse, Tally
from loadtest.target import Dialler, Target

HEARTBEAT_OF_THE_LOOP = 0.02  # how often it is felt how late the loop is, in seconds
AT_ONCE = 50  # stations that are made before others have their turn
FREEZE_EVERY = 250  # stations
LAST_WORDS = 5.0  # seconds that an interrupted run waits for answers


@dataclass(slots=True)
class SwarmResult:
    """What a run, or one process's share of it, leaves behind."""

    began: datetime
    seconds: float
    tally: Tally
    ledger: list[SessionRecord] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    refused_sessions: int = 0
    skipped_sessions: int = 0
    unsettled_stations: int = 0
    interrupted: bool = False
    saturated: list[Saturated] = field(default_factory=list)
    books: list[Book] = field(default_factory=list)
    """Of stations that keep no `SessionRecord`s: those of a closed loop and of a calm fleet."""
    failures: list[str] = field(default_factory=list)
    """What went wrong with the load tester itself, in sentences: the run does not count."""

    @property
    def finished(self) -> list[SessionRecord]:
        """The sessions whose start and stop the server acknowledged."""
        return [record for record in self.ledger if record.finished]

    @property
    def unfinished(self) -> list[SessionRecord]:
        """The others."""
        return [record for record in self.ledger if not record.finished]

    def merge(self, other: SwarmResult) -> None:
        """Add another process's share of the same run."""
        self.began = min(self.began, other.began)
        self.seconds = max(self.seconds, other.seconds)
        self.tally.merge(other.tally)
        self.ledger += other.ledger
        self.identities += other.identities
        self.refused_sessions += other.refused_sessions
        self.skipped_sessions += other.skipped_sessions
        self.unsettled_stations += other.unsettled_stations
        self.interrupted |= other.interrupted
        self.saturated += other.saturated
        self.books += other.books
        self.failures += other.failures


@dataclass(frozen=True, slots=True)
class Share:
    """Which stations are this process's: every `of`-th, beginning with number `index`."""

    index: int = 0
    of: int = 1

    def numbers(self, stations: int) -> range:
        """The numbers of its stations, from 0."""
        return range(self.index, stations, self.of)


@dataclass(slots=True)
class Run:
    """A run as it goes on; `stop` ends it early."""

    scenario: Scenario
    target: Target
    habits: Habits
    passwords: Mapping[str, str]
    dialler: Dialler
    sources: Sequence[str] = ()
    share: Share = field(default_factory=Share)
    progress: Callable[[Pulse], None] | None = None
    dial_for: Callable[[str], Dial] | None = None
    stop: trio.Event = field(default_factory=trio.Event)
    stations: list[Station] = field(default_factory=list)


async def run_swarm(
    scenario: Scenario,
    target: Target,
    *,
    habits: Habits,
    passwords: Mapping[str, str],
    sources: Sequence[str] = (),
    tls: ssl.SSLContext | None = None,
    share: Share | None = None,
    begin: Callable[[], RunClock] | None = None,
    stop: trio.Event | None = None,
    progress: Callable[[Pulse], None] | None = None,
    dial_for: Callable[[str], Dial] | None = None,
) -> SwarmResult:
    """Run the scenario to its end and `scenario.grace` seconds more for the last answers.

    `passwords` by identity; a station without one connects without. `begin` is called when all is planned and
    says when the run begins; at once when left out. `stop` ends the run early. `progress` is called each second.
    `dial_for` replaces the network in tests.
    """
    run = Run(scenario, target, habits, passwords, Dialler(target, tls), sources, share or Share(), progress, dial_for)
    run.stop = run.stop if stop is None else stop
    numbers = run.share.numbers(scenario.stations)
    plans = [(number, plan_station(scenario, number)) for number in numbers]
    gc.collect()
    gc.freeze()  # the plans live as long as the run: no need to look through them again and again
    clock = RunClock(trio.current_time(), datetime.now(UTC)) if begin is None else begin()
    tally = Tally(clock.began)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_feel_the_loop, tally)
            nursery.start_soon(_bring_up, run, plans, clock, tally, nursery)
            await _watch(run, len(plans), clock, tally)
            nursery.cancel_scope.cancel()
    finally:
        gc.unfreeze()
    result = SwarmResult(clock.date, trio.current_time() - clock.began, tally, interrupted=run.stop.is_set())
    for station in run.stations:
        result.ledger += station.ledger
        result.refused_sessions += station.refused_sessions
        result.skipped_sessions += station.skipped_sessions
        result.unsettled_stations += not station.finished
    result.identities = [plan.identity for _, plan in plans]
    return result


async def _bring_up(
    run: Run, plans: Sequence[tuple[int, StationPlan]], clock: RunClock, tally: Tally, nursery: trio.Nursery
) -> None:
    """Make each station when its time has come."""
    for made, (number, plan) in enumerate(plans):
        due = clock.at(plan.start)
        if due > trio.current_time() or made % AT_ONCE == 0:
            await trio.sleep_until(due)
        if run.dial_for is not None:
            dial = run.dial_for(plan.identity)
        else:
            source = run.sources[number % len(run.sources)] if run.sources else None
            dial = run.dialler.dial_from(source)
        address = run.target.address(plan.identity, run.passwords.get(plan.identity))
        station = Station(plan, dial, address, tally=tally, clock=clock, habits=run.habits)
        run.stations.append(station)
        nursery.start_soon(station.run)
        if made % FREEZE_EVERY == 0:
            gc.freeze()  # they live as long as the run: looking through them all would make everybody late
    gc.freeze()


async def _feel_the_loop(tally: Tally) -> None:
    """How late is what should happen at a certain time? Moments that passed unseen count as well."""
    due = trio.current_time()
    while True:
        due += HEARTBEAT_OF_THE_LOOP
        await trio.sleep_until(due)
        now = trio.current_time()
        while True:
            tally.late(now - due, now)
            if due + HEARTBEAT_OF_THE_LOOP > now:
                break
            due += HEARTBEAT_OF_THE_LOOP


async def _watch(run: Run, wanted: int, clock: RunClock, tally: Tally) -> None:
    """Return when the time is over and every station has its answers, at the latest after the grace."""
    second = max(0, int(trio.current_time() - clock.began))
    end, last = run.scenario.run_seconds, run.scenario.run_seconds + run.scenario.grace
    while True:
        second += 1
        with trio.move_on_at(clock.at(second)):
            await run.stop.wait()
            end, last = 0.0, min(last, second + LAST_WORDS)
            await trio.sleep_forever()
        if run.progress is not None:
            run.progress(tally.pulse(float(second)))
        if second < end:
            continue
        for station in run.stations:
            station.wind_down()
        settled = len(run.stations) == wanted and all(station.finished for station in run.stations)
        if settled or second >= last:
            return
