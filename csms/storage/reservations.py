"""The book of reservations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from csms.domain.access import Scope
from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.reservation import Reservation, ReservationState
from csms.ports.reservations import ReservationDraft, ReservationFilter
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresReservations"]

_LAST = 2**31 - 1
_LOCK = 0x5245  # "RE": advisory locks of stations whose book is being written
_OPEN = "('BOOKED', 'REQUESTED', 'ACTIVE')"

CREATE_SQL = """
INSERT INTO reservation (station_id, state, id_token, group_id_token, evse_id, connector_type, starts_at, expires_at,
    created_at, updated_at, created_by, user_id)
SELECT id, $10, $2, $3, $4, $5, $6, $7, $8, $8, $9, (SELECT user_id FROM id_token AS t WHERE t.id_token = $2)
FROM station WHERE id = $1 FOR KEY SHARE
RETURNING *
"""
# A reservation of any EVSE needs one that nobody else has: as many overlap as there are EVSEs, as far as is known.
ROOM_SQL = f"""
SELECT count(*) < greatest(
    1, $4::integer, max(evse_id),
    (SELECT count(DISTINCT evse_id) FROM connector WHERE station_id = $1 AND evse_id > 0))
FROM reservation WHERE station_id = $1 AND state IN {_OPEN} AND tstzrange(starts_at, expires_at) && tstzrange($2, $3)
"""  # noqa: S608 - constants of ours
FIND_SQL = "SELECT * FROM reservation WHERE id = $1"
_MATCHES = """
($1::bigint IS NULL OR station_id = $1) AND (cardinality($2::text[]) = 0 OR state = ANY($2))
AND ($3::text = '' OR id_token = $3)
AND ($4::timestamptz IS NULL OR expires_at > $4) AND ($5::timestamptz IS NULL OR starts_at < $5)
AND ($6::bigint IS NULL OR user_id = $6)
AND (cardinality($7::bigint[]) = 0 OR station_id IN (SELECT id FROM station WHERE place_id = ANY($7)))
"""
_PAGE = f"""
SELECT * FROM reservation WHERE {_MATCHES} AND id < $8{{scope}} ORDER BY id DESC LIMIT $9
"""  # noqa: S608 - constants of ours
_COUNT = f"SELECT count(*) FROM reservation WHERE {_MATCHES}{{scope}}"  # noqa: S608 - constants of ours
CHANGE_SQL = f"""
UPDATE reservation SET
    state = $2::text, updated_at = greatest(updated_at, $3::timestamptz),
    ended_at = CASE WHEN $2 IN {_OPEN} THEN NULL ELSE coalesce(ended_at, $3) END,
    status = coalesce(nullif($4::text, ''), status), note = coalesce(nullif($5::text, ''), note)
WHERE id = $1 AND state = ANY($6::text[]) AND ($7::bigint IS NULL OR station_id = $7)
RETURNING *
"""  # noqa: S608 - constants of ours
EXPIRE_SQL = f"""
UPDATE reservation AS r SET
    updated_at = greatest(r.updated_at, $1::timestamptz), ended_at = $1,
    state = CASE WHEN EXISTS (
        SELECT FROM session AS s WHERE s.station_id = r.station_id AND s.reservation_id = r.id
            AND s.logged_at >= r.created_at
    ) THEN 'USED' ELSE 'EXPIRED' END
WHERE r.state IN {_OPEN} AND r.expires_at <= $1
RETURNING r.*
"""  # noqa: S608 - constants of ours
RUNNING_SQL = f"""
SELECT * FROM reservation WHERE state IN {_OPEN} AND evse_id IS NOT NULL
    AND starts_at <= $1::timestamptz + interval '1 minute' AND expires_at > $1 ORDER BY id
"""  # noqa: S608 - constants of ours
DUE_SQL = """
SELECT * FROM reservation
WHERE state = 'BOOKED' AND starts_at <= $1 AND expires_at > $1 AND (tried_at IS NULL OR tried_at < $2) ORDER BY id
"""
TRIED_SQL = """
UPDATE reservation SET
    tried_at = $2, updated_at = greatest(updated_at, $2::timestamptz), status = coalesce(nullif($3::text, ''), status),
    note = coalesce(nullif($4::text, ''), note)
