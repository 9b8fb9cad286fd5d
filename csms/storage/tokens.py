"""Tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from csms.domain.authorization import TagKind, TagState, TagType, Token
from csms.domain.card_number import spellings
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.ports.tokens import TagPolicy, TokenChanges, TokenFilter, TokenOrder
from csms.storage.pool import Database, Rows
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresTokens"]

_COLUMNS: Final = """
    t.id, t.id_token, t.alias, t.blocked, t.expires_at, t.parent_id_token, t.allow_concurrent, t.note, t.version,
    t.created_at, t.updated_at, t.user_id, t.kind, t.type, t.valid_from, t.valid_station_ids, t.valid_place_ids,
    t.blocked_by_user, coalesce(u.email, '') AS user_email, coalesce(u.display_name, '') AS user_name,
    coalesce(u.blocked, false) AS user_blocked
"""
_FROM: Final = "LEFT JOIN app_user AS u ON u.id = t.user_id"
ALL_TOKENS_SQL = f"""
SELECT {_COLUMNS}, t.spellings IS NULL AS unspelt FROM id_token AS t {_FROM} ORDER BY t.id_token
"""  # noqa: S608 - constants of ours
# A change is noted with the time at which its transaction began; some take long.
SLOWEST: Final = "interval '2 minutes'"
CHANGED_TOKENS_SQL = f"""
SELECT {_COLUMNS}, t.spellings IS NULL AS unspelt FROM id_token AS t {_FROM}
WHERE t.changed_at > $1::timestamptz - {SLOWEST}
"""  # noqa: S608 - constants of ours
GONE_TOKENS_SQL = f"SELECT DISTINCT id_token FROM id_token_gone WHERE gone_at > $1::timestamptz - {SLOWEST}"  # noqa: S608
CLOCK_SQL = "SELECT clock_timestamp()"
SPELL_SQL = "UPDATE id_token SET spellings = $2 WHERE id = $1"
FIND_TOKEN_SQL = f"SELECT {_COLUMNS} FROM id_token AS t {_FROM} WHERE t.id = $1"  # noqa: S608 - constants of ours
CREATE_TOKEN_SQL = f"""
WITH t AS (
    INSERT INTO id_token (
        id_token, alias, blocked, expires_at, parent_id_token, allow_concurrent, note, user_id, type, valid_from,
        valid_station_ids, valid_place_ids, blocked_by_user, kind, spellings)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING *
)
SELECT {_COLUMNS} FROM t {_FROM}
"""  # noqa: S608 - constants of ours
UPDATE_TOKEN_SQL = f"""
WITH t AS (
    UPDATE id_token SET
        alias = $2, blocked = $3, expires_at = $4, parent_id_token = $5, allow_concurrent = $6, note = $7,
        user_id = $8, type = $9, valid_from = $10, valid_station_ids = $11, valid_place_ids = $12,
        blocked_by_user = $13, version = version + 1, updated_at = now()
    WHERE id = $1 AND ($14::integer IS NULL OR version = $14) RETURNING *
)
SELECT {_COLUMNS} FROM t {_FROM}
"""  # noqa: S608 - constants of ours
DELETE_TOKEN_SQL = f"""
WITH t AS (DELETE FROM id_token WHERE id = $1 RETURNING *) SELECT {_COLUMNS} FROM t {_FROM}
"""  # noqa: S608 - constants of ours
POLICY_SQL = "SELECT users_register_tags FROM tag_policy"
SET_POLICY_SQL = "UPDATE tag_policy SET users_register_tags = $1"
_MOMENT: Final = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
_KEYS: Final = {
    TokenOrder.ID_TOKEN: "t.id_token",
    TokenOrder.ALIAS: "t.alias",
    TokenOrder.USER: "coalesce(u.email, '')",
    TokenOrder.EXPIRY: f"coalesce({_MOMENT.format('t.expires_at')}, '~')",
    TokenOrder.CREATED: _MOMENT.format("t.created_at"),
}


class PostgresTokens:
    """csms.ports.stores.TokenStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> Sequence[Token]:
        """See `TokenStore.load_all`."""
        return await self._taken(await self._database.fetch(ALL_TOKENS_SQL))

    async def load_changed(self, since: datetime | None) -> TokenChanges:
        """See `TokenStore.load_changed`."""
        at = await self._database.fetchval(CLOCK_SQL)
        if since is None:
            return TokenChanges(at, tuple(await self.load_all()))
        gone = await self._database.fetch(GONE_TOKENS_SQL, since)
        changed = await self._taken(await self._database.fetch(CHANGED_TOKENS_SQL, since))
        return TokenChanges(at, tuple(changed), tuple(row["id_token"] for row in gone))

    async def _taken(self, rows: Rows) -> list[Token]:
        if unspelt := [(row["id"], list(spellings(row["id_token"]))) for row in rows if row["unspelt"]]:
            await self._database.run(_spell, unspelt)
        return [_token(row) for row in rows]

    async def find(self, token_id: int) -> Token | None:
        """By our id."""
        if not fits_bigint(token_id):
            return None
        row = await self._database.fetchrow(FIND_TOKEN_SQL, token_id)
        return None if row is None else _token(row)

    async def page(
        self, wanted: TokenFilter, *, size: int, after: tuple[str, int] | None = None
    ) -> tuple[Sequence[Token], int]:
        """See `TokenStore.page`."""
        query = _Query(wanted)
        source, key = f"FROM id_token AS t {_FROM} WHERE {query.where}", f'{_KEYS[wanted.order]} COLLATE "C"'
        counted, args = f"SELECT count(*) {source}", tuple(query.args)
        way, sign = ("DESC", "<") if wanted.descending else ("ASC", ">")
        if after is not None:
            source += f" AND ({key}, t.id) {sign} ({query.arg(clean(after[0]))}::text, {query.arg(after[1])}::bigint)"
        listed = f"SELECT {_COLUMNS} {source} ORDER BY {key} {way}, t.id {way} LIMIT {query.arg(size)}"
        rows = await self._database.fetch(listed, *query.args)
        return [_token(row) for row in rows], await self._database.fetchval(counted, *args)

    async def create(self, token: Token) -> Token:
        """`token.id` is ignored. Raises AlreadyExists/ID_TOKEN_TAKEN."""
        return (await self.create_all([token]))[0]

    async def create_all(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """See `TokenStore.create_all`."""
        return await self._database.transaction(_create, tokens)

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

    async def policy(self) -> TagPolicy:
        """See `TokenStore.policy`."""
        return TagPolicy(bool(await self._database.fetchval(POLICY_SQL)))

    async def set_policy(self, policy: TagPolicy) -> None:
        """See `TokenStore.set_policy`."""
        await self._database.execute(SET_POLICY_SQL, policy.users_register_tags)


class _Query:
    """The conditions of a filter, and their values."""

    def __init__(self, wanted: TokenFilter) -> None:
        self.args: list[object] = []
        checks = ["true"]
        for column, value in (
            ("t.user_id", wanted.user_id),
            ("t.type", wanted.type),
            ("t.kind", wanted.kind),
            ("t.parent_id_token", clean(wanted.parent_id_token) or None),
        ):
            if value is not None:
                checks.append(f"{column} = {self.arg(value)}")
        if wanted.query.strip():
            text = self.arg(pattern(wanted.query))
            found = f"concat_ws(E'\\n', t.id_token, t.alias, t.note, u.email, u.display_name) ILIKE {text}"
            checks.append(f"({found} OR t.spellings && {self.arg(list(spellings(wanted.query)))}::text[])")
        if wanted.state is not None:
            checks.append(self._state(wanted.state, wanted.now))
        if wanted.station_id is not None:
            station, places = self.arg([wanted.station_id]), self.arg(sorted(wanted.place_ids))
            checks.append(
                f"((t.valid_station_ids = '{{}}' AND t.valid_place_ids = '{{}}')"
                f" OR t.valid_station_ids && {station}::bigint[] OR t.valid_place_ids && {places}::bigint[])"
            )
        self.where = " AND ".join(checks)

    def arg(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def _state(self, state: TagState, moment: datetime) -> str:
        """As `Token.state` says it."""
        blocked = "(t.blocked OR coalesce(u.blocked, false))"
        if state is TagState.BLOCKED:
            return blocked
        now = self.arg(moment)
        expired = f"coalesce(t.expires_at <= {now}::timestamptz, false)"
        early = f"coalesce(t.valid_from > {now}::timestamptz, false)"
        if state is TagState.EXPIRED:
            return f"NOT {blocked} AND {expired}"
        if state is TagState.NOT_YET_VALID:
            return f"NOT {blocked} AND NOT {expired} AND {early}"
        return f"NOT {blocked} AND NOT {expired} AND NOT {early}"


async def _spell(connection: asyncpg.Connection, unspelt: Sequence[tuple[int, list[str]]]) -> None:
    await connection.executemany(SPELL_SQL, unspelt)


async def _create(connection: asyncpg.Connection, tokens: Sequence[Token]) -> list[Token]:
    statement = await connection.prepare(CREATE_TOKEN_SQL)
    made = []
    for token in tokens:
        more = (token.kind.value, list(spellings(token.id_token)))
        try:
            row = await statement.fetchrow(clean(token.id_token), *_fields(token), *more)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                f"There is already a tag {token.id_token}. Open that one instead.", reason="ID_TOKEN_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_user(token.user_id) from error
        made.append(_token(_must(row, 0)))
    return made


def _fields(token: Token) -> tuple[object, ...]:
    parent = None if token.parent_id_token is None else clean(token.parent_id_token)
    return (
        clean(token.alias),
        token.blocked,
        token.expires_at,
        parent,
        token.allow_concurrent,
        clean(token.note),
        token.user_id,
        token.type.value,
        token.valid_from,
        list(token.valid_station_ids),
        list(token.valid_place_ids),
        token.blocked_by_user,
    )


def _token(row: asyncpg.Record) -> Token:
    values = {name: row[name] for name in Token.__struct_fields__}
    values["kind"], values["type"] = TagKind(values["kind"]), TagType(values["type"])
    for name in ("valid_station_ids", "valid_place_ids"):
        values[name] = tuple(values[name])
    return Token(**values)


def _must(row: asyncpg.Record | None, token_id: int) -> asyncpg.Record:
    if row is None:
        raise _no_token(token_id)
    return row


def _no_token(token_id: int) -> NotFound:
    return NotFound(f"There is no tag {token_id} (any more).", reason="ID_TOKEN_NOT_FOUND")


def _no_user(user_id: int | None) -> NotFound:
    return NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
