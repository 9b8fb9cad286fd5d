"""How many sessions there are and what they charged, without looking at each: from the sums of statistics.

These lag behind by seconds, or by minutes for sessions that go on. Which sessions they lag behind with is written down
(`usage_change`, `session_usage.pending`), so what the sums have of those is taken out, and what holds now is put in: in
one statement, so of one moment.
"""

from __future__ import annotations

from typing import Final

import asyncpg
import msgspec

from csms.ports.queries import SessionFilter, SessionTotals

__all__ = ["known_totals"]

MOST: Final = 2_000
"""With so many sessions still to be reckoned, after an import, it is no shorter to look at them than at all."""
WAITING_SQL = f"SELECT count(*) FROM (SELECT FROM usage_change LIMIT {MOST + 1}) AS late"  # noqa: S608 - a number
TOTALS_SQL = """
WITH late AS MATERIALIZED (
    SELECT session_id AS id FROM usage_change UNION SELECT session_id FROM session_usage WHERE pending)
SELECT coalesce(sum(count), 0)::bigint AS count, (coalesce(sum(mwh), 0) / 1000)::float8 AS energy_wh
FROM (
    SELECT sum(u.sessions) AS count, sum(u.begun_mwh) AS mwh FROM usage_station_month AS u
    WHERE $1::bigint[] IS NULL OR u.place_id = ANY($1)
    UNION ALL
    SELECT -count(*), -sum(u.energy_mwh) FROM late JOIN session_usage AS u ON u.session_id = late.id
    WHERE $1::bigint[] IS NULL OR u.place_id = ANY($1)
    UNION ALL
    SELECT count(*), sum(round((s.charged_wh * 1000)::numeric)) FROM late JOIN session AS s ON s.id = late.id
    WHERE $1::bigint[] IS NULL OR s.place_id = ANY($1)) AS part
"""


async def known_totals(connection: asyncpg.Connection, wanted: SessionFilter) -> SessionTotals | None:
    """In asyncio. None: these sums do not know that."""
    places, scope = wanted.place_ids, wanted.scope
    if wanted != msgspec.structs.replace(SessionFilter(), place_ids=places, scope=scope):
        return None
    if scope is not None:
        if scope.station_ids or scope.user_id is not None or scope.only is not None:
            return None
        places = scope.place_ids & places if places else scope.place_ids
    if await connection.fetchval(WAITING_SQL) > MOST:
        return None
    all_of_them = scope is None and not places
    row = await connection.fetchrow(TOTALS_SQL, None if all_of_them else sorted(places))
    return SessionTotals(row["count"], round(row["energy_wh"], 3))
