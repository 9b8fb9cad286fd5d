"""Limits of users and groups, and what they have used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import asyncpg

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.limits import ChargeLimit, Used
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresLimits"]

_NUMBER: Final = "substring(l.target FROM '^users/([0-9]{1,19})$')::numeric"
ALL_LIMITS_SQL = f"""
SELECT l.target, l.energy_wh, l.amount, l.currency, l.version, coalesce(u.time_zone, '') AS time_zone
FROM user_limit AS l LEFT JOIN app_user AS u ON u.id = {_NUMBER}
WHERE (u.id IS NOT NULL OR l.target LIKE 'tagGroups/%') AND ($1::text IS NULL OR l.target = $1)
ORDER BY l.target
"""  # noqa: S608 - constants of ours
USER_SQL = "SELECT true FROM app_user WHERE id = $1"
VERSION_SQL = "SELECT version FROM user_limit WHERE target = $1 FOR UPDATE"
PUT_SQL = """
INSERT INTO user_limit (target, energy_wh, amount, currency) VALUES ($1, $2, $3, $4)
ON CONFLICT (target) DO UPDATE SET
    energy_wh = excluded.energy_wh, amount = excluded.amount, currency = excluded.currency,
    version = user_limit.version + 1, updated_at = now()
"""
REMOVE_SQL = "DELETE FROM user_limit WHERE target = $1"
_SUMS: Final = """
SELECT coalesce(sum(s.charged_wh), 0) AS energy_wh, coalesce(sum(c.total_incl), 0) AS amount
FROM session AS s LEFT JOIN session_cost AS c ON c.session_id = s.id AND c.currency = w.currency
WHERE s.began_at >= w.since AND
"""
USED_BY_USERS_SQL = f"""
SELECT used.energy_wh, used.amount
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) WITH ORDINALITY AS w (user_id, since, currency, number)
CROSS JOIN LATERAL ({_SUMS} s.user_id = w.user_id) AS used ORDER BY w.number
"""  # noqa: S608 - constants of ours
USED_BY_GROUPS_SQL = f"""
SELECT used.energy_wh, used.amount
FROM unnest($1::text[], $2::timestamptz[], $3::text[]) WITH ORDINALITY AS w (tag_group, since, currency, number)
CROSS JOIN LATERAL ({_SUMS} s.shown_token IN (
    SELECT unnest(t.id_token || coalesce(t.spellings, '{{}}')) FROM id_token AS t WHERE t.parent_id_token = w.tag_group
)) AS used ORDER BY w.number
"""  # noqa: S608 - constants of ours


class PostgresLimits:
    """csms.ports.limits.LimitStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> Sequence[ChargeLimit]:
        """See `LimitStore.load_all`."""
        return [_limit(row) for row in await self._database.fetch(ALL_LIMITS_SQL, None)]

    async def find(self, target: str) -> ChargeLimit | None:
        """See `LimitStore.find`."""
        row = await self._database.fetchrow(ALL_LIMITS_SQL, clean(target))
        if row is None:
            await self._database.run(_check_user, ChargeLimit(target))
        return None if row is None else _limit(row)

    async def put(self, limit: ChargeLimit, *, version: int | None) -> ChargeLimit:
        """See `LimitStore.put`."""
        await self._database.transaction(_put, limit, version)
        return await self.find(limit.target) or ChargeLimit(limit.target)

    async def used(self, wanted: Sequence[tuple[ChargeLimit, datetime]]) -> Sequence[Used]:
        """See `LimitStore.used`."""
        found: dict[str, Used] = {}
        users = [(each, since) for each, since in wanted if each.user_id is not None]
        groups = [(each, since) for each, since in wanted if each.group]
        for of, keys, sql in (
            (users, [each.user_id for each, _ in users], USED_BY_USERS_SQL),
            (groups, [clean(each.group) for each, _ in groups], USED_BY_GROUPS_SQL),
        ):
            if not of:
                continue
            rows = await self._database.fetch(sql, keys, [since for _, since in of], [each.currency for each, _ in of])
            for (each, _), row in zip(of, rows, strict=True):
                found[each.target] = Used(row["energy_wh"], Decimal(row["amount"]))
        return [found.get(each.target, Used()) for each, _ in wanted]


async def _check_user(connection: asyncpg.Connection, limit: ChargeLimit) -> None:
    number = limit.user_id
    if number is None:
        return
    if not fits_bigint(number) or await connection.fetchval(USER_SQL, number) is None:
        raise NotFound(f"There is no user {number} (any more).", reason="USER_NOT_FOUND")


async def _put(connection: asyncpg.Connection, limit: ChargeLimit, version: int | None) -> None:
    await _check_user(connection, limit)
    target = clean(limit.target)
    present = await connection.fetchval(VERSION_SQL, target)
    if version is not None and version != (present or 0):
        raise StaleVersion("Somebody else has changed this limit meanwhile. Reload it and try again.")
    if limit.energy_wh is None and limit.amount is None:
        await connection.execute(REMOVE_SQL, target)
    else:
        await connection.execute(PUT_SQL, target, limit.energy_wh, limit.amount, limit.currency)


def _limit(row: asyncpg.Record) -> ChargeLimit:
    return ChargeLimit(*(row[name] for name in ChargeLimit.__struct_fields__))
