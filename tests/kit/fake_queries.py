"""Lists of stations and sessions from the fakes' tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec

from csms.domain.card_number import spellings
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.metering import MeterValue
from csms.domain.session_changes import Corrections, Logbook
from csms.domain.topology import SYSTEM_ID
from csms.domain.transaction import Transaction
from csms.ports.queries import (
    BY_IDENTITY,
    NEWEST_FIRST,
    ActiveSession,
    ConnectorFilter,
    ConnectorRow,
    ConnectorView,
    FleetSummary,
    LogbookState,
    SessionFilter,
    SessionOrder,
    SessionPosition,
    SessionTotals,
    SessionView,
    Sorting,
    Span,
    StationFilter,
    StationOrder,
    StationSorting,
    StationView,
    Times,
)
from tests.kit.fake_stores import meter_value_of
from tests.kit.fake_tables import FakeTables, StationData


def _is_in(
    wanted: StationFilter | SessionFilter, station_id: int | None, place_id: int, user_id: int | None = None
) -> bool:
    inside = wanted.scope is None or wanted.scope.holds(station_id, place_id, user_id)
    return inside and (not wanted.place_ids or place_id in wanted.place_ids)


def _shows(wanted: Span, told: float | None) -> bool:
    """As in SQL: what is not known is in no span but the open one."""
    return wanted == Span() if told is None else wanted.holds(told)


def _contains(query: str, *texts: str) -> bool:
    return any(query.strip().casefold() in text.casefold() for text in texts)


def _station_key(view: StationView, order: StationOrder) -> str:
    boot = view.boot or StationBooted("", "")
    if order is StationOrder.DISPLAY_NAME:
        return (view.display_name or view.identity).lower()
    if order is StationOrder.MODEL:
        return f"{boot.vendor} {boot.model}".lower()
    if order is StationOrder.FIRMWARE_VERSION:
        return boot.firmware_version
    if order is StationOrder.CREATE_TIME:
        return view.created_at.isoformat()
    if order is StationOrder.LAST_SEEN_TIME:
        return "" if view.last_seen_at is None else view.last_seen_at.isoformat()
    return view.identity


def _is_later(key: tuple[str, int], after: tuple[str, int], sorting: StationSorting) -> bool:
    return key < after if sorting.descending else key > after


def _connector_place(row: ConnectorRow) -> tuple[str, int, int, int]:
    return row.identity, row.station_id, row.connector.evse_id, row.connector.connector_id


class FakeStationQueries:
    """StationQueries."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        self._tables.check()
        return [self._view(self._tables.stations[each]) for each in station_ids if each in self._tables.stations]

    async def page_stations(
        self,
        wanted: StationFilter,
        *,
        size: int,
        after: tuple[str, int] | None,
        sorting: StationSorting = BY_IDENTITY,
        bare: bool = False,
    ) -> tuple[Sequence[StationView], int]:
        self._tables.check()
        views = (self._view(s) for s in self._tables.stations.values() if self._admits(wanted, s))
        found = sorted(
            (msgspec.structs.replace(view, sort_key=_station_key(view, sorting.order)) for view in views),
            key=lambda view: (view.sort_key, view.id),
            reverse=sorting.descending,
        )
        keys = [(view.sort_key, view.id) for view in found]
        later = [view for view, key in zip(found, keys, strict=True) if after is None or _is_later(key, after, sorting)]
        return later[:size], len(found)

    async def page_connectors(
        self, wanted: ConnectorFilter, *, size: int, after: tuple[str, int, int, int] | None
    ) -> tuple[Sequence[ConnectorRow], int]:
        self._tables.check()
        rows = [
            ConnectorRow(view.id, view.identity, view.display_name, view.place_id, view.online, c)
            for view in (self._view(s) for s in self._tables.stations.values() if self._admits(wanted.stations, s))
            for c in view.connectors
            if c.evse_id > 0
            and (not wanted.statuses or c.status in wanted.statuses)
            and (wanted.changed_from is None or c.at >= wanted.changed_from)
            and (wanted.changed_before is None or c.at < wanted.changed_before)
        ]
        rows.sort(key=_connector_place)
        return [row for row in rows if after is None or _connector_place(row) > after][:size], len(rows)

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
            and self._admits_columns(wanted, s)
        )

    def _admits_columns(self, wanted: StationFilter, s: StationData) -> bool:
        boot = s.boot or StationBooted("", "")
        return (
            _contains(wanted.identity, s.identity)
            and _contains(wanted.vendor, boot.vendor)
            and _contains(wanted.model, boot.model)
            and _contains(wanted.firmware_version, boot.firmware_version)
            and wanted.protocol in ("", s.protocol)
            and (wanted.created_from is None or s.created_at >= wanted.created_from)
            and (wanted.created_before is None or s.created_at < wanted.created_before)
            and wanted.owned_by is None
            and wanted.shared_with is None  # the fakes' owners and shares are elsewhere
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
            reservable=s.reservable,
        )


