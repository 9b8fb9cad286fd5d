"""Charging sessions: lists, totals, one with its history, meter values, series for charts, exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, Scope
from csms.domain.errors import NotFound, PermissionDenied
from csms.domain.metering import MeterValue
from csms.domain.series import Series, SeriesOf
from csms.domain.session_changes import Change
from csms.ports.feed import Feed
from csms.ports.inventory import EventFilter, Inventory, StationEvent
from csms.ports.queries import (
    NEWEST_FIRST,
    SessionFilter,
    SessionPosition,
    SessionQueries,
    SessionTotals,
    SessionView,
    Sorting,
)
from csms.ports.session_changes import SessionChanges, StatusEntry
from csms.services.scopes import Scopes

EXPORT_BATCH: Final = 500
SERIES_BATCH: Final = 10_000
MAX_EVENTS: Final = 1_000
_AROUND: Final = timedelta(seconds=30)
"""Clocks of stations and ours are not the same: what happened so close to the ends belongs to the session."""


class SessionPage(msgspec.Struct, frozen=True):
    """Sessions in the order asked, and the totals of all that match (None: not asked for). `revision`: the feed stood
    there before the page was read."""

    sessions: tuple[SessionView, ...]
    totals: SessionTotals | None
    revision: int


class EventKind(StrEnum):
    """What happened during a session."""

    MILESTONE = "MILESTONE"
    STATUS = "STATUS"
    ERROR = "ERROR"
    STATION = "STATION"
    CORRECTION = "CORRECTION"


class SessionEvent(msgspec.Struct, frozen=True):
    """Something that happened. `word` is stable, `summary` a sentence."""

    at: datetime
    kind: EventKind
    word: str
    summary: str
    error_code: str = ""


class SessionDetail(msgspec.Struct, frozen=True):
    """A session with its history."""

    session: SessionView
    events: tuple[SessionEvent, ...]
    changes: tuple[Change, ...]


class Sessions:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        queries: SessionQueries,
        feed: Feed,
        scopes: Scopes,
        changes: SessionChanges,
        inventory: Inventory,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queries = queries
        self._feed = feed
        self._scopes = scopes
        self._changes = changes
        self._inventory = inventory
        self._now = now

    async def get(self, caller: Principal, session_id: int) -> SessionView:
        """One session. Raises NotFound."""
        return await find_session(self._queries, self._scopes, caller, Action.READ_SESSIONS, session_id)

    async def detail(self, caller: Principal, session_id: int) -> SessionDetail:
        """One session, and what happened during it, oldest first. Raises NotFound."""
        session = await self.get(caller, session_id)
        changes = await self._changes.changes(session_id)
        events = [*milestones(session), *(_changed(change) for change in changes)]
        if session.station_id is not None:
            events += await self._of_station(caller, session, session.station_id)
        events.sort(key=lambda event: event.at)
        return SessionDetail(session, tuple(events[:MAX_EVENTS]), tuple(changes))

    async def page(
        self,
        caller: Principal,
        wanted: SessionFilter,
        *,
        size: int,
        after: SessionPosition | None,
        sorting: Sorting = NEWEST_FIRST,
        totals: bool = True,
    ) -> SessionPage:
        """Up to `size` sessions after a place, in the order asked."""
        wanted = await self._narrowed(caller, wanted)
        revision = self._feed.revision
        sessions = await self._queries.page_sessions(wanted, size=size, after=after, sorting=sorting)
        found = await self._queries.total_sessions(wanted) if totals else None
        return SessionPage(tuple(sessions), found, revision)

    async def summarize(self, caller: Principal, wanted: SessionFilter) -> SessionTotals:
        """All totals of all that match."""
        return await self._queries.summarize_sessions(await self._narrowed(caller, wanted))

    async def meter_values(
        self, caller: Principal, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        """(digest, meter value) in the order of (time, digest). Raises NotFound when there is no such session."""
        if await self._scopes.of(caller, Action.READ_SESSIONS) is not None:
            await self.get(caller, session_id)
        values = await self._queries.page_meter_values(session_id, size=size, after=after)
        if not values and after is None:
            await self.get(caller, session_id)
        return values

    async def series(
        self, caller: Principal, session_id: int, measurands: Sequence[str], *, most: int
    ) -> tuple[Series, ...]:
        """What was measured, thinned to so many points a line. Raises NotFound."""
        await self.get(caller, session_id)
        lines = SeriesOf(measurands)
        after: tuple[datetime, int] | None = None
        while values := await self._queries.page_meter_values(session_id, size=SERIES_BATCH, after=after):
            for _, value in values:
                lines.add(value)
            digest, last = values[-1]
            after = (last.timestamp, digest)
            if len(values) < SERIES_BATCH:
                break
        return lines.finish(most)

    async def export(
        self,
        caller: Principal,
        wanted: SessionFilter,
        *,
        after: SessionPosition | None,
        sorting: Sorting = NEWEST_FIRST,
    ) -> AsyncGenerator[Sequence[SessionView], None]:
        """All that match after a place, in the order asked, in batches, from one snapshot."""
        wanted = await self._narrowed(caller, wanted)
        async with self._queries.stream_sessions(wanted, after=after, batch=EXPORT_BATCH, sorting=sorting) as batches:
            async for batch in batches:
                yield batch

    async def _narrowed(self, caller: Principal, wanted: SessionFilter) -> SessionFilter:
        scope, places = await self._scopes.narrowed(caller, Action.READ_SESSIONS, wanted.place_id, wanted.group_id)
        return msgspec.structs.replace(wanted, scope=scope, place_ids=places)

    async def _of_station(self, caller: Principal, session: SessionView, station_id: int) -> list[SessionEvent]:
        """What the station told in the session's time: statuses and errors of its connector; the rest for those who may
        read the station's messages."""
        t = session.transaction
        start = min(t.plugged_in_at or session.began_at, session.began_at) - _AROUND
        end = max(t.plugged_out_at or session.ended_at or self._now(), session.ended_at or start) + _AROUND
        statuses = await self._changes.statuses(station_id, t.evse_id, t.connector_id, start, end, MAX_EVENTS)
        events = [_status(entry) for entry in statuses]
        try:
            await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        except (NotFound, PermissionDenied):
            return events
        wanted = EventFilter(station_id=station_id, at_from=start, at_to=end)
        told = await self._inventory.page_events(wanted, size=MAX_EVENTS)
        return events + [_told(each) for each in told if each.evse_id in (None, 0, t.evse_id)]


