"""Places."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.topology import Place, PlaceKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresPlaces"]

ALL_PLACES_SQL = "SELECT * FROM place ORDER BY id"
# A new place has a greater id than any before it; one that changed, a greater version.
MARK_SQL = "SELECT count(*), coalesce(max(id), 0), coalesce(sum(version), 0)::bigint FROM place"
FIND_PLACE_SQL = "SELECT * FROM place WHERE id = $1"
CREATE_PLACE_SQL = """
INSERT INTO place (kind, parent_id, name, description, static_id, address, latitude, longitude, time_zone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
"""
UPDATE_PLACE_SQL = """
UPDATE place SET
    parent_id = $2, name = $3, description = $4, static_id = $5, address = $6, latitude = $7, longitude = $8,
    time_zone = $9, version = version + 1, updated_at = now()
WHERE id = $1 AND ($10::integer IS NULL OR version = $10) RETURNING *
"""
# Sessions were charged in what is above it, then.
DELETE_PLACE_SQL = """
WITH gone AS (DELETE FROM place WHERE id = $1 RETURNING id, parent_id),
     kept AS (UPDATE session SET place_id = gone.parent_id FROM gone WHERE session.place_id = gone.id)
SELECT id FROM gone
"""
COUNT_STATIONS_SQL = "SELECT count(*) FROM station WHERE place_id = $1"
MOVE_STATIONS_SQL = """
UPDATE station SET place_id = $2, updated_at = now() WHERE id = ANY($1::bigint[]) RETURNING id
"""


class PostgresPlaces:
    """csms.ports.places.PlaceStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> Sequence[Place]:
        """Every place."""
        return [_place(row) for row in await self._database.fetch(ALL_PLACES_SQL)]

    async def mark(self) -> tuple[int, ...]:
        """See `PlaceStore.mark`."""
        return tuple(await self._database.fetchrow(MARK_SQL) or ())

    async def create(self, place: Place) -> Place:
        """See `PlaceStore.create`."""
        row = await self._write(CREATE_PLACE_SQL, place, place.kind.value, *_fields(place))
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _place(row)

    async def update(self, place: Place, *, version: int | None) -> Place:
        """See `PlaceStore.update`."""
        if await self._database.fetchrow(FIND_PLACE_SQL, place.id) is None:
            raise _no_place(place.id)
        row = await self._write(UPDATE_PLACE_SQL, place, place.id, *_fields(place), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this place meanwhile. Reload it and try again.")
        return _place(row)

    async def delete(self, place_id: int) -> None:
        """See `PlaceStore.delete`."""
        try:
            found = await self._database.fetchrow(DELETE_PLACE_SQL, place_id) if fits_bigint(place_id) else None
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as error:
            raise FailedPrecondition(
                "Something still stands in this place. Move or remove it first.", reason="PLACE_NOT_EMPTY"
            ) from error
        if found is None:
            raise _no_place(place_id)

    async def count_stations(self, place_id: int) -> int:
        """How many stand right in it, not below."""
        return int(await self._database.fetchval(COUNT_STATIONS_SQL, place_id))

    async def move_stations(self, station_ids: Sequence[int], place_id: int) -> Sequence[int]:
        """See `PlaceStore.move_stations`."""
        try:
            rows = await self._database.fetch(
                MOVE_STATIONS_SQL, [number for number in station_ids if fits_bigint(number)], place_id
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_place(place_id) from error
        return sorted(row["id"] for row in rows)

    async def _write(self, sql: str, place: Place, *values: object) -> asyncpg.Record | None:
        try:
            return await self._database.fetchrow(sql, *values)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "place_static_id":
                raise AlreadyExists(
                    f"There is already a place with the number {place.static_id}.", reason="STATIC_ID_TAKEN"
                ) from error
            raise AlreadyExists(
                f"There is already a {place.name} in that place. Give another name.", reason="PLACE_NAME_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_place(place.parent_id or 0) from error


def _fields(place: Place) -> tuple[object, ...]:
    return (
        place.parent_id,
        clean(place.name),
        clean(place.description),
        clean(place.static_id),
        clean(place.address),
        place.latitude,
        place.longitude,
        clean(place.time_zone),
    )


def _place(row: asyncpg.Record) -> Place:
    return Place(
        row["id"],
        row["parent_id"],
        PlaceKind(row["kind"]),
        row["name"],
        row["description"],
        row["static_id"],
        row["address"],
        row["latitude"],
        row["longitude"],
        row["time_zone"],
        row["version"],
        row["created_at"],
        row["updated_at"],
    )


def _no_place(place_id: int) -> NotFound:
    return NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
