"""DisplayService over the wire."""

from __future__ import annotations

import pytest

from control.v1 import display_pb2 as pb
from control.v1 import inventory_pb2, remote_pb2
from csms.domain.device_model import Component
from csms.domain.display import (
    ClearDisplayMessage,
    GetDisplayMessages,
    MessageContent,
    MessageFormat,
    MessageInfo,
    MessagePriority,
    MessageState,
    SetDisplayMessage,
)
from csms.domain.values import Evse
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


@pytest.mark.feature("F-OPS-5")
async def test_a_message_with_all_that_it_may_say(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    message = pb.DisplayMessage(
        id=3,
        priority="AlwaysFront",
        message=pb.MessageContent(format="UTF8", content="Grüezi", language="de-CH"),
        state="Idle",
        transaction_id="TX",
        display=pb.DisplayComponent(name="Display", evse=pb.DisplayEvse(id=1)),
        message_extra=[pb.MessageContent(format="QRCODE", content="https://example.org")],
    )
    message.end_date_time.FromDatetime(NOW)
    request = pb.SetDisplayMessageRequest(target=to(number), message=message)
    shown = await world.client.call("display.SetDisplayMessage", request)
    assert (shown.result.accepted, shown.message) == (True, message)
    assert world.directory.sent[-1][1] == SetDisplayMessage(
        MessageInfo(
            3,
            MessagePriority.ALWAYS_FRONT,
            MessageContent(MessageFormat.UTF8, "Grüezi", "de-CH"),
            MessageState.IDLE,
            None,
            NOW,
            "TX",
            Component("Display", None, Evse(1)),
            (MessageContent(MessageFormat.QRCODE, "https://example.org"),),
        )
    )
    request.message.priority = "Loud"
    with pytest.raises(Refused) as refused:
        await world.client.call("display.SetDisplayMessage", request)
    assert refused.value.reason == "INVALID_VALUE"


async def test_asking_and_clearing(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    request = pb.GetDisplayMessagesRequest(target=to(number), ids=[1, 2], priority="InFront", state="Charging")
    report = await world.client.call("display.GetDisplayMessages", request)
    assert (report.job.kind, report.job.state) == (
        inventory_pb2.JOB_KIND_DISPLAY_MESSAGES,
        inventory_pb2.JOB_STATE_RUNNING,
    )
    assert world.directory.sent[-1][1] == GetDisplayMessages(1, (1, 2), MessagePriority.IN_FRONT, MessageState.CHARGING)
    request.state = "Dreaming"
    with pytest.raises(Refused) as refused:
        await world.client.call("display.GetDisplayMessages", request)
    assert refused.value.reason == "INVALID_VALUE"
    clear = pb.ClearDisplayMessageRequest(target=to(number), message_id=3)
    assert (await world.client.call("display.ClearDisplayMessage", clear)).result.accepted
    assert world.directory.sent[-1][1] == ClearDisplayMessage(3)
