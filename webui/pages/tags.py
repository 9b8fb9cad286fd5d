"""Tags: found by any form of a card's id, whose they are, where and when they count; add, edit, block, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, time
from typing import TypeVar

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.pages.places import all_places, stations_in
from webui.values import ApiError, Role
from webui.values_people import User, UserPage
from webui.values_places import Place, Spot
from webui.values_tags import Tag, TagAnswer, TagPage, TagPolicy, TagPolicyAnswer, kind_word, type_word
from webui.words import _, current

T = TypeVar("T")
FIELDS = (
    "alias",
    "blocked",
    "expire_time",
    "parent_id_token",
    "allow_concurrent",
    "note",
    "user",
    "type",
    "valid_from_time",
    "valid_stations",
    "valid_places",
)
OF_DRIVERS = ("alias", "blocked", "note", "type")
STATES = ("VALID", "BLOCKED", "EXPIRED", "NOT_YET_VALID")
DAY_BEGINS = time()
DAY_ENDS = time(23, 59, 59)
TYPES = ("OTHER", "PRIVATE", "BUSINESS")
KINDS = ("PHYSICAL", "VIRTUAL")
ORDERS = ("ID_TOKEN", "ALIAS", "USER", "EXPIRY", "CREATED")
MOST_USERS = 1000


async def if_told(asked: Awaitable[T], otherwise: T) -> T:
    """What helps to fill a form in, where the reader may see it."""
    try:
        return await asked
    except ApiError as error:
        if error.code not in ("PERMISSION_DENIED", "UNIMPLEMENTED"):
            raise
        return otherwise


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an action on several tags: a sentence, and those that failed: key, id and why."""

    done: str = ""
    failed: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""


@signed_in
async def table(request: Request) -> Response:
    """Tags that match, in the order asked for."""
    return await list_page(request)


def wanted_of(request: Request) -> dict[str, str]:
    """Filters and order, as the address says; nonsense counts as not given."""
    params = request.query_params
    return {
        "q": params.get("q", "").strip()[:100],
        "state": _one_of(params.get("state", ""), STATES),
        "type": _one_of(params.get("type", ""), TYPES),
        "kind": _one_of(params.get("kind", ""), KINDS),
        "parent": params.get("parent", "").strip()[:36],
        "order": _one_of(params.get("order", ""), ORDERS),
        "desc": "1" if params.get("desc") == "1" else "",
    }


async def list_page(request: Request, report: Report | None = None, status: int = 200) -> Response:
    """The table, with what became of an action above it."""
    client, params, wanted = client_of(request), request.query_params, wanted_of(request)
    asked = client.desk.ask(
        "IdTokenService/ListIdTokens",
        TagPage,
        query=wanted["q"],
        state=wanted["state"] or None,
        type=wanted["type"] or None,
        kind=wanted["kind"] or None,
        parent_id_token=wanted["parent"],
        order=wanted["order"] or None,
        descending=wanted["desc"] == "1",
        page_size=50,
        page_token=params.get("after", ""),
    )
    page, policy = await asyncio.gather(asked, _policy(client))

    def sorted_by(order: str) -> str:
        turn = wanted["order"] in (order, "" if order == "ID_TOKEN" else order) and not wanted["desc"]
        return with_query("/tags", wanted | {"order": order, "desc": "1" if turn else ""})

    return await show(
        request,
        "tags/list.html",
        status,
        report=report,
        page=page,
        wanted=wanted,
        after=params.get("after", ""),
        filtered=any(wanted[name] for name in ("q", "state", "type", "kind", "parent")),
        states=STATES,
        types=TYPES,
        kinds=KINDS,
        policy=policy,
        sorted_by=sorted_by,
        state_words=_state_words(),
        kind_word=kind_word,
        type_word=type_word,
        first_url=with_query("/tags", wanted),
        next_url=with_query("/tags", wanted | {"after": page.next_page_token}),
        bulk_url=with_query("/tags/bulk", wanted | {"after": params.get("after", "")}),
    )


