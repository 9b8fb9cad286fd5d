"""What is kept of somebody beside the account: tags and sessions, for the export of own data and for going."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import asyncpg

from csms.domain.authorization import Token
from csms.domain.errors import FailedPrecondition
from csms.storage.pool import Database

__all__ = ["PostgresOwnData"]

TAGS_SQL = "SELECT user_id, id_token FROM id_token WHERE user_id = ANY($1::bigint[]) ORDER BY id"
OWN_TAGS_SQL = "SELECT to_jsonb(id_token.*) AS row FROM id_token WHERE user_id = $1 ORDER BY id"
OWN_SESSIONS_SQL = "SELECT to_jsonb(session.*) AS row FROM session WHERE user_id = $1 ORDER BY id"
ACTIVE_SQL = "SELECT EXISTS (SELECT FROM session WHERE state = 'ACTIVE' AND user_id = $1)"
# A name of its own for each session: nothing tells any more that two were of the same person. Sessions of nobody on one
# of their tags are from before the tag was theirs, or was known to be.
FORGET_SESSIONS_SQL = """
WITH forgotten AS (
    UPDATE session SET id_token = 'deleted-' || id, corrected_id_token = NULL, user_id = NULL, mileage_km = NULL,
        vehicle_id = '', purpose = '', note = ''
    WHERE state = 'ENDED'
      AND (user_id = $1 OR (user_id IS NULL AND shown_token IN (SELECT id_token FROM id_token WHERE user_id = $1)))
    RETURNING id)
UPDATE session_correction AS change SET before = '', after = '' FROM forgotten
WHERE change.session_id = forgotten.id
  AND change.field IN ('id_token', 'user', 'mileage_km', 'vehicle_id', 'purpose', 'note')
"""
FORGET_NAME_SQL = "UPDATE session_correction SET actor_name = '' WHERE actor = 'users/' || $1::bigint"
FORGET_WAITING_SQL = "DELETE FROM logbook_waiting WHERE actor = 'users/' || $1::bigint"
FORGET_TAGS_SQL = "DELETE FROM id_token WHERE user_id = $1 RETURNING id, id_token"


class PostgresOwnData:
    """csms.ports.people.OwnData on PostgreSQL. `tag_gone` hears of tags that went with their user."""

    def __init__(self, database: Database, tag_gone: Callable[[Token], None] = lambda _: None) -> None:
        self._database = database
        self._tag_gone = tag_gone

    async def tags_of(self, user_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """User id → tags, as they are printed."""
        found: dict[int, list[str]] = {}
        for row in await self._database.fetch(TAGS_SQL, list(user_ids)):
            found.setdefault(row["user_id"], []).append(row["id_token"])
        return found

    async def sections(self, user_id: int) -> AsyncGenerator[tuple[str, str], None]:
        """See `OwnData.sections`."""
        for name, sql in (("id_tokens", OWN_TAGS_SQL), ("sessions", OWN_SESSIONS_SQL)):
            yield name, "[]"
            async with self._database.row_stream(sql, user_id) as batches:
                async for rows in batches:
                    yield name, json.dumps([json.loads(row["row"]) for row in rows], ensure_ascii=False)

    async def forget(self, user_id: int) -> None:
        """See `OwnData.forget`."""
        for token_id, id_token in await self._database.transaction(_forget, user_id):
            self._tag_gone(Token(token_id, id_token))


async def _forget(connection: asyncpg.Connection, user_id: int) -> list[tuple[int, str]]:
    if await connection.fetchval(ACTIVE_SQL, user_id):
        raise FailedPrecondition(
            "A charging session on one of the user's tags is still going on. End it first.", reason="SESSION_ACTIVE"
        )
    await connection.execute(FORGET_SESSIONS_SQL, user_id)
    await connection.execute(FORGET_NAME_SQL, user_id)
    await connection.execute(FORGET_WAITING_SQL, user_id)
    return [(row["id"], row["id_token"]) for row in await connection.fetch(FORGET_TAGS_SQL, user_id)]
