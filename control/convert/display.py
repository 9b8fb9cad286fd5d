"""Messages on displays."""

from __future__ import annotations

from typing import TypeVar

from control.convert.ocpp_values import print_value, read_value
from control.v1 import display_pb2
from csms.domain.display import MessageInfo, MessagePriority, MessageState
from csms.domain.errors import InvalidArgument

E = TypeVar("E", MessagePriority, MessageState)


def read_message(message: display_pb2.DisplayMessage) -> MessageInfo:
    """Raises InvalidArgument."""
    return read_value(message, MessageInfo, "message")


def print_message(message: MessageInfo) -> display_pb2.DisplayMessage:
    """All of it."""
    return print_value(message, display_pb2.DisplayMessage())


def word(text: str, kind: type[E]) -> E | None:
    """None for the empty one. Raises InvalidArgument."""
    try:
        return kind(text) if text else None
    except ValueError:
        words = ", ".join(each.value for each in kind)
        raise InvalidArgument(f"{text[:60]!r} is none of {words}.", reason="INVALID_VALUE") from None
