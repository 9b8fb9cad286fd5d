"""A station's outlets: what people know of its connectors; free vend; whether it can be reserved."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, signed_in, text
from webui.station_page import HELD_BACK, tab_page
from webui.values import ApiError, Station
from webui.values_stations import Outlet, Outlets
from webui.words import _

CONNECTOR_TYPES = (
    "IEC_62196_T2",
    "IEC_62196_T2_COMBO",
    "IEC_62196_T1",
    "IEC_62196_T1_COMBO",
    "CHADEMO",
    "TESLA_S",
    "DOMESTIC_F",
    "DOMESTIC_J",
)
FIELDS = ("outlet_id", "connector_type", "parking", "mode", "uuid", "external_ids")


class Reservable(msgspec.Struct, frozen=True):
    """Can it be reserved?"""

    reservable: bool


class FreeVend(msgspec.Struct, frozen=True):
    """May anyone charge at all its outlets?"""

    free_vend: bool


class Logbook(msgspec.Struct, frozen=True):
    """Are drivers asked for a logbook?"""

    enabled: bool


@signed_in
async def outlets(request: Request) -> Response:
    """All outlets, each with its form."""
    return await _page(request)


async def _page(request: Request, problem: str = "", failed: str = "", typed: FormData | None = None) -> Response:
    client, name = client_of(request), f"stations/{request.path_params['key']}"
    station, found, free, reservable, logbook = await asyncio.gather(
        client.station(request.path_params["key"]),
        client.desk.ask("OutletService/ListOutlets", Outlets, station=name, page_size=1000),
        client.desk.ask("OutletService/GetFreeVend", FreeVend, station=name),
        _reservable(client, name),
        client.desk.ask("SessionService/GetStationLogbook", Logbook, station=name),
    )
    return await tab_page(
        request,
        "station/outlets.html",
        "outlets",
        422 if problem else 200,
        station=station,
        outlets=found.outlets,
        statuses=_statuses(station),
        free_vend=free.free_vend,
        reservable=reservable,
        logbook=logbook.enabled,
        problem=problem,
        failed=failed,
        typed=typed or {},
        types=CONNECTOR_TYPES,
        typed_ids=typed_ids,
    )


def _statuses(station: Station) -> dict[tuple[int, int], object]:
    return {(e.evse_id, c.connector_id): c.status for e in station.evses for c in e.connectors}


async def _reservable(client: Client, station: str) -> bool | None:
    try:
        return (await client.desk.ask("ReservationService/GetReservable", Reservable, station=station)).reservable
    except ApiError as error:
        if error.code in HELD_BACK:
            return None
        raise


@signed_in
async def save(request: Request) -> Response:
    """What people know of one outlet."""
    key, form = request.path_params["key"], await request.form()
    wanted: dict[str, object] = {name: text(form, name) for name in ("outlet_id", "connector_type", "parking", "uuid")}
    name = f"outlets/{request.path_params['outlet']}"
    try:
        wanted["external_ids"] = external_ids(text(form, "external_ids"))
        wanted["mode"] = "OPEN" if text(form, "mode") == "OPEN" else "RFID"
        outlet = {"name": name, "etag": text(form, "etag"), **wanted}
        await client_of(request).desk.do("OutletService/UpdateOutlet", outlet=outlet, update_mask=FIELDS)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED"):
            raise
        return await _page(request, sentences.of_error(error), name, form)
    return redirect(f"/stations/{key}/outlets", "station-saved")


def external_ids(typed: str) -> list[dict[str, str]]:
    """From lines of `service: id`. Raises ApiError for a line that is none."""
    found = []
    for line in filter(None, (each.strip() for each in typed.splitlines())):
        service, separator, external = line.partition(":")
        demand(
            separator and service.strip() and external.strip(),
            _("Write each external id on a line of its own, as service: id."),
        )
        found.append({"service": service.strip(), "external_id": external.strip()})
    return found


def typed_ids(outlet: Outlet) -> str:
    """The same the other way round."""
    return "\n".join(f"{each.service}: {each.external_id}" for each in outlet.external_ids)


@signed_in
async def switch(request: Request) -> Response:
    """Free vend, reservations, or the drivers' logbook, on or off."""
    key, what = request.path_params["key"], request.path_params["what"]
    on, desk = text(await request.form(), "on") == "1", client_of(request).desk
    if what == "free-vend":
        await desk.do("OutletService/SetFreeVend", station=f"stations/{key}", free_vend=on)
    elif what == "reservable":
        await desk.do("ReservationService/SetReservable", station=f"stations/{key}", reservable=on)
    elif what == "logbook":
        await desk.do("SessionService/SetStationLogbook", station=f"stations/{key}", enabled=on)
    else:
        raise ApiError("NOT_FOUND", "", "")
    return redirect(f"/stations/{key}/outlets", "station-saved")


ROUTES = [
    Route("/stations/{key}/outlets", outlets),
    Route("/stations/{key}/outlets/{outlet:int}", save, methods=["POST"]),
    Route("/stations/{key}/switch/{what}", switch, methods=["POST"]),
]
