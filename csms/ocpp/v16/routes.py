"""OCPP 1.6J: the table of contents. Action → schema, decoder, replier; command → action, encoder, reader.

    profile          from the station                              to the station
    ---------------  --------------------------------------------  -----------------------------------------------
    Core             Authorize, BootNotification, DataTransfer,    ChangeAvailability, ChangeConfiguration,
                     Heartbeat, MeterValues, StartTransaction,     ClearCache, DataTransfer, GetConfiguration,
                     StatusNotification, StopTransaction           RemoteStartTransaction, RemoteStopTransaction,
                                                                   Reset, UnlockConnector
    Remote Trigger                                                 TriggerMessage
    Firmware         DiagnosticsStatusNotification,                GetDiagnostics, UpdateFirmware
    Management       FirmwareStatusNotification
    Security         LogStatusNotification,                        GetLog, SignedUpdateFirmware
                     SignedFirmwareStatusNotification

An action that 1.6 knows and this table lacks is answered with NotSupported; one that 1.6 does not know, with
NotImplemented (OCPP-J 1.6 §4.2.3, table 7).
"""

from __future__ import annotations

from typing import Final

from csms.domain import commands
from csms.ocpp import faults
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, RoutedDialect
from csms.ocpp.v16 import (
    core,
    firmware,
    local_list,
    logs,
    reservation,
    security,
    signed_firmware,
    smart_charging,
    trigger,
)

_CORE_INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("Authorize", core.authorize, core.reply_authorize),
    Incoming("BootNotification", core.boot_notification, core.reply_boot_notification),
    Incoming("DataTransfer", core.data_transfer, core.reply_data_transfer),
    Incoming("Heartbeat", core.heartbeat, core.reply_heartbeat),
    Incoming("MeterValues", core.meter_values),
    Incoming("StartTransaction", core.start_transaction, core.reply_start_transaction),
    Incoming("StatusNotification", core.status_notification),
    Incoming("StopTransaction", core.stop_transaction, core.reply_stop_transaction),
)

_CORE_OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("ChangeAvailability", commands.ChangeAvailability, core.change_availability, core.read_status),
    Outgoing("ChangeConfiguration", commands.SetVariables, core.change_configuration, core.read_status),
    Outgoing("ClearCache", commands.ClearCache, core.clear_cache, core.read_status),
    Outgoing("DataTransfer", commands.DataTransfer, core.send_data_transfer, core.read_data_transfer),
    Outgoing("GetConfiguration", commands.GetVariables, core.get_configuration, core.read_configuration),
    Outgoing(
        "RemoteStartTransaction",
        commands.RequestStartTransaction,
        core.remote_start_transaction,
        core.read_status,
    ),
    Outgoing(
        "RemoteStopTransaction",
        commands.RequestStopTransaction,
        core.remote_stop_transaction,
        core.read_status,
    ),
    Outgoing("Reset", commands.Reset, core.reset, core.read_status),
    Outgoing("TriggerMessage", commands.TriggerMessage, trigger.trigger_message, core.read_status),
    Outgoing("UnlockConnector", commands.UnlockConnector, core.unlock_connector, core.read_status),
)

INCOMING: Final[tuple[IncomingRow, ...]] = (
    *_CORE_INCOMING,
    *firmware.INCOMING,
    *logs.INCOMING,
    *signed_firmware.INCOMING,
    *security.INCOMING,
)

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    *_CORE_OUTGOING,
    *firmware.OUTGOING,
    *logs.OUTGOING,
    *signed_firmware.OUTGOING,
    *local_list.OUTGOING,
    *reservation.OUTGOING,
    *smart_charging.OUTGOING,
    *security.OUTGOING,
)


class Dialect16(RoutedDialect):
    """OCPP 1.6J."""

    def __init__(self) -> None:
        super().__init__(faults.V16, INCOMING, OUTGOING)
