"""Tariffs, their versions, and where they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.tariff import Tariff
from csms.domain.tariff_book import Assignment, InForce, NamedTariff, Target, TariffVersion, read_target
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresTariffs", "version_of"]

_MATCHES = """
(retired = false OR $1) AND ($2 = '' OR display_name ILIKE $3 OR description ILIKE $3)
"""
PAGE_TARIFFS_SQL = f"""
SELECT * FROM tariff WHERE {_MATCHES} AND ($4::text IS NULL OR (lower(display_name) COLLATE "C", id) > ($4, $5::bigint))
ORDER BY lower(display_name) COLLATE "C", id LIMIT $6
"""  # noqa: S608 - constants of ours
COUNT_TARIFFS_SQL = f"SELECT count(*) FROM tariff WHERE {_MATCHES}"  # noqa: S608 - constants of ours
GET_TARIFFS_SQL = "SELECT * FROM tariff WHERE id = ANY($1::bigint[])"
VERSIONS_SQL = "SELECT * FROM tariff_version WHERE tariff_id = ANY($1::bigint[]) ORDER BY number"
VERSION_SQL = "SELECT * FROM tariff_version WHERE id = $1"
CREATE_TARIFF_SQL = "INSERT INTO tariff (display_name, description) VALUES ($1, $2) RETURNING id"
ADD_VERSION_SQL = """
INSERT INTO tariff_version (tariff_id, number, valid_from, terms)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3::text::jsonb FROM tariff_version WHERE tariff_id = $1
"""
LOCK_TARIFF_SQL = "SELECT version FROM tariff WHERE id = $1 FOR UPDATE"
UPDATE_TARIFF_SQL = """
UPDATE tariff SET display_name = $2, description = $3, retired = $4, version = version + 1, updated_at = now()
WHERE id = $1
"""
IN_USE_SQL = """
SELECT EXISTS (SELECT FROM tariff_assignment WHERE tariff_id = $1)
    OR EXISTS (SELECT FROM session_cost JOIN tariff_version AS v ON v.id = tariff_version_id WHERE v.tariff_id = $1)
    OR EXISTS (SELECT FROM session_cost_earlier JOIN tariff_version AS v ON v.id = tariff_version_id
               WHERE v.tariff_id = $1)
"""
DELETE_TARIFF_SQL = "DELETE FROM tariff WHERE id = $1"
# Whoever assigns waits for whoever retires it, and the reverse.
ASSIGNABLE_SQL = "SELECT retired FROM tariff WHERE id = $1 FOR SHARE"
LOCK_TARGET_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('tariff_assignment ' || $1, 0))"
END_ASSIGNMENT_SQL = """
UPDATE tariff_assignment SET valid_to = greatest(valid_from, $2) WHERE target = $1 AND valid_to IS NULL
"""
ASSIGN_SQL = "INSERT INTO tariff_assignment (target, tariff_id, valid_from) VALUES ($1, $2, $3) RETURNING *"
ASSIGNMENTS_SQL = """
SELECT * FROM tariff_assignment
WHERE valid_to IS NULL AND ($1::bigint IS NULL OR tariff_id = $1) AND ($2::text IS NULL OR target = $2)
ORDER BY target
"""
ASSIGNED_SINCE_SQL = """
SELECT * FROM tariff_assignment WHERE valid_to IS NULL OR valid_to > $1 ORDER BY target, valid_from, id
"""
IN_FORCE_SQL = """
SELECT assignment.target, tariff.display_name, version.*
FROM tariff_assignment AS assignment
JOIN tariff ON tariff.id = assignment.tariff_id
JOIN LATERAL (
    SELECT * FROM tariff_version AS v WHERE v.tariff_id = tariff.id AND v.valid_from <= $2
    ORDER BY v.valid_from DESC, v.number DESC LIMIT 1
) AS version ON true
WHERE assignment.target = ANY($1::text[]) AND assignment.valid_from <= $2
  AND (assignment.valid_to IS NULL OR assignment.valid_to > $2)
