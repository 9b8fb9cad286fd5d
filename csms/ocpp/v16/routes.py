"""OCPP 1.6J: the table of contents. Action → schema, decoder, replier; command → action, encoder, reader.

    profile          from the station                              to the station
    ---------------  --------------------------------------------  -----------------------------------------------
    Core             Authorize, BootNotification, DataTransfer,    ChangeAvailability, ChangeConfiguration,
                     Heartbeat, MeterValues, StartTransaction,     ClearCache, DataTransfer, GetConfiguration,
                     StatusNotification, StopTransaction           RemoteStartTransaction, RemoteStopTransaction,
                                                                   Reset, UnlockConnector
    Remote Trigger                                                 TriggerMessage

An action that 1.6 knows and this table lacks is answered with NotSupported; one that 1.6 does not know, with
NotImplemented (OCPP-J 1.6 §4.2.3, table 7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

import msgspec

from csms.domain import commands, errors
from csms.domain.commands import Answer, Command
from csms.domain.facts import Fact, Reply
from csms.ocpp import faults
from csms.ocpp.faults import Edition, ErrorCode, Fault
from csms.ocpp.frame import Call
from csms.ocpp.schemas import Direction, Message, Schemas, schemas_of
from csms.ocpp.v16 import core, trigger
from csms.ocpp.v16.core import Payload

P = TypeVar("P")
C = TypeVar("C")


class Incoming(Generic[P]):
    """One action that stations send. `P` is the payload's shape; its schema vouches for it."""

    __slots__ = ("_decode", "_reply", "_schemas", "action")

    def __init__(
        self, action: str, decode: Callable[[P], Fact], reply: Callable[[Reply], Payload] = core.acknowledge
    ) -> None:
        self.action = action
        self._decode = decode
        self._reply = reply

    def decode(self, message: Message, payload: msgspec.Raw) -> Fact:
        return self._decode(cast("P", message.decode(payload)))

    def reply(self, message: Message, reply: Reply) -> bytes:
        return message.encode(self._reply(reply))


class Outgoing(Generic[C, P]):
    """One command and the action that carries it. `P` is the answer's shape."""

    __slots__ = ("_encode", "_read", "action", "command")

    def __init__(
        self,
        action: str,
        command: type[C],
        encode: Callable[[C], Payload],
        read: Callable[[P], Answer],
    ) -> None:
        self.action = action
        self.command = command
        self._encode = encode
        self._read = read

    def encode(self, message: Message, command: object) -> bytes:
        return message.encode(self._encode(cast("C", command)))

    def outcome(self, message: Message, payload: bytes | msgspec.Raw) -> Answer:
        return self._read(cast("P", message.decode(payload)))


_INCOMING: Final = (
    Incoming("Authorize", core.authorize, core.reply_authorize),
    Incoming("BootNotification", core.boot_notification, core.reply_boot_notification),
    Incoming("DataTransfer", core.data_transfer, core.reply_data_transfer),
    Incoming("Heartbeat", core.heartbeat, core.reply_heartbeat),
    Incoming("MeterValues", core.meter_values),
    Incoming("StartTransaction", core.start_transaction, core.reply_start_transaction),
    Incoming("StatusNotification", core.status_notification),
    Incoming("StopTransaction", core.stop_transaction, core.reply_stop_transaction),
)

_OUTGOING: Final = (
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


class Dialect16:
    """OCPP 1.6J as a `csms.ocpp.dialect.Dialect`. Stateless but for the compiled schemas, which it makes lazily."""

    edition: Final[Edition] = faults.V16
    subprotocol: Final = faults.V16.subprotocol

    def __init__(self) -> None:
        self._schemas: Schemas = schemas_of(self.edition)
        self._incoming = {route.action: route for route in _INCOMING}
        self._outgoing = {route.command: route for route in _OUTGOING}

    def decode(self, call: Call) -> Fact:
        """See `Dialect.decode`."""
        route = self._incoming.get(call.action)
        if route is None:
            raise self._unknown(call.action)
        return route.decode(self._schemas.message(call.action, Direction.REQUEST), call.payload)

    def reply(self, call: Call, reply: Reply) -> bytes:
        """See `Dialect.reply`."""
        route = self._incoming[call.action]
        return route.reply(self._schemas.message(call.action, Direction.RESPONSE), reply)

    def encode(self, command: Command) -> tuple[str, bytes]:
        """See `Dialect.encode`."""
        route = self._route_of(command)
        return route.action, route.encode(self._schemas.message(route.action, Direction.REQUEST), command)

    def outcome(self, command: Command, payload: bytes | msgspec.Raw) -> Answer:
        """See `Dialect.outcome`."""
        route = self._route_of(command)
        return route.outcome(self._schemas.message(route.action, Direction.RESPONSE), payload)

    def _route_of(self, command: Command) -> Outgoing[Command, object]:
        route = self._outgoing.get(type(command))
        if route is None:
            raise errors.NotSupported(f"An OCPP 1.6 station knows no {type(command).__name__}.")
        return cast("Outgoing[Command, object]", route)

    def _unknown(self, action: str) -> Fault:
        name = faults.shorten(action, 60)
        if action in self._schemas.actions:
            return Fault(ErrorCode.NOT_SUPPORTED, f"{name} is not supported here.")
        return Fault(ErrorCode.NOT_IMPLEMENTED, f"OCPP 1.6 knows no action {name!r}.")
