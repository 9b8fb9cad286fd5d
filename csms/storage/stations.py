"""Stations: as people edit them, as the door knows them, as an actor remembers them, and as lists show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from csms.domain.errors import AlreadyExists, InvalidArgument, NotFound, StaleVersion
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted, StatusChanged
from csms.domain.station import StationState
from csms.domain.topology import SYSTEM_ID
from csms.ports.queries import ActiveSession, ConnectorView, FleetSummary, StationFilter, StationView
from csms.ports.stores import RefusedAttempts, StationRow
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.sessions import meter_value_of, transaction_of
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresStationQueries", "PostgresStations"]

EDITABLE = frozenset({"identity", "display_name", "description", "address"})

FIND_SQL = "SELECT * FROM station WHERE id = $1"
FIND_BY_IDENTITY_SQL = "SELECT * FROM station WHERE identity = $1"
CREATE_SQL = """
INSERT INTO station (identity, registration, display_name, description, address, place_id)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING *
"""
NOTE_ATTEMPT_SQL = """
UPDATE station SET attempts = attempts + 1, last_attempt_at = $2, remote_address = $3 WHERE id = $1
"""
UPDATE_SQL = """
UPDATE station SET
    identity = coalesce($2, identity), display_name = coalesce($3, display_name),
    description = coalesce($4, description), address = coalesce($5, address),
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($6::integer IS NULL OR version = $6) RETURNING *
"""
SET_REGISTRATION_SQL = "UPDATE station SET registration = $2, updated_at = now() WHERE id = $1 RETURNING *"
# Without a password the profiles 1 and 2 cannot be proven any more.
SET_PASSWORD_SQL = """
UPDATE station SET
    password_hash = $2, next_password_hashes = '{}', updated_at = now(),
    security_profile = CASE WHEN $2::text IS NULL AND security_profile < 3 THEN 0 ELSE security_profile END
WHERE id = $1 RETURNING id
"""  # noqa: S105
ADD_NEXT_PASSWORD_SQL = """
UPDATE station SET next_password_hashes = next_password_hashes || $2::text, updated_at = now()
WHERE id = $1 RETURNING id
"""  # noqa: S105
DROP_NEXT_PASSWORD_SQL = """
UPDATE station SET next_password_hashes = array_remove(next_password_hashes, $2::text), updated_at = now()
WHERE id = $1 RETURNING id
"""  # noqa: S105
NOTE_SIGN_IN_SQL = "UPDATE station SET security_profile = greatest(security_profile, $2) WHERE id = $1"
PROVE_PASSWORD_SQL = """
UPDATE station SET password_hash = $2, next_password_hashes = '{}', updated_at = now()
WHERE id = $1 AND $2::text = ANY(next_password_hashes)
"""  # noqa: S105
SET_SECURITY_PROFILE_SQL = "UPDATE station SET security_profile = $2, updated_at = now() WHERE id = $1 RETURNING id"
# Locked in the order of their ids, as the journal does: two batches cannot wait for each other.
NOTE_REFUSALS_SQL = """
WITH refused AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[])
        AS x(identity, count, at, reason, address)
), locked AS (
    SELECT id FROM station WHERE identity = ANY($1::text[]) ORDER BY id FOR UPDATE
)
UPDATE station SET
    failed_attempts = failed_attempts + refused.count, last_failed_attempt_at = refused.at,
    last_failed_attempt_reason = refused.reason, last_failed_attempt_address = refused.address
