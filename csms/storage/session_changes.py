"""Corrections, closures and logbooks of sessions (`csms.ports.session_changes`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from csms.domain.errors import NotFound
from csms.domain.facts import ConnectorStatus
from csms.domain.records import SessionRecord
from csms.domain.session_changes import DRIVER_FIELDS, Change, Corrections, Logbook, LostSession, Vehicle
from csms.domain.transaction import SessionState
from csms.ports.session_changes import StatusEntry, WaitingLogbook
from csms.storage.pool import Database
from csms.storage.records import write
from csms.storage.sessions import open_transactions
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresSessionChanges"]

CHANGES_SQL = """
SELECT field, before, after, actor, actor_name, at, reason FROM session_correction WHERE session_id = $1 ORDER BY id
"""
ADD_CHANGE_SQL = """
INSERT INTO session_correction (session_id, field, before, after, actor, actor_name, at, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
CORRECT_SQL = """
UPDATE session SET corrected_energy_wh = $2, corrected_started_at = $3, corrected_stopped_at = $4,
    corrected_id_token = $5, user_corrected = $6, user_id = $7
WHERE id = $1 AND state = 'ENDED' AND user_corrected = $12
  AND corrected_energy_wh IS NOT DISTINCT FROM $8::double precision
  AND corrected_started_at IS NOT DISTINCT FROM $9::timestamptz
  AND corrected_stopped_at IS NOT DISTINCT FROM $10::timestamptz
  AND corrected_id_token IS NOT DISTINCT FROM $11::text
RETURNING id
"""
ANOTHER_DRIVER_SQL = "INSERT INTO session_cost_due (session_id, driver_changed) VALUES ($1, true)"
OWNER_SQL = "SELECT user_id FROM id_token WHERE id_token = $1"
LOCK_SQL = "SELECT * FROM session WHERE id = $1 AND state = 'ACTIVE' FOR UPDATE"
CLOSED_SQL = "UPDATE session SET closed_at = $2, closed_by = $3, close_reason = $4 WHERE id = $1"
# While the session's row says nothing new, neither did the station.
LOST_SQL = """
SELECT * FROM (
    SELECT s.id, s.station_id_at_start, s.id_token, CASE
        WHEN s.station_id IS NULL THEN 'STATION_DELETED'
        WHEN $2::interval IS NOT NULL AND NOT station.online AND s.progress_at < $1::timestamptz - $2
             AND coalesce(station.last_seen_at, s.progress_at) < $1 - $2 THEN 'OFFLINE'
        WHEN EXISTS (SELECT FROM session AS later
                     WHERE later.station_id = s.station_id AND later.evse_id = s.evse_id
                       AND later.connector_id = s.connector_id AND later.began_at > s.began_at
                       AND s.evse_id > 0 AND later.logged_at > s.progress_at) THEN 'ANOTHER_BEGAN'
        WHEN $3::interval IS NOT NULL AND station.online AND s.progress_at < $1 - $3
             AND connector.status = 'Available'
             AND coalesce((SELECT max(received_at) FROM status_history AS h
                           WHERE h.station_id = s.station_id AND h.evse_id = s.evse_id
                             AND h.connector_id = s.connector_id), connector.received_at) < $1 - $3
             THEN 'CONNECTOR_FREE' END AS reason
    FROM session AS s
    LEFT JOIN station ON station.id = s.station_id
    LEFT JOIN connector ON connector.station_id = s.station_id AND connector.evse_id = s.evse_id
        AND connector.connector_id = s.connector_id
    WHERE s.state = 'ACTIVE') AS open
WHERE reason IS NOT NULL ORDER BY id LIMIT $4
"""
LOGBOOK_SQL = """
UPDATE session SET mileage_km = $2, vehicle_id = $3, purpose = $4, note = $5, reference_number = $6
WHERE id = $1 RETURNING id
"""
VEHICLES_SQL = """
SELECT * FROM (
    SELECT DISTINCT ON (vehicle_id) vehicle_id, mileage_km, began_at FROM session
    WHERE user_id = $1 AND vehicle_id <> '' ORDER BY vehicle_id, began_at DESC, id DESC) AS newest
ORDER BY began_at DESC LIMIT $2
"""
DEMANDS_SQL = "SELECT logbook FROM station WHERE id = $1"
SET_LOGBOOK_SQL = "UPDATE station SET logbook = $2 WHERE id = $1 RETURNING id"
KEEP_WAITING_SQL = """
INSERT INTO logbook_waiting (station_id, remote_start_id, mileage_km, vehicle_id, purpose, actor, actor_name, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (station_id, remote_start_id) DO NOTHING
"""
FORGET_WAITING_SQL = "DELETE FROM logbook_waiting WHERE station_id = $1 AND remote_start_id = $2"
LAND_SQL = """
WITH landed AS (
    UPDATE session AS s SET mileage_km = w.mileage_km, vehicle_id = w.vehicle_id, purpose = w.purpose
    FROM logbook_waiting AS w
    WHERE s.station_id_at_start = w.station_id AND s.remote_start_id = w.remote_start_id
    RETURNING s.id, w.*),
gone AS (
    DELETE FROM logbook_waiting AS w USING landed
    WHERE w.station_id = landed.station_id AND w.remote_start_id = landed.remote_start_id),
said AS (
    INSERT INTO session_correction (session_id, field, before, after, actor, actor_name, at, reason)
    SELECT landed.id, each.field, '', each.text, landed.actor, landed.actor_name, landed.at, ''
    FROM landed, LATERAL (VALUES ('mileage_km', landed.mileage_km::text), ('vehicle_id', landed.vehicle_id),
                                 ('purpose', landed.purpose)) AS each (field, text)
    WHERE each.text <> '')
SELECT station_id, id FROM landed
"""
OLD_WAITING_SQL = "DELETE FROM logbook_waiting WHERE at < $1"
STATUSES_SQL = """
SELECT at, evse_id, connector_id, status, error_code, info, vendor_error_code FROM status_history
WHERE station_id = $1 AND at >= $4 AND at <= $5 AND (evse_id = 0 OR (evse_id = $2 AND connector_id = $3))
ORDER BY at, received_at LIMIT $6
"""
_WAITS: Final = timedelta(days=1)


class PostgresSessionChanges:
    """`SessionChanges` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, session_id: int) -> Sequence[Change]:
        """Oldest first."""
        return [Change(*row) for row in await self._database.fetch(CHANGES_SQL, session_id)]

    async def correct(
        self,
        session_id: int,
        corrections: Corrections,
        user_id: int | None,
        changes: Sequence[Change],
        expected: Corrections,
    ) -> bool:
        """See `SessionChanges.correct`."""
        token = corrections.id_token
        args = (
            session_id,
            corrections.energy_wh,
            corrections.started_at,
            corrections.stopped_at,
            None if token is None else clean(token),
            corrections.user,
            user_id,
            expected.energy_wh,
            expected.started_at,
            expected.stopped_at,
            expected.id_token,
            expected.user,
        )
        try:
            return await self._database.transaction(_change, CORRECT_SQL, args, changes)
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND") from error

    async def owner_of(self, id_token: str) -> int | None:
        """The user whose tag it is."""
        owner: int | None = await self._database.fetchval(OWNER_SQL, clean(id_token))
        return owner

    async def close(self, session_id: int, change: Change) -> bool:
        """See `SessionChanges.close`."""
        return fits_bigint(session_id) and await self._database.transaction(_close, session_id, change)

    async def lost(
        self, now: datetime, *, offline_for: float | None, available_for: float | None, size: int
    ) -> Sequence[LostSession]:
        """See `SessionChanges.lost`."""
        offline = None if offline_for is None else timedelta(seconds=offline_for)
        available = None if available_for is None else timedelta(seconds=available_for)
        return [LostSession(*row) for row in await self._database.fetch(LOST_SQL, now, offline, available, size)]

    async def write_logbook(self, session_id: int, logbook: Logbook, changes: Sequence[Change]) -> bool:
        """False when there is no such session."""
        texts = (logbook.vehicle_id, logbook.purpose, logbook.note, logbook.reference_number)
        args = (session_id, logbook.mileage_km, *map(clean, texts))
        return await self._database.transaction(_change, LOGBOOK_SQL, args, changes)

    async def vehicles(self, user_id: int, size: int) -> Sequence[Vehicle]:
        """That the user charged, the last one first."""
        return [Vehicle(*row) for row in await self._database.fetch(VEHICLES_SQL, user_id, size)]

    async def demands_logbook(self, station_id: int) -> bool:
        """Raises NotFound."""
        row = await self._database.fetchrow(DEMANDS_SQL, station_id) if fits_bigint(station_id) else None
        if row is None:
            raise _no_station(station_id)
        return bool(row["logbook"])

    async def set_logbook(self, station_id: int, enabled: bool) -> None:
        """Raises NotFound."""
        if not fits_bigint(station_id) or not await self._database.fetchrow(SET_LOGBOOK_SQL, station_id, enabled):
            raise _no_station(station_id)

    async def keep_waiting(self, waiting: WaitingLogbook) -> None:
        """Until its session begins."""
        logbook = waiting.logbook
        await self._database.execute(
            KEEP_WAITING_SQL,
            waiting.station_id,
            waiting.remote_start_id,
            logbook.mileage_km,
            clean(logbook.vehicle_id),
            clean(logbook.purpose),
            waiting.actor,
            clean(waiting.actor_name),
            waiting.at,
        )

    async def forget_waiting(self, station_id: int, remote_start_id: int) -> None:
        """The start was refused, or never sent."""
        await self._database.execute(FORGET_WAITING_SQL, station_id, remote_start_id)

    async def land_waiting(self, now: datetime) -> Sequence[tuple[int, int]]:
        """See `SessionChanges.land_waiting`."""
        landed = [(row["station_id"], row["id"]) for row in await self._database.fetch(LAND_SQL)]
        await self._database.execute(OLD_WAITING_SQL, now - _WAITS)
        return landed

    async def statuses(
        self, station_id: int, evse_id: int, connector_id: int, start: datetime, end: datetime, size: int
    ) -> Sequence[StatusEntry]:
        """See `SessionChanges.statuses`."""
        rows = await self._database.fetch(STATUSES_SQL, station_id, evse_id, connector_id, start, end, size)
        return [StatusEntry(row[0], row[1], row[2], ConnectorStatus(row[3]), *row[4:]) for row in rows]


async def _change(connection: asyncpg.Connection, sql: str, args: Sequence[object], changes: Sequence[Change]) -> bool:
    """The statement over a session whose id is the first argument, and what it changed. In asyncio."""
    if await connection.fetchrow(sql, *args) is None:
        return False
    await _keep(connection, args[0], changes)
    if any(change.field in DRIVER_FIELDS for change in changes):
        await connection.execute(ANOTHER_DRIVER_SQL, args[0])
    return True


async def _keep(connection: asyncpg.Connection, session_id: object, changes: Sequence[Change]) -> None:
    rows = [
        (session_id, c.field, clean(c.before), clean(c.after), c.actor, clean(c.actor_name), c.at, clean(c.reason))
        for c in changes
    ]
    await connection.executemany(ADD_CHANGE_SQL, rows)


async def _close(connection: asyncpg.Connection, session_id: int, change: Change) -> bool:
    """In asyncio. The session's row may lag behind its meter values: those are taken in first."""
    rows = await connection.fetch(LOCK_SQL, session_id)
    if not rows:
        return False
    transaction = (await open_transactions(connection, rows))[session_id]
    if transaction.state is not SessionState.ACTIVE:
        return False
    progress_at = rows[0]["progress_at"]
    transaction.close(change.at)
    # What the station said meanwhile, and is on its way to this row, must count as newer.
    transaction.progress_at = progress_at
    await write(connection, [SessionRecord(transaction)])
    await connection.execute(CLOSED_SQL, session_id, change.at, change.actor, clean(change.reason))
    await _keep(connection, session_id, [change])
    return True


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
