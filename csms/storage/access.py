"""People, their sign-ins, and keys of internal systems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.access import Action, ApiKey, Role, User
from csms.domain.errors import AlreadyExists, NotFound
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresAccess"]

_SITES = "ARRAY(SELECT place_id FROM user_site WHERE user_id = app_user.id) AS site_ids"
_USER = f"SELECT app_user.*, {_SITES} FROM app_user"  # noqa: S608  constants
FIND_USER_BY_EMAIL_SQL = _USER + " WHERE lower(email) = lower($1)"
FIND_USER_SQL = _USER + " WHERE id = $1"
CREATE_USER_SQL = """
INSERT INTO app_user (email, display_name, first_name, password_hash, role) VALUES ($1, $2, $2, $3, $4)
RETURNING *, '{}'::bigint[] AS site_ids
"""
COUNT_USERS_SQL = "SELECT count(*) FROM app_user"
SET_USER_PASSWORD_SQL = """
UPDATE app_user SET password_hash = $2, must_change_password = false, updated_at = now() WHERE id = $1 RETURNING id
"""  # noqa: S105

CREATE_SIGN_IN_SQL = """
WITH person AS (UPDATE app_user SET last_sign_in_at = now() WHERE id = $2)
INSERT INTO sign_in (digest, user_id, expires_at, lifetime, address, client)
VALUES ($1, $2, $3, $3::timestamptz - now(), $4, $5)
"""
FIND_SIGN_IN_SQL = """
SELECT app_user.*, ARRAY(SELECT place_id FROM user_site WHERE user_id = app_user.id) AS site_ids,
    sign_in.used_at IS NULL OR sign_in.used_at < $2::timestamptz - interval '1 minute' AS to_prolong
FROM sign_in JOIN app_user ON app_user.id = user_id WHERE digest = $1 AND expires_at > $2
"""
PROLONG_SIGN_IN_SQL = """
UPDATE sign_in SET used_at = $2, expires_at = greatest(expires_at, $2::timestamptz + lifetime) WHERE digest = $1
"""
DELETE_SIGN_IN_SQL = "DELETE FROM sign_in WHERE digest = $1"
DELETE_SIGN_INS_SQL = "DELETE FROM sign_in WHERE user_id = $1 AND ($2::bytea IS NULL OR digest <> $2)"

CREATE_KEY_SQL = """
INSERT INTO api_key (display_name, role, digest, hint, expires_at, actions, site_ids)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""
FIND_KEY_SQL = "SELECT * FROM api_key WHERE digest = $1 AND (expires_at IS NULL OR expires_at > $2)"
USE_KEY_SQL = """
UPDATE api_key SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute') RETURNING *
"""
PAGE_KEYS_SQL = "SELECT * FROM api_key WHERE $2::bigint IS NULL OR id < $2 ORDER BY id DESC LIMIT $1"
DELETE_KEY_SQL = "DELETE FROM api_key WHERE id = $1 RETURNING id"


