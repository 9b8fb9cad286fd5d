"""OCPP 2.0.1, block O. Display messages; 2.1 shares the rows, held against its own schemas."""

from __future__ import annotations

from typing import Final

from csms.domain import display as domain
from csms.domain.display import MessageInfo, MessagePriority, MessageState
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class NotifyDisplayMessages(Value, frozen=True):
    """O03, O04. Without messages: none matched."""

    request_id: int
    message_info: tuple[MessageInfo, ...] = ()
    tbc: bool = False


class SetDisplayMessageRequest(Value, frozen=True):
    """O01."""

    message: MessageInfo


class GetDisplayMessagesRequest(Value, frozen=True):
    """O03."""

    request_id: int
    id: tuple[int, ...] = ()
    priority: MessagePriority | None = None
    state: MessageState | None = None


class ClearDisplayMessageRequest(Value, frozen=True):
    """O05."""

    id: int


def notify_display_messages(payload: NotifyDisplayMessages) -> domain.DisplayMessagesTold:
    """O03."""
    told = tidied(payload)
    return domain.DisplayMessagesTold(told.request_id, told.message_info, told.tbc)


def set_display_message(command: domain.SetDisplayMessage) -> Printable:
    """O01."""
    return SetDisplayMessageRequest(command.message)


def get_display_messages(command: domain.GetDisplayMessages) -> Printable:
    """O03."""
    return GetDisplayMessagesRequest(command.request_id, command.ids, command.priority, command.state)


def clear_display_message(command: domain.ClearDisplayMessage) -> Printable:
    """O05."""
    return ClearDisplayMessageRequest(command.message_id)


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows that 2.0.1 and 2.1 share."""
    return (
        Outgoing(
            "ClearDisplayMessage",
            domain.ClearDisplayMessage,
            held_against(edition, "ClearDisplayMessage", clear_display_message),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "GetDisplayMessages",
            domain.GetDisplayMessages,
            held_against(edition, "GetDisplayMessages", get_display_messages),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "SetDisplayMessage",
            domain.SetDisplayMessage,
            held_against(edition, "SetDisplayMessage", set_display_message),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("NotifyDisplayMessages", notify_display_messages, shape=NotifyDisplayMessages),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(V201)
