"""One action on many stations: on those that are ticked, or on all that the filters leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, signed_in, text, with_query
from webui.pages.stations import Report, list_page
from webui.station_list import StationList
from webui.values import ApiError
from webui.words import _, ngettext

MOST: Final = 5000
"""At most so many stations at once; more is a mistake rather than a wish."""
MOST_IN_ADDRESS: Final = 200
AT_ONCE: Final = 8
LEVELS: Final = ("VIEW", "OPERATE", "MANAGE")


class Name(msgspec.Struct, frozen=True):
    """A thing of which only the name is wanted."""

    name: str


class Begun(msgspec.Struct, frozen=True):
    """An operation on many stations that was begun."""

    operation: Name


@signed_in
async def bulk(request: Request) -> Response:
    """Do it, and tell what became of it above the list; operations on stations have a page of their own."""
    client, form = client_of(request), await request.form()
    wanted = StationList.parse(request.query_params)
    try:
        stations = await _chosen(client, wanted, form)
        demand(stations, _("Tick the stations first, or choose all that are filtered."))
        outcome = await _act(client, text(form, "do"), stations, form)
    except ApiError as error:
        if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED") or error.away:
            raise
        return await list_page(request, Report(problem=sentences.of_error(error)), 422)
    if isinstance(outcome, str):
        return redirect(outcome)
    if not outcome.failed:
        return redirect(wanted.url(after=wanted.after), "stations-changed")
    return await list_page(request, outcome, 422)


async def _chosen(client: Client, wanted: StationList, form: FormData) -> list[str]:
    """Names of the stations. Raises ApiError."""
    if text(form, "scope") != "all":
        return [f"stations/{key}" for key in form.getlist("station") if isinstance(key, str) and key.isdecimal()]
    found: list[str] = []
    async for page in wanted.pages(client):
        found += [station.name for station in page]
        too_many = _("These are more than %(n)s stations. Narrow the list first.") % {"n": MOST}
        demand(len(found) <= MOST, too_many)
    return found


async def _act(client: Client, what: str, stations: list[str], form: FormData) -> Report | str:
    """What became of it, or where to go on. Raises ApiError."""
    if what == "operate":
        return _to_operation(stations)
    if what in ("activate", "deactivate"):
        return await _availability(client, stations, what == "activate")
    if what == "move":
        place = text(form, "place")
        demand(place.isdecimal(), _("Choose the place to move them to."))
        await client.desk.do("PlaceService/MoveStations", place=f"places/{place}", stations=stations)
        return Report(done=_told(len(stations)))
    one = _one_by_one(client, what, form)
    return await _each(stations, one)


def _to_operation(stations: list[str]) -> str:
    """The form for an operation with these stations chosen."""
    too_many = _("An operation can begin here with at most %(n)s stations. With more, begin it by a filter there.")
    demand(len(stations) <= MOST_IN_ADDRESS, too_many % {"n": MOST_IN_ADDRESS})
    keys = ",".join(name.partition("/")[2] for name in stations)
    return with_query("/operations/new", {"stations": keys})


async def _availability(client: Client, stations: list[str], operative: bool) -> str:
    """An operation that switches them on or off; its page follows it."""
    draft = {
        "title": _("Put into service") if operative else _("Take out of service"),
        "order": {"change_availability": {"operational_status": "OPERATIVE" if operative else "INOPERATIVE"}},
        "stations": stations,
    }
    begun = await client.desk.ask("OperationService/CreateOperation", Begun, operation=draft)
    return f"/{begun.operation.name}"


def _one_by_one(client: Client, what: str, form: FormData) -> Callable[[str], Awaitable[object]]:
    email, level = text(form, "email"), text(form, "level")
    match what:
        case "accept":
            return lambda name: client.desk.do("StationService/AcceptStation", name=name)
        case "reject":
            return lambda name: client.desk.do("StationService/RejectStation", name=name)
        case "share":
            demand(email and level in LEVELS, _("Enter the e-mail address of the user, and what they may do."))
            return lambda name: client.desk.do("SharingService/ShareStation", station=name, email=email, level=level)
        case "assign":
            demand(email, _("Enter the e-mail address of the user, and what they may do."))
            return lambda name: client.desk.do("SharingService/SetOwner", station=name, email=email)
        case _:
            raise ApiError("INVALID_ARGUMENT", "", _("Choose what to do with them."))


async def _each(stations: list[str], one: Callable[[str], Awaitable[object]]) -> Report:
    room = asyncio.Semaphore(AT_ONCE)

    async def attempt(name: str) -> tuple[str, str] | None:
        async with room:
            try:
                await one(name)
            except ApiError as error:
                if error.code == "UNAUTHENTICATED" or error.away:
                    raise
                return name.partition("/")[2], sentences.of_error(error)
        return None

    failed = tuple(each for each in await asyncio.gather(*(attempt(name) for name in stations)) if each)
    done = len(stations) - len(failed)
    return Report(done=_told(done) if done else "", failed=failed)


def _told(number: int) -> str:
    return ngettext("Done for %(n)s station.", "Done for %(n)s stations.", number) % {"n": number}


ROUTES = [Route("/stations/bulk", bulk, methods=["POST"])]