def _state_words() -> dict[str, str]:
    return {
        "VALID": _("Valid"),
        "BLOCKED": _("Blocked"),
        "EXPIRED": _("Expired"),
        "NOT_YET_VALID": _("Not valid yet"),
    }


def _one_of(word: str, words: tuple[str, ...]) -> str:
    return word if word in words else ""


async def _policy(client: Client) -> TagPolicy:
    asked = client.desk.ask("IdTokenService/GetTagPolicy", TagPolicyAnswer)
    return (await if_told(asked, TagPolicyAnswer(TagPolicy()))).policy


@signed_in
async def policy(request: Request) -> Response:
    """Let drivers register tags of their own, or no longer."""
    may = text(await request.form(), "users_register_tags") == "1"
    await client_of(request).desk.do("IdTokenService/SetTagPolicy", policy=TagPolicy(may))
    return redirect("/tags", "tag-policy-saved")


@signed_in
async def add(request: Request) -> Response:
    """A new tag."""
    client = client_of(request)
    if request.method != "POST":
        return await _form(request, Tag(user=request.query_params.get("user", "")), new=True)
    form = await request.form()
    tag = _from(form, Tag())
    try:
        virtual = tag.kind == "VIRTUAL"
        demand(tag.id_token or virtual, _("Enter the tag's id: 1 to 36 characters, as it is read."))
        caller = await client.caller()
        if caller.role is not Role.EV_USER:
            tag = await _owned(client, form, tag)
        await client.desk.do("IdTokenService/CreateIdToken", id_token=_sent(tag, ("id_token", "kind", *FIELDS)))
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION"):
            raise
        return await _form(request, tag, new=True, problem=sentences.of_error(error), form=form)
    return redirect("/tags", "tag-created")


@signed_in
async def edit(request: Request) -> Response:
    """One tag; with a POST its fields are saved."""
    client = client_of(request)
    present = await _tag(request)
    if request.method != "POST":
        return await _form(request, present)
    form = await request.form()
    tag = _from(form, present)
    try:
        driver = (await client.caller()).role is Role.EV_USER
        fields: tuple[str, ...] = OF_DRIVERS if driver else FIELDS
        tag = tag if driver else await _owned(client, form, tag)
        changed = _sent(tag, ("name", "etag", *fields))
        await client.desk.do("IdTokenService/UpdateIdToken", id_token=changed, update_mask=fields)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED", "FAILED_PRECONDITION"):
            raise
        newest = msgspec.structs.replace(tag, etag=present.etag)
        status = 409 if error.code == "ABORTED" else 422
        return await _form(request, newest, problem=sentences.of_error(error), form=form, status=status)
    return redirect("/tags", "tag-saved")


async def _tag(request: Request) -> Tag:
    name = f"idTokens/{request.path_params['key']}"
    return (await client_of(request).desk.ask("IdTokenService/GetIdToken", TagAnswer, name=name)).id_token


async def _form(
    request: Request,
    tag: Tag,
    *,
    new: bool = False,
    problem: str = "",
    form: FormData | None = None,
    status: int = 422,
) -> Response:
    client = client_of(request)
    caller = await client.caller()
    no_places: tuple[Place, ...] = ()
    no_stations: list[Spot] = []
    no_users = UserPage((), "", 0)
    places, stations, users, policy = no_places, no_stations, no_users, TagPolicy()
    if caller.role is Role.ADMINISTRATOR:
        asked = client.desk.ask("UserService/ListUsers", UserPage, page_size=MOST_USERS)
        places, stations, users = await asyncio.gather(
            if_told(all_places(client), no_places),
            if_told(stations_in(client), no_stations),
            if_told(asked, no_users),
        )
    elif caller.role is Role.EV_USER:
        policy = await _policy(client)
    return await show(
        request,
        "tags/tag.html",
        status if problem else 200,
        tag=tag,
        new=new,
        problem=problem,
        owner=text(form, "user_email") if form else _email(tag, users.users),
        users=users.users,
        places=places,
        stations=stations,
        policy=policy,
        types=TYPES,
        kinds=KINDS,
        kind_word=kind_word,
        type_word=type_word,
        from_clock=_clock(tag.valid_from_time, DAY_BEGINS),
        until_clock=_clock(tag.expire_time, DAY_ENDS),
    )


