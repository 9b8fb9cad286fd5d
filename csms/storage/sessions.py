"""Sessions: what actors look up, and what people read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import msgspec

from csms.domain.facts import AuthorizationStatus, ChargingState, TransactionExtras
from csms.domain.ids import SessionId, StationId
from csms.domain.metering import MeterValue, Register, SampledValue
from csms.domain.transaction import Authentication, Flag, Numbering, SessionState, StartKey, Transaction
from csms.ports.queries import SessionFilter, SessionPosition, SessionTotals, SessionView
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresSessionQueries", "PostgresTransactions", "meter_value_of", "transaction_of"]

# -- for actors --------------------------------------------------------------------------------------------------------

FIND_START_SQL = """
SELECT * FROM session
WHERE station_id_at_start = $1 AND evse_id = $2 AND started_at = $3 AND id_token = $4
  AND coalesce(meter_start_wh, 0) = $5::double precision AND sequence IS NULL
"""
FIND_END_SQL = """
SELECT * FROM session
WHERE station_id_at_start = $1 AND transaction_id = $2 AND stopped_at = $3 AND meter_stop_wh IS NOT DISTINCT FROM $4
ORDER BY id DESC LIMIT 1
"""
FIND_TRANSACTION_SQL = """
SELECT * FROM session WHERE station_id_at_start = $1 AND transaction_id = $2 ORDER BY id DESC LIMIT 1
"""
FIND_ORPHAN_END_SQL = f"""
SELECT * FROM session
WHERE station_id_at_start = $1 AND started_at IS NULL AND sequence IS NULL AND state = '{SessionState.ENDED}'
  AND flags @> ARRAY['{Flag.START_MISSING}'] AND stopped_at >= $3 AND id_token IN ($2, '')
  AND ($4::double precision IS NULL OR meter_stop_wh IS NULL OR meter_stop_wh >= $4)
ORDER BY stopped_at, id LIMIT 1
"""  # noqa: S608 - constants of ours
RESERVE_SQL = "SELECT nextval('session_id_seq') FROM generate_series(1, $1)"
OPEN_TOKENS_SQL = "SELECT id_token, id FROM session WHERE state = 'ACTIVE' AND id_token <> '' ORDER BY id"

_samples = msgspec.json.Decoder(tuple[SampledValue, ...])
_extras = msgspec.json.Decoder(TransactionExtras)


def transaction_of(row: asyncpg.Record) -> Transaction:
    """From a row of `session`."""
    status = row["authorization_status"]
    return Transaction(
        id=SessionId(row["id"]),
        station_id=StationId(row["station_id_at_start"]),
        station_identity=row["station_identity"],
        logged_at=row["logged_at"],
        progress_at=row["progress_at"],
        evse_id=row["evse_id"],
        connector_id=row["connector_id"],
        transaction_id=row["transaction_id"],
        id_token=row["id_token"],
        authorization_status=None if status is None else AuthorizationStatus(status),
        authentication=Authentication(row["authentication"]),
        state=SessionState(row["state"]),
        started_at=row["started_at"],
        stopped_at=row["stopped_at"],
        stop_logged_at=row["stop_logged_at"],
        meter_start_wh=row["meter_start_wh"],
        meter_stop_wh=row["meter_stop_wh"],
        register=Register(
            row["energy_wh"],
            row["register_last_wh"],
            row["register_last_at"],
            row["register_first_wh"],
            row["register_first_at"],
        ),
        power_w=row["power_w"],
        max_power_w=row["max_power_w"],
        soc_percent=row["soc_percent"],
        stop_reason=row["stop_reason"],
        reservation_id=row["reservation_id"],
        flags=tuple(row["flags"]),
        meter_value_count=row["meter_value_count"],
        last_meter_at=row["last_meter_at"],
        sequence=_sequence_of(row["sequence"]),
        token_seq=row["token_seq"],
        charging_state=None if row["charging_state"] is None else ChargingState(row["charging_state"]),
        remote_start_id=row["remote_start_id"],
        stop_id_token=row["stop_id_token"],
        extras=None if row["extras"] is None else _extras.decode(row["extras"]),
        plugged_in_at=row["plugged_in_at"],
        plugged_out_at=row["plugged_out_at"],
        goal_reached_at=row["goal_reached_at"],
        soc_start_percent=row["soc_start_percent"],
        error_codes=tuple(row["error_codes"]),
    )


def _sequence_of(text: str | None) -> Numbering | None:
    if text is None:
        return None
    spans = [span.split("-") for span in text.split()]
    return Numbering(tuple((int(first), int(last)) for first, last in spans))


def meter_value_of(row: asyncpg.Record) -> MeterValue:
    """From `measured_at` and `samples` of a row of `meter_value`."""
    return MeterValue(row["measured_at"], _samples.decode(row["samples"]))


class PostgresTransactions:
    """csms.ports.stores.TransactionStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_start(self, key: StartKey) -> Transaction | None:
        """The transaction that this very start opened before."""
        return await self._find(
            FIND_START_SQL, key.station_id, key.evse_id, key.started_at, clean(key.id_token), key.meter_start_wh
        )

    async def find_transaction(self, station_id: int, transaction_id: str) -> Transaction | None:
        """By the id that the station uses."""
        return await self._find(FIND_TRANSACTION_SQL, station_id, clean(transaction_id))

    async def find_end(
        self, station_id: int, transaction_id: str, stopped_at: datetime, meter_wh: float | None
    ) -> Transaction | None:
        """The transaction that this very end has ended before."""
        return await self._find(FIND_END_SQL, station_id, clean(transaction_id), stopped_at, meter_wh)

    async def find_orphan_end(
        self, station_id: int, id_token: str, after: datetime, meter_wh: float | None
    ) -> Transaction | None:
        """The earliest ended transaction without a start that a start at `after` fits."""
        return await self._find(FIND_ORPHAN_END_SQL, station_id, clean(id_token), after, meter_wh)

    async def reserve_session_ids(self, count: int) -> Sequence[int]:
        """Ids from the sequence; never the same twice."""
        return [row[0] for row in await self._database.fetch(RESERVE_SQL, count)]

    async def open_tokens(self) -> Sequence[tuple[str, int]]:
        """(tag, session id) of all open sessions on a tag."""
        return [(row["id_token"], row["id"]) for row in await self._database.fetch(OPEN_TOKENS_SQL)]

    async def _find(self, sql: str, *args: object) -> Transaction | None:
        row = await self._database.fetchrow(sql, *args)
        return None if row is None else transaction_of(row)


