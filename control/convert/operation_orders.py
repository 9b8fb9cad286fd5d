"""What operations have stations do."""

from __future__ import annotations

import re
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from control.convert.common import duration, moment, timestamp
from control.convert.names import print_name, read_name
from control.convert.remote import operational_status, reset_type, set_variable
from control.v1 import maintenance_pb2, operations_pb2, remote_pb2
from csms.domain.commands import OperationalStatus, ResetType
from csms.domain.errors import InvalidArgument
from csms.domain.maintenance import LogType
from csms.domain.orders import (
    AdmissionOrder,
    AvailabilityOrder,
    ClearCacheOrder,
    DataTransferOrder,
    FirmwareRolloutOrder,
    LocalListOrder,
    LogOrder,
    Order,
    ResetOrder,
    TriggerOrder,
    UnlockOrder,
    VariablesOrder,
)

_PASSWORD: Final = re.compile(r"(://[^/@:]*):[^/@]*@")
_RESETS: Final = {
    ResetType.IMMEDIATE: remote_pb2.RESET_TYPE_IMMEDIATE,
    ResetType.ON_IDLE: remote_pb2.RESET_TYPE_ON_IDLE,
    ResetType.IMMEDIATE_AND_RESUME: remote_pb2.RESET_TYPE_IMMEDIATE_AND_RESUME,
}
_STATUSES: Final = {
    OperationalStatus.OPERATIVE: remote_pb2.OPERATIONAL_STATUS_OPERATIVE,
    OperationalStatus.INOPERATIVE: remote_pb2.OPERATIONAL_STATUS_INOPERATIVE,
}
_LOGS: Final = {
    LogType.DIAGNOSTICS: maintenance_pb2.LOG_TYPE_DIAGNOSTICS,
    LogType.SECURITY: maintenance_pb2.LOG_TYPE_SECURITY,
    LogType.DATA_COLLECTOR: maintenance_pb2.LOG_TYPE_DATA_COLLECTOR,
}
_READ_LOGS: Final = {int(number): kind for kind, number in _LOGS.items()} | {0: LogType.DIAGNOSTICS}


def read_order(message: operations_pb2.OperationOrder) -> Order:
    """Raises InvalidArgument when none is given, or one that makes no sense."""
    which = message.WhichOneof("order")
    if which == "reset":
        return ResetOrder(reset_type(message.reset.type), message.reset.evse_id)
    if which == "change_availability":
        wanted = message.change_availability
        return AvailabilityOrder(operational_status(wanted.operational_status), wanted.evse_id, wanted.connector_id)
    if which == "unlock_connector":
        return UnlockOrder(message.unlock_connector.evse_id or 1, message.unlock_connector.connector_id or 1)
    if which == "clear_cache":
        return ClearCacheOrder()
    if which == "trigger_message":
        return TriggerOrder(message.trigger_message.requested_message, message.trigger_message.evse_id)
    if which == "sync_local_list":
        return LocalListOrder(message.sync_local_list.full)
    if which == "set_variables":
        return VariablesOrder(tuple(set_variable(variable) for variable in message.set_variables.variables))
    if which == "data_transfer":
        sent = message.data_transfer
        return DataTransferOrder(sent.vendor_id, sent.message_id, sent.data)
    if which == "admission":
        return AdmissionOrder(message.admission.admit)
    if which == "get_log":
        return _read_log(message.get_log)
    if which == "update_firmware":
        return _read_firmware(message.update_firmware)
    raise InvalidArgument("Say what the stations are to do: the order is missing.", reason="ORDER_MISSING")


def _read_log(message: operations_pb2.GetLogOrder) -> LogOrder:
    if message.log_type not in _READ_LOGS:
        raise InvalidArgument(f"There is no log with the number {message.log_type}.", reason="INVALID_LOG_TYPE")
    return LogOrder(
        _READ_LOGS[message.log_type],
        message.location.strip(),
        moment(message.oldest_time) if message.HasField("oldest_time") else None,
        moment(message.latest_time) if message.HasField("latest_time") else None,
    )


def _read_firmware(message: operations_pb2.UpdateFirmwareOrder) -> FirmwareRolloutOrder:
    interval = None
    if message.HasField("retry_interval"):
        if message.retry_interval.nanos:
            raise InvalidArgument("Give the retry interval in whole seconds.", reason="INVALID_RETRY_INTERVAL")
        interval = message.retry_interval.seconds
    return FirmwareRolloutOrder(
        read_name(message.image, "firmwareImages") if message.image else 0,
        message.location.strip(),
        message.version.strip(),
        message.window_start_minute,
        message.window_end_minute,
        message.signing_certificate,
        message.signature,
        message.retries if message.HasField("retries") else None,
        interval,
    )


def order(known: Order) -> operations_pb2.OperationOrder:
    """As people may see it."""
    made = operations_pb2.OperationOrder()
    match known:
        case ResetOrder():
            made.reset.type, made.reset.evse_id = _RESETS[known.type], known.evse_id
        case AvailabilityOrder():
            told = made.change_availability
            told.operational_status, told.evse_id = _STATUSES[known.status], known.evse_id
            told.connector_id = known.connector_id
        case UnlockOrder():
            made.unlock_connector.evse_id, made.unlock_connector.connector_id = known.evse_id, known.connector_id
        case ClearCacheOrder():
            made.clear_cache.SetInParent()
        case TriggerOrder():
            made.trigger_message.requested_message = known.requested_message
            made.trigger_message.evse_id = known.evse_id
        case LocalListOrder():
            made.sync_local_list.SetInParent()
            made.sync_local_list.full = known.full
        case VariablesOrder():
            variables = [remote_pb2.Variable(name=each.name, value=each.value) for each in known.variables]
            made.set_variables.variables.extend(variables)
        case DataTransferOrder():
            made.data_transfer.vendor_id, made.data_transfer.message_id = known.vendor_id, known.message_id
            made.data_transfer.data = known.data
        case AdmissionOrder():
            made.admission.SetInParent()
            made.admission.admit = known.admit
        case LogOrder():
            made.get_log.log_type, made.get_log.location = _LOGS[known.log_type], _shown(known.location)
            _set(made.get_log.oldest_time, timestamp(known.oldest))
            _set(made.get_log.latest_time, timestamp(known.latest))
        case FirmwareRolloutOrder():
            made.update_firmware.CopyFrom(_firmware(known))
    return made


def _firmware(known: FirmwareRolloutOrder) -> operations_pb2.UpdateFirmwareOrder:
    return operations_pb2.UpdateFirmwareOrder(
        image=print_name("firmwareImages", known.image_id) if known.image_id else "",
        location=_shown(known.location),
        version=known.version,
        window_start_minute=known.window_start,
        window_end_minute=known.window_end,
        signing_certificate=known.signing_certificate,
        signature=known.signature,
        retries=known.retries,
        retry_interval=duration(known.retry_interval_s),
    )


def _set(field: Timestamp, value: Timestamp | None) -> None:
    if value is not None:
        field.CopyFrom(value)


def _shown(location: str) -> str:
    return _PASSWORD.sub(r"\1:***@", location)