class PostgresAccess:
    """csms.ports.stores.AccessStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_user_by_email(self, email: str) -> User | None:
        """Case does not matter."""
        return _user(await self._database.fetchrow(FIND_USER_BY_EMAIL_SQL, clean(email)))

    async def find_user(self, user_id: int) -> User | None:
        """By id."""
        return _user(await self._database.fetchrow(FIND_USER_SQL, user_id)) if fits_bigint(user_id) else None

    async def create_user(self, email: str, display_name: str, password_hash: str, role: Role) -> User:
        """Raises AlreadyExists/EMAIL_TAKEN."""
        try:
            row = await self._database.fetchrow(CREATE_USER_SQL, clean(email), clean(display_name), password_hash, role)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(f"There is already a user {email}.", reason="EMAIL_TAKEN") from error
        user = _user(row)
        if user is None:
            raise AssertionError("INSERT … RETURNING gives a row")
        return user

    async def count_users(self) -> int:
        """None at the very first start."""
        count: int = await self._database.fetchval(COUNT_USERS_SQL)
        return count

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        """Raises NotFound."""
        if not fits_bigint(user_id) or not await self._database.fetchval(SET_USER_PASSWORD_SQL, user_id, password_hash):
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")

    async def create_sign_in(
        self, digest: bytes, user_id: int, expires_at: datetime, *, address: str = "", client: str = ""
    ) -> None:
        """A session token was given out. Raises NotFound."""
        try:
            await self._database.execute(CREATE_SIGN_IN_SQL, digest, user_id, expires_at, clean(address), clean(client))
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND") from error

    async def find_sign_in(self, digest: bytes, now: datetime) -> User | None:
        """The user whose unexpired session token has this digest; a use prolongs it by its first lifetime."""
        row = await self._database.fetchrow(FIND_SIGN_IN_SQL, digest, now)
        if row is not None and row["to_prolong"]:
            await self._database.execute(PROLONG_SIGN_IN_SQL, digest, now)
        return _user(row)

    async def delete_sign_in(self, digest: bytes) -> None:
        """Signed out."""
        await self._database.execute(DELETE_SIGN_IN_SQL, digest)

    async def delete_sign_ins(self, user_id: int, *, keep: bytes | None = None) -> None:
        """All of a user's, but one."""
        await self._database.execute(DELETE_SIGN_INS_SQL, user_id, keep)

    async def create_api_key(
        self,
        display_name: str,
        role: Role,
        digest: bytes,
        hint: str,
        expires_at: datetime | None,
        *,
        actions: frozenset[Action] | None = None,
        site_ids: frozenset[int] = frozenset(),
    ) -> ApiKey:
        """Only the digest of the secret is kept."""
        row = await self._database.fetchrow(
            CREATE_KEY_SQL,
            clean(display_name),
            role,
            digest,
            hint,
            expires_at,
            None if actions is None else sorted(action.value for action in actions),
            sorted(site_ids) or None,
        )
        if row is None:
            raise AssertionError("INSERT … RETURNING gives a row")
        return _key(row)

    async def find_api_key(self, digest: bytes, now: datetime) -> ApiKey | None:
        """The unexpired key with this digest; its last use is noted (at most once a minute)."""
        row = await self._database.fetchrow(FIND_KEY_SQL, digest, now)
        if row is None:
            return None
        key = _key(row)
        if key.last_used_at is None or (now - key.last_used_at).total_seconds() > 60:
            used = await self._database.fetchrow(USE_KEY_SQL, key.id, now)
            key = key if used is None else _key(used)
        return key

    async def page_api_keys(self, *, size: int, before: int | None) -> Sequence[ApiKey]:
        """Newest first, with an id below `before`."""
        return [_key(row) for row in await self._database.fetch(PAGE_KEYS_SQL, size, before)]

    async def delete_api_key(self, key_id: int) -> None:
        """Raises NotFound."""
        if not fits_bigint(key_id) or not await self._database.fetchval(DELETE_KEY_SQL, key_id):
            raise NotFound(f"There is no API key {key_id} (any more).", reason="API_KEY_NOT_FOUND")


def _user(row: asyncpg.Record | None) -> User | None:
    if row is None:
        return None
    return User(
        row["id"],
        row["email"],
        row["display_name"],
        row["password_hash"],
        Role(row["role"]),
        site_ids=frozenset(row["site_ids"]),
        totp_secret=row["totp_secret"],
        blocked=row["blocked"],
        must_change_password=row["must_change_password"],
    )


def _key(row: asyncpg.Record) -> ApiKey:
    known = {action.value: action for action in Action}
    return ApiKey(
        row["id"],
        row["display_name"],
        Role(row["role"]),
        row["hint"],
        row["created_at"],
        row["expires_at"],
        row["last_used_at"],
        None if row["actions"] is None else frozenset(known[name] for name in row["actions"] if name in known),
        frozenset(row["site_ids"] or ()),
    )