# -- for people --------------------------------------------------------------------------------------------------------

_VIEW = """
SELECT s.*, coalesce(nullif(station.display_name, ''), s.station_identity) AS station_display_name,
       coalesce(id_token.alias, '') AS id_token_alias
"""
_FROM = """
FROM session AS s
LEFT JOIN station ON station.id = s.station_id
LEFT JOIN id_token ON id_token.id_token = s.id_token
"""
_AT = "coalesce(s.started_at, s.logged_at)"
GET_SESSIONS_SQL = f"{_VIEW} {_FROM} WHERE s.id = ANY($1::bigint[])"
METER_VALUES_SQL = """
SELECT digest, measured_at, samples FROM meter_value
WHERE session_id = $1 AND (measured_at, digest) > ($2, $3::bigint)
ORDER BY measured_at, digest LIMIT $4
"""
_BEFORE_ALL = (datetime(1, 1, 1, tzinfo=UTC), -(2**63))


class SessionSelect:
    """A statement over sessions with only the conditions that are asked for, so that each finds its index."""

    def __init__(self, wanted: SessionFilter, after: SessionPosition | None = None) -> None:
        self.args: list[object] = []
        self._conditions = list(self._of(wanted))
        if after is not None:
            self._conditions.append(f"({_AT}, s.id) < ({self._arg(after.at)}, {self._arg(after.id)}::bigint)")

    def page(self, size: int) -> str:
        """One page, newest first."""
        return f"{self.all()} LIMIT {self._arg(size)}"

    def all(self) -> str:
        """All, newest first."""
        return f"{_VIEW} {_FROM} {self._where()} ORDER BY {_AT} DESC, s.id DESC"

    def totals(self) -> str:
        """Count and energy."""
        return f"SELECT count(*), coalesce(sum(s.energy_wh), 0) AS energy_wh {_FROM} {self._where()}"

    def _where(self) -> str:
        return "WHERE " + " AND ".join(self._conditions) if self._conditions else ""

    def _arg(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def _of(self, wanted: SessionFilter) -> Sequence[str]:
        found = []
        if wanted.station_id is not None:
            found.append(f"s.station_id = {self._arg(wanted.station_id)}")
        if wanted.id_token:
            found.append(f"s.id_token = {self._arg(clean(wanted.id_token))}")
        if wanted.state is not None:
            found.append(f"s.state = {self._arg(wanted.state)}")
        if wanted.started_from is not None:
            found.append(f"{_AT} >= {self._arg(wanted.started_from)}")
        if wanted.started_to is not None:
            found.append(f"{_AT} < {self._arg(wanted.started_to)}")
        if wanted.needs_reconciliation:
            found.append("s.needs_reconciliation")
        if wanted.place_ids:
            found.append(f"s.place_id = ANY({self._arg(sorted(wanted.place_ids))}::bigint[])")
        if wanted.scope is not None:
            found.append(
                scope_condition(wanted.scope, self._arg, station="s.station_id", place="s.place_id", user="s.user_id")
            )
        if wanted.query:
            texts = "concat_ws(E'\\n', s.station_identity, station.display_name, station.identity, s.id_token, alias)"
            condition = f"{texts} ILIKE {self._arg(pattern(wanted.query))}"
            number = wanted.query.strip().removeprefix("#")
            if number.isascii() and number.isdigit() and fits_bigint(int(number[:20])):
                condition = f"({condition} OR s.id = {self._arg(int(number))})"
            found.append(condition)
        return found


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
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None
    ) -> Sequence[SessionView]:
        """Newest first, after a place."""
        select = SessionSelect(wanted, after)
        sql = select.page(size)
        return [_view(row) for row in await self._database.fetch(sql, *select.args)]

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """Count and energy of all that match."""
        select = SessionSelect(wanted)
        row = await self._database.fetchrow(select.totals(), *select.args)
        return SessionTotals(0, 0.0) if row is None else SessionTotals(row["count"], round(row["energy_wh"], 3))

    @asynccontextmanager
    async def stream_sessions(
        self, wanted: SessionFilter, *, after: SessionPosition | None, batch: int
    ) -> AsyncIterator[AsyncIterator[Sequence[SessionView]]]:
        """All that match in batches, newest first, from one snapshot, in flat memory."""
        select = SessionSelect(wanted, after)
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


def _view(row: asyncpg.Record) -> SessionView:
    return SessionView(
        transaction_of(row),
        row["station_id"],
        row["station_display_name"],
        row["id_token_alias"],
        row["place_id"],
        row["user_id"],
    )
