"""OCPP 1.5: the table of contents. Action → shape, decoder, replier; command → action, encoder, reader.

from the station (§4)                        to the station (§5)
-------------------------------------------  -------------------------------------------------------------------
Authorize, BootNotification, DataTransfer,   CancelReservation, ChangeAvailability, ChangeConfiguration, ClearCache,
DiagnosticsStatusNotification,               DataTransfer, GetConfiguration, GetDiagnostics, GetLocalListVersion,
FirmwareStatusNotification, Heartbeat,       RemoteStartTransaction, RemoteStopTransaction, ReserveNow, Reset,
MeterValues, StartTransaction,               SendLocalList, UnlockConnector, UpdateFirmware
StatusNotification, StopTransaction
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from csms.domain import commands, errors, local_list, maintenance, reservation
from csms.domain.commands import Answer, Command
from csms.domain.facts import Fact, Reply
from csms.ocpp.faults import ErrorCode, Fault, shorten
from csms.ocpp.v15 import central_system as cs
from csms.ocpp.v15 import charge_point as cp
from csms.ocpp.v15 import orders, payloads
from csms.ocpp.v15.payloads import Payload, Shape, read

S = TypeVar("S", bound=Shape)
C = TypeVar("C", bound=Command)

PROTOCOL: Final = "ocpp1.5"
"""What the station's page shows; there is no subprotocol over SOAP."""


class Incoming(Generic[S]):
    """One operation of the central system."""

    __slots__ = ("_decode", "action", "reply", "shape")

    def __init__(
        self,
        action: str,
        shape: type[S],
        decode: Callable[[S], Fact],
        reply: Callable[[Reply], Payload] = cs.acknowledge,
    ) -> None:
        self.action = action
        self.shape = shape
        self._decode = decode
        self.reply = reply

    def decode(self, payload: Payload) -> Fact:
        """What the request means. Raises Fault."""
        return self._decode(read(payload, self.shape))


class Outgoing(Generic[C, S]):
    """One operation of the charge point, and the command that it carries out."""

    __slots__ = ("_encode", "_read", "action", "command", "shape", "when")

    def __init__(
        self,
        action: str,
        command: type[C],
        encode: Callable[[C], Payload],
        shape: type[S],
        read_answer: Callable[[S], Answer],
        *,
        when: Callable[[C], bool] | None = None,
    ) -> None:
        self.action = action
        self.command = command
        self.shape = shape
        self.when = when
        self._encode = encode
        self._read = read_answer

    def encode(self, command: Command) -> Payload:
        """The elements of the request. Raises InvalidArgument, NotSupported."""
        return self._encode(cast("C", command))

    def outcome(self, payload: Payload) -> Answer:
        """What the answer says. Raises Fault."""
        return self._read(read(payload, self.shape))


INCOMING: Final[tuple[Incoming[Any], ...]] = (
    Incoming("Authorize", payloads.Authorize, cs.authorize, cs.reply_authorize),
    Incoming("BootNotification", payloads.BootNotification, cs.boot_notification, cs.reply_boot_notification),
    Incoming("DataTransfer", payloads.DataTransfer, cs.data_transfer, cs.reply_data_transfer),
    Incoming("DiagnosticsStatusNotification", payloads.StatusOnly, orders.diagnostics_status),
    Incoming("FirmwareStatusNotification", payloads.StatusOnly, orders.firmware_status),
    Incoming("Heartbeat", payloads.Empty, cs.heartbeat, cs.reply_heartbeat),
    Incoming("MeterValues", payloads.MeterValues, cs.meter_values),
    Incoming("StartTransaction", payloads.StartTransaction, cs.start_transaction, cs.reply_start_transaction),
    Incoming("StatusNotification", payloads.StatusNotification, cs.status_notification),
    Incoming("StopTransaction", payloads.StopTransaction, cs.stop_transaction, cs.reply_stop_transaction),
)

