"""Who waits for an outlet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from csms.domain.access import Scope
from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.reservation import Waiting, WaitState
from csms.ports.reservations import Vacancy
from csms.storage.pool import Database
from csms.storage.reservations import PostgresReservations
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresReservationBook"]

_WAITS = "('WAITING', 'OFFERED')"
_PLACED = f"""
SELECT w.*, CASE WHEN w.state IN {_WAITS} THEN (
    SELECT count(*) FROM reservation_wait AS before
    WHERE before.station_id = w.station_id AND before.id <= w.id AND before.state IN {_WAITS}) ELSE 0 END AS place
FROM reservation_wait AS w JOIN station ON station.id = w.station_id
"""  # noqa: S608 - constants of ours
WAIT_SQL = """
INSERT INTO reservation_wait (station_id, evse_id, id_token, user_id, state, created_by, created_at, updated_at, until)
SELECT id, $2, $3, (SELECT user_id FROM id_token AS t WHERE t.id_token = $3), 'WAITING', $4, $5, $5, $6
FROM station WHERE id = $1 RETURNING id
"""
MOVE_SQL = """
UPDATE reservation_wait SET state = $2, updated_at = $3, reservation_id = coalesce($5, reservation_id)
WHERE id = $1 AND state = ANY($4::text[]) RETURNING id
"""
SETTLE_SQL = f"""
WITH settled AS (
    UPDATE reservation_wait AS w SET updated_at = $1, state = CASE
        WHEN r.state = 'USED' THEN 'TAKEN' WHEN w.state = 'OFFERED' THEN 'MISSED' ELSE 'LEFT' END
    FROM reservation_wait AS old LEFT JOIN reservation AS r ON r.id = old.reservation_id
    WHERE w.id = old.id AND ((old.state = 'OFFERED' AND r.state NOT IN ('BOOKED', 'REQUESTED', 'ACTIVE'))
        OR (old.state = 'WAITING' AND old.until <= $1))
    RETURNING w.id
)
{_PLACED} WHERE w.id IN (SELECT id FROM settled)
"""  # noqa: S608 - constants of ours
# One outlet for each station at a time: the next one is looked for a few seconds later.
VACANCIES_SQL = """
SELECT DISTINCT ON (w.station_id) w.*, 1 AS place, free.evse_id AS free_evse_id
FROM reservation_wait AS w
JOIN station ON station.id = w.station_id AND station.online AND station.reservable
JOIN (
    SELECT station_id, evse_id FROM connector WHERE evse_id > 0
    GROUP BY station_id, evse_id HAVING bool_or(status = 'Available') AND NOT bool_or(status NOT IN ('Available'))
) AS free ON free.station_id = w.station_id AND (w.evse_id IS NULL OR w.evse_id = free.evse_id)
WHERE w.state = 'WAITING' AND w.until > $1
    AND NOT EXISTS (SELECT FROM session AS s WHERE s.station_id = w.station_id AND s.evse_id = free.evse_id
        AND s.state = 'ACTIVE')
    AND NOT EXISTS (SELECT FROM reservation AS r WHERE r.station_id = w.station_id
        AND (r.evse_id IS NULL OR r.evse_id = free.evse_id) AND r.state IN ('BOOKED', 'REQUESTED', 'ACTIVE')
        AND r.starts_at < $1::timestamptz + interval '15 minutes' AND r.expires_at > $1)
ORDER BY w.station_id, w.id, free.evse_id
"""


class PostgresReservationBook(PostgresReservations):
    """csms.ports.reservations.ReservationStore on PostgreSQL: reservations, and who waits."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._book = database

    async def wait(self, waiting: Waiting) -> Waiting:
        """See `ReservationStore.wait`."""
        number = None
        try:
            if fits_bigint(waiting.station_id):
                number = await self._book.fetchval(
                    WAIT_SQL,
                    waiting.station_id,
                    waiting.evse_id,
                    clean(waiting.id_token),
                    clean(waiting.created_by),
                    waiting.created_at,
                    waiting.until,
                )
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists("This tag waits for that station already.", reason="ALREADY_WAITING") from error
        found = None if number is None else await self.find_waiting(number)
        if found is None:
            raise NotFound(f"There is no station {waiting.station_id} (any more).", reason="STATION_NOT_FOUND")
        return found

    async def find_waiting(self, waiting_id: int) -> Waiting | None:
        """By id."""
        if not fits_bigint(waiting_id):
            return None
        row = await self._book.fetchrow(f"{_PLACED} WHERE w.id = $1", waiting_id)
        return None if row is None else _waiting(row)

    async def page_waiting(
        self, station_id: int | None, scope: Scope | None, *, size: int, after: int | None
    ) -> tuple[Sequence[Waiting], int]:
        """See `ReservationStore.page_waiting`."""
        args: list[object] = []

        def argument(value: object) -> str:
            args.append(value)
            return f"${len(args)}"

        conditions = [f"w.state IN {_WAITS}"]
        if station_id is not None:
            conditions.append(f"w.station_id = {argument(station_id)}::bigint")
        if scope is not None:
            columns = {"station": "station.id", "place": "station.place_id", "user": "w.user_id"}
            conditions.append(scope_condition(scope, argument, **columns))
        matches = " AND ".join(conditions)
        count = "SELECT count(*) FROM reservation_wait AS w JOIN station ON station.id = w.station_id WHERE "
        total = await self._book.fetchval(count + matches, *args)
        place = f"w.id > {argument(after or 0)}::bigint ORDER BY w.id LIMIT {argument(size)}"
        rows = await self._book.fetch(f"{_PLACED} WHERE {matches} AND {place}", *args)
        return [_waiting(row) for row in rows], total

    async def move_waiting(
        self,
        waiting_id: int,
        state: WaitState,
        at: datetime,
        *,
        only_from: Collection[WaitState],
        reservation_id: int | None = None,
    ) -> Waiting | None:
        """See `ReservationStore.move_waiting`."""
        if not fits_bigint(waiting_id):
            return None
        states = [each.value for each in only_from]
        moved = await self._book.fetchval(MOVE_SQL, waiting_id, state.value, at, states, reservation_id)
        return None if moved is None else await self.find_waiting(waiting_id)

    async def settle_waiting(self, now: datetime) -> Sequence[Waiting]:
        """See `ReservationStore.settle_waiting`."""
        numbers = [row["id"] for row in await self._book.fetch(SETTLE_SQL, now)]
        found = [await self.find_waiting(number) for number in numbers]
        return [each for each in found if each is not None]

    async def vacancies(self, now: datetime) -> Sequence[Vacancy]:
        """See `ReservationStore.vacancies`."""
        return [Vacancy(_waiting(row), row["free_evse_id"]) for row in await self._book.fetch(VACANCIES_SQL, now)]


def _waiting(row: asyncpg.Record) -> Waiting:
    return Waiting(
        row["id"],
        row["station_id"],
        row["id_token"],
        WaitState(row["state"]),
        row["created_at"],
        row["updated_at"],
        row["until"],
        row["evse_id"],
        row["user_id"],
        row["reservation_id"],
        row["created_by"],
        row["place"],
    )
