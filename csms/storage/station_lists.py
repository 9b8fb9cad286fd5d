"""Stations and connectors as lists and pages show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from csms.domain.errors import InvalidArgument
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.ports.queries import (
    BY_IDENTITY,
    ActiveSession,
    ConnectorFilter,
    ConnectorRow,
    ConnectorView,
    FleetSummary,
    StationFilter,
    StationOrder,
    StationSorting,
    StationView,
)
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.stations import CONNECTORS_SQL
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresStationQueries"]

GET_STATIONS_SQL = "SELECT * FROM station WHERE id = ANY($1::bigint[])"
# A fault counts at EVSE 0, the station itself, too: as in the numbers over all stations.
_TEXTS = r"""
    ($1::text = '' OR concat_ws(E'\n', identity, display_name, description, address, vendor, model, serial_number,
                                charge_box_serial_number, meter_serial_number) ILIKE $1)
    AND (cardinality($2::text[]) = 0 OR registration = ANY($2))
    AND ($3::boolean IS NULL OR online = $3)
    AND (cardinality($4::text[]) = 0 OR EXISTS (
        SELECT FROM connector
        WHERE connector.station_id = station.id AND status = ANY($4) AND (evse_id > 0 OR status = 'Faulted')))
"""
ACTIVE_SESSIONS_SQL = """
SELECT id, station_id, evse_id, power_w, energy_wh FROM session
WHERE station_id = ANY($1::bigint[]) AND state = 'ACTIVE' ORDER BY evse_id, id
"""
_SUMMARY = """
SELECT
    count(*) FILTER (WHERE registration = 'Accepted') AS total,
    count(*) FILTER (WHERE registration = 'Accepted' AND online) AS online,
    count(*) FILTER (WHERE registration = 'Pending') AS pending,
    count(*) FILTER (WHERE registration = 'Accepted' AND EXISTS (
        SELECT FROM connector WHERE connector.station_id = station.id AND status = 'Faulted')) AS faulted
