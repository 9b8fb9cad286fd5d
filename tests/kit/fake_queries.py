"""Lists of stations and sessions from the fakes' tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.metering import MeterValue
from csms.domain.topology import SYSTEM_ID
from csms.domain.transaction import Transaction
from csms.ports.queries import (
    ActiveSession,
    ConnectorView,
    FleetSummary,
    SessionFilter,
    SessionPosition,
    SessionTotals,
    SessionView,
    StationFilter,
    StationView,
)
from tests.kit.fake_stores import meter_value_of
from tests.kit.fake_tables import FakeTables, StationData


def _is_in(
    wanted: StationFilter | SessionFilter, station_id: int | None, place_id: int, user_id: int | None = None
) -> bool:
    inside = wanted.scope is None or wanted.scope.holds(station_id, place_id, user_id)
    return inside and (not wanted.place_ids or place_id in wanted.place_ids)


def _contains(query: str, *texts: str) -> bool:
    return any(query.strip().casefold() in text.casefold() for text in texts)


class FakeStationQueries:
    """StationQueries."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        self._tables.check()
        return [self._view(self._tables.stations[each]) for each in station_ids if each in self._tables.stations]

    async def page_stations(
        self, wanted: StationFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[StationView], int]:
        self._tables.check()
        found = [self._view(s) for s in self._tables.stations.values() if self._admits(wanted, s)]
        found.sort(key=lambda view: (view.identity, view.id))
        return [view for view in found if after is None or (view.identity, view.id) > after][:size], len(found)

    async def summarize(self, wanted: StationFilter) -> FleetSummary:
        self._tables.check()
        inside = {s.id: s for s in self._tables.stations.values() if _is_in(wanted, s.id, s.place_id)}
        accepted = {s.id: s for s in inside.values() if s.registration is RegistrationStatus.ACCEPTED}
        connectors = [c for c in self._tables.connectors.values() if c.station_id in accepted]
        counts = Counter(c.status for c in connectors if c.evse_id > 0)
        everything = wanted.scope is None and not wanted.place_ids
        sessions = [t for t in self._tables.open_sessions() if everything or t.station_id in inside]
        return FleetSummary(
            total=len(accepted),
            online=sum(s.online for s in accepted.values()),
            pending=sum(s.registration is RegistrationStatus.PENDING for s in inside.values()),
            faulted=len({c.station_id for c in connectors if c.status is ConnectorStatus.FAULTED}),
            active_sessions=len(sessions),
            power_w=sum(t.power_w for t in sessions),
            connectors=tuple((status, counts[status]) for status in ConnectorStatus if counts[status]),
        )

    def _admits(self, wanted: StationFilter, s: StationData) -> bool:
        texts = [s.identity, s.display_name, s.description, s.address]
        if s.boot is not None:
            texts += [s.boot.vendor, s.boot.model, s.boot.serial_number]
            texts += [s.boot.charge_box_serial_number, s.boot.meter_serial_number]
        return (
            _contains(wanted.query, *texts)
            and (not wanted.registrations or s.registration in wanted.registrations)
            and (wanted.online is None or s.online is wanted.online)
            and (not wanted.connector_statuses or self._in_status(wanted, s))
            and _is_in(wanted, s.id, s.place_id)
        )

    def _in_status(self, wanted: StationFilter, s: StationData) -> bool:
        return any(
            c.station_id == s.id
            and c.status in wanted.connector_statuses
            and (c.evse_id > 0 or c.status is ConnectorStatus.FAULTED)
            for c in self._tables.connectors.values()
        )

    def _view(self, s: StationData) -> StationView:
        connectors = tuple(
            ConnectorView(c.evse_id, c.connector_id, c.status, c.error_code, c.info, c.vendor_error_code, c.at)
            for key, c in sorted(self._tables.connectors.items(), key=lambda item: item[0])
            if key[0] == s.id
        )
        sessions = sorted(self._tables.open_sessions(s.id), key=lambda t: (t.evse_id, t.id))
        return StationView(
            id=s.id,
            identity=s.identity,
            display_name=s.display_name,
            description=s.description,
            address=s.address,
            registration=s.registration,
            online=s.online,
            protocol=s.protocol,
            remote_address=s.remote_address,
            connected_at=s.connected_at if s.online else None,
            last_seen_at=s.last_seen_at,
            boot=s.boot,
            booted_at=s.booted_at,
            connectors=connectors,
            sessions=tuple(ActiveSession(t.id, t.evse_id, t.power_w, t.energy_wh) for t in sessions),
            has_password=s.password_hash is not None,
            attempts=s.attempts,
            created_at=s.created_at,
            updated_at=s.updated_at,
            version=s.version,
            security_profile=s.security_profile,
            password_change_pending=bool(s.next_password_hashes),
            failed_attempts=s.failed_attempts,
            last_failed_attempt_at=s.last_failed_attempt_at,
            last_failed_attempt_reason=s.last_failed_attempt_reason,
            last_failed_attempt_address=s.last_failed_attempt_address,
            place_id=s.place_id,
        )


