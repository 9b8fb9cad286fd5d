"""Groups: choices of stations of one's own, by which the portal can be narrowed."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages.places import stations_in
from webui.values import ApiError
from webui.values_people import Group, GroupAnswer, Groups
from webui.words import _

OFFERED = 100
"""Stations that are offered at a time; the search finds the others."""


@signed_in
async def overview(request: Request) -> Response:
    """The own groups; with a POST a new one is made."""
    client = client_of(request)
    typed, problem = Group(), ""
    if request.method == "POST":
        form = await request.form()
        typed = Group(display_name=text(form, "display_name"), description=text(form, "description"))
        try:
            demand(typed.display_name, _("Enter a name for the group."))
            made = await client.desk.ask("GroupService/CreateGroup", GroupAnswer, group=_sent(typed))
            return redirect(f"/groups/{made.group.key}", "group-created")
        except ApiError as error:
            problem = _problem(error)
    groups = (await client.desk.ask("GroupService/ListGroups", Groups)).groups
    return await show(
        request, "people/groups.html", 422 if problem else 200, groups=groups, typed=typed, problem=problem
    )


def _sent(group: Group) -> dict[str, object]:
    return {name: getattr(group, name) for name in ("name", "display_name", "description", "etag")}


def _problem(error: ApiError) -> str:
    if error.code not in ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED"):
        raise error
    return sentences.of_error(error)


async def _group(client: Client, key: str) -> Group:
    groups = (await client.desk.ask("GroupService/ListGroups", Groups)).groups
    found = next((group for group in groups if group.key == key), None)
    if found is None:
        raise ApiError("NOT_FOUND", "", _("There is no such group of yours (any more)."))
    return found


@signed_in
async def one(request: Request) -> Response:
    """A group: its stations, and others to put in; with a POST name and description are saved."""
    return await _one(request)


async def _one(request: Request, problem: str = "") -> Response:
    client, key = client_of(request), request.path_params["key"]
    group = await _group(client, key)
    if request.method == "POST" and not problem:
        form = await request.form()
        typed = msgspec.structs.replace(
            group,
            display_name=text(form, "display_name"),
            description=text(form, "description"),
            etag=text(form, "etag"),
        )
        try:
            demand(typed.display_name, _("Enter a name for the group."))
            mask = ("display_name", "description")
            await client.desk.do("GroupService/UpdateGroup", group=_sent(typed), update_mask=mask)
            return redirect(f"/groups/{key}", "group-saved")
        except ApiError as error:
            group, problem = msgspec.structs.replace(typed, etag=group.etag), _problem(error)
    q = request.query_params.get("q", "").strip()[:100].lower()
    stations = await stations_in(client)
    others = [
        station
        for station in stations
        if station.name not in group.stations and q in f"{station.label} {station.identity}".lower()
    ]
    return await show(
        request,
        "people/group.html",
        422 if problem else 200,
        group=group,
        problem=problem,
        q=q,
        members=[station for station in stations if station.name in group.stations],
        others=others[:OFFERED],
        left_out=max(0, len(others) - OFFERED),
    )


@signed_in
async def put_in(request: Request) -> Response:
    """Put the chosen stations into the group."""
    return await _change(request, "GroupService/AddStations")


@signed_in
async def take_out(request: Request) -> Response:
    """Take the chosen stations out of it."""
    return await _change(request, "GroupService/RemoveStations")


async def _change(request: Request, method: str) -> Response:
    form, key = await request.form(), request.path_params["key"]
    stations = tuple(f"stations/{each}" for each in form.getlist("station") if isinstance(each, str))
    try:
        demand(stations, _("Choose stations first."))
        await client_of(request).desk.do(method, name=f"groups/{key}", stations=stations)
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect(f"/groups/{key}", "group-saved")


@signed_in
async def delete(request: Request) -> Response:
    """Delete the group; its stations stay."""
    await client_of(request).desk.do("GroupService/DeleteGroup", name=f"groups/{request.path_params['key']}")
    return redirect("/groups", "group-deleted")


ROUTES = [
    Route("/groups", overview, methods=["GET", "POST"]),
    Route("/groups/{key}", one, methods=["GET", "POST"]),
    Route("/groups/{key}/add", put_in, methods=["POST"]),
    Route("/groups/{key}/remove", take_out, methods=["POST"]),
    Route("/groups/{key}/delete", delete, methods=["POST"]),
]
