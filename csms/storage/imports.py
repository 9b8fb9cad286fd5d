"""Many stations or users in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg
import msgspec

from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.installation import EDITABLE
from csms.domain.people import Person
from csms.ports.imports import NewStation
from csms.storage.installations import WRITE_INSTALLATION_SQL
from csms.storage.people import insert_person
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresImports"]

TAKEN_IDENTITIES_SQL = "SELECT identity FROM station WHERE identity = ANY($1::text[])"
TAKEN_EMAILS_SQL = "SELECT lower(email) AS email FROM app_user WHERE lower(email) = ANY($1::text[])"
CREATE_STATIONS_SQL = """
INSERT INTO station (identity, registration, display_name, description, address, place_id)
SELECT identity, 'Accepted', display_name, description, address, place_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
    AS row (identity, display_name, description, address, place_id)
RETURNING id, identity
"""


class PostgresImports:
    """csms.ports.imports.ImportStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def taken_identities(self, identities: Collection[str]) -> frozenset[str]:
        """See `ImportStore.taken_identities`."""
        rows = await self._database.fetch(TAKEN_IDENTITIES_SQL, [clean(each) for each in identities])
        return frozenset(row["identity"] for row in rows)

    async def taken_emails(self, emails: Collection[str]) -> frozenset[str]:
        """See `ImportStore.taken_emails`."""
        rows = await self._database.fetch(TAKEN_EMAILS_SQL, [clean(each).lower() for each in emails])
        return frozenset(row["email"] for row in rows)

    async def create_stations(self, stations: Sequence[NewStation]) -> Sequence[int]:
        """See `ImportStore.create_stations`."""
        try:
            made = await self._database.transaction(_create_stations, stations)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "Somebody has made one of these stations meanwhile. Try the import again.", reason="IDENTITY_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("One of the places is gone. Try the import again.", reason="PLACE_NOT_FOUND") from error
        return [made[clean(station.identity)] for station in stations]

    async def create_people(self, people: Sequence[Person]) -> Sequence[Person]:
        """See `ImportStore.create_people`."""
        try:
            ids = await self._database.transaction(_create_people, people)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "Somebody has made one of these users meanwhile. Try the import again.", reason="EMAIL_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("One of the sites is gone. Try the import again.", reason="PLACE_NOT_FOUND") from error
        return [msgspec.structs.replace(each, id=number) for each, number in zip(people, ids, strict=True)]


async def _create_stations(connection: asyncpg.Connection, stations: Sequence[NewStation]) -> dict[str, int]:
    columns = [
        [clean(getattr(station, name)) for station in stations]
        for name in ("identity", "display_name", "description", "address")
    ]
    rows = await connection.fetch(CREATE_STATIONS_SQL, *columns, [station.place_id for station in stations])
    made: dict[str, int] = {row["identity"]: row["id"] for row in rows}
    known: list[tuple[object, ...]] = []
    for station in stations:
        if station.installation is None:
            continue
        values = (getattr(station.installation, name) for name in EDITABLE)
        texts = (clean(value) if isinstance(value, str) else value for value in values)
        known.append((made[clean(station.identity)], *texts, None))
    await connection.executemany(WRITE_INSTALLATION_SQL, known)
    return made


async def _create_people(connection: asyncpg.Connection, people: Sequence[Person]) -> list[int]:
    return [await insert_person(connection, person) for person in people]
