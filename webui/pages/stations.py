"""Stations: the live list with filters, order and export, adding one, and how to connect the first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import saved_views, sentences, station_list, tables, view
from webui.page import client_of, demand, frame, plain, redirect, show, signed_in, text
from webui.pages.pending import waiting_and_refused
from webui.station_list import StationList
from webui.values import ApiError, Role
from webui.values_stations import Listed, ListedPage, Places
from webui.words import _

__all__ = ["ROUTES", "Report", "StationList", "list_page"]

ADMITTERS: Final = frozenset({Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR})
CONNECTORS: Final = ADMITTERS | {Role.SUPPORT}
"""Who may know where stations connect."""


class Made(msgspec.Struct, frozen=True):
    """A station that was made."""

    name: str


class Created(msgspec.Struct, frozen=True):
    """The answer to that."""

    station: Made


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an action on many stations: a sentence, and those that failed with why."""

    done: str = ""
    failed: tuple[tuple[str, str], ...] = ()
    problem: str = ""


@signed_in
async def overview(request: Request) -> Response:
    """All stations, live."""
    return await list_page(request, None)


async def list_page(request: Request, report: Report | None, status_code: int = 200) -> Response:
    """The list as the address wants it, with what became of an action on many."""
    wanted = StationList.parse(request.query_params)
    client = client_of(request)
    around, page, places = await asyncio.gather(frame(client), wanted.page(client), station_list.places(client))
    role = around.caller.role
    if not page.total and not wanted.filtered and role in ADMITTERS:
        return await connect(request)
    return plain(
        request,
        "stations.html",
        status_code,
        frame=around,
        wanted=wanted,
        page=page,
        places=places.labels,
        place_options=places.options,
        report=report,
        views=saved_views.read(request, "stations"),
        may_admit=role in ADMITTERS,
        may_connect=role in CONNECTORS,
        may_operate=role in CONNECTORS or around.person.keeper,
        **_choices(),
    )


def _choices() -> dict[str, object]:
    return {
        "states": station_list.state_filters(),
        "registrations": station_list.registration_filters(),
        "protocols": station_list.PROTOCOLS,
        "sizes": station_list.SIZES,
    }


@signed_in
async def export(request: Request) -> Response:
    """What is filtered, as a file."""
    client, wanted = client_of(request), StationList.parse(request.query_params)
    places = await station_list.places(client)
    ending = request.url.path.rpartition(".")[2]
    return await tables.answer("stations", ending, _("Stations"), export_columns(places), wanted.pages(client))


def export_columns(places: Places) -> list[tables.Column[Listed]]:
    """Headings and how to fill them."""
    labels = places.labels
    return [
        (_("Identity"), lambda s: s.identity),
        (_("Name"), lambda s: s.display_name),
        (_("State"), lambda s: view.station_state(s).label),
        (_("Place"), lambda s: labels.get(s.place, "")),
        (_("Address"), lambda s: s.address),
        (_("Description"), lambda s: s.description),
        (_("Vendor"), lambda s: s.boot.vendor),
        (_("Model"), lambda s: s.boot.model),
        (_("Serial number"), lambda s: s.boot.serial_number or s.boot.charge_box_serial_number),
        (_("Firmware"), lambda s: s.boot.firmware_version),
        (_("Protocol"), lambda s: s.protocol),
        (_("Connectors"), lambda s: sum(len(evse.connectors) for evse in s.evses)),
        (_("Power (kW)"), lambda s: round(s.power_w / 1000, 2)),
        (_("Added"), lambda s: tables.local(s.create_time)),
        (_("Last heard"), lambda s: tables.local(s.last_seen_time)),
    ]


@signed_in
async def connect(request: Request) -> Response:
    """How to connect a station: address, identity, what to expect. Also the start page while there is none."""
    client = client_of(request)
    info, (waiting, refused) = await asyncio.gather(client.system_info(), waiting_and_refused(client))
    first = request.url.path != "/connect"
    return await show(
        request,
        "connect.html",
        may_admit=(await client.caller()).role in ADMITTERS,
        info=info,
        waiting=waiting,
        refused=_nobody(refused),
        first=first,
        report=None,
    )


def _nobody(page: ListedPage) -> ListedPage:
    return ListedPage((), "", page.total_size)


@signed_in
async def add(request: Request) -> Response:
    """Make a station known before it connects."""
    client = client_of(request)
    places = await station_list.places(client)
    if request.method != "POST":
        return await show(request, "add.html", values={}, problem="", place_options=places.options)
    form = await request.form()
    names = ("identity", "display_name", "address", "description", "place", "make_password")
    values = {name: text(form, name) for name in names}
    try:
        demand(values["identity"], _("Enter the identity that the station sends."))
        key = await _created(request, values)
        if not values["make_password"]:
            return redirect(f"/stations/{key}", "station-created")
        password = await client.set_station_password(key)
    except ApiError as error:
        if error.away or error.code == "UNAUTHENTICATED":
            raise
        problem = sentences.of_error(error)
        return await show(request, "add.html", 422, values=values, problem=problem, place_options=places.options)
    station, info = await asyncio.gather(client.station(key), client.system_info())
    return await show(request, "password.html", station=station, password=password, info=info)


async def _created(request: Request, values: dict[str, str]) -> str:
    wanted = {name: values[name] for name in ("identity", "display_name", "address", "description")}
    if values["place"].isdecimal():
        wanted["place"] = f"places/{values['place']}"
    made = await client_of(request).desk.ask("StationService/CreateStation", Created, station=wanted)
    return made.station.name.partition("/")[2]


ROUTES = [
    Route("/stations", overview),
    Route("/stations.csv", export),
    Route("/stations.xlsx", export),
    Route("/connect", connect),
    Route("/stations/add", add, methods=["GET", "POST"]),
]