def _position(t: Transaction) -> tuple[datetime, int]:
    return (t.started_at or t.logged_at, t.id)


class FakeSessionQueries:
    """SessionQueries."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def get_sessions(self, session_ids: Sequence[int]) -> Sequence[SessionView]:
        self._tables.check()
        return [self._view(self._tables.sessions[each]) for each in session_ids if each in self._tables.sessions]

    async def page_sessions(
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None
    ) -> Sequence[SessionView]:
        return self._all(wanted, after)[:size]

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        found = self._all(wanted, None)
        return SessionTotals(len(found), round(sum(view.transaction.energy_wh for view in found), 3))

    @asynccontextmanager
    async def stream_sessions(
        self, wanted: SessionFilter, *, after: SessionPosition | None, batch: int
    ) -> AsyncIterator[AsyncIterator[Sequence[SessionView]]]:
        async def batches() -> AsyncIterator[Sequence[SessionView]]:
            for start in range(0, len(found), batch):
                yield found[start : start + batch]

        found = self._all(wanted, after)
        yield batches()

    async def page_meter_values(
        self, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        self._tables.check()
        found = [r for r in self._tables.meter_values.values() if r.session_id == session_id]
        found.sort(key=lambda r: (r.measured_at, r.digest))
        page = [r for r in found if after is None or (r.measured_at, r.digest) > after][:size]
        return [(r.digest, meter_value_of(r)) for r in page]

    def _all(self, wanted: SessionFilter, after: SessionPosition | None) -> list[SessionView]:
        self._tables.check()
        found = [t for t in self._tables.sessions.values() if self._admits(wanted, t)]
        found.sort(key=_position, reverse=True)
        return [self._view(t) for t in found if after is None or _position(t) < (after.at, after.id)]

    def _admits(self, wanted: SessionFilter, t: Transaction) -> bool:
        view = self._view(t)
        at = _position(t)[0]
        number = wanted.query.strip().removeprefix("#")
        station = self._tables.stations.get(t.station_id)
        identity = t.station_identity if station is None else station.identity
        texts = (t.station_identity, identity, view.station_display_name, t.id_token, view.id_token_alias)
        return (
            (wanted.station_id is None or view.station_id == wanted.station_id)
            and (not wanted.id_token or t.id_token == wanted.id_token)
            and (wanted.state is None or t.state is wanted.state)
            and (wanted.started_from is None or at >= wanted.started_from)
            and (wanted.started_to is None or at < wanted.started_to)
            and (not wanted.needs_reconciliation or t.needs_reconciliation)
            and _is_in(wanted, view.station_id, view.place_id, view.user_id)
            and (_contains(wanted.query, *texts) or number == str(t.id))
        )

    def _view(self, t: Transaction) -> SessionView:
        station = self._tables.stations.get(t.station_id)
        alias = next((k.alias for k in self._tables.tokens.values() if k.id_token == t.id_token), "")
        name = t.station_identity if station is None else station.display_name or t.station_identity
        user_id = self._tables.session_users.get(t.id)
        place_id = self._tables.session_places.get(t.id, SYSTEM_ID)
        return SessionView(t.snapshot(), None if station is None else station.id, name, alias, place_id, user_id)
