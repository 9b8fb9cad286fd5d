"""Orders for firmware and logs."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from control.convert.common import moment
from control.convert.names import read_name
from control.v1 import maintenance_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.maintenance import LogType
from csms.services.maintenance import FirmwareOrder, LogOrder, Retrying
from csms.services.transfers import FileProtocol

_LOG_TYPES: Final = {
    int(maintenance_pb2.LOG_TYPE_UNSPECIFIED): LogType.DIAGNOSTICS,
    int(maintenance_pb2.LOG_TYPE_DIAGNOSTICS): LogType.DIAGNOSTICS,
    int(maintenance_pb2.LOG_TYPE_SECURITY): LogType.SECURITY,
    int(maintenance_pb2.LOG_TYPE_DATA_COLLECTOR): LogType.DATA_COLLECTOR,
}

_PROTOCOLS: Final = {
    int(maintenance_pb2.FILE_PROTOCOL_HTTP): FileProtocol.HTTP,
    int(maintenance_pb2.FILE_PROTOCOL_HTTPS): FileProtocol.HTTPS,
    int(maintenance_pb2.FILE_PROTOCOL_FTP): FileProtocol.FTP,
    int(maintenance_pb2.FILE_PROTOCOL_FTPS): FileProtocol.FTPS,
}

Retried: TypeAlias = (
    maintenance_pb2.UpdateFirmwareRequest | maintenance_pb2.PublishFirmwareRequest | maintenance_pb2.GetLogRequest
)


def retrying(message: Retried) -> Retrying:
    """Raises InvalidArgument for an interval that is not in whole seconds."""
    interval = None
    if message.HasField("retry_interval"):
        if message.retry_interval.nanos:
            raise InvalidArgument("Give the retry interval in whole seconds.", reason="INVALID_RETRY_INTERVAL")
        interval = message.retry_interval.seconds
    return Retrying(message.retries if message.HasField("retries") else None, interval)


def firmware_order(message: maintenance_pb2.UpdateFirmwareRequest) -> FirmwareOrder:
    """Raises InvalidArgument."""
    return FirmwareOrder(
        message.location.strip(),
        _moment(message.HasField("retrieve_time"), message.retrieve_time),
        _moment(message.HasField("install_time"), message.install_time),
        message.signing_certificate,
        message.signature,
        retrying(message),
        read_name(message.firmware_image, "firmwareImages") if message.firmware_image else None,
        protocol(message.protocol),
    )


def log_order(message: maintenance_pb2.GetLogRequest) -> LogOrder:
    """Raises InvalidArgument."""
    if message.log_type not in _LOG_TYPES:
        raise InvalidArgument(f"There is no log with the number {message.log_type}.", reason="INVALID_LOG_TYPE")
    return LogOrder(
        _LOG_TYPES[message.log_type],
        message.location.strip(),
        _moment(message.HasField("oldest_time"), message.oldest_time),
        _moment(message.HasField("latest_time"), message.latest_time),
        retrying(message),
        protocol(message.protocol),
    )


def protocol(value: int) -> FileProtocol | None:
    """None: the server chooses. Raises InvalidArgument."""
    if value == int(maintenance_pb2.FILE_PROTOCOL_UNSPECIFIED):
        return None
    if value not in _PROTOCOLS:
        raise InvalidArgument(f"There is no protocol with the number {value}.", reason="INVALID_PROTOCOL")
    return _PROTOCOLS[value]


def _moment(given: bool, message: Timestamp) -> datetime | None:
    return moment(message) if given else None
