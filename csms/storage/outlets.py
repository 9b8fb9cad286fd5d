"""Outlets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

import asyncpg

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.outlet import ExternalId, Outlet, OutletMode
from csms.ports.outlets import OpenOutlets, OutletFilter
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresOutlets"]

_FROM: Final = """
FROM outlet AS o JOIN station AS s ON s.id = o.station_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(x.service ORDER BY x.service), '{}') AS services,
           coalesce(array_agg(x.external_id ORDER BY x.service), '{}') AS external_ids
    FROM outlet_external_id AS x WHERE x.outlet_id = o.id
) AS ids
"""
_SELECT: Final = "SELECT o.*, s.identity, s.free_vend, s.place_id, ids.services, ids.external_ids"
# Every connector that a station has told of has its row.
MAKE_SQL = """
INSERT INTO outlet (station_id, evse_id, connector_id)
SELECT c.station_id, c.evse_id, c.connector_id FROM connector AS c
WHERE c.evse_id > 0 AND NOT EXISTS (
    SELECT FROM outlet AS o
    WHERE (o.station_id, o.evse_id, o.connector_id) = (c.station_id, c.evse_id, c.connector_id))
ON CONFLICT DO NOTHING
"""
FIND_SQL = f"{_SELECT} {_FROM} WHERE o.id = $1"
FIND_BY_UUID_SQL = f"{_SELECT} {_FROM} WHERE o.uuid = $1"
UPDATE_SQL = """
UPDATE outlet SET
    uuid = $2, outlet_id = $3, connector_type = $4, parking = $5, mode = $6, version = version + 1, updated_at = now()
WHERE id = $1 AND ($7::integer IS NULL OR version = $7) RETURNING id
"""
DROP_IDS_SQL = "DELETE FROM outlet_external_id WHERE outlet_id = $1"
PUT_IDS_SQL = """
INSERT INTO outlet_external_id (outlet_id, service, external_id)
SELECT $1, given.service, given.external_id FROM unnest($2::text[], $3::text[]) AS given (service, external_id)
"""
OPEN_SQL = "SELECT station_id, evse_id, connector_id FROM outlet WHERE mode = 'OPEN'"
STATIONS_SQL = "SELECT id, place_id, free_vend FROM station"
FREE_VEND_SQL = "SELECT free_vend FROM station WHERE id = $1"
SET_FREE_VEND_SQL = "UPDATE station SET free_vend = $2, updated_at = now() WHERE id = $1 RETURNING id"
_TAKEN: Final = {
    "outlet_uuid_key": ("UUID_TAKEN", "Another outlet has this UUID. Give another one."),
    "outlet_outlet_id": ("OUTLET_ID_TAKEN", "Another outlet has this outlet id. Give another one."),
}


class PostgresOutlets:
    """csms.ports.outlets.OutletStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, outlet_id: int) -> Outlet | None:
        """See `OutletStore.find`."""
        if not fits_bigint(outlet_id):
            return None
        row = await self._database.fetchrow(FIND_SQL, outlet_id)
        return None if row is None else _outlet(row)

    async def find_by_uuid(self, uuid: str) -> Outlet | None:
        """See `OutletStore.find_by_uuid`."""
        number = _read_uuid(uuid)
        if number is None:
            return None
        row = await self._database.fetchrow(FIND_BY_UUID_SQL, number)
        return None if row is None else _outlet(row)

    async def page(
        self, wanted: OutletFilter, *, size: int, after: tuple[str, int, int, int] | None = None
    ) -> tuple[Sequence[Outlet], int]:
        """See `OutletStore.page`."""
        await self._database.execute(MAKE_SQL)
        query = _Query(wanted)
        counted, args = f"SELECT count(*) {_FROM} WHERE {query.where}", tuple(query.args)
        source = f"{_FROM} WHERE {query.where}"
        if after is not None:
            identity, evse, connector, number = after
            place = (
                f"{query.arg(clean(identity))}::text, {query.arg(evse)}, {query.arg(connector)}, {query.arg(number)}"
            )
            source += f' AND (s.identity COLLATE "C", o.evse_id, o.connector_id, o.id) > ({place})'
        order = f'ORDER BY s.identity COLLATE "C", o.evse_id, o.connector_id, o.id LIMIT {query.arg(size)}'
        rows = await self._database.fetch(f"{_SELECT} {source} {order}", *query.args)
        return [_outlet(row) for row in rows], await self._database.fetchval(counted, *args)

    async def update(self, outlet: Outlet, *, version: int | None) -> Outlet:
        """See `OutletStore.update`."""
        try:
            await self._database.transaction(_update, outlet, version)
        except asyncpg.UniqueViolationError as error:
            reason, sentence = _TAKEN.get(
                error.constraint_name or "",
                ("EXTERNAL_ID_TAKEN", "Another outlet has this external id at that service. Give another one."),
            )
            raise AlreadyExists(sentence, reason=reason) from error
        kept = await self.find(outlet.id)
        if kept is None:
            raise _no_outlet(outlet.id)
        return kept

    async def open_outlets(self) -> OpenOutlets:
        """See `OutletStore.open_outlets`."""
        stations = await self._database.fetch(STATIONS_SQL)
        return OpenOutlets(
            frozenset(row["id"] for row in stations if row["free_vend"]),
            frozenset(
                (row["station_id"], row["evse_id"], row["connector_id"]) for row in await self._database.fetch(OPEN_SQL)
            ),
            {row["id"]: row["place_id"] for row in stations},
        )

    async def set_free_vend(self, station_id: int, free: bool) -> None:
        """See `OutletStore.set_free_vend`."""
        if not fits_bigint(station_id) or await self._database.fetchval(SET_FREE_VEND_SQL, station_id, free) is None:
            raise _no_station(station_id)

    async def free_vend(self, station_id: int) -> bool:
        """See `OutletStore.free_vend`."""
        found = await self._database.fetchval(FREE_VEND_SQL, station_id) if fits_bigint(station_id) else None
        if found is None:
            raise _no_station(station_id)
        return bool(found)


