"""The book of reservations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from csms.domain.errors import NotFound
from csms.domain.reservation import Reservation, ReservationState
from csms.ports.reservations import ReservationDraft, ReservationFilter
from csms.storage.pool import Database
from csms.storage.scoping import at_stations
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresReservations"]

_LAST = 2**31 - 1
_OPEN = "('REQUESTED', 'ACTIVE')"

CREATE_SQL = """
INSERT INTO reservation (station_id, state, id_token, group_id_token, evse_id, connector_type, starts_at, expires_at,
    created_at, updated_at, created_by)
SELECT id, 'REQUESTED', $2, $3, $4, $5, $6, $7, $8, $8, $9 FROM station WHERE id = $1 FOR KEY SHARE
RETURNING *
"""
FIND_SQL = "SELECT * FROM reservation WHERE id = $1"
_MATCHES = """
($1::bigint IS NULL OR station_id = $1) AND (cardinality($2::text[]) = 0 OR state = ANY($2))
AND ($3::text = '' OR id_token = $3)
AND ($4::timestamptz IS NULL OR expires_at > $4) AND ($5::timestamptz IS NULL OR starts_at < $5)
"""
_PAGE = f"""
SELECT * FROM reservation WHERE {_MATCHES} AND id < $6{{scope}} ORDER BY id DESC LIMIT $7
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


class PostgresReservations:
    """csms.ports.reservations.ReservationStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        """REQUESTED. Raises NotFound/STATION_NOT_FOUND."""
        row = None
        if fits_bigint(draft.station_id):
            row = await self._database.fetchrow(
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
            )
        if row is None:
            raise NotFound(f"There is no station {draft.station_id} (any more).", reason="STATION_NOT_FOUND")
        return _reservation(row)

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
        args = [wanted.station_id, list(wanted.states), clean(wanted.id_token), wanted.since, wanted.until]
        below = _LAST if before is None else max(0, min(before, _LAST))
        page: list[object] = [*args, below, size]
        rows = await self._database.fetch(_PAGE.format(scope=at_stations(wanted.scope, page)), *page)
        every: list[object] = [*args]
        total: int = await self._database.fetchval(_COUNT.format(scope=at_stations(wanted.scope, every)), *every)
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
    )