"""
DRIVER_SQL = "SELECT user_id, coalesce(parent_id_token, '') AS tag_group FROM id_token WHERE id_token = $1"
_terms = msgspec.json.Decoder(Tariff)
_encode = msgspec.json.Encoder(order="deterministic").encode


class PostgresTariffs:
    """csms.ports.tariffs.TariffStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, *, query: str, retired: bool, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[NamedTariff], int]:
        """See `TariffStore.page`."""
        matching = (retired, query.strip(), pattern(query))
        name, number = after or (None, None)
        rows = await self._database.fetch(PAGE_TARIFFS_SQL, *matching, name, number, size)
        found = await self._with_versions(rows)
        return [found[row["id"]] for row in rows], await self._database.fetchval(COUNT_TARIFFS_SQL, *matching)

    async def get(self, tariff_ids: Sequence[int]) -> Mapping[int, NamedTariff]:
        """See `TariffStore.get`."""
        ids = [number for number in tariff_ids if fits_bigint(number)]
        return await self._with_versions(await self._database.fetch(GET_TARIFFS_SQL, ids)) if ids else {}

    async def version(self, version_id: int) -> TariffVersion | None:
        """See `TariffStore.version`."""
        row = await self._database.fetchrow(VERSION_SQL, version_id) if fits_bigint(version_id) else None
        return None if row is None else version_of(row)

    async def create(self, name: str, description: str, terms: Tariff, valid_from: datetime) -> NamedTariff:
        """See `TariffStore.create`."""

        async def insert(connection: asyncpg.Connection) -> int:
            number: int = await connection.fetchval(CREATE_TARIFF_SQL, clean(name), clean(description))
            await connection.execute(ADD_VERSION_SQL, number, valid_from, _encode(terms).decode())
            return number

        try:
            number = await self._database.transaction(insert)
        except asyncpg.UniqueViolationError as error:
            raise _taken(name) from error
        return await self._must(number)

    async def update(
        self, tariff: NamedTariff, *, terms: Tariff | None, valid_from: datetime, version: int | None
    ) -> NamedTariff:
        """See `TariffStore.update`."""

        async def change(connection: asyncpg.Connection) -> None:
            known = await connection.fetchval(LOCK_TARIFF_SQL, tariff.id)
            if known is None:
                raise _no_tariff(tariff.id)
            if version is not None and known != version:
                raise StaleVersion("Somebody else has changed this tariff meanwhile. Reload it and try again.")
            await connection.execute(
                UPDATE_TARIFF_SQL, tariff.id, clean(tariff.name), clean(tariff.description), tariff.retired
            )
            if terms is not None:
                await connection.execute(ADD_VERSION_SQL, tariff.id, valid_from, _encode(terms).decode())

        if not fits_bigint(tariff.id):
            raise _no_tariff(tariff.id)
        try:
            await self._database.transaction(change)
        except asyncpg.UniqueViolationError as error:
            raise _taken(tariff.name) from error
        return await self._must(tariff.id)

    async def delete(self, tariff_id: int) -> None:
        """See `TariffStore.delete`."""

        async def remove(connection: asyncpg.Connection) -> None:
            if await connection.fetchval(LOCK_TARIFF_SQL, tariff_id) is None:
                raise _no_tariff(tariff_id)
            if await connection.fetchval(IN_USE_SQL, tariff_id):
                raise _in_use()
            await connection.execute(DELETE_TARIFF_SQL, tariff_id)

        if not fits_bigint(tariff_id):
            raise _no_tariff(tariff_id)
        try:
            await self._database.transaction(remove)
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as error:
            raise _in_use() from error

    async def assign(self, target: Target, tariff_id: int | None, at: datetime) -> Assignment | None:
        """See `TariffStore.assign`."""

        async def change(connection: asyncpg.Connection) -> asyncpg.Record | None:
            await connection.execute(LOCK_TARGET_SQL, str(target))
            retired = False if tariff_id is None else await connection.fetchval(ASSIGNABLE_SQL, tariff_id)
            if retired is None:
                raise _no_tariff(tariff_id or 0)
            if retired:
                raise FailedPrecondition(
                    "This tariff is retired. Make another one, and assign that.", reason="TARIFF_RETIRED"
                )
            await connection.execute(END_ASSIGNMENT_SQL, str(target), at)
            return None if tariff_id is None else await connection.fetchrow(ASSIGN_SQL, str(target), tariff_id, at)

        if tariff_id is not None and not fits_bigint(tariff_id):
            raise _no_tariff(tariff_id)
        row = await self._database.transaction(change)
        return None if row is None else _assignment(row)

    async def assignments(self, *, tariff_id: int | None = None, target: Target | None = None) -> Sequence[Assignment]:
        """See `TariffStore.assignments`."""
        if tariff_id is not None and not fits_bigint(tariff_id):
            return []
        rows = await self._database.fetch(ASSIGNMENTS_SQL, tariff_id, None if target is None else str(target))
        return [_assignment(row) for row in rows]

    async def assigned_since(self, at: datetime) -> Sequence[Assignment]:
        """See `TariffStore.assigned_since`."""
        return [_assignment(row) for row in await self._database.fetch(ASSIGNED_SINCE_SQL, at)]

    async def in_force(self, targets: Sequence[Target], at: datetime) -> Sequence[InForce]:
        """See `TariffStore.in_force`."""
        rows = await self._database.fetch(IN_FORCE_SQL, [clean(str(target)) for target in targets], at)
        return [InForce(read_target(row["target"]), row["display_name"], version_of(row)) for row in rows]

    async def driver(self, id_token: str) -> tuple[int | None, str]:
        """See `TariffStore.driver`."""
        row = await self._database.fetchrow(DRIVER_SQL, clean(id_token))
        return (None, "") if row is None else (row["user_id"], row["tag_group"])

    async def _with_versions(self, rows: Iterable[asyncpg.Record]) -> Mapping[int, NamedTariff]:
        rows = list(rows)
        versions: dict[int, list[TariffVersion]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(VERSIONS_SQL, list(versions)) if rows else []:
            versions[row["tariff_id"]].append(version_of(row))
        return {
            row["id"]: NamedTariff(
                row["id"],
                row["display_name"],
                row["description"],
                row["retired"],
                tuple(versions[row["id"]]),
                row["version"],
                row["created_at"],
                row["updated_at"],
            )
            for row in rows
        }

    async def _must(self, tariff_id: int) -> NamedTariff:
        found = (await self.get([tariff_id])).get(tariff_id)
        if found is None:
            raise _no_tariff(tariff_id)
        return found


def version_of(row: asyncpg.Record) -> TariffVersion:
    """From a row of `tariff_version`."""
    return TariffVersion(
        row["id"], row["tariff_id"], row["number"], row["valid_from"], _terms.decode(row["terms"]), row["created_at"]
    )


def _assignment(row: asyncpg.Record) -> Assignment:
    return Assignment(row["id"], read_target(row["target"]), row["tariff_id"], row["valid_from"], row["valid_to"])


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"There is already a tariff {name}. Give another name.", reason="TARIFF_NAME_TAKEN")


def _in_use() -> FailedPrecondition:
    return FailedPrecondition(
        "This tariff is or was in use, and bills refer to it. Retire it instead.", reason="TARIFF_IN_USE"
    )


def _no_tariff(tariff_id: int) -> NotFound:
    return NotFound(f"There is no tariff {tariff_id} (any more).", reason="TARIFF_NOT_FOUND")
