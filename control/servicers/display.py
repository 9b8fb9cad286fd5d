"""DisplayService."""

from __future__ import annotations

from control.convert import display as convert
from control.convert import inventory, remote
from control.guard import Call
from control.v1 import display_pb2
from csms.domain.display import MessagePriority, MessageState
from csms.services.display import Displays


class DisplayServicer:
    """A method is: convert, call one use case, convert."""

    service = display_pb2.DESCRIPTOR.services_by_name["DisplayService"]

    def __init__(self, displays: Displays) -> None:
        self._displays = displays

    async def set_display_message(
        self, call: Call, request: display_pb2.SetDisplayMessageRequest
    ) -> display_pb2.SetDisplayMessageResponse:
        """SetDisplayMessage."""
        target = remote.target(request.target, call.remaining())
        outcome, message = await self._displays.set_message(call.caller, target, convert.read_message(request.message))
        return display_pb2.SetDisplayMessageResponse(
            result=remote.result(outcome), message=convert.print_message(message)
        )

    async def get_display_messages(
        self, call: Call, request: display_pb2.GetDisplayMessagesRequest
    ) -> display_pb2.GetDisplayMessagesResponse:
        """GetDisplayMessages."""
        report = await self._displays.get_messages(
            call.caller,
            remote.target(request.target, call.remaining()),
            ids=tuple(request.ids),
            priority=convert.word(request.priority, MessagePriority),
            state=convert.word(request.state, MessageState),
        )
        return display_pb2.GetDisplayMessagesResponse(
            result=remote.result(report.outcome), job=inventory.job(report.job)
        )

    async def clear_display_message(
        self, call: Call, request: display_pb2.ClearDisplayMessageRequest
    ) -> display_pb2.ClearDisplayMessageResponse:
        """ClearDisplayMessage."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._displays.clear_message(call.caller, target, request.message_id)
        return display_pb2.ClearDisplayMessageResponse(result=remote.result(outcome))