FROM station WHERE
"""
_SUMMARY_SESSIONS = """
SELECT count(*), coalesce(sum(power_w), 0) AS power_w FROM session LEFT JOIN station ON station.id = session.station_id
WHERE state = 'ACTIVE' AND
"""
_SUMMARY_CONNECTORS = """
SELECT status, count(*) FROM connector JOIN station ON station.id = connector.station_id
WHERE registration = 'Accepted' AND evse_id > 0 AND {matches} GROUP BY status
"""


_ORDERS: Final[Mapping[StationOrder, tuple[str, str]]] = MappingProxyType(
    {
        StationOrder.IDENTITY: ("station.identity", "text"),
        StationOrder.DISPLAY_NAME: ("lower(coalesce(nullif(station.display_name, ''), station.identity))", "text"),
        StationOrder.MODEL: ("lower(station.vendor || ' ' || station.model)", "text"),
        StationOrder.FIRMWARE_VERSION: ("station.firmware_version", "text"),
        StationOrder.CREATE_TIME: ("station.created_at", "timestamptz"),
        StationOrder.LAST_SEEN_TIME: ("coalesce(station.last_seen_at, '-infinity')", "timestamptz"),
    }
)
"""What lists are sorted by: an expression that is never null, and its type."""
_CONNECTOR_KEY: Final = "(station.identity, station.id, connector.evse_id, connector.connector_id)"


class StationSelect:
    """Statements over stations with the conditions that are asked for."""

    def __init__(self, wanted: StationFilter, *, only_where: bool = False) -> None:
        self.args: list[object] = []
        conditions = []
        if not only_where:
            self.args += [pattern(wanted.query), wanted.registrations, wanted.online, wanted.connector_statuses]
            conditions += [_TEXTS, *self._columns(wanted)]
        if wanted.place_ids:
            conditions.append(f"station.place_id = ANY({self.arg(sorted(wanted.place_ids))}::bigint[])")
        if wanted.scope is not None:
            conditions.append(scope_condition(wanted.scope, self.arg, station="station.id", place="station.place_id"))
        self.matches = " AND ".join(conditions) or "true"

    def _columns(self, wanted: StationFilter) -> list[str]:
        """Conditions on single columns."""
        found = [
            f"station.{column} ILIKE {self.arg(pattern(text))}"
            for column, text in (
                ("identity", wanted.identity),
                ("vendor", wanted.vendor),
                ("model", wanted.model),
                ("firmware_version", wanted.firmware_version),
            )
            if text.strip()
        ]
        if wanted.created_from is not None:
            found.append(f"station.created_at >= {self.arg(wanted.created_from)}")
        if wanted.created_before is not None:
            found.append(f"station.created_at < {self.arg(wanted.created_before)}")
        if wanted.protocol:
            found.append(f"station.protocol = {self.arg(clean(wanted.protocol))}")
        if wanted.owned_by is not None:
            found.append(f"station.owner_id = {self.arg(wanted.owned_by)}::bigint")
        if wanted.shared_with is not None:
            shared = "SELECT FROM station_share AS s WHERE s.station_id = station.id AND s.user_id ="
            found.append(f"EXISTS ({shared} {self.arg(wanted.shared_with)}::bigint)")
        return found

    def arg(self, value: object) -> str:
        """Its placeholder."""
        self.args.append(value)
        return f"${len(self.args)}"

    def count(self) -> str:
        """How many."""
        return f"SELECT count(*) FROM station WHERE {self.matches}"  # noqa: S608 - conditions of ours

    def page(self, after: tuple[str, int] | None, size: int, sorting: StationSorting) -> str:
        """Some of them; to be made last."""
        key, kind = _ORDERS[sorting.order]
        collation = ' COLLATE "C"' if kind == "text" else ""
        compare, way = ("<", "DESC") if sorting.descending else (">", "ASC")
        place = "true"
        if after is not None:
            there = f"({self.arg(clean(after[0]))}::text::{kind}{collation}, {self.arg(after[1])}::bigint)"
            place = f"({key}{collation}, station.id) {compare} {there}"
        order = f"ORDER BY {key}{collation} {way}, station.id {way} LIMIT {self.arg(size)}"
        columns = f"SELECT station.*, ({key})::text AS sort_key"
        return f"{columns} FROM station WHERE {self.matches} AND {place} {order}"

    def connectors(self, wanted: ConnectorFilter) -> tuple[str, str]:
        """Connectors of these stations: FROM and WHERE; `connectors_page` goes on with it."""
        conditions = [self.matches, "connector.evse_id > 0"]
        if wanted.statuses:
            conditions.append(f"connector.status = ANY({self.arg([each.value for each in wanted.statuses])}::text[])")
        if wanted.changed_from is not None:
            conditions.append(f"connector.at >= {self.arg(wanted.changed_from)}")
        if wanted.changed_before is not None:
            conditions.append(f"connector.at < {self.arg(wanted.changed_before)}")
        return "connector JOIN station ON station.id = connector.station_id", " AND ".join(conditions)


class PostgresStationQueries:
    """csms.ports.queries.StationQueries on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        """Those that exist, in the order asked; a constant number of statements."""
        ids = [each for each in station_ids if fits_bigint(each)]
        return await self._database.run(_get_stations, ids) if ids else []

    async def page_stations(
        self,
        wanted: StationFilter,
        *,
        size: int,
        after: tuple[str, int] | None,
        sorting: StationSorting = BY_IDENTITY,
        bare: bool = False,
    ) -> tuple[Sequence[StationView], int]:
        """In the order asked, after a place; and how many match in all."""
        try:
            return await self._database.run(_page_stations, wanted, size, after, sorting, bare)
        except asyncpg.DataError as error:
            raise InvalidArgument(
                "This page token belongs to another order. Ask for the first page again (with an empty token).",
                reason="INVALID_PAGE_TOKEN",
            ) from error

    async def page_connectors(
        self, wanted: ConnectorFilter, *, size: int, after: tuple[str, int, int, int] | None
    ) -> tuple[Sequence[ConnectorRow], int]:
        """See `StationQueries.page_connectors`."""
        return await self._database.run(_page_connectors, wanted, size, after or ("", 0, 0, 0))

    async def summarize(self, wanted: StationFilter) -> FleetSummary:
        """Accepted stations, and how many are pending, in the scope and the places of `wanted`."""
        return await self._database.run(_summarize, wanted)


async def _get_stations(connection: asyncpg.Connection, ids: Sequence[int]) -> Sequence[StationView]:
    found = {view.id: view for view in await _views(connection, await connection.fetch(GET_STATIONS_SQL, ids))}
    return [found[each] for each in ids if each in found]


async def _page_connectors(
    connection: asyncpg.Connection, wanted: ConnectorFilter, size: int, after: tuple[str, int, int, int]
) -> tuple[Sequence[ConnectorRow], int]:
    select = StationSelect(wanted.stations)
    source, matches = select.connectors(wanted)
    count = f"SELECT count(*) FROM {source} WHERE {matches}"  # noqa: S608 - conditions of ours
    total = await connection.fetchval(count, *select.args)
    identity, station_id, evse_id, connector_id = after
    numbers = ", ".join(f"{select.arg(each)}::bigint" for each in (station_id, evse_id, connector_id))
    place = f'({select.arg(clean(identity))}::text COLLATE "C", {numbers})'
    columns = "connector.*, station.identity, station.display_name, station.place_id, station.online"
    rows = await connection.fetch(
        f"SELECT {columns} FROM {source} WHERE {matches} AND {_CONNECTOR_KEY} > {place}"  # noqa: S608 - as above
        f" ORDER BY {_CONNECTOR_KEY[1:-1]} LIMIT {select.arg(size)}",
        *select.args,
    )
    return [_connector_row(row) for row in rows], total


