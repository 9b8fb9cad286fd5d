"""The sessions table: filters, order and columns in the address; totals, saved views, files of what is filtered."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from webui import export, exports, preferences, saved_views, session, session_columns
from webui.api import Client
from webui.menu import MANAGERS
from webui.page import client_of, fragment, frame, plain, redirect, signed_in, text
from webui.session import safe_next
from webui.session_columns import mask
from webui.session_list import FILTERS, KEPT_COLUMNS, MORE, SEPARATOR, SIZES, SessionList
from webui.values import ApiError, Role, Session
from webui.words import _, current

__all__ = ["ROUTES", "SessionList", "parts_of_list", "rows_of", "totals_part"]

TABLE: Final = "sessions"


class Rows(msgspec.Struct, frozen=True):
    """A page of the table."""

    sessions: tuple[Session, ...]
    next_page_token: str


class CostTotal(msgspec.Struct, frozen=True):
    """Costs in one currency."""

    currency: str
    amount: str


class Totals(msgspec.Struct, frozen=True):
    """Of all that match."""

    session_count: int
    active_count: int
    energy_wh: float
    duration_s: float
    max_power_w: float
    costs: tuple[CostTotal, ...]


class Place(msgspec.Struct, frozen=True):
    """A place, for the filter."""

    name: str
    parent: str
    kind: str
    display_name: str

    @property
    def key(self) -> str:
        """The id of ``places/{id}``."""
        return self.name.partition("/")[2]


class Places(msgspec.Struct, frozen=True):
    """The tree."""

    places: tuple[Place, ...]


async def rows_of(client: Client, wanted: SessionList) -> Rows:
    """A page. Raises ApiError."""
    return await client.desk.ask(
        "SessionService/ListSessions",
        Rows,
        page_size=wanted.size,
        page_token=wanted.after,
        read_mask=mask(wanted.columns, *session_columns.ALWAYS),
        skip_totals=True,
        filter=wanted.fields,
        order=wanted.order,
        ascending=wanted.ascending,
    )


async def totals_of(client: Client, wanted: SessionList) -> Totals:
    """Of all that is filtered. Raises ApiError."""
    return await client.desk.ask("SessionService/SummarizeSessions", Totals, timeout_s=30.0, filter=wanted.fields)


async def totals_part(client: Client, wanted: SessionList) -> str:
    """The totals, for the page and its stream."""
    return fragment("sessions/totals.html", {"wanted": wanted, "totals": await totals_of(client, wanted)})


def parts_of_list(wanted: SessionList, page: Rows) -> str:
    """The table, for its stream."""
    return fragment("live/sessions.html", {"wanted": wanted, "page": page})


@signed_in
async def table(request: Request) -> Response:
    """All sessions that match, live on the first page."""
    client = client_of(request)
    guess = SessionList.parse(request.query_params, preferences.kept(request, KEPT_COLUMNS))
    around, page, places = await asyncio.gather(frame(request), rows_of(client, guess), _places(client))
    role = around.caller.role
    wanted = SessionList.parse(request.query_params, preferences.kept(request, KEPT_COLUMNS), role)
    totals = await totals_of(client, wanted) if wanted.counted else None
    return plain(
        request,
        "sessions/list.html",
        frame=around,
        wanted=wanted,
        page=page,
        totals=totals,
        sizes=SIZES,
        more=MORE,
        filters=FILTERS,
        places=places,
        views=saved_views.read(request, TABLE),
        driver=role is Role.EV_USER and not around.person.keeper,
        manager=role in MANAGERS,
        may_write=role is not Role.SUPPORT,
    )


async def _places(client: Client) -> tuple[Place, ...]:
    try:
        return (await client.desk.ask("PlaceService/ListPlaces", Places)).places
    except ApiError as error:
        if error.code in ("PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED"):
            return ()
        raise


@signed_in
async def totals(request: Request) -> Response:
    """Only the totals: asked for when the table is on the screen already."""
    wanted = SessionList.parse(request.query_params, preferences.kept(request, KEPT_COLUMNS))
    return Response(await totals_part(client_of(request), wanted), media_type="text/html")


# ---- what a person chooses


@signed_in
async def columns(request: Request) -> Response:
    """Which columns, in which order; without any, the usual ones again."""
    form = await request.form()
    keys = [str(key) for key in form.getlist("column")]
    move = (text(form, "up"), -1) if "up" in form else (text(form, "down"), 1)
    if move[0] in keys:
        at = keys.index(move[0])
        to = max(0, min(len(keys) - 1, at + move[1]))
        keys.insert(to, keys.pop(at))
    known = [key for key in dict.fromkeys(keys) if key in session_columns.BY_KEY]
    wanted = "" if text(form, "reset") == "1" else SEPARATOR.join(known)
    await preferences.keep(request, KEPT_COLUMNS, wanted)
    return redirect(safe_next(text(form, "next", "/sessions")))


# ---- files


@signed_in
async def as_file(request: Request) -> Response:
    """What is filtered, with the columns chosen: small ones at once, big ones with their progress shown.

    With `direct=1` CSV and PDF come as they are made, however many there are (for scripts).
    """
    client, ending = client_of(request), request.path_params["ending"]
    role = (await client.caller()).role
    wanted = SessionList.parse(request.query_params, preferences.kept(request, KEPT_COLUMNS), role)
    if ending not in exports.MEDIA_TYPES:
        raise ApiError("NOT_FOUND", "", _("There is no such kind of file."))
    total = (await totals_of(client, wanted)).session_count  # refused before the download begins, not in its middle
    direct = request.query_params.get("direct") == "1" and ending != "xlsx"
    if total > exports.BIG and not direct:
        job = exports.new_job(_owner(request), ending, _filename(ending), total)
        write = partial(exports.write_sessions, client, wanted, _title())
        exports.of_app(request.app).start(job.owner, job, write)
        return redirect(f"/sessions/exports/{job.key}")
    if ending == "xlsx":
        path = await export.xlsx_file(export.resuming(client, wanted), total, wanted.columns)
        return _whole_file(path, ending)
    return StreamingResponse(
        _stream(ending, export.resuming(client, wanted), wanted),
        media_type=exports.MEDIA_TYPES[ending],
        headers={"content-disposition": f'attachment; filename="{_filename(ending)}"'},
    )


def _stream(ending: str, batches: export.Batches, wanted: SessionList) -> export.Pieces:
    if ending == "pdf":
        return export.pdf_stream(batches, wanted.columns, _title())
    return export.csv_stream(batches, wanted.columns)


@signed_in
async def progress(request: Request) -> Response:
    """How far a big export is; with a POST it is cancelled."""
    made = exports.of_app(request.app)
    job = made.get(_owner(request), request.path_params["key"])
    if request.method == "POST":
        made.drop(job)
        return redirect("/sessions")
    if "hx-request" in request.headers:
        return plain(request, "sessions/progress.html", job=job)
    return plain(request, "sessions/export.html", frame=await frame(request), job=job)


@signed_in
async def fetch(request: Request) -> Response:
    """The file of a big export. It stays for a while, in case the download breaks."""
    job = exports.of_app(request.app).get(_owner(request), request.path_params["key"])
    if job.path is None:
        return redirect(f"/sessions/exports/{job.key}")
    return FileResponse(job.path, media_type=exports.MEDIA_TYPES[job.ending], filename=job.filename)


def _whole_file(path: Path, ending: str) -> Response:
    done = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type=exports.MEDIA_TYPES[ending], filename=_filename(ending), background=done)


def _owner(request: Request) -> str:
    return exports.owner_of(session.token(request))


def _filename(ending: str) -> str:
    return f"sessions-{datetime.now(tz=current.get().zone).date().isoformat()}.{ending}"


def _title() -> str:
    return _("Sessions, %(day)s") % {"day": datetime.now(tz=current.get().zone).date().isoformat()}


ROUTES = [
    Route("/sessions", table),
    Route("/sessions/totals", totals),
    Route("/sessions/columns", columns, methods=["POST"]),
    Route("/sessions/exports/{key}", progress, methods=["GET", "POST"]),
    Route("/sessions/exports/{key}/file", fetch),
    Route("/sessions.{ending}", as_file),
]
