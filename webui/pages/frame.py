"""What stands around every page: navigator, search over everything, bell; and the page of notifications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from webui import navigator, person, session, telling
from webui.page import client_of, fragment, redirect, show, signed_in, text, with_query
from webui.search import Found, find

PAGE_SIZE: Final = 50
SHORT: Final = "hx-request"
"""Header of requests by scripts: they get the part, not the page."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody is told."""

    name: str
    kind: str
    values: dict[str, str]
    target: str
    create_time: datetime | None
    read_time: datetime | None


class NotificationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of them, newest first."""

    notifications: tuple[Notification, ...]
    next_page_token: str
    unread_count: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notification in words."""

    name: str
    sentence: str
    href: str
    time: datetime | None
    unread: bool


@signed_in
async def tree(request: Request) -> Response:
    """The navigator: as a part for the script of the frame, as a page for whoever has no scripts."""
    query = request.query_params.get("q", "").strip()[:100]
    short = SHORT in request.headers
    current = _current(request) if short else "/"
    place = _place(current) if short else person.place_of(request)
    grown = await navigator.tree(client_of(request), query, place)
    path = urlsplit(current).path
    key = path.removeprefix("/stations/").partition("/")[0] if path.startswith("/stations/") else ""
    key = key or navigator.picked_station(current)
    values: dict[str, Any] = {"tree": grown, "here": current, "place": place, "q": query, "open_station": key}
    if short:
        return HTMLResponse(fragment("frame/tree.html", values))
    return await show(request, "frame/navigator.html", 200, **values)


@signed_in
async def bell(request: Request) -> Response:
    """The bell with its number."""
    return HTMLResponse(fragment("frame/bell.html", {"unread": request.state.person.unread}))


@signed_in
async def search(request: Request) -> Response:
    """Everything that a word may mean: for the palette as JSON, else as a page."""
    query = request.query_params.get("q", "").strip()[:100]
    if "application/json" in request.headers.get("accept", ""):
        client = client_of(request)
        caller = await client.caller()
        return JSONResponse([msgspec.to_builtins(each) for each in await find(client, caller.role, query)])
    client = client_of(request)
    found: tuple[Found, ...] = ()
    if query:
        found = await find(client, (await client.caller()).role, query)
    return await show(request, "frame/search.html", q=query, found=found)


@signed_in
async def notifications(request: Request) -> Response:
    """What the reader was told, and the operator's news."""
    unread_only = request.query_params.get("unread") == "1"
    token = request.query_params.get("after", "")
    page = await client_of(request).desk.ask(
        "NewsService/ListNotifications",
        NotificationPage,
        unread_only=unread_only,
        page_size=PAGE_SIZE,
        page_token=token,
    )
    told = [
        Told(
            name=each.name,
            sentence=telling.sentence(each.kind, each.values),
            href=telling.address(each.target),
            time=each.create_time,
            unread=each.read_time is None,
        )
        for each in page.notifications
    ]
    wanted: Mapping[str, str] = {"unread": "1" if unread_only else "", "after": page.next_page_token}
    next_url = with_query("/notifications", wanted) if page.next_page_token else ""
    return await show(
        request, "frame/notifications.html", page=page, told=told, unread_only=unread_only, next_url=next_url
    )


@signed_in
async def read(request: Request) -> Response:
    """One was read, or all."""
    name = text(await request.form(), "name")
    await client_of(request).desk.do("NewsService/MarkNotificationsRead", names=(name,) if name else ())
    request.app.state.people.forget(session.token(request))
    return redirect("/notifications")


def _current(request: Request) -> str:
    """Where the reader is: path and query."""
    parts = urlsplit(request.headers.get("hx-current-url", "/"))
    return session.safe_next((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _place(current: str) -> str:
    path = urlsplit(current).path
    if path.startswith("/places/") and path.removeprefix("/places/").isdecimal():
        return path.removeprefix("/places/")
    for part in urlsplit(current).query.split("&"):
        name, _, value = part.partition("=")
        if name == "place" and value.isascii() and value.isdecimal():
            return value
    return ""


ROUTES = [
    Route("/navigator", tree),
    Route("/bell", bell),
    Route("/search", search),
    Route("/notifications", notifications),
    Route("/notifications/read", read, methods=["POST"]),
]
