"""What sessions cost, and which are to be computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.consumption import Sample
from csms.domain.tariff import Line
from csms.domain.tariff_book import SessionCost
from csms.ports.tariffs import CostedSession, DueCost, ShownCost, Spending
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresSessionCosts"]

_COLUMNS = (
    "session_id, revision, tariff_version_id, currency, total_excl, vat, total_incl, vat_percent, lines, basis, "
    "reason, computed_at"
)
DUE_SQL = "SELECT id, session_id, driver_changed FROM session_cost_due ORDER BY id LIMIT $1"
SETTLED_SQL = "DELETE FROM session_cost_due WHERE id = ANY($1::bigint[])"
SESSION_SQL = """
SELECT s.id, s.station_id, s.evse_id, s.place_id, s.user_id, coalesce(token.parent_id_token, '') AS tag_group,
       coalesce(s.corrected_started_at, s.started_at) AS started_at,
       CASE WHEN s.state = 'ENDED' THEN s.ended_at END AS stopped_at,
       s.logged_at, s.charged_wh, s.state, s.plugged_out_at,
       s.meter_start_wh
FROM session AS s LEFT JOIN id_token AS token ON token.id_token = s.shown_token AND s.shown_token <> ''
WHERE s.id = $1
"""
READINGS_SQL = """
SELECT measured_at, energy_wh, power_w FROM meter_value
WHERE session_id = $1 AND (energy_wh IS NOT NULL OR power_w IS NOT NULL) ORDER BY measured_at, digest
"""
FIRST_SQL = f"""
INSERT INTO session_cost ({_COLUMNS})
SELECT $1, 1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11
WHERE EXISTS (SELECT FROM session WHERE id = $1) ON CONFLICT DO NOTHING RETURNING *
"""  # noqa: S608 - constants of ours
LOCK_COST_SQL = "SELECT revision FROM session_cost WHERE session_id = $1 FOR UPDATE"
PUT_AWAY_SQL = f"""
INSERT INTO session_cost_earlier ({_COLUMNS}) SELECT {_COLUMNS} FROM session_cost WHERE session_id = $1
"""  # noqa: S608 - constants of ours
NEXT_SQL = """
UPDATE session_cost SET
    revision = revision + 1, tariff_version_id = $2, currency = $3, total_excl = $4, vat = $5, total_incl = $6,
    vat_percent = $7, lines = $8::text::jsonb, basis = $9, reason = $10, computed_at = $11
WHERE session_id = $1 RETURNING *
"""
COSTS_SQL = "SELECT * FROM session_cost WHERE session_id = ANY($1::bigint[])"
EARLIER_SQL = "SELECT * FROM session_cost_earlier WHERE session_id = $1 ORDER BY revision DESC"
SPENT_SQL = """
SELECT cost.currency, sum(cost.total_incl) AS gross, sum(s.charged_wh) AS energy_wh
FROM session AS s JOIN session_cost AS cost ON cost.session_id = s.id
WHERE s.began_at >= $3 AND s.began_at < $4 AND s.state = 'ENDED'
  AND ($1::bigint IS NULL OR s.user_id = $1)
  AND ($2 = '' OR s.shown_token IN (SELECT id_token FROM id_token WHERE parent_id_token = $2))
GROUP BY cost.currency ORDER BY cost.currency
"""
SHOWN_SQL = """
SELECT s.id, s.station_id, s.transaction_id FROM session AS s JOIN station ON station.id = s.station_id
WHERE s.state = 'ACTIVE' AND s.sequence IS NOT NULL AND station.online AND EXISTS (
    SELECT FROM station_variable AS v
    WHERE v.station_id = s.station_id AND v.component = 'TariffCostCtrlr' AND v.variable = 'Enabled'
      AND v.variable_instance = 'Cost' AND v.attribute_type = 'Actual' AND lower(v.value) = 'true')