FROM refused, locked
WHERE station.id = locked.id AND station.identity = refused.identity
RETURNING station.identity, station.id
"""
DELETE_SQL = "DELETE FROM station WHERE id = $1 RETURNING id"
# Epochs of links begin anew with each process.
ALL_OFFLINE_SQL = "UPDATE station SET online = false, link_epoch = 0 WHERE online OR link_epoch <> 0"

CONNECTORS_SQL = """
SELECT * FROM connector WHERE station_id = ANY($1::bigint[]) ORDER BY station_id, evse_id, connector_id
"""
OPEN_SESSIONS_SQL = """
SELECT * FROM session WHERE station_id = $1 AND state = 'ACTIVE' ORDER BY coalesce(started_at, logged_at), id
"""
# The row of a running session is written now and then only; its meter values always.
NEWER_VALUES_SQL = """
SELECT value.session_id, value.measured_at, value.received_at, value.samples
FROM session JOIN meter_value AS value ON value.session_id = session.id
WHERE session.id = ANY($1::bigint[]) AND value.received_at > session.progress_at
ORDER BY value.received_at, value.measured_at
"""


class PostgresStations:
    """csms.ports.stores.StationStore and StateLoader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, station_id: int) -> StationRow | None:
        """By our id."""
        if not fits_bigint(station_id):
            return None
        row = await self._database.fetchrow(FIND_SQL, station_id)
        return None if row is None else _station_row(row)

    async def find_by_identity(self, identity: str) -> StationRow | None:
        """By OCPP identity."""
        if clean(identity) != identity:
            return None
        row = await self._database.fetchrow(FIND_BY_IDENTITY_SQL, identity)
        return None if row is None else _station_row(row)

    async def create(
        self,
        identity: str,
        registration: RegistrationStatus,
        *,
        display_name: str = "",
        description: str = "",
        address: str = "",
        place_id: int = SYSTEM_ID,
    ) -> StationRow:
        """See `csms.ports.stores.StationStore`."""
        texts = (clean(identity), registration, clean(display_name), clean(description), clean(address))
        try:
            row = await self._database.fetchrow(CREATE_SQL, *texts, place_id)
        except asyncpg.UniqueViolationError as error:
            raise _taken(identity) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND") from error
        return _station_row(_must(row, 0))

    async def note_attempt(self, station_id: int, at: datetime, remote_address: str) -> None:
        """A station that is not accepted connected once more."""
        await self._database.execute(NOTE_ATTEMPT_SQL, station_id, at, clean(remote_address))

    async def update(self, station_id: int, changes: dict[str, str], *, version: int | None = None) -> StationRow:
        """Change identity, display_name, description, address. Raises NotFound, StaleVersion, AlreadyExists."""
        if not changes.keys() <= EDITABLE:
            raise InvalidArgument(f"Only {', '.join(sorted(EDITABLE))} of a station can be changed.")
        texts = {name: clean(text) for name, text in changes.items()}
        ordered = [texts.get(name) for name in ("identity", "display_name", "description", "address")]
        before = await self.find(station_id)
        if before is None:
            raise _no_station(station_id)
        try:
            row = await self._database.fetchrow(UPDATE_SQL, station_id, *ordered, version)
        except asyncpg.UniqueViolationError as error:
            raise _taken(texts["identity"]) from error
        if row is None:
            raise StaleVersion("Somebody else has changed this station meanwhile. Reload it and try again.")
        return _station_row(row)

    async def set_registration(self, station_id: int, registration: RegistrationStatus) -> StationRow:
        """Raises NotFound."""
        return _station_row(await self._change(SET_REGISTRATION_SQL, station_id, registration))

    async def set_password_hash(self, station_id: int, password_hash: str | None) -> None:
        """Raises NotFound."""
        await self._change(SET_PASSWORD_SQL, station_id, password_hash)

    async def add_next_password_hash(self, station_id: int, password_hash: str) -> None:
        """Raises NotFound."""
        await self._change(ADD_NEXT_PASSWORD_SQL, station_id, password_hash)

    async def drop_next_password_hash(self, station_id: int, password_hash: str) -> None:
        """Raises NotFound."""
        await self._change(DROP_NEXT_PASSWORD_SQL, station_id, password_hash)

    async def note_sign_in(self, station_id: int, security_profile: int, password_hash: str | None = None) -> None:
        """See `csms.ports.stores.StationStore`."""
        await self._database.execute(NOTE_SIGN_IN_SQL, station_id, security_profile)
        if password_hash is not None:
            await self._database.execute(PROVE_PASSWORD_SQL, station_id, password_hash)

    async def set_security_profile(self, station_id: int, security_profile: int) -> None:
        """Raises NotFound."""
        await self._change(SET_SECURITY_PROFILE_SQL, station_id, security_profile)

    async def note_refusals(self, refusals: Sequence[RefusedAttempts]) -> Sequence[tuple[str, int]]:
        """See `csms.ports.stores.StationStore`."""
        rows = await self._database.fetch(
            NOTE_REFUSALS_SQL,
            [clean(each.identity) for each in refusals],
            [each.count for each in refusals],
            [each.at for each in refusals],
            [each.reason for each in refusals],
            [clean(each.remote_address) for each in refusals],
        )
        return [(row["identity"], row["id"]) for row in rows]

    async def delete(self, station_id: int) -> None:
        """Remove it; its sessions and meter values stay. Raises NotFound."""
        await self._change(DELETE_SQL, station_id)

    async def all_offline(self) -> None:
        """At start: no station has a link yet."""
        await self._database.execute(ALL_OFFLINE_SQL)

    async def load_state(self, station_id: int) -> StationState:
        """An actor's memory of the station. Raises NotFound."""
        if not fits_bigint(station_id):
            raise _no_station(station_id)
        return await self._database.run(_load_state, station_id)

    async def _change(self, sql: str, station_id: int, *args: object) -> asyncpg.Record:
        if not fits_bigint(station_id):
            raise _no_station(station_id)
        return _must(await self._database.fetchrow(sql, station_id, *args), station_id)


async def _load_state(connection: asyncpg.Connection, station_id: int) -> StationState:
    """In asyncio."""
    station = _must(await connection.fetchrow(FIND_SQL, station_id), station_id)
    connectors = await connection.fetch(CONNECTORS_SQL, [station_id])
    transactions = {row["id"]: transaction_of(row) for row in await connection.fetch(OPEN_SESSIONS_SQL, station_id)}
    if transactions:
        for row in await connection.fetch(NEWER_VALUES_SQL, list(transactions)):
            transactions[row["session_id"]].fold_in(meter_value_of(row), row["received_at"])
    state = StationState(
        station_id,
        station["identity"],
        RegistrationStatus(station["registration"]),
        open_transactions=transactions.values(),
    )
    for row in connectors:
        state.statuses[row["evse_id"], row["connector_id"]] = StatusChanged(
            row["evse_id"],
            row["connector_id"],
            ConnectorStatus(row["status"]),
            row["error_code"],
            row["info"],
            row["vendor_id"],
            row["vendor_error_code"],
            row["at"],
        )
    return state


