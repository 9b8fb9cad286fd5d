"""News: what the operator tells its users; administrators write, change and remove messages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import days, nodes, sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.values import ApiError, Role
from webui.words import N_, _, current

PRIORITIES = {"NORMAL": N_("Normal"), "IMPORTANT": N_("Important"), "URGENT": N_("Urgent: on top of every page")}
ROLES = {
    "ev-user": N_("EV drivers"),
    "site-administrator": N_("Site administrators"),
    "support": N_("Support"),
    "administrator": N_("Administrators"),
}
FIELDS = ("title", "text", "priority", "roles", "places", "valid_from_time", "valid_until_time")
WRONG = ("INVALID_ARGUMENT", "ABORTED", "FAILED_PRECONDITION")


class Message(msgspec.Struct, frozen=True):
    """A message of the operator."""

    name: str
    title: str
    text: str
    priority: str
    roles: tuple[str, ...]
    places: tuple[str, ...]
    valid_from_time: datetime | None
    valid_until_time: datetime | None
    create_time: datetime | None
    etag: str

    @property
    def key(self) -> str:
        """The id of its name."""
        return self.name.removeprefix("news/")

    @property
    def standing(self) -> str:
        """`valid`, `coming` or `over`."""
        now = datetime.now(tz=UTC)
        if self.valid_until_time is not None and self.valid_until_time <= now:
            return "over"
        return "coming" if self.valid_from_time is not None and self.valid_from_time > now else "valid"


class MessagePage(msgspec.Struct, frozen=True):
    """A page of messages."""

    news: tuple[Message, ...]
    next_page_token: str


class MyNews(msgspec.Struct, frozen=True):
    """Those for the reader."""

    news: tuple[Message, ...]


EMPTY = Message("", "", "", "NORMAL", (), (), None, None, None, "")


@signed_in
async def news(request: Request) -> Response:
    """What is for the reader; for administrators below it all there is."""
    client = client_of(request)
    mine, caller = await asyncio.gather(client.desk.ask("NewsService/ListMyNews", MyNews), client.caller())
    page = None
    if caller.role is Role.ADMINISTRATOR:
        after = request.query_params.get("after", "")
        page = await client.desk.ask("NewsService/ListNews", MessagePage, page_size=50, page_token=after)
    values: dict[str, object] = {"mine": mine.news, "page": page, "priorities": PRIORITIES, "roles": ROLES}
    next_url = with_query("/news", {"after": page.next_page_token if page else ""})
    return await show(request, "news/list.html", 200, next_url=next_url, **values)


@signed_in
async def add(request: Request) -> Response:
    """A new message."""
    client = client_of(request)
    if request.method != "POST":
        await client.desk.ask("NewsService/ListNews", MessagePage, page_size=1)  # who may not, is told so here
        return await _form(request, EMPTY)
    form = await request.form()
    message = _typed(form, EMPTY)
    try:
        _check(form, message)
        await client.desk.do("NewsService/CreateNews", news=_asked(message))
    except ApiError as error:
        if error.code not in WRONG:
            raise
        return await _form(request, message, sentences.of_error(error))
    return redirect("/news", "news-saved")


async def _found(client: Client, key: str) -> Message:
    after = ""
    while True:
        page = await client.desk.ask("NewsService/ListNews", MessagePage, page_size=1000, page_token=after)
        found = next((message for message in page.news if message.key == key), None)
        if found is not None:
            return found
        after = page.next_page_token
        if not after:
            raise ApiError("NOT_FOUND", "", "")


@signed_in
async def edit(request: Request) -> Response:
    """Change a message."""
    client, key = client_of(request), request.path_params["key"]
    present = await _found(client, key)
    if request.method != "POST":
        return await _form(request, present)
    form = await request.form()
    message = _typed(form, present)
    try:
        _check(form, message)
        await client.desk.do("NewsService/UpdateNews", news=_asked(message), update_mask=FIELDS)
    except ApiError as error:
        if error.code not in WRONG:
            raise
        return await _form(request, msgspec.structs.replace(message, etag=present.etag), sentences.of_error(error))
    return redirect("/news", "news-saved")


@signed_in
async def delete(request: Request) -> Response:
    """Remove a message."""
    await client_of(request).desk.do("NewsService/DeleteNews", name=f"news/{request.path_params['key']}")
    return redirect("/news", "news-deleted")


async def _form(request: Request, message: Message, problem: str = "") -> Response:
    places = await nodes.choices(client_of(request))
    values: dict[str, object] = {"message": message, "problem": problem, "places": places, "moment_field": moment_field}
    values |= {"priorities": PRIORITIES, "roles": ROLES}
    return await show(request, "news/form.html", 422 if problem else 200, **values)


def moment_field(moment: datetime | None) -> str:
    """As a field of date and time wants it, in the reader's zone."""
    return moment.astimezone(current.get().zone).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _typed(form: FormData, base: Message) -> Message:
    priority = text(form, "priority")
    places = (key for key in form.getlist("news_place") if isinstance(key, str) and key.isdecimal())
    return Message(
        name=base.name,
        title=text(form, "title"),
        text=text(form, "text"),
        priority=priority if priority in PRIORITIES else "NORMAL",
        roles=tuple(role for role in form.getlist("role") if isinstance(role, str) and role in ROLES),
        places=tuple(f"places/{key}" for key in places),
        valid_from_time=days.moment_of(text(form, "valid_from")),
        valid_until_time=days.moment_of(text(form, "valid_until")),
        create_time=base.create_time,
        etag=text(form, "etag"),
    )


def _check(form: FormData, message: Message) -> None:
    for name, moment in (("valid_from", message.valid_from_time), ("valid_until", message.valid_until_time)):
        demand(moment is not None or not text(form, name), _("Enter date and time, or leave the field empty."))


def _asked(message: Message) -> dict[str, object]:
    return {"name": message.name, "etag": message.etag} | {name: getattr(message, name) for name in FIELDS}


ROUTES = [
    Route("/news", news),
    Route("/news/add", add, methods=["GET", "POST"]),
    Route("/news/{key}", edit, methods=["GET", "POST"]),
    Route("/news/{key}/delete", delete, methods=["POST"]),
]