async def find_session(
    queries: SessionQueries, scopes: Scopes, caller: Principal, action: Action, session_id: int
) -> SessionView:
    """One session on which the caller may do this. Raises NotFound, PermissionDenied."""
    scope = await scopes.of(caller, action)
    found = await queries.get_sessions([session_id])
    if not found or not sees(scope, found[0]):
        raise NotFound(f"There is no session {session_id}.", reason="SESSION_NOT_FOUND")
    return found[0]


def sees(scope: Scope | None, session: SessionView) -> bool:
    """Is the session in the scope?"""
    return scope is None or scope.holds(session.station_id, session.place_id, session.user_id)


def position_of(session: SessionView) -> SessionPosition:
    """The session's place in the order in which it was listed."""
    return SessionPosition(session.sort_key, session.transaction.id)


def milestones(session: SessionView) -> Iterator[SessionEvent]:
    """The session's own story."""
    t = session.transaction
    told = (
        (t.plugged_in_at, "PLUGGED_IN", "The cable was plugged in."),
        (session.began_at, "STARTED", "The session began."),
        (t.goal_reached_at, "GOAL_REACHED", "The vehicle had enough."),
        (session.ended_at, "STOPPED", f"The session ended{f': {t.stop_reason}' if t.stop_reason else ''}."),
        (t.plugged_out_at, "PLUGGED_OUT", "The cable was pulled out."),
    )
    for at, word, summary in told:
        if at is not None:
            yield SessionEvent(at, EventKind.MILESTONE, word, summary)


def _changed(change: Change) -> SessionEvent:
    why = f" ({change.reason})" if change.reason else ""
    who = change.actor_name or "The server"
    if change.field == "state":
        summary = f"{who} closed the session{why}."
    else:
        summary = f"{who} changed {change.field} from {change.before or 'nothing'} to {change.after or 'nothing'}{why}."
    return SessionEvent(change.at, EventKind.CORRECTION, change.field, summary)


def _status(entry: StatusEntry) -> SessionEvent:
    where = "The station" if entry.evse_id == 0 else "The connector"
    code = "/".join(text for text in (entry.error_code, entry.vendor_error_code) if text)
    if entry.error_code in ("", "NoError"):
        return SessionEvent(entry.at, EventKind.STATUS, entry.status.value, f"{where} is {entry.status.value}.")
    info = f" ({entry.info})" if entry.info else ""
    return SessionEvent(
        entry.at, EventKind.ERROR, entry.status.value, f"{where} is {entry.status.value}: {code}{info}.", code
    )


def _told(event: StationEvent) -> SessionEvent:
    return SessionEvent(event.at, EventKind.STATION, event.kind, event.summary)
