"""Load groups, the latest readings of their meters, and what outlets may draw (`csms.ports.load_groups`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg
import msgspec

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.load_group import GridReading, LoadGroup, Policy
from csms.domain.load_hold import LoadHold
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresLoadGroups"]

ALL_SQL = "SELECT * FROM load_group ORDER BY lower(display_name), id"
FIND_SQL = "SELECT * FROM load_group WHERE id = $1"
CREATE_SQL = """
INSERT INTO load_group (place_id, display_name, policy, enabled) VALUES ($1, $2, $3, $4) RETURNING *
"""
UPDATE_SQL = """
UPDATE load_group SET place_id = $2, display_name = $3, policy = $4, enabled = $5, version = version + 1,
    updated_at = now()
WHERE id = $1 AND ($6::integer IS NULL OR version = $6) RETURNING *
"""
DELETE_SQL = "DELETE FROM load_group WHERE id = $1 RETURNING id"
PUT_READING_SQL = """
INSERT INTO grid_reading AS r (group_id, at, amperes, watts)
SELECT id, $2, $3::double precision[], $4::double precision FROM load_group WHERE id = $1 FOR KEY SHARE
ON CONFLICT (group_id) DO UPDATE SET at = excluded.at, amperes = excluded.amperes, watts = excluded.watts
    WHERE r.at <= excluded.at
RETURNING group_id
"""
READINGS_SQL = "SELECT * FROM grid_reading ORDER BY group_id"
HOLDS_SQL = "SELECT * FROM load_hold ORDER BY station_id, evse_id"
KEEP_SQL = """
INSERT INTO load_hold AS h (station_id, evse_id, held, given, expires_at, sent_at, changed_at, answered, answer)
SELECT u.* FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::timestamptz[], $6::timestamptz[],
                       $7::timestamptz[], $8::boolean[], $9::text[])
    AS u (station_id, evse_id, held, given, expires_at, sent_at, changed_at, answered, answer)
WHERE EXISTS (SELECT FROM station AS s WHERE s.id = u.station_id FOR KEY SHARE)
ON CONFLICT (station_id, evse_id) DO UPDATE SET
    held = excluded.held, given = excluded.given, expires_at = excluded.expires_at, sent_at = excluded.sent_at,
    changed_at = excluded.changed_at, answered = excluded.answered, answer = excluded.answer
"""
DROP_SQL = """
DELETE FROM load_hold AS h USING unnest($1::bigint[], $2::integer[]) AS u (station_id, evse_id)
WHERE h.station_id = u.station_id AND h.evse_id = u.evse_id
"""
_FIELDS: Final = LoadHold.__struct_fields__


class PostgresLoadGroups:
    """`LoadGroupStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[LoadGroup]:
        """See `LoadGroupStore.all`."""
        return [_group(row) for row in await self._database.fetch(ALL_SQL)]

    async def find(self, group_id: int) -> LoadGroup:
        """See `LoadGroupStore.find`."""
        row = await self._database.fetchrow(FIND_SQL, group_id) if fits_bigint(group_id) else None
        if row is None:
            raise _no_group(group_id)
        return _group(row)

    async def create(self, group: LoadGroup) -> LoadGroup:
        """See `LoadGroupStore.create`."""
        row = await self._write(group, CREATE_SQL, *_values(group))
        assert row is not None  # noqa: S101 - an INSERT … RETURNING gives its row
        return _group(row)

    async def update(self, group: LoadGroup, *, version: int | None) -> LoadGroup:
        """See `LoadGroupStore.update`."""
        await self.find(group.id)
        row = await self._write(group, UPDATE_SQL, group.id, *_values(group), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this load group meanwhile. Reload it and try again.")
        return _group(row)

    async def delete(self, group_id: int) -> None:
        """See `LoadGroupStore.delete`."""
        found = await self._database.fetchval(DELETE_SQL, group_id) if fits_bigint(group_id) else None
        if found is None:
            raise _no_group(group_id)

    async def put_reading(self, reading: GridReading) -> bool:
        """See `LoadGroupStore.put_reading`."""
        await self.find(reading.group_id)
        amperes = None if reading.amperes is None else list(reading.amperes)
        return (
            await self._database.fetchval(PUT_READING_SQL, reading.group_id, reading.at, amperes, reading.watts)
            is not None
        )

    async def readings(self) -> Sequence[GridReading]:
        """See `LoadGroupStore.readings`."""
        return [
            GridReading(
                row["group_id"], row["at"], None if row["amperes"] is None else tuple(row["amperes"]), row["watts"]
            )
            for row in await self._database.fetch(READINGS_SQL)
        ]

    async def holds(self) -> Sequence[LoadHold]:
        """See `LoadGroupStore.holds`."""
        return [LoadHold(*(row[name] for name in _FIELDS)) for row in await self._database.fetch(HOLDS_SQL)]

    async def keep(self, holds: Collection[LoadHold]) -> None:
        """See `LoadGroupStore.keep`."""
        if holds:
            rows = [msgspec.structs.astuple(msgspec.structs.replace(hold, answer=clean(hold.answer))) for hold in holds]
            await self._database.execute(KEEP_SQL, *zip(*rows, strict=True))

    async def drop(self, keys: Collection[tuple[int, int]]) -> None:
        """See `LoadGroupStore.drop`."""
        if keys:
            await self._database.execute(DROP_SQL, *zip(*keys, strict=True))

    async def _write(self, group: LoadGroup, sql: str, *args: object) -> asyncpg.Record | None:
        if not fits_bigint(group.place_id):
            raise _no_place(group.place_id)
        try:
            return await self._database.fetchrow(sql, *args)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                f"There is a load group {group.display_name} at this place already. Choose another name.",
                reason="LOAD_GROUP_NAME_TAKEN",
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_place(group.place_id) from error


def _values(group: LoadGroup) -> tuple[object, ...]:
    return group.place_id, clean(group.display_name), msgspec.json.encode(group.policy).decode(), group.enabled


def _group(row: asyncpg.Record) -> LoadGroup:
    return LoadGroup(
        row["id"],
        row["place_id"],
        row["display_name"],
        msgspec.json.decode(row["policy"], type=Policy),
        row["enabled"],
        row["version"],
        row["created_at"],
        row["updated_at"],
    )


def _no_group(group_id: int) -> NotFound:
    return NotFound(f"There is no load group {group_id} (any more).", reason="LOAD_GROUP_NOT_FOUND")


def _no_place(place_id: int) -> NotFound:
    return NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
