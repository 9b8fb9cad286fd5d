"""Records and transactions for tests of storage, with as little to say as possible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from csms.domain.facts import ConnectorStatus
from csms.domain.ids import SessionId, StationId
from csms.domain.memory import meter_record
from csms.domain.metering import ENERGY_REGISTER, POWER, MeterValue, SampledValue
from csms.domain.records import MeterRecord, SessionRecord, StatusRecord
from csms.domain.transaction import Transaction, reading_of

T0 = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """T0 and so many seconds."""
    return T0 + timedelta(seconds=seconds)


def a_transaction(
    session_id: int,
    station_id: int,
    *,
    identity: str = "CP-1",
    evse_id: int = 1,
    started_at: datetime | None = T0,
    id_token: str = "TAG",
    meter_start_wh: float | None = 1000.0,
    received_at: datetime | None = None,
) -> Transaction:
    """A running session, started live unless `received_at` says otherwise; `started_at` None: start never seen."""
    received_at = received_at or started_at or T0
    transaction = Transaction(
        id=SessionId(session_id),
        station_id=StationId(station_id),
        station_identity=identity,
        logged_at=received_at,
        progress_at=received_at,
        evse_id=evse_id,
        transaction_id=str(session_id),
        id_token=id_token,
    )
    if started_at is not None:
        transaction.start(started_at, meter_start_wh, received_at)
    return transaction


def a_meter_value(at: datetime, energy_wh: float, power_w: float = 11_000.0) -> MeterValue:
    """Energy and power."""
    return MeterValue(at, (SampledValue(ENERGY_REGISTER, energy_wh, "Wh"), SampledValue(POWER, power_w, "W")))


def a_meter_record(
    station_id: int, at: datetime, energy_wh: float, *, session_id: int | None = None, evse_id: int = 1
) -> MeterRecord:
    """Received when measured."""
    value = a_meter_value(at, energy_wh)
    return meter_record(station_id, evse_id, session_id, value, at, reading_of(value))


def a_session_record(transaction: Transaction) -> SessionRecord:
    """Its snapshot."""
    return SessionRecord(transaction.snapshot())


def a_status_record(
    station_id: int,
    status: ConnectorStatus,
    received_at: datetime = T0,
    *,
    evse_id: int = 1,
    info: str = "",
    error_code: str = "NoError",
) -> StatusRecord:
    """A status of connector 1 of an EVSE."""
    return StatusRecord(station_id, evse_id, 1, status, error_code, info, "", "", received_at, received_at)
