"""SessionService, with its export stream."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from control.convert import sessions as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, moment_value, page_size, read_moment, read_token
from control.v1 import sessions_pb2
from csms.ports.queries import SessionPosition, SessionView
from csms.services.sessions import Sessions, position_of

DEFAULT_VALUES, MAX_VALUES = 1_000, 10_000


class SessionServicer:
    """A method is: convert, call one use case, convert."""

    service = sessions_pb2.DESCRIPTOR.services_by_name["SessionService"]

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get_session(self, call: Call, request: sessions_pb2.GetSessionRequest) -> sessions_pb2.GetSessionResponse:
        """GetSession."""
        view = await self._sessions.get(call.caller, read_name(request.name, "sessions"))
        return sessions_pb2.GetSessionResponse(session=convert.session(view))

    async def list_sessions(
        self, call: Call, request: sessions_pb2.ListSessionsRequest
    ) -> sessions_pb2.ListSessionsResponse:
        """ListSessions."""
        size = page_size(request.page_size)
        query = _query(request.filter)
        after = _read_position(request.page_token, query)
        page = await self._sessions.page(
            call.caller, convert.session_filter(request.filter), size=size + 1, after=after
        )
        shown = page.sessions[:size]
        return sessions_pb2.ListSessionsResponse(
            sessions=[convert.session(view) for view in shown],
            next_page_token=_position_token(shown[-1], query) if len(page.sessions) > size else "",
            total_size=page.totals.count,
            total_energy_wh=page.totals.energy_wh,
            revision=page.revision,
        )

    async def list_meter_values(
        self, call: Call, request: sessions_pb2.ListMeterValuesRequest
    ) -> sessions_pb2.ListMeterValuesResponse:
        """ListMeterValues."""
        size = page_size(request.page_size, default=DEFAULT_VALUES, maximum=MAX_VALUES)
        session_id = read_name(request.session, "sessions")
        query = b"ListMeterValues" + str(session_id).encode()
        place = read_token(request.page_token, query, (str, int))
        after = None if place is None else (read_moment(place[0]), int(place[1]))
        values = await self._sessions.meter_values(call.caller, session_id, size=size + 1, after=after)
        shown = fitting(convert.meter_value(value) for _, value in values[:size])
        token = ""
        if len(values) > len(shown):
            digest, last = values[len(shown) - 1]
            token = make_token([moment_value(last.timestamp), digest], query)
        return sessions_pb2.ListMeterValuesResponse(meter_values=shown, next_page_token=token)

    async def export_sessions(
        self, call: Call, request: sessions_pb2.ExportSessionsRequest
    ) -> AsyncGenerator[sessions_pb2.ExportSessionsResponse, None]:
        """ExportSessions."""
        query = _query(request.filter)
        after = _read_position(request.resume_cursor, query)
        made = self._sessions.export(call.caller, convert.session_filter(request.filter), after=after)
        async with contextlib.aclosing(made) as batches:
            async for batch in batches:
                if batch:
                    yield sessions_pb2.ExportSessionsResponse(
                        sessions=[convert.session(view) for view in batch],
                        resume_cursor=_position_token(batch[-1], query),
                    )


def _query(wanted: sessions_pb2.SessionFilter) -> bytes:
    """A page token may be used as a cursor and the reverse: both are a place in the same order."""
    return b"Sessions" + wanted.SerializeToString(deterministic=True)


def _position_token(view: SessionView, query: bytes) -> str:
    position = position_of(view)
    return make_token([moment_value(position.at), position.id], query)


def _read_position(token: str, query: bytes) -> SessionPosition | None:
    place = read_token(token, query, (str, int))
    return None if place is None else SessionPosition(read_moment(place[0]), int(place[1]))