class _Query:
    """The conditions of a filter, and their values."""

    def __init__(self, wanted: OutletFilter) -> None:
        self.args: list[object] = []
        checks = ["true"]
        if wanted.station_id is not None:
            checks.append(f"o.station_id = {self.arg(wanted.station_id)}::bigint")
        if wanted.place_ids:
            checks.append(f"s.place_id = ANY({self.arg(sorted(wanted.place_ids))}::bigint[])")
        if wanted.mode is not None:
            checks.append(f"o.mode = {self.arg(wanted.mode.value)}")
        if wanted.query.strip():
            text = self.arg(pattern(wanted.query))
            columns = "s.identity, o.outlet_id, o.uuid::text, o.connector_type, o.parking"
            checks.append(f"concat_ws(E'\\n', {columns}, array_to_string(ids.external_ids, E'\\n')) ILIKE {text}")
        if wanted.service or wanted.external_id:
            same = [
                f"x.{column} = {self.arg(clean(value))}"
                for column, value in (("service", wanted.service), ("external_id", wanted.external_id))
                if value
            ]
            checks.append(
                f"EXISTS (SELECT FROM outlet_external_id AS x WHERE x.outlet_id = o.id AND {' AND '.join(same)})"
            )
        scope = scope_condition(wanted.scope, self.arg, station="s.id", place="s.place_id")
        if scope:
            checks.append(scope)
        self.where = " AND ".join(checks)

    def arg(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"


async def _update(connection: asyncpg.Connection, outlet: Outlet, version: int | None) -> None:
    row = await connection.fetchrow(
        UPDATE_SQL,
        outlet.id,
        uuid.UUID(outlet.uuid),
        clean(outlet.outlet_id),
        clean(outlet.connector_type),
        clean(outlet.parking),
        outlet.mode.value,
        version,
    )
    if row is None:
        if await connection.fetchval("SELECT true FROM outlet WHERE id = $1", outlet.id) is None:
            raise _no_outlet(outlet.id)
        raise StaleVersion("Somebody else has changed this outlet meanwhile. Reload it and try again.")
    await connection.execute(DROP_IDS_SQL, outlet.id)
    ids = outlet.external_ids
    await connection.execute(
        PUT_IDS_SQL, outlet.id, [clean(each.service) for each in ids], [clean(each.external_id) for each in ids]
    )


def _outlet(row: asyncpg.Record) -> Outlet:
    return Outlet(
        row["id"],
        row["station_id"],
        row["evse_id"],
        row["connector_id"],
        str(row["uuid"]),
        row["outlet_id"],
        row["connector_type"],
        row["parking"],
        OutletMode(row["mode"]),
        tuple(ExternalId(*pair) for pair in zip(row["services"], row["external_ids"], strict=True)),
        row["version"],
        row["created_at"],
        row["updated_at"],
        row["identity"],
        row["free_vend"],
        row["place_id"],
    )


def _read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _no_outlet(outlet_id: int) -> NotFound:
    return NotFound(f"There is no outlet {outlet_id} (any more).", reason="OUTLET_NOT_FOUND")


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
