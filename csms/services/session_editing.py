"""What people change of sessions: corrections, closing, the driver's logbook; and the rule that closes lost ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, denied
from csms.domain.errors import FailedPrecondition, StaleVersion, Unavailable
from csms.domain.ids import parse_id_token
from csms.domain.session_changes import (
    LOGBOOK_FIELDS,
    Change,
    Corrections,
    Logbook,
    LostSession,
    Vehicle,
    check_corrected,
    check_logbook,
    check_reason,
    demand_logbook,
    text_of,
)
from csms.domain.transaction import SessionState
from csms.ports.directory import Directory
from csms.ports.feed import Feed, Subject
from csms.ports.lease import Lease
from csms.ports.queries import SessionQueries, SessionView
from csms.ports.session_changes import SessionChanges, WaitingLogbook
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.sessions import find_session, sees

MAX_VEHICLES: Final = 50
SWEEP_SECONDS: Final = 60.0
LAND_SECONDS: Final = 2.0
SWEEP_SIZE: Final = 200
_WHY: Final = {
    "OFFLINE": "The station has been offline for too long.",
    "CONNECTOR_FREE": "The connector is free, and the station says nothing of the session any more.",
    "ANOTHER_BEGAN": "Another session began on the connector.",
    "STATION_DELETED": "The station was deleted.",
}
_log = structlog.get_logger("csms.sessions")


class LostRule(msgspec.Struct, frozen=True):
    """When a session counts as lost: its station offline for so long, or its connector free for so long (seconds). 0:
    never."""

    offline_for: float = 0.0
    available_for: float = 0.0


class NewValues(msgspec.Struct, frozen=True):
    """What is right. Fields that are to change are named beside it; one that is named and None goes back to what the
    station told."""

    energy_wh: float | None = None
    start_time: datetime | None = None
    stop_time: datetime | None = None
    id_token: str | None = None
    user: int | None = None


class SessionEditing:
    """Use cases of people, and the rule. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        changes: SessionChanges,
        queries: SessionQueries,
        feed: Feed,
        scopes: Scopes,
        directory: Directory,
        *,
        rule: LostRule | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._changes = changes
        self._queries = queries
        self._feed = feed
        self._scopes = scopes
        self._directory = directory
        self._rule = rule or LostRule()
        self._now = now
        self._waiting = True  # perhaps from before this process began

    # -- corrections -----------------------------------------------------------------------------------------------

    async def correct(
        self, caller: Principal, session_id: int, fields: Sequence[str], values: NewValues, reason: str
    ) -> SessionView:
        """Put fields right, for a reason. Raises NotFound, InvalidArgument, StaleVersion, and
        FailedPrecondition/SESSION_ACTIVE."""
        session = await self._find(caller, Action.CORRECT_SESSIONS, session_id)
        reason = check_reason(reason)
        if session.transaction.state is SessionState.ACTIVE:
            raise FailedPrecondition(
                "The session is still going on. Stop it, or close it if its station is gone; then correct it.",
                reason="SESSION_ACTIVE",
            )
        right, user_id = await self._corrected(session, fields, values)
        after = msgspec.structs.replace(session, corrections=right, user_id=user_id)
        check_corrected(after.energy_wh, after.began_at, after.ended_at or after.began_at, self._now())
        entries = self._entries(caller, _shown(session), _shown(after), reason)
        if not entries:
            return session
        if not await self._changes.correct(session_id, right, user_id, entries, session.corrections):
            raise StaleVersion("The session was changed meanwhile. Look at it again, then correct it.")
        note_change(f"sessions/{session_id}", _shown(session), _Shown(**_shown(after)))
        return await self._told(session)

    async def _corrected(
        self, session: SessionView, fields: Sequence[str], values: NewValues
    ) -> tuple[Corrections, int | None]:
        t, right, user_id = session.transaction, session.corrections, session.user_id
        if "energy_wh" in fields:
            energy = None if values.energy_wh is None else round(values.energy_wh, 3)
            right = msgspec.structs.replace(right, energy_wh=None if energy == t.energy_wh else energy)
        if "start_time" in fields:
            began = t.started_at or t.logged_at
            right = msgspec.structs.replace(right, started_at=_unless_same(values.start_time, began))
        if "stop_time" in fields:
            ended = t.stopped_at or t.stop_logged_at or t.logged_at
            right = msgspec.structs.replace(right, stopped_at=_unless_same(values.stop_time, ended))
        if "id_token" in fields:
            token = None if values.id_token is None else parse_id_token(values.id_token)
            right = msgspec.structs.replace(right, id_token=None if token == t.id_token else token)
            if not right.user:
                user_id = await self._changes.owner_of(t.id_token if right.id_token is None else right.id_token)
        if "user" in fields:
            right = msgspec.structs.replace(right, user=values.user is not None)
            user_id = values.user
            if user_id is None:
                user_id = await self._changes.owner_of(t.id_token if right.id_token is None else right.id_token)
        return right, user_id

    async def close(self, caller: Principal, session_id: int, reason: str) -> SessionView:
        """End a session whose end never came. Raises NotFound, InvalidArgument, FailedPrecondition/SESSION_ENDED."""
        session = await self._find(caller, Action.CORRECT_SESSIONS, session_id)
        reason = check_reason(reason)
        change = Change("state", "ACTIVE", "ENDED", caller.name, caller.display_name, self._now(), reason)
        if not await self._changes.close(session_id, change):
            raise FailedPrecondition("The session has ended already.", reason="SESSION_ENDED")
        note_change(f"sessions/{session_id}", {"state": "ACTIVE"}, _Closed("ENDED", reason))
        await self._directory.forget_session(session.transaction.station_id, session_id, session.transaction.id_token)
        return await self._told(session)

    # -- logbook ---------------------------------------------------------------------------------------------------

    async def write_logbook(
        self, caller: Principal, session_id: int, fields: Sequence[str], logbook: Logbook
    ) -> SessionView:
        """Enter or correct what the driver writes down; drivers do so on their own sessions. Raises NotFound,
        InvalidArgument."""
        session = await self._find(caller, Action.EDIT_LOGBOOK, session_id)
        new = {name: getattr(logbook, name) for name in fields}
        right = check_logbook(msgspec.structs.replace(session.logbook, **new))
        before, after = (
            {name: text_of(getattr(book, name)) for name in LOGBOOK_FIELDS} for book in (session.logbook, right)
        )
        entries = self._entries(caller, before, after, "")
        if not entries:
            return session
        await self._changes.write_logbook(session_id, right, entries)
        note_change(f"sessions/{session_id}", before, right)
        return await self._told(session)

    async def vehicles(self, caller: Principal) -> Sequence[Vehicle]:
        """That the caller charged before."""
        await self._scopes.of(caller, Action.EDIT_LOGBOOK)
        return [] if caller.user_id is None else await self._changes.vehicles(caller.user_id, MAX_VEHICLES)

    async def demands_logbook(self, caller: Principal, station_id: int) -> bool:
        """Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._changes.demands_logbook(station_id)

    async def set_logbook(self, caller: Principal, station_id: int, enabled: bool) -> None:
        """Raises NotFound."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        before = await self._changes.demands_logbook(station_id)
        await self._changes.set_logbook(station_id, enabled)
        note_change(f"stations/{station_id}", {"logbook": before}, _Demand(enabled))
        self._feed.publish(Subject.STATION, station_id)

    async def before_start(
        self, caller: Principal, station_id: int, remote_start_id: int, logbook: Logbook | None
    ) -> None:
        """A start from here is about to be sent. Raises FailedPrecondition/LOGBOOK_MISSING, InvalidArgument,
        NotFound."""
        if logbook is not None:
            logbook = check_logbook(logbook)
        if await self._changes.demands_logbook(station_id):
            demand_logbook(logbook)
        if logbook is not None and logbook != Logbook():
            await self._changes.keep_waiting(
                WaitingLogbook(station_id, remote_start_id, logbook, caller.name, caller.display_name, self._now())
            )
            self._waiting = True

    async def start_refused(self, station_id: int, remote_start_id: int) -> None:
        """It was not sent, or the station said no."""
        await self._changes.forget_waiting(station_id, remote_start_id)

    # -- tasks -----------------------------------------------------------------------------------------------------

    async def land_for_ever(self) -> None:
        """A task for the nursery of the application: what was written down with a start gets to its session."""
        while True:
            try:
                if self._waiting:
                    await self.land()
            except Unavailable:
                _log.warning("logbooks wait: the database is away")
            await trio.sleep(LAND_SECONDS)

    async def land(self) -> None:
        """One round. Raises Unavailable."""
        for station_id, session_id in await self._changes.land_waiting(self._now()):
            self._feed.publish(Subject.SESSION, station_id, session_id)

    async def close_lost_for_ever(self, lease: Lease) -> None:
        """A task for the nursery of the application: sessions whose end will hardly come are closed."""
        while True:
            await trio.sleep(SWEEP_SECONDS)
            try:
                if await lease.holds():
                    await self.close_lost()
            except Unavailable:
                _log.warning("lost sessions not closed: the database is away")

    async def close_lost(self) -> int:
        """One round: how many were closed. Raises Unavailable."""
        count = 0
        for lost in await self._changes.lost(
            self._now(),
            offline_for=self._rule.offline_for or None,
            available_for=self._rule.available_for or None,
            size=SWEEP_SIZE,
        ):
            count += await self._close_lost(lost)
        return count

    async def _close_lost(self, lost: LostSession) -> bool:
        change = Change("state", "ACTIVE", "ENDED", "", "", self._now(), _WHY[lost.reason])
        if not await self._changes.close(lost.session_id, change):
            return False
        _log.info("lost session closed", session_id=lost.session_id, why=lost.reason)
        await self._directory.forget_session(lost.station_id, lost.session_id, lost.id_token)
        self._feed.publish(Subject.SESSION, lost.station_id, lost.session_id)
        return True

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _find(self, caller: Principal, action: Action, session_id: int) -> SessionView:
        """Raises NotFound, and PermissionDenied to those who see it."""
        scope = await self._scopes.of(caller, action)
        session = await find_session(self._queries, self._scopes, caller, Action.READ_SESSIONS, session_id)
        if not sees(scope, session):
            raise denied(caller, action)
        return session

    async def _told(self, session: SessionView) -> SessionView:
        """What is so now; those who watch hear of it."""
        number = session.transaction.id
        self._feed.publish(Subject.SESSION, session.transaction.station_id, number)
        found = await self._queries.get_sessions([number])
        return found[0] if found else session

    def _entries(
        self, caller: Principal, before: Mapping[str, str], after: Mapping[str, str], reason: str
    ) -> list[Change]:
        return [
            Change(name, before[name], after[name], caller.name, caller.display_name, self._now(), reason)
            for name in before
            if before[name] != after[name]
        ]


class _Shown(msgspec.Struct, frozen=True):
    """For the audit log."""

    energy_wh: str
    start_time: str
    stop_time: str
    id_token: str
    user: str


class _Closed(msgspec.Struct, frozen=True):
    state: str
    reason: str


class _Demand(msgspec.Struct, frozen=True):
    logbook: bool


def _shown(session: SessionView) -> dict[str, Any]:
    return {
        "energy_wh": text_of(session.energy_wh),
        "start_time": text_of(session.began_at),
        "stop_time": text_of(session.ended_at),
        "id_token": session.id_token,
        "user": "" if session.user_id is None else f"users/{session.user_id}",
    }


def _unless_same(wanted: datetime | None, told: datetime) -> datetime | None:
    return None if wanted == told else wanted
