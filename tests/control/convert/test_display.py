"""Display messages as messages of the control API."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from control.convert import display as convert
from control.v1 import display_pb2 as pb
from csms.domain.display import MessageContent, MessageFormat, MessageInfo, MessagePriority, MessageState
from csms.domain.errors import InvalidArgument

TEXT = MessageContent(MessageFormat.QRCODE, "https://example.org")


@settings(deadline=None)
@given(...)
def test_priorities_and_states_come_back_as_they_went(priority: MessagePriority, state: MessageState | None) -> None:
    message = MessageInfo(1, priority, TEXT, state, message_extra=(TEXT,))
    assert convert.read_message(convert.print_message(message)) == message


def test_a_message_without_a_text_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="message"):
        convert.read_message(pb.DisplayMessage(id=1, priority="InFront"))


def test_the_empty_word_is_none() -> None:
    assert convert.word("", MessageState) is None
    assert convert.word("Suspended", MessageState) is MessageState.SUSPENDED
    with pytest.raises(InvalidArgument, match="AlwaysFront"):
        convert.word("Loud", MessagePriority)
