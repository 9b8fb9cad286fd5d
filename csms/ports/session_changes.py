"""What people change of sessions, and what the rule for lost ones needs. All raise Unavailable while the database is
away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.facts import ConnectorStatus
from csms.domain.session_changes import Change, Corrections, Logbook, LostSession, Vehicle


class StatusEntry(msgspec.Struct, frozen=True):
    """A connector had this status from then on. Connector 0, EVSE 0: the station."""

    at: datetime
    evse_id: int
    connector_id: int
    status: ConnectorStatus
    error_code: str
    info: str
    vendor_error_code: str


class WaitingLogbook(msgspec.Struct, frozen=True):
    """Said with a remote start whose session has not begun."""

    station_id: int
    remote_start_id: int
    logbook: Logbook
    actor: str
    actor_name: str
    at: datetime


class SessionChanges(Protocol):
    """Corrections, closures, logbooks, and the history of a session."""

    async def changes(self, session_id: int) -> Sequence[Change]:
        """Oldest first."""

    async def correct(
        self,
        session_id: int,
        corrections: Corrections,
        user_id: int | None,
        changes: Sequence[Change],
        expected: Corrections,
    ) -> bool:
        """What is right from now on, and what changed. False, and nothing done, when the session goes on, is gone, or
        its corrections are not `expected` any more."""

    async def owner_of(self, id_token: str) -> int | None:
        """The user whose tag it is."""

    async def close(self, session_id: int, change: Change) -> bool:
        """End it with its last meter value, at the time of that. False when it has ended, or there is none."""

    async def lost(
        self, now: datetime, *, offline_for: float | None, available_for: float | None, size: int
    ) -> Sequence[LostSession]:
        """Sessions whose station has been offline so long, or (online) whose connector has been free so long without
        any word of the session, in seconds (None: not looked for); or after which another began there."""

    async def write_logbook(self, session_id: int, logbook: Logbook, changes: Sequence[Change]) -> bool:
        """False when there is no such session."""

    async def vehicles(self, user_id: int, size: int) -> Sequence[Vehicle]:
        """That the user charged, the last one first."""

    async def demands_logbook(self, station_id: int) -> bool:
        """Raises NotFound."""

    async def set_logbook(self, station_id: int, enabled: bool) -> None:
        """Raises NotFound."""

    async def keep_waiting(self, waiting: WaitingLogbook) -> None:
        """Until its session begins."""

    async def forget_waiting(self, station_id: int, remote_start_id: int) -> None:
        """The start was refused, or never sent."""

    async def land_waiting(self, now: datetime) -> Sequence[tuple[int, int]]:
        """Put what waits on the sessions that began by it; (station, session) of those. What nobody came for in a day
        is forgotten."""

    async def statuses(
        self, station_id: int, evse_id: int, connector_id: int, start: datetime, end: datetime, size: int
    ) -> Sequence[StatusEntry]:
        """Of a connector and its station, in that time, oldest first."""