def _key_of(order: SessionOrder, view: SessionView) -> str:
    """A text that sorts as PostgreSQL sorts the value."""
    t, ended = view.transaction, view.ended_at is not None
    if order is SessionOrder.START_TIME:
        return view.began_at.astimezone(UTC).isoformat(timespec="microseconds")
    if order is SessionOrder.STOP_TIME:
        return "~" if view.ended_at is None else view.ended_at.astimezone(UTC).isoformat(timespec="microseconds")
    if order is SessionOrder.SERVER_LOG_TIME:
        return t.logged_at.astimezone(UTC).isoformat(timespec="microseconds")
    if order is SessionOrder.STATION:
        return t.station_identity
    if order is SessionOrder.ID_TOKEN:
        return view.id_token
    numbers = {
        SessionOrder.DURATION: view.duration_s or 0.0,
        SessionOrder.ENERGY: view.energy_wh,
        SessionOrder.MAX_POWER: t.max_power_w,
        SessionOrder.NUMBER: float(t.id),
    }
    endless = order is not SessionOrder.NUMBER and not ended
    return "~" if endless else f"{numbers[order]:030.6f}"


class FakeSessionQueries:
    """SessionQueries."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def get_sessions(self, session_ids: Sequence[int]) -> Sequence[SessionView]:
        self._tables.check()
        return [self._view(self._tables.sessions[each]) for each in session_ids if each in self._tables.sessions]

    async def page_sessions(
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None, sorting: Sorting = NEWEST_FIRST
    ) -> Sequence[SessionView]:
        return self._all(wanted, after, sorting)[:size]

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        found = self._all(wanted, None)
        return SessionTotals(len(found), round(sum(view.energy_wh for view in found), 3))

    async def summarize_sessions(self, wanted: SessionFilter) -> SessionTotals:
        found = self._all(wanted, None)
        return SessionTotals(
            len(found),
            round(sum(view.energy_wh for view in found), 3),
            sum(view.ended_at is None for view in found),
            sum(view.duration_s or 0.0 for view in found),
            max((view.transaction.max_power_w for view in found), default=0.0),
        )

    @asynccontextmanager
    async def stream_sessions(
        self,
        wanted: SessionFilter,
        *,
        after: SessionPosition | None,
        batch: int,
        sorting: Sorting = NEWEST_FIRST,
    ) -> AsyncIterator[AsyncIterator[Sequence[SessionView]]]:
        async def batches() -> AsyncIterator[Sequence[SessionView]]:
            for start in range(0, len(found), batch):
                yield found[start : start + batch]

        found = self._all(wanted, after, sorting)
        yield batches()

    async def page_meter_values(
        self, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        self._tables.check()
        found = [r for r in self._tables.meter_values.values() if r.session_id == session_id]
        found.sort(key=lambda r: (r.measured_at, r.digest))
        page = [r for r in found if after is None or (r.measured_at, r.digest) > after][:size]
        return [(r.digest, meter_value_of(r)) for r in page]

    def _all(
        self, wanted: SessionFilter, after: SessionPosition | None, sorting: Sorting = NEWEST_FIRST
    ) -> list[SessionView]:
        self._tables.check()
        views = [self._view(t) for t in self._tables.sessions.values()]
        found = [
            msgspec.structs.replace(view, sort_key=_key_of(sorting.order, view))
            for view in views
            if self._admits(wanted, view)
        ]
        found.sort(key=lambda view: (view.sort_key, view.transaction.id), reverse=not sorting.ascending)
        if after is None:
            return found
        place = (after.key, after.id)
        places = ((view, (view.sort_key, int(view.transaction.id))) for view in found)
        return [view for view, at in places if (at > place if sorting.ascending else at < place)]

    def _admits(self, wanted: SessionFilter, view: SessionView) -> bool:
        t = view.transaction
        number = wanted.query.strip().removeprefix("#")
        texts = (*self._station_names(t, view), view.id_token, view.id_token_alias, view.logbook.vehicle_id)
        return (
            (wanted.station_id is None or view.station_id == wanted.station_id)
            and (not wanted.station_ids or view.station_id in wanted.station_ids)
            and (not wanted.id_token or view.id_token in (wanted.id_token.strip().upper(), *spellings(wanted.id_token)))
            and (wanted.state is None or t.state is wanted.state)
            and Times(wanted.started_from, wanted.started_to).holds(view.began_at)
            and (not wanted.needs_reconciliation or t.needs_reconciliation)
            and _is_in(wanted, view.station_id, view.place_id, view.user_id)
            and (_contains(wanted.query, *texts) or number == str(t.id))
            and self._admits_more(wanted, view)
        )

    def _admits_more(self, wanted: SessionFilter, view: SessionView) -> bool:
        t, book = view.transaction, view.logbook
        demanded = {LogbookState.FILLED: book.mileage_km is not None or book.vehicle_id != ""}
        demanded[LogbookState.MISSING] = view.logbook_demanded and not book.complete
        endless = float("inf")
        return (
            wanted.session_id in (None, t.id)
            and wanted.evse_id in (None, t.evse_id)
            and wanted.user_id in (None, view.user_id)
            and wanted.transaction_id in ("", t.transaction_id)
            and wanted.reservation_id in (None, t.reservation_id)
            and (not wanted.authentications or t.authentication in wanted.authentications)
            and wanted.energy_wh.holds(view.energy_wh)
            and wanted.max_power_w.holds(t.max_power_w)
            and _shows(wanted.meter_start_wh, t.meter_start_wh)
            and _shows(wanted.meter_stop_wh, t.meter_stop_wh)
            and wanted.duration_s.holds(endless if view.duration_s is None else view.duration_s)
            and wanted.stopped.holds(view.ended_at)
            and wanted.logged.holds(t.logged_at)
            and _contains(wanted.station_query, *self._station_names(t, view))
            and _contains(wanted.id_token_query, view.id_token, view.id_token_alias)
            and _contains(wanted.vehicle_query, book.vehicle_id)
            and (not wanted.stop_reasons or t.stop_reason in wanted.stop_reasons)
            and (not wanted.flags or not set(wanted.flags).isdisjoint(t.flags))
            and wanted.has_errors in (None, bool(t.error_codes))
            and wanted.corrected in (None, bool(view.corrections.fields))
            and (wanted.logbook is None or demanded[wanted.logbook])
        )

    def _station_names(self, t: Transaction, view: SessionView) -> tuple[str, ...]:
        station = self._tables.stations.get(t.station_id)
        identity = t.station_identity if station is None else station.identity
        return (t.station_identity, identity, view.station_display_name)

    def _view(self, t: Transaction) -> SessionView:
        tables = self._tables
        station = tables.stations.get(t.station_id)
        corrections = tables.corrections.get(t.id, Corrections())
        tag = t.id_token if corrections.id_token is None else corrections.id_token
        alias = next((k.alias for k in tables.tokens.values() if k.id_token == tag), "")
        name = t.station_identity if station is None else station.display_name or t.station_identity
        return SessionView(
            t.snapshot(),
            None if station is None else station.id,
            name,
            alias,
            tables.session_places.get(t.id, SYSTEM_ID),
            tables.session_users.get(t.id),
            corrections=corrections,
            closure=tables.closures.get(t.id),
            logbook=tables.logbooks.get(t.id, Logbook()),
            logbook_demanded=t.station_id in tables.logbook_stations,
            outlet_id=str(t.evse_id),
        )
