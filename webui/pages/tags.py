"""Tags: list and search, add, edit, block, delete."""

from __future__ import annotations

from datetime import datetime, time

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.values import ApiError, IdToken
from webui.words import _, current

FIELDS = ("alias", "blocked", "expire_time", "parent_id_token", "allow_concurrent", "note")
EMPTY = IdToken(
    name="",
    id_token="",
    alias="",
    blocked=False,
    expire_time=None,
    parent_id_token="",
    allow_concurrent=False,
    note="",
    update_time=None,
    etag="",
)


@signed_in
async def table(request: Request) -> Response:
    """All tags, in the order of their ids."""
    q = request.query_params.get("q", "").strip()[:100]
    page = await client_of(request).tags(q, 50, request.query_params.get("after", ""))
    return await show(
        request, "tags.html", page=page, q=q, next_url=with_query("/tags", {"q": q, "after": page.next_page_token})
    )


@signed_in
async def add(request: Request) -> Response:
    """A new tag."""
    if request.method != "POST":
        return await show(request, "tag.html", tag=EMPTY, problem="", new=True)
    form = await request.form()
    tag = _from(form, EMPTY)
    try:
        demand(tag.id_token, _("Enter the tag's id: 1 to 36 characters, as it is read."))
        await client_of(request).create_tag(tag)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ALREADY_EXISTS"):
            raise
        return await show(request, "tag.html", 422, tag=tag, problem=sentences.of_error(error), new=True)
    return redirect("/tags", "tag-created")


@signed_in
async def edit(request: Request) -> Response:
    """One tag; with a POST its fields are saved."""
    client, key = client_of(request), request.path_params["key"]
    present = await client.tag(key)
    if request.method != "POST":
        return await show(request, "tag.html", tag=present, problem="", new=False)
    form = await request.form()
    tag = _from(form, present)
    try:
        await client.update_tag(tag, FIELDS)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED"):
            raise
        newest = msgspec.structs.replace(tag, etag=present.etag)
        return await show(request, "tag.html", 409, tag=newest, problem=sentences.of_error(error), new=False)
    return redirect("/tags", "tag-saved")


def _from(form: FormData, base: IdToken) -> IdToken:
    day = text(form, "expires")
    expire: datetime | None = None
    if day:
        try:
            expire = datetime.combine(datetime.fromisoformat(day).date(), time(23, 59, 59), current.get().zone)
        except ValueError:
            expire = base.expire_time
    return msgspec.structs.replace(
        base,
        id_token=base.id_token or text(form, "id_token").upper(),
        alias=text(form, "alias"),
        blocked=text(form, "blocked") == "1",
        expire_time=expire,
        parent_id_token=text(form, "parent_id_token").upper(),
        allow_concurrent=text(form, "allow_concurrent") == "1",
        note=text(form, "note"),
        etag=text(form, "etag"),
    )


@signed_in
async def block(request: Request) -> Response:
    """Block or unblock a tag."""
    client, key = client_of(request), request.path_params["key"]
    blocked = text(await request.form(), "blocked") == "1"
    tag = await client.tag(key)
    await client.update_tag(msgspec.structs.replace(tag, blocked=blocked), ("blocked",))
    return redirect("/tags", "tag-blocked" if blocked else "tag-unblocked")


@signed_in
async def delete(request: Request) -> Response:
    """Delete a tag; its sessions stay."""
    await client_of(request).delete_tag(request.path_params["key"])
    return redirect("/tags", "tag-deleted")


ROUTES = [
    Route("/tags", table),
    Route("/tags/add", add, methods=["GET", "POST"]),
    Route("/tags/{key}", edit, methods=["GET", "POST"]),
    Route("/tags/{key}/block", block, methods=["POST"]),
    Route("/tags/{key}/delete", delete, methods=["POST"]),
]
