"""What parties of roaming were told, what waits to be sent to them, and what they asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from csms.domain.roaming import RoamingStart
from csms.ports.roaming import Push, PushDraft, ReleasedObject
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresReleases"]

OBJECTS_SQL = "SELECT * FROM roaming_object WHERE module = $1 AND ($2::bigint IS NULL OR party_id = $2)"
OBJECT_SQL = "SELECT * FROM roaming_object WHERE module = $1 AND key = $2"
CDRS_OF_SQL = """
SELECT * FROM roaming_object WHERE module = 'cdrs' AND session_id = $1 ORDER BY length(key), key
"""
_SEEN = """
module = $1 AND (party_id IS NULL OR party_id = $2) AND NOT withdrawn
AND ($3::timestamptz IS NULL OR last_updated >= $3) AND ($4::timestamptz IS NULL OR last_updated < $4)
"""
PAGE_OBJECTS_SQL = f"""
SELECT * FROM roaming_object WHERE {_SEEN} ORDER BY last_updated, key LIMIT $5 OFFSET $6
"""  # noqa: S608 - constants of ours
COUNT_OBJECTS_SQL = f"SELECT count(*) FROM roaming_object WHERE {_SEEN}"  # noqa: S608 - constants of ours
PAGE_CDRS_SQL = """
SELECT object.*, NOT EXISTS (
    SELECT FROM roaming_push AS push
    WHERE push.party_id = object.party_id AND push.module = 'cdrs' AND push.key = object.key) AS delivered
FROM roaming_object AS object
WHERE module = 'cdrs' AND ($1::bigint IS NULL OR party_id = $1)
  AND ($2::timestamptz IS NULL OR (last_updated, key) < ($2, $3::text COLLATE "C"))
ORDER BY last_updated DESC, key DESC LIMIT $4
"""
PUT_OBJECT_SQL = """
INSERT INTO roaming_object (module, key, party_id, session_id, body, basis, withdrawn, last_updated)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (module, key) DO UPDATE SET
    party_id = excluded.party_id, session_id = excluded.session_id, body = excluded.body, basis = excluded.basis,
    withdrawn = excluded.withdrawn, last_updated = excluded.last_updated
"""
# A PUT says all that those before it would have said, and a PATCH all that the last one to the same address did.
REPLACED_SQL = """
DELETE FROM roaming_push
WHERE party_id = $1 AND module = $2 AND key = $3
  AND (($4 IN ('PUT', 'DELETE') AND method IN ('PUT', 'PATCH')) OR ($4 = 'PATCH' AND method = 'PATCH' AND path = $5))
"""
PUT_PUSH_SQL = """
INSERT INTO roaming_push (party_id, module, key, method, path, body)
SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT FROM roaming_party WHERE id = $1)
"""
DUE_SQL = """
SELECT * FROM (
    SELECT DISTINCT ON (module, key) * FROM roaming_push
    WHERE party_id = $1 AND given_up_at IS NULL ORDER BY module, key, id
) AS first WHERE next_try_at <= $2 ORDER BY id LIMIT $3
"""
SENT_SQL = "DELETE FROM roaming_push WHERE id = $1"
POSTPONE_SQL = """
UPDATE roaming_push SET
    attempts = attempts + 1, last_error = $2, next_try_at = coalesce($3, next_try_at),
    given_up_at = CASE WHEN $3::timestamptz IS NULL THEN $4::timestamptz END
WHERE id = $1
"""
RETRY_SQL = """
WITH again AS (
    UPDATE roaming_push SET next_try_at = $2, given_up_at = NULL, attempts = 0 WHERE party_id = $1 RETURNING 1)
