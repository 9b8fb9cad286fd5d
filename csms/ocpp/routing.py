"""What every table of contents is made of: a row per action, and the dialect that looks things up in it.

A row of 1.6 works on the schema's own Struct (attributes as the schema spells them, UNSET for what was left out). A row
of 2.x may name a `shape` instead: a type whose JSON is OCPP's (`csms.domain.values.Value`), into which the payload is
converted once its schema has vouched for it. What a row makes for the wire may be a mapping or such a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from csms.domain import errors
from csms.domain.commands import Answer, Command
from csms.domain.facts import ACK, Ack, Fact, Reply
from csms.ocpp import faults
from csms.ocpp.faults import Edition, ErrorCode, Fault, LocalProtocolError
from csms.ocpp.frame import Call, Send
from csms.ocpp.schemas import Direction, Message, Schemas, schemas_of

P = TypeVar("P")
C = TypeVar("C")

Payload = dict[str, object]
Printable = Payload | msgspec.Struct
"""What can be printed as a payload."""


def acknowledge(reply: Reply) -> Payload:
    """The empty answer. Raises LocalProtocolError if there was more to say."""
    if isinstance(reply, Ack):
        return {}
    raise LocalProtocolError(f"{reply!r} does not answer this action.")


def _read(message: Message, payload: bytes | msgspec.Raw, shape: type[Any] | None) -> object:
    value = message.decode(payload)
    if shape is None:
        return value
    # Through the schema's own Struct, because it has read what stations write tolerantly (dates without seconds, …).
    return msgspec.convert(msgspec.to_builtins(value, builtin_types=(datetime,)), shape)


class Incoming(Generic[P]):
    """One action that stations send. `P` is what `decode` takes: `shape`, or the schema's Struct."""

    __slots__ = ("_acknowledgement", "_decode", "_reply", "_shape", "action")

    def __init__(
        self,
        action: str,
        decode: Callable[[P], Fact],
        reply: Callable[[Reply], Printable] = acknowledge,
        *,
        shape: type[P] | None = None,
    ) -> None:
        self.action = action
        self._decode: Callable[..., Fact] = decode  # what `_read` gives is a P
        self._reply = reply
        self._shape = shape
        self._acknowledgement: tuple[Message, bytes] | None = None

    def decode(self, message: Message, payload: msgspec.Raw) -> Fact:
        """What the payload means. Raises Fault."""
        if self._shape is None:
            return self._decode(message.decode(payload))
        return self._decode(_read(message, payload, self._shape))

    def reply(self, message: Message, reply: Reply) -> bytes:
        """The payload of the answer. Raises LocalProtocolError."""
        if reply is not ACK:
            return message.encode(self._reply(reply))
        kept = self._acknowledgement  # always the same bytes, checked once
        if kept is None or kept[0] is not message:
            kept = self._acknowledgement = message, message.encode(self._reply(reply))
        return kept[1]


class Outgoing(Generic[C, P]):
    """One command and the action that carries it. `P` is what `read` takes of the answer: `shape`, or the schema's
    Struct. `when`: which commands of that type, where a version has several actions for them."""

    __slots__ = ("_encode", "_read", "_shape", "_when", "action", "command")

    def __init__(
        self,
        action: str,
        command: type[C],
        encode: Callable[[C], Printable],
        read: Callable[[P], Answer],
        *,
        shape: type[P] | None = None,
        when: Callable[[C], bool] | None = None,
    ) -> None:
        self.action = action
        self.command = command
        self._when = when
        self._encode = encode
        self._read = read
        self._shape = shape

    def carries(self, command: object) -> bool:
        """Whether this is the row for this very command of its type."""
        return self._when is None or self._when(cast("C", command))

    def encode(self, message: Message, command: object) -> bytes:
        """The payload. Raises InvalidArgument, NotSupported."""
        return message.encode(self._encode(cast("C", command)))

    def outcome(self, message: Message, payload: bytes | msgspec.Raw) -> Answer:
        """What the answer says. Raises Fault."""
        return self._read(cast("P", _read(message, payload, self._shape)))


IncomingRow = Incoming[Any]
OutgoingRow = Outgoing[Any, Any]


class RoutedDialect:
    """A `csms.ocpp.dialect.Dialect` made of rows. Stateless but for the compiled schemas, which it makes lazily.

    Of two rows for one action, the later one counts: so a version overrides what it inherits. Of several rows for one
    command, the latest that carries it.
    """

    def __init__(self, edition: Edition, incoming: Iterable[IncomingRow], outgoing: Iterable[OutgoingRow]) -> None:
        self.edition: Final[Edition] = edition
        self.subprotocol: Final[str] = edition.subprotocol
        self.incoming: Final = {route.action: route for route in incoming}
        self.outgoing: Final[dict[type[Command], list[OutgoingRow]]] = {}
        for row in outgoing:
            rows = self.outgoing.setdefault(row.command, [])
            rows[:] = [row, *(other for other in rows if other.action != row.action)]
        self._schemas: Schemas = schemas_of(edition)
        self._known_calls: dict[str, tuple[IncomingRow, Message]] = {}  # what was looked up once

    def decode(self, call: Call | Send) -> Fact:
        """See `Dialect.decode`."""
        known = self._known_calls.get(call.action)
        if known is not None and type(call) is Call:
            return known[0].decode(known[1], call.payload)
        route = self.incoming.get(call.action)
        if route is None:
            raise self._unknown(call.action)
        if type(call) is Call and not self._schemas.has(call.action, Direction.RESPONSE):
            raise Fault(ErrorCode.PROTOCOL_ERROR, f"{call.action} wants no answer: it is said by SEND, not by CALL.")
        message = self._schemas.message(call.action, Direction.REQUEST)
        if type(call) is Call:
            self._known_calls[call.action] = route, message
        return route.decode(message, call.payload)

    def reply(self, call: Call, reply: Reply) -> bytes:
        """See `Dialect.reply`."""
        route = self.incoming[call.action]
        return route.reply(self._schemas.message(call.action, Direction.RESPONSE), reply)

    def encode(self, command: Command) -> tuple[str, bytes]:
        """See `Dialect.encode`."""
        route = self._route_of(command)
        return route.action, route.encode(self._schemas.message(route.action, Direction.REQUEST), command)

    def outcome(self, command: Command, payload: bytes | msgspec.Raw) -> Answer:
        """See `Dialect.outcome`."""
        route = self._route_of(command)
        return route.outcome(self._schemas.message(route.action, Direction.RESPONSE), payload)

    def _route_of(self, command: Command) -> OutgoingRow:
        for route in self.outgoing.get(type(command), ()):
            if route.carries(command):
                return route
        raise errors.NotSupported(
            f"A station that speaks {self.edition.title} knows no {type(command).__name__}.",
            version=self.edition.subprotocol,
        )

    def _unknown(self, action: str) -> Fault:
        name = faults.shorten(action, 60)
        if action in self._schemas.actions:
            return Fault(ErrorCode.NOT_SUPPORTED, f"{name} is not supported here.")
        return Fault(ErrorCode.NOT_IMPLEMENTED, f"{self.edition.title} knows no action {name!r}.")
