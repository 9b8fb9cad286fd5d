"""SessionService, with its export stream."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from control.convert import sessions as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, moment_value, page_size, read_moment, read_token
from control.v1 import sessions_pb2
from csms.ports.queries import SessionPosition, SessionView
from csms.services.session_editing import SessionEditing
from csms.services.sessions import Sessions, position_of

DEFAULT_VALUES, MAX_VALUES = 1_000, 10_000
DEFAULT_POINTS, MAX_POINTS = 500, 5_000


class SessionServicer:
    """A method is: convert, call one use case, convert."""

    service = sessions_pb2.DESCRIPTOR.services_by_name["SessionService"]

    def __init__(self, sessions: Sessions, editing: SessionEditing) -> None:
        self._sessions = sessions
        self._editing = editing

    async def get_session(self, call: Call, request: sessions_pb2.GetSessionRequest) -> sessions_pb2.GetSessionResponse:
        """GetSession."""
        detail = await self._sessions.detail(call.caller, read_name(request.name, "sessions"))
        return sessions_pb2.GetSessionResponse(
            session=convert.session(detail.session),
            events=[convert.event(each) for each in detail.events],
            corrections=[convert.correction(change) for change in detail.changes],
        )

    async def list_sessions(
        self, call: Call, request: sessions_pb2.ListSessionsRequest
    ) -> sessions_pb2.ListSessionsResponse:
        """ListSessions."""
        size = page_size(request.page_size)
        query = _query(request)
        fields = convert.read_mask(request.read_mask)
        page = await self._sessions.page(
            call.caller,
            convert.session_filter(request.filter),
            size=size + 1,
            after=_read_position(request.page_token, query),
            sorting=convert.sorting(request.order, request.ascending),
            totals=not request.skip_totals,
        )
        shown = fitting(convert.session(view, fields) for view in page.sessions[:size])
        more = len(page.sessions) > len(shown)
        return sessions_pb2.ListSessionsResponse(
            sessions=shown,
            next_page_token=_position_token(page.sessions[len(shown) - 1], query) if more else "",
            total_size=page.totals.count if page.totals else 0,
            total_energy_wh=page.totals.energy_wh if page.totals else 0.0,
            revision=page.revision,
        )

    async def summarize_sessions(
        self, call: Call, request: sessions_pb2.SummarizeSessionsRequest
    ) -> sessions_pb2.SummarizeSessionsResponse:
        """SummarizeSessions."""
        return convert.summary(await self._sessions.summarize(call.caller, convert.session_filter(request.filter)))

    async def get_session_series(
        self, call: Call, request: sessions_pb2.GetSessionSeriesRequest
    ) -> sessions_pb2.GetSessionSeriesResponse:
        """GetSessionSeries."""
        most = page_size(request.max_points, default=DEFAULT_POINTS, maximum=MAX_POINTS)
        session_id = read_name(request.session, "sessions")
        lines = await self._sessions.series(call.caller, session_id, request.measurands, most=most)
        return sessions_pb2.GetSessionSeriesResponse(series=[convert.series(line) for line in lines])

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
        query = _query(request)
        fields = convert.read_mask(request.read_mask)
        made = self._sessions.export(
            call.caller,
            convert.session_filter(request.filter),
            after=_read_position(request.resume_cursor, query),
            sorting=convert.sorting(request.order, request.ascending),
        )
        async with contextlib.aclosing(made) as batches:
            async for batch in batches:
                if batch:
                    yield sessions_pb2.ExportSessionsResponse(
                        sessions=[convert.session(view, fields) for view in batch],
                        resume_cursor=_position_token(batch[-1], query),
                    )

    # -- changes ---------------------------------------------------------------------------------------------------

    async def correct_session(
        self, call: Call, request: sessions_pb2.CorrectSessionRequest
    ) -> sessions_pb2.CorrectSessionResponse:
        """CorrectSession."""
        fields = masked_fields(request.update_mask.paths, convert.CORRECTED)
        view = await self._editing.correct(
            call.caller,
            read_name(request.name, "sessions"),
            fields,
            convert.new_values(request.values),
            request.reason,
        )
        return sessions_pb2.CorrectSessionResponse(session=convert.session(view))

    async def close_session(
        self, call: Call, request: sessions_pb2.CloseSessionRequest
    ) -> sessions_pb2.CloseSessionResponse:
        """CloseSession."""
        view = await self._editing.close(call.caller, read_name(request.name, "sessions"), request.reason)
        return sessions_pb2.CloseSessionResponse(session=convert.session(view))

    async def update_session_logbook(
        self, call: Call, request: sessions_pb2.UpdateSessionLogbookRequest
    ) -> sessions_pb2.UpdateSessionLogbookResponse:
        """UpdateSessionLogbook."""
        fields = masked_fields(request.update_mask.paths, convert.LOGBOOK)
        session_id = read_name(request.name, "sessions")
        view = await self._editing.write_logbook(call.caller, session_id, fields, convert.logbook(request.logbook))
        return sessions_pb2.UpdateSessionLogbookResponse(session=convert.session(view))

    async def list_vehicles(
        self, call: Call, _request: sessions_pb2.ListVehiclesRequest
    ) -> sessions_pb2.ListVehiclesResponse:
        """ListVehicles."""
        vehicles = await self._editing.vehicles(call.caller)
        return sessions_pb2.ListVehiclesResponse(vehicles=[convert.vehicle(each) for each in vehicles])

    async def get_station_logbook(
        self, call: Call, request: sessions_pb2.GetStationLogbookRequest
    ) -> sessions_pb2.GetStationLogbookResponse:
        """GetStationLogbook."""
        enabled = await self._editing.demands_logbook(call.caller, read_name(request.station, "stations"))
        return sessions_pb2.GetStationLogbookResponse(enabled=enabled)

    async def set_station_logbook(
        self, call: Call, request: sessions_pb2.SetStationLogbookRequest
    ) -> sessions_pb2.SetStationLogbookResponse:
        """SetStationLogbook."""
        await self._editing.set_logbook(call.caller, read_name(request.station, "stations"), request.enabled)
        return sessions_pb2.SetStationLogbookResponse(enabled=request.enabled)


def _query(asked: sessions_pb2.ListSessionsRequest | sessions_pb2.ExportSessionsRequest) -> bytes:
    """A page token may be used as a cursor and the reverse: both are a place in the same order."""
    order = f"{int(asked.order) or 1} {asked.ascending} ".encode()
    return b"Sessions" + order + asked.filter.SerializeToString(deterministic=True)


def _position_token(view: SessionView, query: bytes) -> str:
    position = position_of(view)
    return make_token([position.key, position.id], query)


def _read_position(token: str, query: bytes) -> SessionPosition | None:
    place = read_token(token, query, (str, int))
    return None if place is None else SessionPosition(str(place[0]), int(place[1]))