WHERE id = $1
"""
RESERVABLE_SQL = "SELECT reservable FROM station WHERE id = $1"
SET_RESERVABLE_SQL = "UPDATE station SET reservable = $2, updated_at = now() WHERE id = $1 RETURNING id"


def _within(scope: Scope | None, args: list[object]) -> str:
    """` AND …` for reservations in a scope: at its stations, or of its user; puts its values behind `args`."""

    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    if scope is None:
        return ""
    place = "(SELECT seen.place_id FROM station AS seen WHERE seen.id = station_id)"
    return f" AND {scope_condition(scope, argument, station='station_id', place=place, user='user_id')}"


class PostgresReservations:
    """csms.ports.reservations.ReservationStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        """REQUESTED. Raises NotFound/STATION_NOT_FOUND."""
        if not fits_bigint(draft.station_id):
            raise _no_station(draft.station_id)
        try:
            return await self._database.transaction(_create, draft, at)
        except asyncpg.ExclusionViolationError as error:
            raise _taken() from error

    async def running(self, now: datetime) -> Sequence[Reservation]:
        """See `ReservationStore.running`."""
        return [_reservation(row) for row in await self._database.fetch(RUNNING_SQL, now)]

    async def due(self, now: datetime, retry_before: datetime) -> Sequence[Reservation]:
        """See `ReservationStore.due`."""
        return [_reservation(row) for row in await self._database.fetch(DUE_SQL, now, retry_before)]

    async def tried(self, reservation_id: int, at: datetime, status: str, note: str) -> None:
        """See `ReservationStore.tried`."""
        await self._database.execute(TRIED_SQL, reservation_id, at, clean(status), clean(note))

    async def reservable(self, station_id: int) -> bool:
        """May this station be reserved? Raises NotFound."""
        found = await self._database.fetchval(RESERVABLE_SQL, station_id) if fits_bigint(station_id) else None
        if found is None:
            raise _no_station(station_id)
        return bool(found)

    async def set_reservable(self, station_id: int, reservable: bool) -> None:
        """Raises NotFound."""
        sql = SET_RESERVABLE_SQL
        found = await self._database.fetchval(sql, station_id, reservable) if fits_bigint(station_id) else None
        if found is None:
            raise _no_station(station_id)

    async def find(self, reservation_id: int) -> Reservation | None:
        """By id."""
        if not 0 < reservation_id <= _LAST:
            return None
        row = await self._database.fetchrow(FIND_SQL, reservation_id)
        return None if row is None else _reservation(row)

    async def page(
        self, wanted: ReservationFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[Reservation], int]:
        """Newest first, with an id below `before`; and how many match in all."""
        if wanted.station_id is not None and not fits_bigint(wanted.station_id):
            return [], 0
        args = [
            wanted.station_id,
            list(wanted.states),
            clean(wanted.id_token),
            wanted.since,
            wanted.until,
            wanted.user_id,
            sorted(wanted.place_ids),
        ]
        below = _LAST if before is None else max(0, min(before, _LAST))
        page: list[object] = [*args, below, size]
        rows = await self._database.fetch(_PAGE.format(scope=_within(wanted.scope, page)), *page)
        every: list[object] = [*args]
        total: int = await self._database.fetchval(_COUNT.format(scope=_within(wanted.scope, every)), *every)
        return [_reservation(row) for row in rows], total

    async def change(
        self,
        reservation_id: int,
        state: ReservationState,
        at: datetime,
        *,
        only_from: Collection[ReservationState],
        station_id: int | None = None,
        status: str = "",
        note: str = "",
    ) -> Reservation | None:
        """Move it on, if it is in one of these states and at that station."""
        if not 0 < reservation_id <= _LAST:
            return None
        row = await self._database.fetchrow(
            CHANGE_SQL, reservation_id, state, at, clean(status), clean(note), list(only_from), station_id
        )
        return None if row is None else _reservation(row)

    async def expire(self, now: datetime) -> Sequence[Reservation]:
        """End all open ones whose time is over."""
        return [_reservation(row) for row in await self._database.fetch(EXPIRE_SQL, now)]


def _reservation(row: asyncpg.Record) -> Reservation:
    return Reservation(
        row["id"],
        row["station_id"],
        ReservationState(row["state"]),
        row["id_token"],
        row["starts_at"],
        row["expires_at"],
        row["created_at"],
        row["updated_at"],
        row["evse_id"],
        row["connector_type"],
        row["group_id_token"],
        row["status"],
        row["note"],
        row["created_by"],
        row["ended_at"],
        row["user_id"],
    )


async def _create(connection: asyncpg.Connection, draft: ReservationDraft, at: datetime) -> Reservation:
    """In asyncio, in a transaction; one at a time for each station."""
    await connection.execute("SELECT pg_advisory_xact_lock($1::integer, hashint8($2))", _LOCK, draft.station_id)
    room = await connection.fetchval(ROOM_SQL, draft.station_id, draft.starts_at, draft.expires_at, draft.evse_id)
    if not room:
        raise _taken()
    row = await connection.fetchrow(
        CREATE_SQL,
        draft.station_id,
        clean(draft.id_token),
        None if draft.group_id_token is None else clean(draft.group_id_token),
        draft.evse_id,
        clean(draft.connector_type),
        draft.starts_at,
        draft.expires_at,
        at,
        clean(draft.created_by),
        draft.state.value,
    )
    if row is None:
        raise _no_station(draft.station_id)
    return _reservation(row)


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def _taken() -> AlreadyExists:
    return AlreadyExists(
        "Somebody else has reserved it for (a part of) that time. Choose another time or outlet, or wait for it.",
        reason="ALREADY_RESERVED",
    )
