"""Stations: as people edit them, as the door knows them, as an actor remembers them, and as lists show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.errors import AlreadyExists, InvalidArgument, NotFound, StaleVersion
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StatusChanged
from csms.domain.station import StationState
from csms.domain.topology import SYSTEM_ID
from csms.ports.stores import RefusedAttempts, StationRow
from csms.storage.pool import Database
from csms.storage.sessions import open_transactions
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresStations"]

EDITABLE = frozenset({"identity", "display_name", "description", "address"})

FIND_SQL = "SELECT * FROM station WHERE id = $1"
FIND_BY_IDENTITY_SQL = "SELECT * FROM station WHERE identity = $1"
CREATE_SQL = """
INSERT INTO station (identity, registration, display_name, description, address, place_id)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING *
"""
# In the order of their identities: two nodes that make the same ones cannot wait for each other.
CREATE_NEWCOMERS_SQL = """
INSERT INTO station (identity, registration, place_id)
SELECT newcomer, $2, $3 FROM unnest($1::text[]) AS newcomer ORDER BY newcomer
ON CONFLICT (identity) DO NOTHING RETURNING *
"""
FIND_BY_IDENTITIES_SQL = "SELECT * FROM station WHERE identity = ANY($1::text[])"
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

    async def create_newcomers(
        self, identities: Sequence[str], registration: RegistrationStatus
    ) -> Sequence[StationRow]:
        """See `csms.ports.stores.StationStore`."""
        wanted = sorted({clean(identity) for identity in identities})
        made = await self._database.fetch(CREATE_NEWCOMERS_SQL, wanted, registration, SYSTEM_ID)
        left = sorted(set(wanted) - {row["identity"] for row in made})
        there = await self._database.fetch(FIND_BY_IDENTITIES_SQL, left) if left else []
        return [_station_row(row) for row in (*made, *there)]

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
    transactions = await open_transactions(connection, await connection.fetch(OPEN_SESSIONS_SQL, station_id))
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
