"""Tags."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from csms.domain.authorization import Token
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresTokens"]

ALL_TOKENS_SQL = "SELECT * FROM id_token ORDER BY id_token"
FIND_TOKEN_SQL = "SELECT * FROM id_token WHERE id = $1"  # noqa: S105
_MATCHES = (
    r"($1::text = '' OR concat_ws(E'\n', id_token, alias, note) ILIKE $1) AND ($2::bigint IS NULL OR user_id = $2)"
)
PAGE_TOKENS_SQL = f"""
SELECT * FROM id_token WHERE {_MATCHES} AND id_token > $3::text COLLATE "C" ORDER BY id_token LIMIT $4
"""  # noqa: S608 - constants of ours
COUNT_TOKENS_SQL = f"SELECT count(*) FROM id_token WHERE {_MATCHES}"  # noqa: S608 - constants of ours
CREATE_TOKEN_SQL = """
INSERT INTO id_token (id_token, alias, blocked, expires_at, parent_id_token, allow_concurrent, note, user_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
"""  # noqa: S105
UPDATE_TOKEN_SQL = """
UPDATE id_token SET
    alias = $2, blocked = $3, expires_at = $4, parent_id_token = $5, allow_concurrent = $6, note = $7,
    user_id = $8, version = version + 1, updated_at = now()
WHERE id = $1 AND ($9::integer IS NULL OR version = $9) RETURNING *
"""  # noqa: S105
DELETE_TOKEN_SQL = "DELETE FROM id_token WHERE id = $1 RETURNING *"  # noqa: S105


class PostgresTokens:
    """csms.ports.stores.TokenStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> Sequence[Token]:
        """For the index in memory."""
        return [_token(row) for row in await self._database.fetch(ALL_TOKENS_SQL)]

    async def find(self, token_id: int) -> Token | None:
        """By our id."""
        if not fits_bigint(token_id):
            return None
        row = await self._database.fetchrow(FIND_TOKEN_SQL, token_id)
        return None if row is None else _token(row)

    async def page(
        self, *, query: str, size: int, after: str, user_id: int | None = None
    ) -> tuple[Sequence[Token], int]:
        """See `TokenStore.page`."""
        rows = await self._database.fetch(PAGE_TOKENS_SQL, pattern(query), user_id, clean(after), size)
        total = await self._database.fetchval(COUNT_TOKENS_SQL, pattern(query), user_id)
        return [_token(row) for row in rows], total

    async def create(self, token: Token) -> Token:
        """`token.id` is ignored. Raises AlreadyExists/ID_TOKEN_TAKEN."""
        try:
            row = await self._database.fetchrow(CREATE_TOKEN_SQL, clean(token.id_token), *_fields(token))
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                f"There is already a tag {token.id_token}. Open that one instead.", reason="ID_TOKEN_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_user(token.user_id) from error
        return _token(_must(row, 0))

    async def update(self, token: Token, *, version: int | None) -> Token:
        """All but the tag itself. Raises NotFound (the user too), StaleVersion."""
        if await self.find(token.id) is None:
            raise _no_token(token.id)
        try:
            row = await self._database.fetchrow(UPDATE_TOKEN_SQL, token.id, *_fields(token), version)
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_user(token.user_id) from error
        if row is None:
            raise StaleVersion("Somebody else has changed this tag meanwhile. Reload it and try again.")
        return _token(row)

    async def delete(self, token_id: int) -> Token:
        """What was deleted. Raises NotFound."""
        if not fits_bigint(token_id):
            raise _no_token(token_id)
        return _token(_must(await self._database.fetchrow(DELETE_TOKEN_SQL, token_id), token_id))


def _fields(token: Token) -> tuple[object, ...]:
    parent = None if token.parent_id_token is None else clean(token.parent_id_token)
    texts = clean(token.alias), token.blocked, token.expires_at, parent, token.allow_concurrent, clean(token.note)
    return *texts, token.user_id


def _token(row: asyncpg.Record) -> Token:
    return Token(*(row[name] for name in Token.__struct_fields__))


def _must(row: asyncpg.Record | None, token_id: int) -> asyncpg.Record:
    if row is None:
        raise _no_token(token_id)
    return row


def _no_token(token_id: int) -> NotFound:
    return NotFound(f"There is no tag {token_id} (any more).", reason="ID_TOKEN_NOT_FOUND")


def _no_user(user_id: int | None) -> NotFound:
    return NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
