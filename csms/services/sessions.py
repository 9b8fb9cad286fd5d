"""Charging sessions: lists, totals, meter values, exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal, Scope
from csms.domain.errors import NotFound
from csms.domain.metering import MeterValue
from csms.ports.feed import Feed
from csms.ports.queries import SessionFilter, SessionPosition, SessionQueries, SessionTotals, SessionView
from csms.services.scopes import Scopes

EXPORT_BATCH = 500


class SessionPage(msgspec.Struct, frozen=True):
    """Sessions, newest first, and the totals of all that match. `revision`: the feed stood there before the page was
    read."""

    sessions: tuple[SessionView, ...]
    totals: SessionTotals
    revision: int


class Sessions:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(self, queries: SessionQueries, feed: Feed, scopes: Scopes) -> None:
        self._queries = queries
        self._feed = feed
        self._scopes = scopes

    async def get(self, caller: Principal, session_id: int) -> SessionView:
        """One session. Raises NotFound."""
        scope = await self._scopes.of(caller, Action.READ_SESSIONS)
        found = await self._queries.get_sessions([session_id])
        if not found or not sees(scope, found[0]):
            raise NotFound(f"There is no session {session_id}.", reason="SESSION_NOT_FOUND")
        return found[0]

    async def page(
        self, caller: Principal, wanted: SessionFilter, *, size: int, after: SessionPosition | None
    ) -> SessionPage:
        """Up to `size` sessions after a place, newest first."""
        wanted = await self._narrowed(caller, wanted)
        revision = self._feed.revision
        sessions = await self._queries.page_sessions(wanted, size=size, after=after)
        totals = await self._queries.total_sessions(wanted)
        return SessionPage(tuple(sessions), totals, revision)

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

    async def export(
        self, caller: Principal, wanted: SessionFilter, *, after: SessionPosition | None
    ) -> AsyncGenerator[Sequence[SessionView], None]:
        """All that match after a place, newest first, in batches, from one snapshot."""
        wanted = await self._narrowed(caller, wanted)
        async with self._queries.stream_sessions(wanted, after=after, batch=EXPORT_BATCH) as batches:
            async for batch in batches:
                yield batch

    async def _narrowed(self, caller: Principal, wanted: SessionFilter) -> SessionFilter:
        scope, places = await self._scopes.narrowed(caller, Action.READ_SESSIONS, wanted.place_id, wanted.group_id)
        return msgspec.structs.replace(wanted, scope=scope, place_ids=places)


def sees(scope: Scope | None, session: SessionView) -> bool:
    """Is the session in the scope?"""
    return scope is None or scope.holds(session.station_id, session.place_id, session.user_id)


def position_of(session: SessionView) -> SessionPosition:
    """The session's place in the order of lists."""
    transaction = session.transaction
    return SessionPosition(transaction.started_at or transaction.logged_at, transaction.id)
