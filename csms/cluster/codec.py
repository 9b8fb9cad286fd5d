"""What nodes say to each other, as bytes: msgpack of the domain's own values, tagged with the names of their classes.

A node of an older version does not know a newer command; it says so (`Unreadable`), and the caller hears that the node
which holds the station cannot do this yet.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Final, TypeVar, Union

import msgspec

from csms import domain
from csms.domain.commands import Answer, Command, Outcome, Result
from csms.ports.directory import Settled

T = TypeVar("T")


class Unreadable(Exception):
    """Bytes of another version, or of somebody else."""


class Send(msgspec.Struct, frozen=True, tag=True):
    """A command for the link with this epoch. `timeout` in seconds, from when it is read. `ticket`: by which it can be
    taken back."""

    station_id: int
    epoch: int
    timeout: float
    command: msgspec.Raw
    ticket: str = ""


class TakeBack(msgspec.Struct, frozen=True, tag=True):
    """Nobody waits for that `Send` any more: what is still unsent is not to be sent."""

    station_id: int
    ticket: str


class Disconnect(msgspec.Struct, frozen=True, tag=True):
    """Close the station's link."""

    station_id: int
    reason: str


class FencedOff(msgspec.Struct, frozen=True, tag=True):
    """Another node has the station since this epoch."""

    station_id: int
    epoch: int


class Gone(msgspec.Struct, frozen=True, tag=True):
    """The link with that epoch is not here (any more)."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The outcome of a `Send`; `result` is what the answer carries."""

    outcome: Outcome
    answer: Answer | None = None
    result: bytes | None = None
    latency_s: float | None = None
    reason: str = ""
    message: str = ""


class Closed(msgspec.Struct, frozen=True, tag=True):
    """Whether `Disconnect` found a link."""

    was_online: bool


class Holder(msgspec.Struct, frozen=True):
    """Who has a station."""

    node: str
    epoch: int


Order = Send | TakeBack | Disconnect | FencedOff
Report = Done | Closed | Gone

_encoder: Final = msgspec.msgpack.Encoder()


def _classes(base: type[T]) -> Any:
    """All classes of a family, as one type."""
    for module in pkgutil.iter_modules(domain.__path__):
        importlib.import_module(f"{domain.__name__}.{module.name}")
    found: dict[str, type] = {}
    todo = list(base.__subclasses__())
    while todo:
        one = todo.pop()
        found[one.__name__] = one
        todo += one.__subclasses__()
    return Union[tuple(found.values())]  # noqa: UP007  made of a tuple


_orders: Final = msgspec.msgpack.Decoder(Order)
_reports: Final = msgspec.msgpack.Decoder(Report)
_holders: Final = msgspec.msgpack.Decoder(Holder)
_commands: Final[msgspec.msgpack.Decoder[Any]] = msgspec.msgpack.Decoder(_classes(Command))
_results: Final[msgspec.msgpack.Decoder[Any]] = msgspec.msgpack.Decoder(_classes(Result))


def encode(value: msgspec.Struct) -> bytes:
    """Any of the above."""
    return _encoder.encode(value)


def decode_order(data: bytes) -> Order:
    """Raises Unreadable."""
    order: Order = _decoded(_orders, data)
    return order


def decode_report(data: bytes) -> Report:
    """Raises Unreadable."""
    report: Report = _decoded(_reports, data)
    return report


def decode_holder(data: bytes) -> Holder:
    """Raises Unreadable."""
    return _decoded(_holders, data)


def encode_command(command: Command) -> msgspec.Raw:
    """With the name of its class."""
    return msgspec.Raw(_encoder.encode(command))


def decode_command(data: msgspec.Raw) -> Command:
    """Raises Unreadable."""
    command: Command = _decoded(_commands, data)
    return command


def encode_settled(settled: Settled) -> bytes:
    """As a `Done`."""
    answer, result = settled.answer, None
    if answer is not None and answer.result is not None:
        result = _encoder.encode(answer.result)
        answer = msgspec.structs.replace(answer, result=None)
    return encode(Done(settled.outcome, answer, result, settled.latency_s, settled.reason, settled.message))


def settled_of(done: Done) -> Settled:
    """Raises Unreadable."""
    answer = done.answer
    if answer is not None and done.result is not None:
        answer = msgspec.structs.replace(answer, result=_decoded(_results, done.result))
    return Settled(done.outcome, answer, done.latency_s, done.reason, done.message)


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error
