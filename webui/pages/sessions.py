"""Sessions: the table with its filters and totals, exports of what is filtered, one session with its chart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from starlette.background import BackgroundTask
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from webui import chart, export
from webui.operations import operation
from webui.page import client_of, frame, plain, show, signed_in, with_query
from webui.values import SessionQuery, SessionState
from webui.words import current

SIZES = (25, 50, 100, 250)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN_METER_VALUES = 400


@dataclass(frozen=True, slots=True)
class SessionList:
    """What the address says: filters and page. Days are in the reader's zone; the last one is included."""

    q: str = ""
    station: str = ""
    tag: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    check: bool = False
    after: str = ""
    size: int = 50

    @classmethod
    def parse(cls, params: QueryParams) -> SessionList:
        """From the address; nonsense counts as not given."""
        size, state = params.get("size", ""), params.get("state", "")
        station = params.get("station", "")
        return cls(
            q=params.get("q", "").strip()[:200],
            station=station if station.isalnum() or "-" in station else "",
            tag=params.get("tag", "").strip()[:64],
            state=state if state in ("ACTIVE", "ENDED") else "",
            since=params.get("since", "") if _day(params.get("since", "")) else "",
            until=params.get("until", "") if _day(params.get("until", "")) else "",
            check=params.get("check", "") == "1",
            after=params.get("after", ""),
            size=int(size) if size.isdecimal() and int(size) in SIZES else 50,
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return any((self.q, self.station, self.tag, self.state, self.since, self.until, self.check))

    @property
    def query(self) -> SessionQuery:
        """For the control plane."""
        until = _day(self.until)
        return SessionQuery(
            station=f"stations/{self.station}" if self.station else "",
            id_token=self.tag,
            state=SessionState(self.state) if self.state else SessionState.UNSPECIFIED,
            start_time_from=_day(self.since),
            start_time_to=_next_day(until) if until else None,
            query=self.q,
            needs_reconciliation=self.check,
        )

    def url(self, path: str = "/sessions", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {
            "q": self.q,
            "station": self.station,
            "tag": self.tag,
            "state": self.state,
            "since": self.since,
            "until": self.until,
            "check": "1" if self.check else "",
            "after": "",
            "size": str(self.size) if self.size != 50 else "",
        }
        return with_query(path, values | changes)

    @property
    def live(self) -> str:
        """The stream that keeps this list true."""
        return self.url("/live/sessions", after=self.after)


def _day(value: str) -> datetime | None:
    """Midnight at the beginning of a day in the reader's zone."""
    try:
        return datetime.combine(datetime.fromisoformat(value).date(), time(), current.get().zone)
    except ValueError:
        return None


def _next_day(midnight: datetime) -> datetime:
    return datetime.combine(midnight.date() + timedelta(days=1), time(), midnight.tzinfo)


@signed_in
async def table(request: Request) -> Response:
    """All sessions that match, newest first, live on the first page."""
    wanted = SessionList.parse(request.query_params)
    page = await client_of(request).sessions(wanted.query, wanted.size, wanted.after)
    return await show(request, "sessions.html", wanted=wanted, page=page, sizes=SIZES)


@signed_in
async def as_csv(request: Request) -> Response:
    """What is filtered, as CSV, as it comes."""
    client, wanted = client_of(request), SessionList.parse(request.query_params)
    await client.sessions(wanted.query, 1)  # refused before the download begins, not in the middle of it
    rows = export.csv_stream(export.resuming(client, wanted.query))
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=_attachment("csv"))


@signed_in
async def as_xlsx(request: Request) -> Response:
    """What is filtered, as a workbook, written to a temporary file first."""
    client, wanted = client_of(request), SessionList.parse(request.query_params)
    total = (await client.sessions(wanted.query, 1)).total
    path = await export.xlsx_file(export.resuming(client, wanted.query), total)
    done = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type=XLSX, headers=_attachment("xlsx"), background=done)


def _attachment(ending: str) -> dict[str, str]:
    today = datetime.now(tz=current.get().zone).date().isoformat()
    return {"content-disposition": f'attachment; filename="sessions-{today}.{ending}"'}


@signed_in
async def one(request: Request) -> Response:
    """One session: its facts, its chart, its meter values; live while it is under way."""
    return await _one(request, None)


async def _one(request: Request, outcome: object) -> Response:
    client, key = client_of(request), request.path_params["key"]
    session, values, around = await asyncio.gather(client.session(key), client.meter_values(key), frame(client))
    rows = chart.rows(values)
    return plain(
        request,
        "session.html",
        frame=around,
        session=session,
        outcome=outcome,
        columns=chart.columns(values),
        rows=rows[-SHOWN_METER_VALUES:][::-1],
        left_out=max(0, len(rows) - SHOWN_METER_VALUES),
    )


@signed_in
async def stop(request: Request) -> Response:
    """Ask the station to stop the session."""
    client, key = client_of(request), request.path_params["key"]
    session = await client.session(key)
    form = await request.form()
    form = type(form)([*form.multi_items(), ("session", key)])
    outcome = await operation(client, session.station_key, "stop", form)
    if "hx-request" in request.headers:
        return plain(request, "parts/outcome.html", outcome=outcome)
    return await _one(request, outcome)


@signed_in
async def chart_data(request: Request) -> Response:
    """Power and energy over time, for the chart."""
    client, key = client_of(request), request.path_params["key"]
    session, values = await asyncio.gather(client.session(key), client.meter_values(key))
    return JSONResponse(chart.series(session, values))


@signed_in
async def meter_values_csv(request: Request) -> Response:
    """All meter values of a session, as CSV."""
    client, key = client_of(request), request.path_params["key"]
    values = await client.meter_values(key)
    headers = {"content-disposition": f'attachment; filename="session-{key}.csv"'}
    return Response(export.meter_values_csv(values), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES = [
    Route("/sessions", table),
    Route("/sessions.csv", as_csv),
    Route("/sessions.xlsx", as_xlsx),
    Route("/sessions/{key}", one),
    Route("/sessions/{key}/stop", stop, methods=["POST"]),
    Route("/sessions/{key}/chart.json", chart_data),
    Route("/sessions/{key}/meter-values.csv", meter_values_csv),
]
