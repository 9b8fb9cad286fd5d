"""Messages on displays in the words of 2.0.1 and 2.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.domain.device_model import Component
from csms.domain.display import (
    ClearDisplayMessage,
    DisplayMessagesTold,
    GetDisplayMessages,
    MessageContent,
    MessageFormat,
    MessageInfo,
    MessagePriority,
    MessageState,
    SetDisplayMessage,
)
from csms.domain.errors import InvalidArgument
from csms.domain.values import Evse
from csms.ocpp.faults import Fault
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201
from tests.kit.schema_strategy import instances

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
BOTH = [Dialect201(), Dialect21()]
AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
TEXT = MessageContent(MessageFormat.UTF8, "Grüezi", "de-CH")
dialects = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.subprotocol)


def printed(dialect: RoutedDialect, command: Any) -> tuple[str, Any]:
    action, payload = dialect.encode(command)
    return action, json.loads(payload)


def told(dialect: RoutedDialect, payload: object) -> Any:
    raw = msgspec.Raw(msgspec.json.encode(payload))
    return dialect.decode(Call("1", "NotifyDisplayMessages", raw))


@dialects
def test_a_message_with_all_its_conditions(dialect: RoutedDialect) -> None:
    message = MessageInfo(
        3,
        MessagePriority.ALWAYS_FRONT,
        TEXT,
        MessageState.CHARGING,
        AT,
        AT,
        "TX-1",
        Component("Display", "left", Evse(1)),
    )
    payload = {
        "id": 3,
        "priority": "AlwaysFront",
        "message": {"format": "UTF8", "content": "Grüezi", "language": "de-CH"},
        "state": "Charging",
        "startDateTime": "2026-05-04T12:30:00Z",
        "endDateTime": "2026-05-04T12:30:00Z",
        "transactionId": "TX-1",
        "display": {"name": "Display", "instance": "left", "evse": {"id": 1}},
    }
    assert printed(dialect, SetDisplayMessage(message)) == ("SetDisplayMessage", {"message": payload})
    assert told(dialect, {"requestId": 4, "messageInfo": [payload], "tbc": True}) == DisplayMessagesTold(
        4, (message,), more=True
    )


@dialects
def test_asking_and_clearing(dialect: RoutedDialect) -> None:
    assert printed(dialect, GetDisplayMessages(4)) == ("GetDisplayMessages", {"requestId": 4})
    some = GetDisplayMessages(4, (1, 2), MessagePriority.IN_FRONT, MessageState.IDLE)
    assert printed(dialect, some)[1] == {"requestId": 4, "id": [1, 2], "priority": "InFront", "state": "Idle"}
    assert printed(dialect, ClearDisplayMessage(3)) == ("ClearDisplayMessage", {"id": 3})
    assert dialect.outcome(ClearDisplayMessage(3), b'{"status":"Unknown"}').status == "Unknown"
    assert not dialect.outcome(
        SetDisplayMessage(MessageInfo(1, MessagePriority.IN_FRONT, TEXT)), b'{"status":"Rejected"}'
    ).accepted
    assert told(dialect, {"requestId": 4}) == DisplayMessagesTold(4)


def test_codes_more_languages_and_more_states_are_2_1s() -> None:
    old, new = BOTH
    for message in (
        MessageInfo(1, MessagePriority.IN_FRONT, MessageContent(MessageFormat.QRCODE, "https://example.org")),
        MessageInfo(1, MessagePriority.IN_FRONT, TEXT, MessageState.SUSPENDED),
        MessageInfo(1, MessagePriority.IN_FRONT, TEXT, message_extra=(TEXT,)),
        MessageInfo(1, MessagePriority.IN_FRONT, MessageContent(MessageFormat.UTF8, "x" * 513)),
    ):
        assert printed(new, SetDisplayMessage(message))
        with pytest.raises(InvalidArgument, match=r"2\.0\.1"):
            old.encode(SetDisplayMessage(message))


@dialects
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_whatever_a_station_shows_goes_back_as_it_came(dialect: RoutedDialect, data: st.DataObject) -> None:
    schema = schemas_of(dialect.edition).schema("NotifyDisplayMessages", Direction.REQUEST)
    try:
        fact = told(dialect, data.draw(instances(schema)))
    except Fault:  # numbers past 64 bits
        return
    for message in fact.messages:
        try:
            _, payload = dialect.encode(SetDisplayMessage(message))
        except InvalidArgument:  # texts that are at most so long in the other direction
            continue
        back = told(dialect, {"requestId": 1, "messageInfo": [json.loads(payload)["message"]]})
        assert back.messages == (message,)
