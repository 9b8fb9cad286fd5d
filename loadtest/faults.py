"""Connectors that break while somebody charges, and are repaired after a while."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Protocol

import trio

from loadtest.scenario import SessionPlan
from loadtest.session import Connector, RunClock
from loadtest.speech.speech import BREAKDOWNS, Breakdown, Said, Speech


class Breakable(Protocol):
    """What a station lends to its faults."""

    speech: Speech

    def now(self) -> datetime: ...
    def say(self, said: Said | None, *, durable: bool = False) -> None: ...


class Faults:
    """The faults of one station. `share` is that of sessions which end by one, `repair_seconds` how long it lasts."""

    __slots__ = ("_clock", "_number", "_random", "_repair_seconds", "_share", "_station")

    def __init__(
        self, station: Breakable, random: Random, clock: RunClock, *, share: float, repair_seconds: float
    ) -> None:
        self._station = station
        self._random = random
        self._clock = clock
        self._share = share
        self._repair_seconds = repair_seconds
        self._number = 0

    def fate(self, visit: SessionPlan) -> tuple[float, Breakdown] | None:
        """When (as `trio.current_time()`) and how the connector breaks in a session, for some of them."""
        if not self._share or self._random.random() >= self._share:
            return None
        at = self._random.uniform(visit.tag_shown + 0.1, visit.stopped)
        return self._clock.at(at), self._random.choice(BREAKDOWNS)

    def break_down(self, connector: Connector, breakdown: Breakdown, nursery: trio.Nursery | None) -> None:
        """The connector is Faulted from now on, until a task in the nursery has repaired it."""
        self._number += 1
        connector.become("Faulted", breakdown.code)
        self._tell(connector, breakdown, self._number, over=False)
        if nursery is not None:
            nursery.start_soon(self._repair, connector, breakdown, self._number)

    async def _repair(self, connector: Connector, breakdown: Breakdown, number: int) -> None:
        await trio.sleep(self._repair_seconds)
        self._tell(connector, breakdown, number, over=True)
        connector.repair()

    def _tell(self, connector: Connector, breakdown: Breakdown, number: int, *, over: bool) -> None:
        station = self._station
        station.say(station.speech.broken(connector.number, breakdown.code, station.now(), number, over=over))
