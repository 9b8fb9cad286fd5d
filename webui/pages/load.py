"""Load balancing: places and groups of stations that stay under their fuse, and how each outlet stands now."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages.places import all_places, stations_in
from webui.values import ApiError
from webui.values_load import (
    LoadGroup,
    LoadGroupAnswer,
    LoadGroups,
    LoadStateAnswer,
    Phases,
    Sharing,
    StationShare,
    Unit,
)
from webui.words import _

FIELDS: Final = (
    "display_name",
    "unit",
    "limit",
    "voltage_v",
    "fail_safe_current_a",
    "max_current_a",
    "sharing",
    "meter",
    "meter_max_age_s",
    "fallback_limit",
    "stations",
    "shares",
    "enabled",
)
BESIDE: Final = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "NOT_FOUND"})
"""What a person can mend: told beside the form."""


@signed_in
async def overview(request: Request) -> Response:
    """All groups, or those of a place."""
    client, place = client_of(request), request.query_params.get("place", "")[:20]
    wanted = f"places/{place}" if place.isdecimal() else ""
    found, places = await asyncio.gather(
        client.desk.ask("LoadBalancingService/ListLoadGroups", LoadGroups, place=wanted), all_places(client)
    )
    names = {each.name: each for each in places}
    return await show(
        request, "load/list.html", groups=found.load_groups, places=names, place=names.get(wanted), Unit=Unit
    )


@signed_in
async def add(request: Request) -> Response:
    """A new group at a place, which is chosen first."""
    client = client_of(request)
    places = [each for each in await all_places(client) if each.takes_stations]
    form = await request.form() if request.method == "POST" else request.query_params
    key = str(form.get("place", ""))
    place = next((each for each in places if each.key == key), None)
    if place is None:
        return await show(request, "load/choose.html", places=places)
    group = LoadGroup(place=place.name)
    if not isinstance(form, FormData):
        return await _form(request, client, group)
    typed, wrong = await _typed(client, form, group)
    try:
        demand(not wrong, wrong)
        made = await client.desk.ask("LoadBalancingService/CreateLoadGroup", LoadGroupAnswer, load_group=typed)
    except ApiError as error:
        return await _form(request, client, typed, problem=_problem(error))
    return redirect(f"/load/{made.load_group.key}", "load-created")


@signed_in
async def one(request: Request) -> Response:
    """How a group stands, and its form; with a POST it is changed."""
    client, name = client_of(request), f"loadGroups/{request.path_params['key']}"
    group = (await client.desk.ask("LoadBalancingService/GetLoadGroup", LoadGroupAnswer, name=name)).load_group
    if request.method != "POST":
        return await _form(request, client, group)
    form = await request.form()
    typed, wrong = await _typed(client, form, group)
    try:
        demand(not wrong, wrong)
        await client.desk.do("LoadBalancingService/UpdateLoadGroup", load_group=typed, update_mask=FIELDS)
    except ApiError as error:
        return await _form(request, client, msgspec.structs.replace(typed, etag=group.etag), problem=_problem(error))
    return redirect(f"/load/{group.key}", "load-saved")


@signed_in
async def state(request: Request) -> Response:
    """How it stands now, for the page that looks again every few seconds."""
    client, name = client_of(request), f"loadGroups/{request.path_params['key']}"
    answer = await client.desk.ask("LoadBalancingService/GetLoadState", LoadStateAnswer, name=name)
    return await show(request, "load/state.html", s=answer.state)


@signed_in
async def delete(request: Request) -> Response:
    """Its stations forget their limits."""
    key = request.path_params["key"]
    await client_of(request).desk.do("LoadBalancingService/DeleteLoadGroup", name=f"loadGroups/{key}")
    return redirect("/load", "load-deleted")


async def _form(request: Request, client: Client, group: LoadGroup, *, problem: str = "") -> Response:
    places, stations = await asyncio.gather(all_places(client), stations_in(client, group.place))
    found = None
    if group.name:
        answer = await client.desk.ask("LoadBalancingService/GetLoadState", LoadStateAnswer, name=group.name)
        found = answer.state
    return await show(
        request,
        "load/group.html",
        422 if problem else 200,
        group=group,
        place=next((each for each in places if each.name == group.place), None),
        stations=stations,
        s=found,
        problem=problem,
        units=(Unit.AMPERE, Unit.WATT),
        sharings=(Sharing.FAIR, Sharing.PRIORITY),
        all_phases=(Phases.ALL, Phases.L1, Phases.L2, Phases.L3),
    )


def _problem(error: ApiError) -> str:
    if error.code not in BESIDE:
        raise error
    return sentences.of_error(error)


async def _typed(client: Client, form: FormData, base: LoadGroup) -> tuple[LoadGroup, str]:
    """What was typed; and what is wrong with it, if something is no number."""
    wrong: list[str] = []

    def number(name: str, instead: float) -> float:
        typed = text(form, name).replace(",", ".")
        try:
            return float(typed) if typed else instead
        except ValueError:
            wrong.append(_("%(typed)s is no number.") % {"typed": typed[:20]})
            return instead

    here = [station.name for station in await stations_in(client, base.place)]
    ticked = {each for each in form.getlist("station") if isinstance(each, str)}
    members = tuple(station for station in here if station in ticked)
    if here and not members:
        wrong.append(_("Tick the stations that share the limit, at least one."))
    shares = []
    for station in here:
        most = text(form, f"max {station}").replace(",", ".")
        share = StationShare(
            station,
            int(number(f"priority {station}", 0)),
            Phases(phases) if (phases := text(form, f"phases {station}")) in list(Phases) else Phases.ALL,
            number(f"max {station}", 0) if most else None,
            text(form, f"watts {station}") == "1",
        )
        if share != StationShare(station):
            shares.append(share)
    group = msgspec.structs.replace(
        base,
        display_name=text(form, "display_name"),
        unit=Unit.WATT if text(form, "unit") == Unit.WATT else Unit.AMPERE,
        limit=number("limit", 0),
        voltage_v=int(number("voltage_v", 230)),
        fail_safe_current_a=number("fail_safe_current_a", 0),
        max_current_a=number("max_current_a", 32),
        sharing=Sharing.PRIORITY if text(form, "sharing") == Sharing.PRIORITY else Sharing.FAIR,
        meter=text(form, "meter") == "1",
        meter_max_age_s=int(number("meter_max_age_s", 60)),
        fallback_limit=number("fallback_limit", 0),
        stations=() if len(members) == len(here) else members,
        shares=tuple(shares),
        enabled=text(form, "enabled") == "1",
        etag=text(form, "etag"),
    )
    return group, " ".join(wrong)


ROUTES = [
    Route("/load", overview),
    Route("/load/add", add, methods=["GET", "POST"]),
    Route("/load/{key:int}", one, methods=["GET", "POST"]),
    Route("/load/{key:int}/state", state),
    Route("/load/{key:int}/delete", delete, methods=["POST"]),
]
