"""OCPP 2.x, block N, logs (N01, N02). The rows serve 2.0.1 and 2.1. The rest of the block is in `n_diagnostics`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain.commands import Answer
from csms.domain.errors import NotSupported
from csms.domain.maintenance import GetLog, LogNamed, LogProgressed, LogType, order_told
from csms.domain.values import Value
from csms.ocpp import faults
from csms.ocpp.faults import Edition
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusInfo
from csms.ocpp.v201.l_firmware import reasons, whole_second


class LogStatus(Value, frozen=True):
    """LogStatusNotificationRequest. 2.1 has `statusInfo`."""

    status: str
    request_id: int | None = None
    status_info: StatusInfo | None = None


class LogParameters(Value, frozen=True):
    """LogParametersType."""

    remote_location: str
    oldest_timestamp: datetime | None = None
    latest_timestamp: datetime | None = None


class GetLogRequest(Value, frozen=True):
    """N01."""

    log_type: LogType
    request_id: int
    log: LogParameters
    retries: int | None = None
    retry_interval: int | None = None


class GetLogAnswer(Value, frozen=True):
    """GetLogResponse."""

    status: str
    filename: str = ""
    status_info: StatusInfo | None = None


def log_status(told: LogStatus) -> LogProgressed:
    """N01, N02."""
    return LogProgressed(told.status, order_told(told.request_id), *reasons(told.status_info))


def get_log(command: GetLog) -> GetLogRequest:
    """N01."""
    parameters = LogParameters(
        command.location,
        None if command.oldest is None else whole_second(command.oldest),
        None if command.latest is None else whole_second(command.latest),
    )
    return GetLogRequest(command.log_type, command.request_id, parameters, command.retries, command.retry_interval_s)


def read_log(told: GetLogAnswer) -> Answer:
    """AcceptedCanceled: taken, and an upload under way was given up for it."""
    reason_code, additional_info = reasons(told.status_info)
    return Answer(
        told.status,
        told.status in ("Accepted", "AcceptedCanceled"),
        reason_code=reason_code,
        additional_info=additional_info,
        result=LogNamed(told.filename) if told.filename else None,
    )


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The versions differ in the kinds of logs, and in how long a location may be."""

    def encode(command: GetLog) -> Printable:
        if command.log_type is LogType.DATA_COLLECTOR and edition is faults.V201:
            raise NotSupported("OCPP 2.0.1 knows no log of the data collector; 2.1 does.")
        return fitted(edition, "GetLog", get_log(command))

    return (Outgoing("GetLog", GetLog, encode, read_log, shape=GetLogAnswer),)


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("LogStatusNotification", log_status, shape=LogStatus),)
OUTGOING: Final = outgoing(faults.V201)
