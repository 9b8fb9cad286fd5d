"""MessageLogService."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from control.convert import messages as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import messages_pb2
from csms.services.messages import Messages

DEFAULT_ENTRIES = 100
TAIL_BATCH = 100
"""Entries a message: with 16 KiB each it stays far below what gRPC lets through."""


class MessageLogServicer:
    """A method is: convert, call one use case, convert."""

    service = messages_pb2.DESCRIPTOR.services_by_name["MessageLogService"]

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def list_messages(
        self, call: Call, request: messages_pb2.ListMessagesRequest
    ) -> messages_pb2.ListMessagesResponse:
        """ListMessages."""
        size = page_size(request.page_size, default=DEFAULT_ENTRIES)
        station_id = read_name(request.station, "stations")
        query = _query(station_id, request.filter)
        before = _read_place(request.page_token, query)
        wanted = convert.log_filter(request.filter)
        entries = await self._messages.page(call.caller, station_id, size=size + 1, before=before, wanted=wanted)
        shown = fitting(convert.entry(logged) for logged in entries[:size])
        more = len(entries) > len(shown)
        return messages_pb2.ListMessagesResponse(
            entries=shown, next_page_token=make_token([shown[-1].sequence], query) if more else ""
        )

    async def tail_messages(
        self, call: Call, request: messages_pb2.TailMessagesRequest
    ) -> AsyncGenerator[messages_pb2.TailMessagesResponse, None]:
        """TailMessages."""
        station_id = read_name(request.station, "stations")
        made = self._messages.tail(call.caller, station_id, convert.log_filter(request.filter))
        async with contextlib.aclosing(made) as batches:
            async for batch in batches:
                for first in range(0, len(batch) or 1, TAIL_BATCH):
                    part = batch[first : first + TAIL_BATCH]
                    yield messages_pb2.TailMessagesResponse(entries=[convert.entry(logged) for logged in part])

    async def export_messages(
        self, call: Call, request: messages_pb2.ExportMessagesRequest
    ) -> AsyncGenerator[messages_pb2.ExportMessagesResponse, None]:
        """ExportMessages."""
        station_id = read_name(request.station, "stations")
        query = _query(station_id, request.filter)
        before = _read_place(request.resume_cursor, query)
        made = self._messages.export(call.caller, station_id, convert.log_filter(request.filter), before=before)
        async with contextlib.aclosing(made) as batches:
            async for batch in batches:
                for first in range(0, len(batch), TAIL_BATCH):
                    part = batch[first : first + TAIL_BATCH]
                    yield messages_pb2.ExportMessagesResponse(
                        entries=[convert.entry(logged) for logged in part],
                        resume_cursor=make_token([part[-1].sequence], query),
                    )


def _query(station_id: int, wanted: messages_pb2.MessageFilter) -> bytes:
    """A page token may be used as a cursor and the reverse: both are a place in the same order."""
    return b"ListMessages%d/" % station_id + wanted.SerializeToString(deterministic=True)


def _read_place(token: str, query: bytes) -> int | None:
    place = read_token(token, query, (int,))
    return None if place is None else int(place[0])