SELECT count(*) FROM again
"""
PAGE_PUSHES_SQL = """
SELECT * FROM roaming_push WHERE ($1::bigint IS NULL OR party_id = $1) AND id > $2 ORDER BY id LIMIT $3
"""
NOTE_START_SQL = """
INSERT INTO roaming_start (party_id, id_token, station_id, authorization_reference, method, at)
SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT FROM roaming_party WHERE id = $1)
"""
KEEP_RESERVATION_SQL = """
INSERT INTO roaming_reservation (party_id, reference, reservation_id)
SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM roaming_party WHERE id = $1)
ON CONFLICT (party_id, reference) DO UPDATE SET reservation_id = excluded.reservation_id
"""
RESERVATION_SQL = "SELECT reservation_id FROM roaming_reservation WHERE party_id = $1 AND reference = $2"


class PostgresReleases:
    """csms.ports.roaming.ReleaseStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def objects(self, module: str, *, party_id: int | None = None) -> Mapping[str, ReleasedObject]:
        """All of a module by key."""
        rows = await self._database.fetch(OBJECTS_SQL, module, party_id)
        return {row["key"]: _object(row) for row in rows}

    async def object(self, module: str, key: str) -> ReleasedObject | None:
        """One."""
        row = await self._database.fetchrow(OBJECT_SQL, module, clean(key))
        return None if row is None else _object(row)

    async def cdrs_of(self, session_id: int) -> Sequence[ReleasedObject]:
        """See `ReleaseStore.cdrs_of`."""
        return [_object(row) for row in await self._database.fetch(CDRS_OF_SQL, session_id)]

    async def page_objects(
        self,
        module: str,
        party_id: int,
        *,
        offset: int,
        limit: int,
        changed_from: datetime | None,
        changed_to: datetime | None,
    ) -> tuple[Sequence[ReleasedObject], int]:
        """See `ReleaseStore.page_objects`."""
        wanted = (module, party_id, changed_from, changed_to)
        rows = await self._database.fetch(PAGE_OBJECTS_SQL, *wanted, limit, offset)
        total = await self._database.fetchval(COUNT_OBJECTS_SQL, *wanted)
        return [_object(row) for row in rows], int(total)

    async def page_cdrs(
        self, party_id: int | None, *, size: int, before: tuple[datetime, str] | None
    ) -> Sequence[tuple[ReleasedObject, bool]]:
        """See `ReleaseStore.page_cdrs`."""
        if party_id is not None and not fits_bigint(party_id):
            return []
        at, key = before or (None, None)
        rows = await self._database.fetch(PAGE_CDRS_SQL, party_id, at, key, size)
        return [(_object(row), row["delivered"]) for row in rows]

    async def release(self, objects: Sequence[ReleasedObject], pushes: Sequence[PushDraft]) -> None:
        """Both in one transaction."""

        async def put(connection: asyncpg.Connection) -> None:
            for each in objects:
                await connection.execute(PUT_OBJECT_SQL, *_fields(each))
            for push in pushes:
                place = (push.party_id, push.module, clean(push.key))
                if push.method != "POST":
                    await connection.execute(REPLACED_SQL, *place, push.method, clean(push.path))
                await connection.execute(PUT_PUSH_SQL, *place, push.method, clean(push.path), clean(push.body))

        await self._database.transaction(put)

    async def due(self, party_id: int, now: datetime, size: int) -> Sequence[Push]:
        """See `ReleaseStore.due`."""
        return [_push(row) for row in await self._database.fetch(DUE_SQL, party_id, now, size)]

    async def sent(self, push_id: int) -> None:
        """Forget it."""
        await self._database.execute(SENT_SQL, push_id)

    async def postpone(self, push_id: int, error: str, until: datetime | None, now: datetime) -> None:
        """See `ReleaseStore.postpone`."""
        await self._database.execute(POSTPONE_SQL, push_id, clean(error)[:500], until, now)

    async def retry(self, party_id: int, now: datetime) -> int:
        """See `ReleaseStore.retry`."""
        return int(await self._database.fetchval(RETRY_SQL, party_id, now)) if fits_bigint(party_id) else 0

    async def page_pushes(self, party_id: int | None, *, size: int, after: int) -> Sequence[Push]:
        """See `ReleaseStore.page_pushes`."""
        if party_id is not None and not fits_bigint(party_id):
            return []
        return [_push(row) for row in await self._database.fetch(PAGE_PUSHES_SQL, party_id, after, size)]

    async def note_start(self, start: RoamingStart) -> None:
        """See `ReleaseStore.note_start`."""
        await self._database.execute(
            NOTE_START_SQL,
            start.party_id,
            clean(start.id_token),
            start.station_id,
            clean(start.authorization_reference),
            start.method,
            start.at,
        )

    async def keep_reservation(self, party_id: int, reference: str, reservation_id: int) -> None:
        """See `ReleaseStore.keep_reservation`."""
        await self._database.execute(KEEP_RESERVATION_SQL, party_id, clean(reference), reservation_id)

    async def reservation(self, party_id: int, reference: str) -> int | None:
        """Ours."""
        found: int | None = await self._database.fetchval(RESERVATION_SQL, party_id, clean(reference))
        return found


def _fields(each: ReleasedObject) -> tuple[object, ...]:
    return (
        each.module,
        clean(each.key),
        each.party_id,
        each.session_id,
        clean(each.body),
        each.basis,
        each.withdrawn,
        each.last_updated,
    )


def _object(row: asyncpg.Record) -> ReleasedObject:
    return ReleasedObject(
        row["module"],
        row["key"],
        row["body"],
        row["last_updated"],
        row["party_id"],
        row["basis"],
        row["withdrawn"],
        row["session_id"],
    )


def _push(row: asyncpg.Record) -> Push:
    return Push(
        row["id"],
        PushDraft(row["party_id"], row["module"], row["key"], row["method"], row["path"], row["body"]),
        row["created_at"],
        row["attempts"],
        row["next_try_at"],
        row["last_error"],
        row["given_up_at"],
    )
