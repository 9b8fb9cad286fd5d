"""OCPP 1.6, diagnostics (Firmware Management profile §4.4, §5.9) and logs (security extension, use cases A06 …)."""

from __future__ import annotations

from typing import Final, Protocol

from csms.domain.commands import Answer
from csms.domain.maintenance import GetLog, LogNamed, LogProgressed, LogType, order_told
from csms.ocpp import faults
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v16.firmware import retrying, wire_time
from csms.ocpp.v16.payloads import Given, given


class DiagnosticsStatusNotificationRequest(Protocol):
    """§6.17."""

    status: str


class GetDiagnosticsResponse(Protocol):
    """§6.28."""

    fileName: Given[str]  # noqa: N815


class LogStatusNotificationRequest(Protocol):
    """Security extension."""

    status: str
    requestId: Given[int]  # noqa: N815


class GetLogResponse(Protocol):
    """Security extension."""

    status: str
    filename: Given[str]


def diagnostics_status_notification(payload: DiagnosticsStatusNotificationRequest) -> LogProgressed:
    """§4.4. It names no order: the newest unfinished one is meant."""
    return LogProgressed("UploadFailure" if payload.status == "UploadFailed" else payload.status)


def log_status_notification(payload: LogStatusNotificationRequest) -> LogProgressed:
    """The security extension's, with the order's number."""
    return LogProgressed(payload.status, order_told(given(payload.requestId)))


def _asks_for_diagnostics(command: GetLog) -> bool:
    return command.log_type is LogType.DIAGNOSTICS and not command.security_extension


def _asks_by_extension(command: GetLog) -> bool:
    return command.log_type is not LogType.DATA_COLLECTOR and not _asks_for_diagnostics(command)


def get_diagnostics(command: GetLog) -> Printable:
    """§5.9."""
    payload: Payload = {"location": command.location}
    if command.oldest is not None:
        payload["startTime"] = wire_time(command.oldest)
    if command.latest is not None:
        payload["stopTime"] = wire_time(command.latest)
    payload.update(retrying(command.retries, command.retry_interval_s))
    return fitted(faults.V16, "GetDiagnostics", payload)


def get_log(command: GetLog) -> Printable:
    """Security extension."""
    log: Payload = {"remoteLocation": command.location}
    if command.oldest is not None:
        log["oldestTimestamp"] = wire_time(command.oldest)
    if command.latest is not None:
        log["latestTimestamp"] = wire_time(command.latest)
    payload: Payload = {"logType": command.log_type.value, "requestId": command.request_id, "log": log}
    payload.update(retrying(command.retries, command.retry_interval_s))
    return fitted(faults.V16, "GetLog", payload)


def read_diagnostics(payload: GetDiagnosticsResponse) -> Answer:
    """§5.9: without a file name there is nothing to upload. The message has no status of its own."""
    name = given(payload.fileName)
    if not name:
        return Answer("Rejected", accepted=False, additional_info="The station has no diagnostics to upload.")
    return Answer("Accepted", accepted=True, result=LogNamed(name))


def read_log(payload: GetLogResponse) -> Answer:
    """Security extension. AcceptedCanceled: taken, and an upload under way was given up for it."""
    name = given(payload.filename)
    accepted = payload.status in ("Accepted", "AcceptedCanceled")
    return Answer(payload.status, accepted, result=LogNamed(name) if name else None)


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("DiagnosticsStatusNotification", diagnostics_status_notification),
    Incoming("LogStatusNotification", log_status_notification),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("GetDiagnostics", GetLog, get_diagnostics, read_diagnostics, when=_asks_for_diagnostics),
    Outgoing("GetLog", GetLog, get_log, read_log, when=_asks_by_extension),
)
