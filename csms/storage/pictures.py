"""Pictures, plans and positions on them (`csms.ports.pictures`)."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from csms.domain.access import Scope
from csms.domain.errors import NotFound
from csms.domain.transfers import StoredFile
from csms.ports.pictures import Picture, Position
from csms.storage.files import FILE_FIELDS, INSERT_FILE_SQL, file_of, file_values
from csms.storage.pool import Database
from csms.storage.scoping import at_stations
from csms.storage.text import fits_bigint

__all__ = ["PostgresPictures"]

PICTURES_SQL = "SELECT slot, file_id, thumbnail_id, width, height FROM station_picture WHERE station_id = $1"
PLAN_SQL = "SELECT 0 AS slot, file_id, thumbnail_id, width, height FROM floor_plan WHERE place_id = $1"
FILES_SQL = f"SELECT {FILE_FIELDS} FROM stored_file WHERE id = ANY($1::bigint[])"  # noqa: S608 - constants of ours
DELETE_FILES_SQL = "DELETE FROM stored_file WHERE id = ANY($1::bigint[])"
PUT_PICTURE_SQL = """
INSERT INTO station_picture (station_id, slot, file_id, thumbnail_id, width, height) VALUES ($1, $2, $3, $4, $5, $6)
"""
PUT_PLAN_SQL = """
INSERT INTO floor_plan (place_id, file_id, thumbnail_id, width, height) VALUES ($1, $2, $3, $4, $5)
"""
_POSITIONS = """
SELECT position.station_id, x, y FROM station_position AS position
JOIN station ON station.id = position.station_id AND station.place_id = position.place_id
WHERE position.place_id = $1{scope} ORDER BY position.station_id
"""
SET_POSITION_SQL = """
INSERT INTO station_position (station_id, place_id, x, y) SELECT id, place_id, $2, $3 FROM station WHERE id = $1
ON CONFLICT (station_id) DO UPDATE SET place_id = excluded.place_id, x = excluded.x, y = excluded.y
RETURNING station_id
"""
REMOVE_POSITION_SQL = "DELETE FROM station_position WHERE station_id = $1"


class PostgresPictures:
    """csms.ports.pictures.PictureStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_picture(self, station_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        """See the port."""
        return await self._put(station_id, picture, "station")

    async def pictures(self, station_id: int) -> Sequence[Picture]:
        """See the port."""
        if not fits_bigint(station_id):
            return []
        return sorted(await self._database.run(_read, PICTURES_SQL, station_id), key=lambda each: each.slot)

    async def delete_picture(self, station_id: int, slot: int) -> Picture | None:
        """See the port."""
        return (
            await self._database.transaction(_delete, PICTURES_SQL, station_id, slot)
            if fits_bigint(station_id)
            else None
        )

    async def put_plan(self, place_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        """See the port."""
        return await self._put(place_id, picture, "place")

    async def find_plan(self, place_id: int) -> Picture | None:
        """See the port."""
        found = await self._database.run(_read, PLAN_SQL, place_id) if fits_bigint(place_id) else []
        return found[0] if found else None

    async def delete_plan(self, place_id: int) -> Picture | None:
        """See the port."""
        return await self._database.transaction(_delete, PLAN_SQL, place_id, 0) if fits_bigint(place_id) else None

    async def positions(self, place_id: int, scope: Scope | None) -> Sequence[Position]:
        """See the port."""
        if not fits_bigint(place_id):
            return []
        args: list[object] = [place_id]
        sql = _POSITIONS.format(scope=at_stations(scope, args, "position.station_id"))
        return [Position(row["station_id"], row["x"], row["y"]) for row in await self._database.fetch(sql, *args)]

    async def set_position(self, position: Position) -> None:
        """See the port."""
        values = (position.station_id, position.x, position.y)
        if not fits_bigint(position.station_id) or await self._database.fetchrow(SET_POSITION_SQL, *values) is None:
            raise NotFound(f"There is no station {position.station_id} (any more).", reason="STATION_NOT_FOUND")

    async def remove_position(self, station_id: int) -> None:
        """See the port."""
        if fits_bigint(station_id):
            await self._database.execute(REMOVE_POSITION_SQL, station_id)

    async def _put(self, owner_id: int, picture: Picture, owner: str) -> tuple[Picture, Picture | None]:
        try:
            return await self._database.transaction(_put, owner_id, picture, owner)
        except asyncpg.ForeignKeyViolationError as error:
            reason = f"{owner.upper()}_NOT_FOUND"
            raise NotFound(f"There is no {owner} {owner_id} (any more).", reason=reason) from error


async def _put(
    connection: asyncpg.Connection, owner_id: int, picture: Picture, owner: str
) -> tuple[Picture, Picture | None]:
    # Of two at a time, one waits: else both would want to be the first.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('picture'), $1::integer)", owner_id % 2**31)
    old = await _delete(connection, PLAN_SQL if owner == "place" else PICTURES_SQL, owner_id, picture.slot)
    file = await _insert(connection, picture.file)
    thumbnail = await _insert(connection, picture.thumbnail)
    measures = (file.id, thumbnail.id, picture.width, picture.height)
    if owner == "place":
        await connection.execute(PUT_PLAN_SQL, owner_id, *measures)
    else:
        await connection.execute(PUT_PICTURE_SQL, owner_id, picture.slot, *measures)
    return msgspec.structs.replace(picture, file=file, thumbnail=thumbnail), old


async def _insert(connection: asyncpg.Connection, file: StoredFile) -> StoredFile:
    return file_of(await connection.fetchrow(INSERT_FILE_SQL, *file_values(file)))


async def _delete(connection: asyncpg.Connection, sql: str, owner_id: int, slot: int) -> Picture | None:
    for picture in await _read(connection, sql, owner_id):
        if picture.slot == slot:
            await connection.execute(DELETE_FILES_SQL, [picture.file.id, picture.thumbnail.id])
            return picture
    return None


async def _read(connection: asyncpg.Connection, sql: str, owner_id: int) -> list[Picture]:
    rows = await connection.fetch(sql, owner_id)
    wanted = [row[name] for row in rows for name in ("file_id", "thumbnail_id")]
    files = {row["id"]: file_of(row) for row in await connection.fetch(FILES_SQL, wanted)} if wanted else {}
    return [
        Picture(files[row["file_id"]], files[row["thumbnail_id"]], row["width"], row["height"], row["slot"])
        for row in rows
        if row["file_id"] in files and row["thumbnail_id"] in files
    ]