def _connector_row(row: asyncpg.Record) -> ConnectorRow:
    return ConnectorRow(
        row["station_id"], row["identity"], row["display_name"], row["place_id"], row["online"], _connector_view(row)
    )


async def _page_stations(
    connection: asyncpg.Connection,
    wanted: StationFilter,
    size: int,
    after: tuple[str, int] | None,
    sorting: StationSorting,
    bare: bool,
) -> tuple[Sequence[StationView], int]:
    select = StationSelect(wanted)
    total = await connection.fetchval(select.count(), *select.args)
    page = select.page(after, size, sorting)
    rows = await connection.fetch(page, *select.args)
    return [_view(row, (), ()) for row in rows] if bare else await _views(connection, rows), total


async def _views(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> Sequence[StationView]:
    """The stations with their connectors and sessions: two more statements for any number of them."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    connectors: dict[int, list[ConnectorView]] = defaultdict(list)
    for c in await connection.fetch(CONNECTORS_SQL, ids):
        connectors[c["station_id"]].append(_connector_view(c))
    sessions: dict[int, list[ActiveSession]] = defaultdict(list)
    for s in await connection.fetch(ACTIVE_SESSIONS_SQL, ids):
        sessions[s["station_id"]].append(ActiveSession(s["id"], s["evse_id"], s["power_w"], round(s["energy_wh"], 3)))
    return [_view(row, tuple(connectors[row["id"]]), tuple(sessions[row["id"]])) for row in rows]


def _connector_view(row: asyncpg.Record) -> ConnectorView:
    return ConnectorView(
        row["evse_id"],
        row["connector_id"],
        ConnectorStatus(row["status"]),
        row["error_code"],
        row["info"],
        row["vendor_error_code"],
        row["at"],
    )


def _view(
    row: asyncpg.Record, connectors: tuple[ConnectorView, ...], sessions: tuple[ActiveSession, ...]
) -> StationView:
    return StationView(
        id=row["id"],
        identity=row["identity"],
        display_name=row["display_name"],
        description=row["description"],
        address=row["address"],
        registration=RegistrationStatus(row["registration"]),
        online=row["online"],
        protocol=row["protocol"],
        remote_address=row["remote_address"],
        connected_at=row["connected_at"] if row["online"] else None,
        last_seen_at=row["last_seen_at"],
        boot=None if row["booted_at"] is None else _boot(row),
        booted_at=row["booted_at"],
        connectors=connectors,
        sessions=sessions,
        has_password=row["password_hash"] is not None,
        attempts=row["attempts"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        security_profile=row["security_profile"],
        password_change_pending=bool(row["next_password_hashes"]),
        failed_attempts=row["failed_attempts"],
        last_failed_attempt_at=row["last_failed_attempt_at"],
        last_failed_attempt_reason=row["last_failed_attempt_reason"],
        last_failed_attempt_address=row["last_failed_attempt_address"],
        place_id=row["place_id"],
        owner_id=row["owner_id"],
        reservable=row["reservable"],
        sort_key=row.get("sort_key") or "",
    )


def _boot(row: asyncpg.Record) -> StationBooted:
    texts: dict[str, Any] = {name: row[name] for name in StationBooted.__struct_fields__ if name != "reason"}
    return StationBooted(**texts, reason=row["boot_reason"])


async def _summarize(connection: asyncpg.Connection, wanted: StationFilter) -> FleetSummary:
    select = StationSelect(wanted, only_where=True)
    stations = await connection.fetchrow(_SUMMARY + select.matches, *select.args)
    sessions = await connection.fetchrow(_SUMMARY_SESSIONS + select.matches, *select.args)
    by_status = _SUMMARY_CONNECTORS.format(matches=select.matches)
    counts = {ConnectorStatus(r["status"]): r["count"] for r in await connection.fetch(by_status, *select.args)}
    return FleetSummary(
        total=stations["total"],
        online=stations["online"],
        pending=stations["pending"],
        faulted=stations["faulted"],
        active_sessions=sessions["count"],
        power_w=sessions["power_w"],
        connectors=tuple((status, counts[status]) for status in ConnectorStatus if status in counts),
    )
