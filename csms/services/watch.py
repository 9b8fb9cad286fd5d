"""The live feed for people: events become present views, in batches, and nothing is missed on resuming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime

import msgspec
import trio

from csms.domain.access import Action, Principal, Reach, reach
from csms.domain.errors import InvalidArgument
from csms.ports.alarms import AlarmStore, AlarmView
from csms.ports.feed import Event, Feed, Subject, Watch
from csms.ports.queries import SessionQueries, SessionView, StationQueries, StationView
from csms.services.scopes import Scopes
from csms.services.sessions import sees

COLLECT = 0.2
"""Seconds between two batches while much happens: what changes ten times within is shown once."""
TICK = 10.0
SHOWN = frozenset({Subject.STATION, Subject.STATION_DELETED, Subject.SESSION, Subject.ALARM})


class Change(msgspec.Struct, frozen=True):
    """What something is now, or that it is gone. With none of them it is a progress tick.

    Resuming after `revision` misses nothing: whatever is still to come has a higher one.
    """

    revision: int
    at: datetime
    station: StationView | None = None
    session: SessionView | None = None
    deleted_station_id: int | None = None
    alarm: AlarmView | None = None


class Watching:
    """Use cases of people."""

    def __init__(
        self,
        feed: Feed,
        stations: StationQueries,
        sessions: SessionQueries,
        alarms: AlarmStore,
        scopes: Scopes,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._feed = feed
        self._stations = stations
        self._sessions = sessions
        self._alarms = alarms
        self._scopes = scopes
        self._now = now

    async def watch(
        self, caller: Principal, after: int | None, station_ids: frozenset[int] = frozenset(), *, tick: float = TICK
    ) -> AsyncGenerator[Change, None]:
        """Changes after a revision (None: from now on), of these stations (none: all), their sessions and alarms, as
        far as the caller sees them; without stations also alarms of places. A station that goes out of sight is told as
        deleted.

        Begins with a tick. Raises PermissionDenied, InvalidArgument, RevisionTooOld, WatcherTooSlow, Unavailable.
        """
        await self._scopes.of(caller, Action.READ_STATIONS)
        await self._scopes.of(caller, Action.READ_SESSIONS)
        if after is not None and after < 0:
            raise InvalidArgument("A revision is not negative; 0 means from now on.", reason="INVALID_REVISION")
        start = self._feed.revision if after is None else after
        told: dict[int, int] = {}
        async with self._feed.watch(start) as watch:
            yield Change(start, self._now())
            delivered_at = -COLLECT
            while True:
                revision, events = await watch.next_batch(tick=tick)
                if events:
                    revision, events = await self._collect(watch, revision, events, delivered_at + COLLECT)
                wanted = [
                    event
                    for event in events
                    if event.subject in SHOWN and (not station_ids or event.station_id in station_ids)
                ]
                for change in await self._seen(caller, await self._changes(caller, wanted), start, told):
                    yield change
                delivered_at = trio.current_time()
                if not wanted or wanted[-1].revision < revision:
                    yield Change(revision, self._now())

    async def _collect(
        self, watch: Watch, revision: int, events: Sequence[Event], not_before: float
    ) -> tuple[int, Sequence[Event]]:
        """After a pause the first change goes out at once; in a storm they are gathered."""
        if not_before <= trio.current_time():
            return revision, events
        await trio.sleep_until(not_before)
        revision, more = await watch.next_batch(tick=0)
        return revision, [*events, *more]

    async def _seen(self, caller: Principal, changes: list[Change], start: int, told: dict[int, int]) -> list[Change]:
        """What of this the caller may know. `told`: of which station they heard that it is gone, and which time."""
        if not changes:
            return []
        stations = await self._scopes.of(caller, Action.READ_STATIONS)
        sessions = await self._scopes.of(caller, Action.READ_SESSIONS)
        found = []
        for change in changes:
            view = change.station
            station_id = view.id if view is not None else change.deleted_station_id
            if change.alarm is not None:
                found.append(change)  # read with the caller's eyes
            elif change.session is not None:
                if sees(sessions, change.session):
                    found.append(change)
            elif stations is None or (view is not None and stations.holds(view.id, view.place_id)):
                found.append(change)
            elif station_id is not None:
                left = self._scopes.left(caller, stations, station_id)
                if left is not None and left >= start and told.get(station_id) != left:
                    told[station_id] = left
                    found.append(Change(change.revision, change.at, deleted_station_id=station_id))
        return found

    async def _alarms_of(self, caller: Principal, alarm_ids: Sequence[int]) -> dict[int, AlarmView]:
        """Those that the caller may see, by number."""
        if not alarm_ids or reach(caller, Action.READ_ALARMS) is Reach.NONE:
            return {}
        found = await self._alarms.find(alarm_ids, await self._scopes.of(caller, Action.READ_ALARMS))
        return {view.alarm.id: view for view in found}

    async def _changes(self, caller: Principal, events: Sequence[Event]) -> list[Change]:
        """One change for each thing, in the order of its newest event; one query for each kind."""
        newest: dict[tuple[Subject, int], Event] = {}
        for event in events:
            key = (event.subject, _number(event))
            newest.pop(key, None)  # so that it is put last
            newest[key] = event
        station_ids = [number for subject, number in newest if subject is Subject.STATION]
        session_ids = [number for subject, number in newest if subject is Subject.SESSION]
        stations = {s.id: s for s in await self._stations.get_stations(station_ids)} if station_ids else {}
        sessions = (
            {int(s.transaction.id): s for s in await self._sessions.get_sessions(session_ids)} if session_ids else {}
        )
        alarms = await self._alarms_of(caller, [number for subject, number in newest if subject is Subject.ALARM])
        changes = []
        for (subject, number), event in newest.items():
            if subject is Subject.STATION_DELETED:
                changes.append(Change(event.revision, event.at, deleted_station_id=number))
            elif subject is Subject.STATION and number in stations:
                changes.append(Change(event.revision, event.at, station=stations[number]))
            elif subject is Subject.SESSION and number in sessions:
                changes.append(Change(event.revision, event.at, session=sessions[number]))
            elif subject is Subject.ALARM and number in alarms:
                changes.append(Change(event.revision, event.at, alarm=alarms[number]))
        return changes


def _number(event: Event) -> int:
    """Of what it is about."""
    if event.subject is Subject.SESSION:
        return event.session_id
    return event.alarm_id if event.subject is Subject.ALARM else event.station_id
