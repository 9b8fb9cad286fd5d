"""Corrections, closures and logbooks of sessions in memory, on the fakes' tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from csms.domain.facts import ConnectorStatus
from csms.domain.session_changes import DRIVER_FIELDS, Change, Closure, Corrections, Logbook, LostSession, Vehicle
from csms.domain.transaction import SessionState, Transaction
from csms.ports.session_changes import StatusEntry, WaitingLogbook
from tests.kit.fake_tables import FakeTables


class FakeSessionChanges:
    """SessionChanges."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._changes: dict[int, list[Change]] = {}
        self.waiting: dict[tuple[int, int], WaitingLogbook] = {}

    async def changes(self, session_id: int) -> Sequence[Change]:
        self._tables.check()
        return list(self._changes.get(session_id, []))

    async def correct(
        self,
        session_id: int,
        corrections: Corrections,
        user_id: int | None,
        changes: Sequence[Change],
        expected: Corrections,
    ) -> bool:
        self._tables.check()
        found = self._tables.sessions.get(session_id)
        known = self._tables.corrections.get(session_id, Corrections())
        if found is None or found.state is SessionState.ACTIVE or known != expected:
            return False
        self._tables.corrections[session_id] = corrections
        self._tables.session_users[session_id] = user_id
        self._changes.setdefault(session_id, []).extend(changes)
        if any(change.field in DRIVER_FIELDS for change in changes):
            for watch in self._tables.driver_watchers:
                watch(session_id)
        return True

    async def owner_of(self, id_token: str) -> int | None:
        return next((t.user_id for t in self._tables.tokens.values() if t.id_token == id_token), None)

    async def close(self, session_id: int, change: Change) -> bool:
        self._tables.check()
        found = self._tables.sessions.get(session_id)
        if found is None or found.state is not SessionState.ACTIVE:
            return False
        found = self._tables.sessions[session_id] = found.snapshot()
        found.close(change.at)
        self._tables.closures[session_id] = Closure(change.at, change.actor, change.reason)
        self._changes.setdefault(session_id, []).append(change)
        return True

    async def lost(
        self, now: datetime, *, offline_for: float | None, available_for: float | None, size: int
    ) -> Sequence[LostSession]:
        self._tables.check()
        found = []
        for t in sorted(self._tables.open_sessions(), key=lambda t: t.id):
            reason = self._why_lost(t, now, offline_for, available_for)
            if reason:
                found.append(LostSession(t.id, t.station_id, t.id_token, reason))
        return found[:size]

    def _why_lost(self, t: Transaction, now: datetime, offline_for: float | None, available_for: float | None) -> str:
        station = self._tables.stations.get(t.station_id)
        if station is None:
            return "STATION_DELETED"
        if offline_for is not None and not station.online:
            since = max(t.progress_at, station.last_seen_at or t.progress_at)
            if since < now - timedelta(seconds=offline_for):
                return "OFFLINE"
        for later in self._tables.sessions.values():
            same = (later.station_id, later.evse_id, later.connector_id) == (t.station_id, t.evse_id, t.connector_id)
            after = (later.started_at or later.logged_at) > (t.started_at or t.logged_at)
            if same and after and t.evse_id > 0 and later.logged_at > t.progress_at:
                return "ANOTHER_BEGAN"
        key = (t.station_id, t.evse_id, t.connector_id)
        connector = self._tables.connectors.get(key)
        if available_for is not None and station.online and connector is not None:
            since = now - timedelta(seconds=available_for)
            times = [
                h.received_at for h in self._tables.status_history if (h.station_id, h.evse_id, h.connector_id) == key
            ]
            free = connector.status is ConnectorStatus.AVAILABLE
            if free and t.progress_at < since and max(times, default=connector.received_at) < since:
                return "CONNECTOR_FREE"
        return ""

    async def write_logbook(self, session_id: int, logbook: Logbook, changes: Sequence[Change]) -> bool:
        self._tables.check()
        if session_id not in self._tables.sessions:
            return False
        self._tables.logbooks[session_id] = logbook
        self._changes.setdefault(session_id, []).extend(changes)
        return True

    async def vehicles(self, user_id: int, size: int) -> Sequence[Vehicle]:
        self._tables.check()
        newest: dict[str, Vehicle] = {}
        for t in sorted(self._tables.sessions.values(), key=lambda t: (t.started_at or t.logged_at, t.id)):
            book = self._tables.logbooks.get(t.id)
            if book is not None and book.vehicle_id and self._tables.session_users.get(t.id) == user_id:
                newest[book.vehicle_id] = Vehicle(book.vehicle_id, book.mileage_km, t.started_at or t.logged_at)
        return sorted(newest.values(), key=lambda vehicle: vehicle.charged_at, reverse=True)[:size]

    async def demands_logbook(self, station_id: int) -> bool:
        self._tables.station(station_id)
        return station_id in self._tables.logbook_stations

    async def set_logbook(self, station_id: int, enabled: bool) -> None:
        self._tables.station(station_id)
        (self._tables.logbook_stations.add if enabled else self._tables.logbook_stations.discard)(station_id)

    async def keep_waiting(self, waiting: WaitingLogbook) -> None:
        self._tables.check()
        self.waiting.setdefault((waiting.station_id, waiting.remote_start_id), waiting)

    async def forget_waiting(self, station_id: int, remote_start_id: int) -> None:
        self._tables.check()
        self.waiting.pop((station_id, remote_start_id), None)

    async def land_waiting(self, now: datetime) -> Sequence[tuple[int, int]]:
        self._tables.check()
        landed = []
        for t in self._tables.sessions.values():
            said = self.waiting.pop((t.station_id, t.remote_start_id or 0), None)
            if said is not None:
                self._tables.logbooks[t.id] = said.logbook
                for name in ("mileage_km", "vehicle_id", "purpose"):
                    value = getattr(said.logbook, name)
                    if value not in (None, ""):
                        change = Change(name, "", str(value), said.actor, said.actor_name, said.at, "")
                        self._changes.setdefault(t.id, []).append(change)
                landed.append((int(t.station_id), int(t.id)))
        for key, said in list(self.waiting.items()):
            if said.at < now - timedelta(days=1):
                del self.waiting[key]
        return landed

    async def statuses(
        self, station_id: int, evse_id: int, connector_id: int, start: datetime, end: datetime, size: int
    ) -> Sequence[StatusEntry]:
        self._tables.check()
        found = [
            StatusEntry(h.at, h.evse_id, h.connector_id, h.status, h.error_code, h.info, h.vendor_error_code)
            for h in self._tables.status_history
            if h.station_id == station_id
            and (h.evse_id == 0 or (h.evse_id, h.connector_id) == (evse_id, connector_id))
            and start <= h.at <= end
        ]
        return sorted(found, key=lambda entry: entry.at)[:size]