def _station_row(row: asyncpg.Record) -> StationRow:
    return StationRow(
        row["id"],
        row["identity"],
        row["display_name"],
        row["description"],
        row["address"],
        RegistrationStatus(row["registration"]),
        row["password_hash"],
        row["version"],
        tuple(row["next_password_hashes"]),
        row["security_profile"],
        tuple(number for number in (row["serial_number"], row["charge_box_serial_number"]) if number),
    )


def _must(row: asyncpg.Record | None, station_id: int) -> asyncpg.Record:
    if row is None:
        raise _no_station(station_id)
    return row


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def _taken(identity: str) -> AlreadyExists:
    return AlreadyExists(
        f"There is already a station with the identity {identity}. Choose another one, or open that station.",
        reason="IDENTITY_TAKEN",
    )


# -- for people --------------------------------------------------------------------------------------------------------

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


class StationSelect:
    """Statements over stations with the conditions that are asked for."""

    def __init__(self, wanted: StationFilter, *, only_where: bool = False) -> None:
        self.args: list[object] = []
        conditions = []
        if not only_where:
            self.args += [pattern(wanted.query), wanted.registrations, wanted.online, wanted.connector_statuses]
            conditions.append(_TEXTS)
        if wanted.place_ids:
            conditions.append(f"station.place_id = ANY({self.arg(sorted(wanted.place_ids))}::bigint[])")
        if wanted.scope is not None:
            conditions.append(scope_condition(wanted.scope, self.arg, station="station.id", place="station.place_id"))
        self.matches = " AND ".join(conditions) or "true"

    def arg(self, value: object) -> str:
        """Its placeholder."""
        self.args.append(value)
        return f"${len(self.args)}"

    def count(self) -> str:
        """How many."""
        return f"SELECT count(*) FROM station WHERE {self.matches}"  # noqa: S608 - conditions of ours

    def page(self, after: tuple[str, int], size: int) -> str:
        """Some of them; to be made last."""
        place = f'({self.arg(clean(after[0]))}::text COLLATE "C", {self.arg(after[1])}::bigint)'
        order = f"ORDER BY identity, id LIMIT {self.arg(size)}"
        return f"SELECT * FROM station WHERE {self.matches} AND (identity, id) > {place} {order}"  # noqa: S608 - as above


class PostgresStationQueries:
    """csms.ports.queries.StationQueries on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        """Those that exist, in the order asked; a constant number of statements."""
        ids = [each for each in station_ids if fits_bigint(each)]
        return await self._database.run(_get_stations, ids) if ids else []

    async def page_stations(
        self, wanted: StationFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[StationView], int]:
        """In the order of (identity, id), after a place; and how many match in all."""
        return await self._database.run(_page_stations, wanted, size, after or ("", 0))

    async def summarize(self, wanted: StationFilter) -> FleetSummary:
        """Accepted stations, and how many are pending, in the scope and the places of `wanted`."""
        return await self._database.run(_summarize, wanted)


async def _get_stations(connection: asyncpg.Connection, ids: Sequence[int]) -> Sequence[StationView]:
    found = {view.id: view for view in await _views(connection, await connection.fetch(GET_STATIONS_SQL, ids))}
    return [found[each] for each in ids if each in found]


async def _page_stations(
    connection: asyncpg.Connection, wanted: StationFilter, size: int, after: tuple[str, int]
) -> tuple[Sequence[StationView], int]:
    select = StationSelect(wanted)
    total = await connection.fetchval(select.count(), *select.args)
    page = select.page(after, size)
    rows = await connection.fetch(page, *select.args)
    return await _views(connection, rows), total


async def _views(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> Sequence[StationView]:
    """The stations with their connectors and sessions: two more statements for any number of them."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    connectors: dict[int, list[ConnectorView]] = defaultdict(list)
    for c in await connection.fetch(CONNECTORS_SQL, ids):
        connectors[c["station_id"]].append(
            ConnectorView(
                c["evse_id"],
                c["connector_id"],
                ConnectorStatus(c["status"]),
                c["error_code"],
                c["info"],
                c["vendor_error_code"],
                c["at"],
            )
        )
    sessions: dict[int, list[ActiveSession]] = defaultdict(list)
    for s in await connection.fetch(ACTIVE_SESSIONS_SQL, ids):
        sessions[s["station_id"]].append(ActiveSession(s["id"], s["evse_id"], s["power_w"], round(s["energy_wh"], 3)))
    return [_view(row, tuple(connectors[row["id"]]), tuple(sessions[row["id"]])) for row in rows]


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
