"""Notifications and messages of the operator (`csms.ports.notifications`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Role
from csms.domain.errors import NotFound, StaleVersion
from csms.domain.notifications import News, NewsPriority, Notification, NotificationKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresNews", "PostgresNotifications"]

ADD_SQL = """
INSERT INTO notification (user_id, kind, body, target, created_at)
SELECT u.id, $2, $3, $4, $5 FROM app_user AS u
LEFT JOIN notification_setting AS s ON s.user_id = u.id AND s.kind = $2
WHERE u.id = ANY($1::bigint[]) AND coalesce(s.wanted, $6) ORDER BY u.id FOR KEY SHARE OF u
RETURNING user_id
"""
PAGE_SQL = """
SELECT * FROM notification WHERE user_id = $1 AND (NOT $2::boolean OR read_at IS NULL) AND id < $3
ORDER BY id DESC LIMIT $4
"""
UNREAD_SQL = "SELECT count(*) FROM notification WHERE user_id = $1 AND read_at IS NULL"
READ_SQL = """
WITH marked AS (UPDATE notification SET read_at = $3
    WHERE user_id = $1 AND read_at IS NULL AND ($2::bigint[] IS NULL OR id = ANY($2)) RETURNING 1)
SELECT count(*) FROM marked
"""
SETTINGS_SQL = "SELECT kind, wanted FROM notification_setting WHERE user_id = $1"
CHOOSE_SQL = """
INSERT INTO notification_setting (user_id, kind, wanted)
SELECT id, k.kind, k.wanted FROM app_user, unnest($2::text[], $3::boolean[]) AS k (kind, wanted) WHERE app_user.id = $1
ON CONFLICT (user_id, kind) DO UPDATE SET wanted = excluded.wanted
"""
PRUNE_SQL = "WITH gone AS (DELETE FROM notification WHERE created_at < $1 RETURNING 1) SELECT count(*) FROM gone"

PAGE_NEWS_SQL = """
SELECT * FROM news
WHERE ($1::timestamptz IS NULL OR (valid_from <= $1 AND (valid_until IS NULL OR valid_until > $1)))
  AND ($2::timestamptz IS NULL OR (valid_from, id) < ($2, $3::bigint))
ORDER BY valid_from DESC, id DESC LIMIT $4
"""
FIND_NEWS_SQL = "SELECT * FROM news WHERE id = $1"
CREATE_NEWS_SQL = """
INSERT INTO news (title, text, priority, roles, place_ids, valid_from, valid_until, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
"""
UPDATE_NEWS_SQL = """
UPDATE news SET title = $2, text = $3, priority = $4, roles = $5, place_ids = $6, valid_from = $7, valid_until = $8,
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($9::integer IS NULL OR version = $9) RETURNING *
"""
DELETE_NEWS_SQL = "DELETE FROM news WHERE id = $1 RETURNING id"
_LAST = 2**62


class PostgresNotifications:
    """`NotificationStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        user_ids: Collection[int],
        kind: NotificationKind,
        values: Mapping[str, str],
        target: str,
        at: datetime,
        *,
        unless_said: bool,
    ) -> Sequence[int]:
        """See `NotificationStore.add`."""
        known = [number for number in user_ids if fits_bigint(number)]
        body = msgspec.json.encode({clean(key): clean(value) for key, value in values.items()}).decode()
        rows = await self._database.fetch(ADD_SQL, known, kind.value, body, clean(target), at, unless_said)
        return sorted(row["user_id"] for row in rows)

    async def page(self, user_id: int, *, unread: bool, size: int, before: int | None = None) -> Sequence[Notification]:
        """Newest first, with an id below `before`."""
        rows = await self._database.fetch(PAGE_SQL, user_id, unread, _below(before), size)
        return [
            Notification(
                row["id"],
                row["user_id"],
                NotificationKind(row["kind"]),
                msgspec.json.decode(row["body"], type=dict[str, str]),
                row["target"],
                row["created_at"],
                row["read_at"],
            )
            for row in rows
        ]

    async def count_unread(self, user_id: int) -> int:
        """How many wait."""
        return int(await self._database.fetchval(UNREAD_SQL, user_id))

    async def mark_read(self, user_id: int, ids: Collection[int] | None, at: datetime) -> int:
        """See `NotificationStore.mark_read`."""
        wanted = None if ids is None else [number for number in ids if fits_bigint(number)]
        return int(await self._database.fetchval(READ_SQL, user_id, wanted, at))

    async def settings(self, user_id: int) -> Mapping[NotificationKind, bool]:
        """What the user has chosen."""
        rows = await self._database.fetch(SETTINGS_SQL, user_id)
        return {NotificationKind(row["kind"]): row["wanted"] for row in rows}

    async def choose(self, user_id: int, wanted: Mapping[NotificationKind, bool]) -> None:
        """Keep choices; others stay."""
        await self._database.execute(CHOOSE_SQL, user_id, [kind.value for kind in wanted], list(wanted.values()))

    async def prune(self, before: datetime) -> int:
        """Those made before go. How many."""
        return int(await self._database.fetchval(PRUNE_SQL, before))


class PostgresNews:
    """`NewsStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, *, size: int, after: tuple[datetime, int] | None = None, valid_at: datetime | None = None
    ) -> Sequence[News]:
        """See `NewsStore.page`."""
        at, number = after or (None, None)
        return [_news(row) for row in await self._database.fetch(PAGE_NEWS_SQL, valid_at, at, number, size)]

    async def find(self, news_id: int) -> News | None:
        """By id."""
        row = await self._database.fetchrow(FIND_NEWS_SQL, news_id) if fits_bigint(news_id) else None
        return None if row is None else _news(row)

    async def create(self, news: News) -> News:
        """`news.id` is ignored."""
        row = await self._database.fetchrow(CREATE_NEWS_SQL, *_values(news), clean(news.created_by))
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _news(row)

    async def update(self, news: News, *, version: int | None) -> News:
        """Raises NotFound, StaleVersion."""
        if await self.find(news.id) is None:
            raise _no_news(news.id)
        row = await self._database.fetchrow(UPDATE_NEWS_SQL, news.id, *_values(news), version)
        if row is None:
            raise StaleVersion("Somebody else has changed this message meanwhile. Reload it and try again.")
        return _news(row)

    async def delete(self, news_id: int) -> None:
        """Raises NotFound."""
        if not fits_bigint(news_id) or await self._database.fetchval(DELETE_NEWS_SQL, news_id) is None:
            raise _no_news(news_id)


def _below(before: int | None) -> int:
    return _LAST if before is None else min(before, _LAST)


def _values(news: News) -> tuple[object, ...]:
    return (
        clean(news.title),
        clean(news.text),
        news.priority.value,
        [role.value for role in news.roles],
        list(news.place_ids),
        news.valid_from,
        news.valid_until,
    )


def _news(row: asyncpg.Record) -> News:
    return News(
        row["id"],
        row["title"],
        row["text"],
        row["valid_from"],
        row["valid_until"],
        NewsPriority(row["priority"]),
        tuple(Role(role) for role in row["roles"]),
        tuple(row["place_ids"]),
        row["created_by"],
        row["version"],
        row["created_at"],
        row["updated_at"],
    )


def _no_news(news_id: int) -> NotFound:
    return NotFound(f"There is no message {news_id} (any more).", reason="NEWS_NOT_FOUND")