def _email(tag: Tag, users: tuple[User, ...]) -> str:
    return tag.user_email or next((user.email for user in users if tag.user and user.name == tag.user), "")


async def _owned(client: Client, form: FormData, tag: Tag) -> Tag:
    """The tag with the user whose e-mail was typed. Raises ApiError when there is none."""
    email = text(form, "user_email").lower()
    if email in ("", tag.user_email.lower()):
        return msgspec.structs.replace(tag, user=tag.user if email else "")
    found = await client.desk.ask("UserService/ListUsers", UserPage, filter={"query": email}, page_size=MOST_USERS)
    user = next((user for user in found.users if user.email.lower() == email), None)
    sentence = _("Nobody has the e-mail address %(email)s. Choose one of the list, or leave it empty.")
    demand(user, sentence % {"email": email})
    return msgspec.structs.replace(tag, user=user.name if user else "")


def _sent(tag: Tag, fields: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(tag, name) for name in fields}


def _from(form: FormData, base: Tag) -> Tag:
    return msgspec.structs.replace(
        base,
        id_token=base.id_token or text(form, "id_token").upper(),
        kind=_one_of(text(form, "kind"), KINDS) or base.kind,
        type=_one_of(text(form, "type"), TYPES) or base.type,
        alias=text(form, "alias"),
        blocked=text(form, "blocked") == "1",
        valid_from_time=_moment(form, "valid_from", DAY_BEGINS, base.valid_from_time),
        expire_time=_moment(form, "expires", DAY_ENDS, base.expire_time),
        parent_id_token=text(form, "parent_id_token").upper(),
        allow_concurrent=text(form, "allow_concurrent") == "1",
        note=text(form, "note"),
        valid_stations=_names(form, "valid_stations"),
        valid_places=_names(form, "valid_places"),
        etag=text(form, "etag"),
    )


def _names(form: FormData, name: str) -> tuple[str, ...]:
    return tuple(each for each in form.getlist(name) if isinstance(each, str) and each)


def _moment(form: FormData, name: str, usual: time, otherwise: datetime | None) -> datetime | None:
    """A day and perhaps a time in the reader's zone; no day is never, nonsense changes nothing."""
    day, clock = text(form, name), text(form, f"{name}_clock")
    if not day:
        return None
    try:
        at = time.fromisoformat(clock) if clock else usual
        return datetime.combine(datetime.fromisoformat(day).date(), at.replace(tzinfo=None), current.get().zone)
    except ValueError:
        return otherwise


def _clock(at: datetime | None, usual: time) -> str:
    """For a field of time; empty at the end of the day that is usual."""
    local = at.astimezone(current.get().zone).time() if at is not None else usual
    return "" if local.replace(microsecond=0) == usual else local.isoformat("minutes")


@signed_in
async def block(request: Request) -> Response:
    """Block or unblock a tag."""
    blocked = text(await request.form(), "blocked") == "1"
    changed = {"name": f"idTokens/{request.path_params['key']}", "blocked": blocked}
    try:
        await client_of(request).desk.do("IdTokenService/UpdateIdToken", id_token=changed, update_mask=("blocked",))
    except ApiError as error:
        if error.code != "FAILED_PRECONDITION":
            raise
        return await _form(request, await _tag(request), problem=sentences.of_error(error))
    return redirect("/tags", "tag-blocked" if blocked else "tag-unblocked")


@signed_in
async def delete(request: Request) -> Response:
    """Delete a tag; its sessions stay."""
    await client_of(request).desk.do("IdTokenService/DeleteIdToken", name=f"idTokens/{request.path_params['key']}")
    return redirect("/tags", "tag-deleted")


ROUTES = [
    Route("/tags", table),
    Route("/tags/add", add, methods=["GET", "POST"]),
    Route("/tags/policy", policy, methods=["POST"]),
    Route("/tags/{key}", edit, methods=["GET", "POST"]),
    Route("/tags/{key}/block", block, methods=["POST"]),
    Route("/tags/{key}/delete", delete, methods=["POST"]),
]
