"""Sessions as people read them: with names, corrections and costs; one by one, in pages, in totals, all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import asyncpg
import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.metering import MeterValue
from csms.domain.session_changes import Closure, Corrections, Logbook
from csms.ports.queries import (
    NEWEST_FIRST,
    CostTotal,
    SessionFilter,
    SessionPosition,
    SessionTotals,
    SessionView,
    Sorting,
)
from csms.storage.pool import Database
from csms.storage.session_select import JOINS, VIEW, SessionSelect
from csms.storage.session_totals import known_totals
from csms.storage.sessions import meter_value_of, transaction_of
from csms.storage.text import fits_bigint

__all__ = ["PostgresSessionQueries"]

GET_SESSIONS_SQL = f"{VIEW}, '' AS sort_key FROM session AS s {JOINS} WHERE s.id = ANY($1::bigint[])"
METER_VALUES_SQL = """
SELECT digest, measured_at, samples FROM meter_value
WHERE session_id = $1 AND (measured_at, digest) > ($2, $3::bigint)
ORDER BY measured_at, digest LIMIT $4
"""
_BEFORE_ALL: Final = (datetime(1, 1, 1, tzinfo=UTC), -(2**63))


class _CostLine(msgspec.Struct):
    """What is read of a line of a bill."""

    kind: str
    amount: Decimal


_lines = msgspec.json.Decoder(list[_CostLine], strict=False)


class PostgresSessionQueries:
    """csms.ports.queries.SessionQueries on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_sessions(self, session_ids: Sequence[int]) -> Sequence[SessionView]:
        """Those that exist, in the order asked."""
        ids = [each for each in session_ids if fits_bigint(each)]
        if not ids:
            return []
        found = {row["id"]: _view(row) for row in await self._database.fetch(GET_SESSIONS_SQL, ids)}
        return [found[each] for each in ids if each in found]

    async def page_sessions(
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None, sorting: Sorting = NEWEST_FIRST
    ) -> Sequence[SessionView]:
        """In the order asked, after a place."""
        select = SessionSelect(wanted, after, sorting)
        sql = select.page(size)
        try:
            return [_view(row) for row in await self._database.fetch(sql, *select.args)]
        except asyncpg.DataError as error:
            raise _strange_place() from error

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """Count and energy of all that match."""
        known = await self._database.run(known_totals, wanted)
        if known is not None:
            return known
        select = SessionSelect(wanted)
        row = await self._database.fetchrow(select.totals(), *select.args)
        return SessionTotals(0, 0.0) if row is None else SessionTotals(row["count"], round(row["energy_wh"], 3))

    async def summarize_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """All totals of all that match."""
        select = SessionSelect(wanted)
        row = await self._database.fetchrow(select.summary(), *select.args)
        if row is None:
            return SessionTotals(0, 0.0)
        costs = await self._database.fetch(select.costs(), *select.args)
        return SessionTotals(
            row["count"],
            round(row["energy_wh"], 3),
            row["active_count"],
            row["duration_s"],
            row["max_power_w"],
            tuple(CostTotal(each["currency"], each["amount"]) for each in costs),
        )

    @asynccontextmanager
    async def stream_sessions(
        self,
        wanted: SessionFilter,
        *,
        after: SessionPosition | None,
        batch: int,
        sorting: Sorting = NEWEST_FIRST,
    ) -> AsyncIterator[AsyncIterator[Sequence[SessionView]]]:
        """All that match in batches, in the order asked, from one snapshot, in flat memory."""
        select = SessionSelect(wanted, after, sorting)
        async with self._database.row_stream(select.all(), *select.args, batch=batch) as batches:
            yield _Views(batches)

    async def page_meter_values(
        self, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        """(digest, meter value) in the order of (time, digest), after a place."""
        if not fits_bigint(session_id):
            return []
        at, digest = after or _BEFORE_ALL
        rows = await self._database.fetch(METER_VALUES_SQL, session_id, at, digest, size)
        return [(row["digest"], meter_value_of(row)) for row in rows]


class _Views:
    """Not a generator: those want to be closed."""

    def __init__(self, batches: AsyncIterator[Sequence[asyncpg.Record]]) -> None:
        self._batches = batches

    def __aiter__(self) -> _Views:
        return self

    async def __anext__(self) -> Sequence[SessionView]:
        return [_view(row) for row in await anext(self._batches)]


def _strange_place() -> InvalidArgument:
    return InvalidArgument(
        "This page token belongs to another order. Ask for the first page again (with an empty token).",
        reason="INVALID_PAGE_TOKEN",
    )


def _view(row: asyncpg.Record) -> SessionView:
    closed_at = row["closed_at"]
    return SessionView(
        transaction_of(row),
        row["station_id"],
        row["station_display_name"],
        row["id_token_alias"],
        row["place_id"],
        row["user_id"],
        sort_key=row["sort_key"],
        corrections=Corrections(
            row["corrected_energy_wh"],
            row["corrected_started_at"],
            row["corrected_stopped_at"],
            row["corrected_id_token"],
            row["user_corrected"],
        ),
        closure=None if closed_at is None else Closure(closed_at, row["closed_by"], row["close_reason"]),
        logbook=Logbook(row["mileage_km"], row["vehicle_id"], row["purpose"], row["note"], row["reference_number"]),
        logbook_demanded=row["logbook_demanded"],
        site=row["site"] or "",
        floor=row["floor"] or "",
        site_address=row["site_address"] or "",
        city=row["city"] or "",
        postal_code=row["postal_code"] or "",
        country=row["country"] or "",
        user_email=row["user_email"] or "",
        user_first_name=row["user_first_name"] or "",
        user_last_name=row["user_last_name"] or "",
        customer_number=row["customer_number"] or "",
        employee_number=row["employee_number"] or "",
        charging_profiles=tuple(row["profiles"]),
        cost=row["cost"],
        currency=row["currency"] or "",
        energy_cost=_energy_cost(row["cost_lines"]),
        id_token_type=row["id_token_type"] or "",
        outlet_id=row["outlet_id"],
    )


def _energy_cost(lines: str | None) -> Decimal | None:
    """What the energy cost, of the lines of a bill."""
    if lines is None:
        return None
    amounts = [line.amount for line in _lines.decode(lines) if line.kind == "ENERGY"]
    return sum(amounts, Decimal(0)) if amounts else None
