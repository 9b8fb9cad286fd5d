"""Messages on a station's display (OCPP 2.x block O).

What a station shows is kept as items `display_message` (key: the message's id).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command
from csms.domain.device_model import Component
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import ItemRecord, JobKind, JobRecord, JobState
from csms.domain.values import Value

DISPLAY_MESSAGE_ITEM: Final = "display_message"


class MessageFormat(StrEnum):
    """MessageFormatEnumType. QRCODE is 2.1's."""

    ASCII = "ASCII"
    HTML = "HTML"
    URI = "URI"
    UTF8 = "UTF8"
    QRCODE = "QRCODE"


class MessagePriority(StrEnum):
    """MessagePriorityEnumType."""

    ALWAYS_FRONT = "AlwaysFront"
    IN_FRONT = "InFront"
    NORMAL_CYCLE = "NormalCycle"


class MessageState(StrEnum):
    """MessageStateEnumType: while the station is so. The last two are 2.1's."""

    CHARGING = "Charging"
    FAULTED = "Faulted"
    IDLE = "Idle"
    UNAVAILABLE = "Unavailable"
    SUSPENDED = "Suspended"
    DISCHARGING = "Discharging"


class MessageContent(Value, frozen=True):
    """MessageContentType. `language`: RFC 5646, for example "de-CH"."""

    format: MessageFormat
    content: str
    language: str = ""


class MessageInfo(Value, frozen=True):
    """MessageInfoType. `display` None: the main one. `state` None: always. `message_extra` is 2.1's: the same in
    other languages."""

    id: int
    priority: MessagePriority
    message: MessageContent
    state: MessageState | None = None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None
    transaction_id: str | None = None
    display: Component | None = None
    message_extra: tuple[MessageContent, ...] = ()


# -- what stations are told --------------------------------------------------------------------------------------------


class SetDisplayMessage(Command, frozen=True):
    """O01, O02, O06. A message with the same id is replaced."""

    message: MessageInfo


class GetDisplayMessages(Command, frozen=True):
    """O03, O04. What is given must match; the station tells with `request_id`."""

    request_id: int
    ids: tuple[int, ...] = ()
    priority: MessagePriority | None = None
    state: MessageState | None = None


class ClearDisplayMessage(Command, frozen=True):
    """O05."""

    message_id: int


# -- what stations tell ------------------------------------------------------------------------------------------------


class DisplayMessagesTold(Fact, frozen=True):
    """NotifyDisplayMessages: a part of what GetDisplayMessages asked for. `more`: parts follow."""

    request_id: int
    messages: tuple[MessageInfo, ...] = ()
    more: bool = False


encode: Final = msgspec.json.Encoder().encode


def _told(fact: DisplayMessagesTold, station_id: StationId, context: Context) -> Applied:
    count = len(fact.messages)
    summary = f"The station shows {count} message{'' if count == 1 else 's'} (report {fact.request_id})."
    applied = Applied(records=[event(station_id, context, "NotifyDisplayMessages", summary, body=fact)])
    for message in fact.messages:
        applied.records.append(
            ItemRecord(station_id, DISPLAY_MESSAGE_ITEM, str(message.id), context.now, encode(message))
        )
    state = JobState.RUNNING if fact.more else JobState.SUCCEEDED
    applied.records.append(JobRecord(station_id, JobKind.DISPLAY_MESSAGES, context.now, fact.request_id, state=state))
    return applied


HANDLERS: Final[dict[type[Fact], Handler]] = {DisplayMessagesTold: _told}
