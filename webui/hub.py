"""The live feed inside the portal: one upstream watch per signed-in token, fanned out to that person's tabs.

A tab joins, then reads its page's data, then takes what changed since: nothing is missed, because the upstream watch
stands at a revision that is not newer than the page. Changes are kept by name with the newest winning, so that a slow
tab costs memory for what it shows and no more. When the last tab leaves, the upstream watch ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from webui.api import Client
from webui.values import ApiError, Change, Session, Station, StationQuery
from webui.values_alarms import Alarm

BACK_OFF_S = (0.3, 0.6, 1.0, 2.0, 4.0)


@dataclass(slots=True)
class News:
    """What a tab has to show anew. ``relist`` means: read everything again."""

    stations: dict[str, Station] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    relist: bool = False

    @property
    def any(self) -> bool:
        """Is there any, beside that?"""
        return bool(self.stations or self.deleted or self.sessions or self.alarms)

    def add(self, change: Change) -> None:
        """Take a change in; an older one of the same name is forgotten."""
        if change.station is not None:
            self.stations[change.station.name] = change.station
        if change.deleted_station:
            self.stations.pop(change.deleted_station, None)
            self.deleted.add(change.deleted_station)
        if change.session is not None:
            self.sessions[change.session.name] = change.session
        if change.alarm is not None:
            self.alarms[change.alarm.name] = change.alarm


class Seat:
    """One tab's place at the hub."""

    def __init__(self, wants: Callable[[Change], bool]) -> None:
        self.wants = wants
        self.news = News()
        self.alive = True  # is the upstream watch up?
        self.over = False  # the token is no longer valid
        self.based = False  # the tab has been given everything once
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the tab."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Until there is news; False when nothing came in this time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def take(self) -> News:
        """The news so far; the seat is empty then."""
        news, self.news = self.news, News()
        return news


class Hub:
    """The upstream watch of one token and the tabs that listen to it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.seats: set[Seat] = set()
        self.task: asyncio.Task[None] | None = None
        self.is_based = False  # the watch has a revision to go on from: what is read now misses nothing
        self._alive = False

    def sit(self, seat: Seat) -> None:
        """A tab joins; the first one starts the watch."""
        seat.alive = self._alive or self.task is None
        self.seats.add(seat)
        if self.task is None:
            self.task = asyncio.create_task(self._run(), name="watch")

    async def _run(self) -> None:
        revision = 0
        failures = 0
        while True:
            try:
                if revision == 0:
                    revision = (await self._client.stations(StationQuery(), page_size=1)).revision
                    self.is_based = True
                    self._relist()
                async for change in self._client.watch(revision):
                    revision = max(revision, change.revision)
                    failures = 0
                    self._deliver(change)
            except ApiError as error:
                if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
                    self._end()
                    return
                if error.code == "OUT_OF_RANGE":
                    revision = 0  # too old, or fell behind: read again, then watch from there
                    continue_at_once = failures == 0
                    failures += 1
                    if continue_at_once:
                        continue
                self._set_alive(False)
            failures += 1
            await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1])

    def _deliver(self, change: Change) -> None:
        self._set_alive(True)
        for seat in self.seats:
            if seat.wants(change):
                seat.news.add(change)
                seat.ring()

    def _set_alive(self, alive: bool) -> None:
        self._alive = alive
        for seat in self.seats:
            if seat.alive != alive:
                seat.alive = alive
                seat.ring()

    def _relist(self) -> None:
        for seat in self.seats:
            seat.news.relist = True
            seat.ring()

    def _end(self) -> None:
        for seat in self.seats:
            seat.over = True
            seat.ring()


class Hubs:
    """The hubs of all tokens."""

    def __init__(self) -> None:
        self._hubs: dict[str, Hub] = {}
        self.stopping = asyncio.Event()

    @contextlib.asynccontextmanager
    async def join(
        self, token: str, client: Client, wants: Callable[[Change], bool]
    ) -> AsyncIterator[tuple[Hub, Seat]]:
        """A seat for a tab while it is open."""
        hub = self._hubs.get(token)
        if hub is None or (hub.task is not None and hub.task.done()):
            hub = self._hubs[token] = Hub(client)
        seat = Seat(wants)
        hub.sit(seat)
        try:
            yield hub, seat
        finally:
            hub.seats.discard(seat)
            if not hub.seats and hub.task is not None:
                hub.task.cancel()
                if self._hubs.get(token) is hub:
                    del self._hubs[token]

    def __len__(self) -> int:
        return len(self._hubs)

    def stop(self) -> None:
        """End all streams, so that the process can end; browsers connect again by themselves."""
        self.stopping.set()
        for hub in self._hubs.values():
            for seat in hub.seats:
                seat.ring()