OUTGOING: Final[tuple[Outgoing[Any, Any], ...]] = (
    Outgoing(
        "CancelReservation",
        reservation.CancelReservation,
        orders.cancel_reservation,
        payloads.StatusOnly,
        cp.read_status,
    ),
    Outgoing(
        "ChangeAvailability", commands.ChangeAvailability, cp.change_availability, payloads.StatusOnly, cp.read_status
    ),
    Outgoing(
        "ChangeConfiguration", commands.SetVariables, cp.change_configuration, payloads.StatusOnly, cp.read_status
    ),
    Outgoing("ClearCache", commands.ClearCache, cp.clear_cache, payloads.StatusOnly, cp.read_status),
    Outgoing(
        "DataTransfer", commands.DataTransfer, cp.data_transfer, payloads.DataTransferAnswer, cp.read_data_transfer
    ),
    Outgoing(
        "GetConfiguration",
        commands.GetVariables,
        cp.get_configuration,
        payloads.ConfigurationAnswer,
        cp.read_configuration,
    ),
    Outgoing(
        "GetDiagnostics",
        maintenance.GetLog,
        orders.get_diagnostics,
        payloads.DiagnosticsAnswer,
        orders.read_diagnostics,
    ),
    Outgoing(
        "GetLocalListVersion",
        local_list.GetLocalListVersion,
        orders.get_local_list_version,
        payloads.ListVersionAnswer,
        orders.read_version,
    ),
    Outgoing(
        "RemoteStartTransaction",
        commands.RequestStartTransaction,
        cp.remote_start_transaction,
        payloads.StatusOnly,
        cp.read_status,
    ),
    Outgoing(
        "RemoteStopTransaction",
        commands.RequestStopTransaction,
        cp.remote_stop_transaction,
        payloads.StatusOnly,
        cp.read_status,
    ),
    Outgoing("ReserveNow", reservation.ReserveNow, orders.reserve_now, payloads.StatusOnly, cp.read_status),
    Outgoing("Reset", commands.Reset, cp.reset, payloads.StatusOnly, cp.read_status),
    Outgoing(
        "SendLocalList",
        local_list.SendLocalList,
        orders.send_local_list,
        payloads.SendLocalListAnswer,
        orders.read_local_list,
    ),
    Outgoing("UnlockConnector", commands.UnlockConnector, cp.unlock_connector, payloads.StatusOnly, cp.read_status),
    Outgoing("UpdateFirmware", maintenance.UpdateFirmware, orders.update_firmware, payloads.Empty, orders.read_taken),
)


class Dialect15:
    """OCPP 1.5: payloads of SOAP messages ↔ facts and commands. Stateless."""

    def __init__(self) -> None:
        self.incoming: Final = {row.action: row for row in INCOMING}
        self.outgoing: Final[dict[type[Command], list[Outgoing[Any, Any]]]] = {}
        for row in OUTGOING:
            self.outgoing.setdefault(row.command, []).append(row)

    def decode(self, action: str, payload: Payload) -> Fact:
        """What a request of a station means. Raises Fault."""
        row = self.incoming.get(action)
        if row is None:
            raise Fault(ErrorCode.NOT_SUPPORTED, f"{shorten(action, 60)} is not supported here.")
        return row.decode(payload)

    def reply(self, action: str, reply: Reply) -> Payload:
        """The elements of the response. Raises LocalProtocolError when `reply` does not answer that action."""
        return self.incoming[action].reply(reply)

    def encode(self, command: Command) -> tuple[str, Payload]:
        """(action, elements of the request). Raises NotSupported, InvalidArgument."""
        row = self._row(command)
        return row.action, row.encode(command)

    def outcome(self, command: Command, payload: Payload) -> Answer:
        """What the station's response says. Raises Fault when it is not valid."""
        return self._row(command).outcome(payload)

    def _row(self, command: Command) -> Outgoing[Any, Any]:
        for row in self.outgoing.get(type(command), ()):
            if row.when is None or row.when(command):
                return row
        raise errors.NotSupported(
            f"A station that speaks OCPP 1.5 knows no {type(command).__name__}.", version=PROTOCOL
        )