ORDER BY s.id LIMIT $1
"""
_lines = msgspec.json.Decoder(tuple[Line, ...])
_encode = msgspec.json.Encoder(order="deterministic").encode


class PostgresSessionCosts:
    """csms.ports.tariffs.SessionCostStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shown(self, size: int) -> Sequence[ShownCost]:
        """See `SessionCostStore.shown`."""
        rows = await self._database.fetch(SHOWN_SQL, size)
        return [ShownCost(row["id"], row["station_id"], row["transaction_id"]) for row in rows]

    async def due(self, size: int) -> Sequence[DueCost]:
        """See `SessionCostStore.due`."""
        return [DueCost(*row) for row in await self._database.fetch(DUE_SQL, size)]

    async def settled(self, orders: Sequence[int]) -> None:
        """See `SessionCostStore.settled`."""
        await self._database.execute(SETTLED_SQL, list(orders))

    async def session(self, session_id: int) -> CostedSession | None:
        """See `SessionCostStore.session`."""
        row = await self._database.fetchrow(SESSION_SQL, session_id) if fits_bigint(session_id) else None
        if row is None:
            return None
        return CostedSession(
            row["id"],
            row["station_id"],
            row["evse_id"],
            row["place_id"],
            row["user_id"],
            row["tag_group"],
            row["started_at"],
            row["stopped_at"],
            row["logged_at"],
            row["charged_wh"],
            row["state"] == "ENDED",
            row["plugged_out_at"],
            row["meter_start_wh"],
        )

    async def readings(self, session_id: int) -> Sequence[Sample]:
        """See `SessionCostStore.readings`."""
        rows = await self._database.fetch(READINGS_SQL, session_id) if fits_bigint(session_id) else []
        return [Sample(row["measured_at"], row["energy_wh"], row["power_w"]) for row in rows]

    async def keep(self, cost: SessionCost, *, after: int, at: datetime) -> SessionCost | None:
        """See `SessionCostStore.keep`."""
        values = (
            cost.session_id,
            cost.tariff_version_id,
            cost.currency,
            cost.net,
            cost.vat,
            cost.gross,
            cost.vat_percent,
            _encode(cost.lines).decode(),
            cost.basis,
            clean(cost.reason),
            at,
        )

        async def replace(connection: asyncpg.Connection) -> asyncpg.Record | None:
            if await connection.fetchval(LOCK_COST_SQL, cost.session_id) != after:
                return None
            await connection.execute(PUT_AWAY_SQL, cost.session_id)
            return await connection.fetchrow(NEXT_SQL, *values)

        if after == 0:
            row = await self._database.fetchrow(FIRST_SQL, *values)
        else:
            row = await self._database.transaction(replace)
        return None if row is None else _cost(row)

    async def costs(self, session_ids: Sequence[int]) -> Mapping[int, SessionCost]:
        """See `SessionCostStore.costs`."""
        ids = [number for number in session_ids if fits_bigint(number)]
        return {row["session_id"]: _cost(row) for row in await self._database.fetch(COSTS_SQL, ids)}

    async def earlier(self, session_id: int) -> Sequence[SessionCost]:
        """See `SessionCostStore.earlier`."""
        return [_cost(row) for row in await self._database.fetch(EARLIER_SQL, session_id)]

    async def spent(
        self, *, user_id: int | None = None, group: str = "", since: datetime, until: datetime
    ) -> Sequence[Spending]:
        """See `SessionCostStore.spent`."""
        rows = await self._database.fetch(SPENT_SQL, user_id, group, since, until)
        return [Spending(row["currency"], row["gross"], row["energy_wh"]) for row in rows]


def _cost(row: asyncpg.Record) -> SessionCost:
    return SessionCost(
        row["session_id"],
        row["revision"],
        row["tariff_version_id"],
        row["currency"],
        row["total_excl"],
        row["vat"],
        row["total_incl"],
        row["vat_percent"],
        _lines.decode(row["lines"]),
        row["basis"],
        row["reason"],
        row["computed_at"],
    )
