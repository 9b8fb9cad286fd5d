"""Sessions as actors look them up; what people read is in csms.storage.session_lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.facts import AuthorizationStatus, ChargingState, TransactionExtras
from csms.domain.ids import SessionId, StationId
from csms.domain.metering import MeterValue, Register, SampledValue
from csms.domain.transaction import Authentication, Flag, Numbering, SessionState, StartKey, Transaction
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresTransactions", "meter_value_of", "open_transactions", "transaction_of"]

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
# The row of a running session is written now and then only; its meter values always.
NEWER_VALUES_SQL = """
SELECT value.session_id, value.measured_at, value.received_at, value.samples
FROM session JOIN meter_value AS value ON value.session_id = session.id
WHERE session.id = ANY($1::bigint[]) AND value.received_at > session.progress_at
ORDER BY value.received_at, value.measured_at
"""

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


async def open_transactions(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> dict[int, Transaction]:
    """Open transactions of rows of `session`, by id, with the meter values that came after the rows. In asyncio."""
    transactions = {row["id"]: transaction_of(row) for row in rows}
    if transactions:
        for row in await connection.fetch(NEWER_VALUES_SQL, list(transactions)):
            transactions[row["session_id"]].fold_in(meter_value_of(row), row["received_at"])
    return transactions


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
