"""Plug-ins of vendors: good ones, and those that one must survive."""

from __future__ import annotations

import pytest
import trio

from csms.domain.facts import DataTransferred, DataTransferReply
from csms.services.vendor_messages import VendorAnswer, VendorMessage, VendorMessages

SEEN: list[VendorMessage] = []


async def echo(message: VendorMessage) -> VendorAnswer | None:
    SEEN.append(message)
    return VendorAnswer(data=message.data) if message.message_id == "Echo" else None


async def broken(_message: VendorMessage) -> VendorAnswer | None:
    raise ZeroDivisionError


async def broken_in_the_import_of_its_own(_message: VendorMessage) -> VendorAnswer | None:
    raise ExceptionGroup("two", [ValueError("one"), KeyError("other")])


async def slow(_message: VendorMessage) -> VendorAnswer | None:
    await trio.sleep(1_000)
    return VendorAnswer()


def no_coroutine(_message: VendorMessage) -> VendorAnswer | None:
    return VendorAnswer()


async def another_type(_message: VendorMessage) -> VendorAnswer | None:
    return "Accepted"  # type: ignore[return-value]


async def another_word(_message: VendorMessage) -> VendorAnswer | None:
    return VendorAnswer("Fine")


async def no_text(_message: VendorMessage) -> VendorAnswer | None:
    return VendorAnswer(data=b"\xff")  # type: ignore[arg-type]


async def too_much(_message: VendorMessage) -> VendorAnswer | None:
    return VendorAnswer(data="x" * 1_000_001)


@pytest.mark.feature("F-OCPP-1")
async def test_a_message_goes_to_its_vendors_plug_in() -> None:
    messages = VendorMessages({"acme": echo})
    assert messages.vendor_ids == {"acme"}
    assert await messages.answer(3, DataTransferred("acme", "Echo", "hi")) == DataTransferReply("Accepted", "hi")
    assert SEEN[-1] == VendorMessage(3, "acme", "Echo", "hi")
    assert await messages.answer(3, DataTransferred("acme", "Else")) == DataTransferReply("UnknownMessageId")
    assert await messages.answer(3, DataTransferred("Acme", "Echo")) == DataTransferReply("UnknownVendorId")


@pytest.mark.parametrize(
    "plugin",
    [
        broken,
        broken_in_the_import_of_its_own,
        slow,
        no_coroutine,
        another_type,
        another_word,
        no_text,
        too_much,
    ],
)
async def test_a_bad_plug_in_costs_one_rejected(plugin: object, autojump_clock: trio.testing.MockClock) -> None:
    messages = VendorMessages({"acme": plugin})  # type: ignore[dict-item]
    assert await messages.answer(3, DataTransferred("acme", "Echo")) == DataTransferReply("Rejected")
    assert trio.current_time() < 20
