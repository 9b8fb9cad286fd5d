"""The EV driver's pages, for a phone first: what charges now, where to charge, starting and stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.access import my_access
from webui.api import Client
from webui.operations import operation
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages.reservations import STATES, own_tags, stations_named
from webui.values import ApiError, ConnectorStatus, Evse, Session
from webui.values_drive import (
    Cost,
    Free,
    Logbook,
    Running,
    RunningCost,
    Sessions,
    Started,
    TariffFor,
    Vehicles,
)
from webui.values_reservations import (
    OPEN,
    OneStation,
    Reservable,
    ReservationPage,
    StationBrief,
    StationBriefs,
    WaitingPage,
)
from webui.words import _

S = TypeVar("S", bound=msgspec.Struct)
MOST_STATIONS: Final = 100
MOST_RUNNING: Final = 10
ANSWER_S: Final = 40.0
FREE: Final = frozenset({ConnectorStatus.AVAILABLE})
PLUGGED: Final = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING})
FIELDS: Final = ("outlet", "tag", "mileage", "vehicle", "purpose")


@signed_in
async def home(request: Request) -> Response:
    """What charges now, what is reserved, and where charging is possible."""
    q = request.query_params.get("q", "").strip()[:100]
    values = await now(client_of(request), q)
    return await show(request, "drive/home.html", 200, q=q, tab="charge", problem="", **values)


async def now(client: Client, q: str = "") -> dict[str, object]:
    """Everything on the page that changes by itself."""
    me = (await client.caller()).name
    desk = client.desk
    running, stations, reserved, waiting = await asyncio.gather(
        under_way(client, me),
        desk.ask(
            "StationService/ListStations",
            StationBriefs,
            filter={"query": q, "registration_states": ("ACCEPTED",)},
            page_size=MOST_STATIONS,
        ),
        desk.ask(
            "ReservationService/ListReservations",
            ReservationPage,
            filter={"user": me, "states": tuple(OPEN)},
            page_size=MOST_RUNNING,
        ),
        desk.ask("ReservationService/ListWaiting", WaitingPage, page_size=MOST_STATIONS),
    )
    mine = tuple(one for one in waiting.waiting if one.user == me)
    names = {station.name: station for station in stations.stations}
    elsewhere = {one.station for one in reserved.reservations} | {one.station for one in mine}
    names |= await stations_named(client, elsewhere - names.keys())
    return {
        "running": running,
        "stations": free_first(stations.stations),
        "more": stations.total_size > len(stations.stations),
        "reserved": sorted(reserved.reservations, key=lambda one: (str(one.start_time), one.key)),
        "waiting": mine,
        "names": names,
        "states": STATES,
    }


async def under_way(client: Client, me: str) -> list[Running]:
    """The caller's sessions under way, each with its cost so far."""
    found = await client.desk.ask(
        "SessionService/ListSessions",
        Sessions,
        filter={"user": me, "state": "ACTIVE"},
        page_size=MOST_RUNNING,
        skip_totals=True,
    )
    costs = await asyncio.gather(*(_cost_so_far(client, session) for session in found.sessions))
    return [Running(session=session, cost=cost) for session, cost in zip(found.sessions, costs, strict=True)]


async def _cost_so_far(client: Client, session: Session) -> Cost | None:
    try:
        told = await client.desk.ask("TariffService/GetRunningCost", RunningCost, session=session.name)
    except ApiError as error:
        if error.code == "UNAUTHENTICATED" or error.away:
            raise
        return None
    return told.cost


def free_first(stations: Iterable[StationBrief]) -> list[Free]:
    """Stations with free outlets before the others, those that are offline last; by name."""
    found = [Free(station=s, free=sum(is_free(e) for e in s.evses), outlets=len(s.evses)) for s in stations]
    return sorted(found, key=lambda f: (not f.station.online, not f.free, f.station.label.casefold()))


def is_free(evse: Evse) -> bool:
    """Can somebody plug in there? (An offline station's outlets may be; nobody knows.)"""
    return not evse.session and any(connector.status in FREE for connector in evse.connectors)


def can_start(evse: Evse) -> bool:
    """Could charging begin there: is it free, or plugged in already?"""
    return not evse.session and any(connector.status in PLUGGED for connector in evse.connectors)


@signed_in
async def station(request: Request) -> Response:
    """One station: its outlets and prices, and the form that starts charging."""
    return await _station(request, {"outlet": request.query_params.get("outlet", "")})


async def _station(request: Request, typed: Mapping[str, str], problem: str = "", status_code: int = 200) -> Response:
    client, key = client_of(request), request.path_params["key"]
    name, desk = f"stations/{key}", client.desk
    me = (await client.caller()).name
    access = await my_access(client, name)
    found, tags, logbook, vehicles, tariff, switched = await asyncio.gather(
        desk.ask("StationService/GetStation", OneStation, name=name),
        own_tags(client, me),
        _or(client, "SessionService/GetStationLogbook", Logbook(), station=name),
        _or(client, "SessionService/ListVehicles", Vehicles()),
        _or(client, "TariffService/GetTariffFor", TariffFor(), station=name, user=me),
        _or(client, "ReservationService/GetReservable", Reservable(reservable=False), station=name),
    )
    startable = [evse for evse in found.station.evses if can_start(evse)]
    if not typed.get("outlet"):
        typed = {**typed, "outlet": str(startable[0].evse_id) if startable else "0"}
    return await show(
        request,
        "drive/station.html",
        status_code,
        station=found.station,
        startable=startable,
        tags=tags.id_tokens,
        logbook=logbook.enabled,
        vehicles=vehicles.vehicles,
        tariff=tariff,
        may=access.can_operate,
        reservable=switched.reservable and access.can_operate,
        typed={name: typed.get(name, "") for name in FIELDS},
        problem=problem,
        tab="charge",
    )


async def _or(client: Client, method: str, otherwise: S, **fields: object) -> S:
    """What is only shown besides: as if it were not there where it cannot be read."""
    try:
        return await client.desk.ask(method, type(otherwise), timeout_s=10.0, **fields)
    except ApiError as error:
        if error.code == "UNAUTHENTICATED" or error.away:
            raise
        return otherwise


@signed_in
async def start(request: Request) -> Response:
    """Ask the station to start. The session appears on the driver's page when the station says that it began."""
    form, key = await request.form(), request.path_params["key"]
    typed = {name: text(form, name)[:200] for name in FIELDS}
    try:
        answered = await client_of(request).desk.ask(
            "RemoteService/RequestStartTransaction", Started, timeout_s=ANSWER_S, **_order(key, typed)
        )
    except ApiError as error:
        if error.code in ("UNAUTHENTICATED", "NOT_FOUND") or (error.away and not error.reason):
            raise
        return await _station(request, typed, sentences.of_command(error), 422)
    if not answered.result.accepted:
        return await _station(request, typed, sentences.of_result(answered.result.result), 422)
    return redirect("/drive", "charge-asked")


def _order(key: str, typed: Mapping[str, str]) -> dict[str, object]:
    """What the form asks for. Raises ApiError."""
    demand(typed["tag"], _("Choose the tag to charge on."))
    outlet, mileage = typed["outlet"], typed["mileage"].replace(" ", "")
    demand(not mileage or (mileage.isdecimal() and len(mileage) < 9), _("Enter the mileage as a whole number of km."))
    logbook = {
        "mileage_km": int(mileage) if mileage else None,
        "vehicle_id": typed["vehicle"],
        "purpose": typed["purpose"],
    }
    return {
        "target": {"station": f"stations/{key}"},
        "id_token": typed["tag"].upper(),
        "evse_id": int(outlet) if outlet.isdecimal() and len(outlet) < 5 else 0,
        "logbook": logbook if mileage or typed["vehicle"] or typed["purpose"] else None,
    }


@signed_in
async def stop(request: Request) -> Response:
    """Ask the station to stop a session."""
    client, key, form = client_of(request), request.path_params["key"], await request.form()
    form = type(form)([*form.multi_items(), ("session", str(key))])
    outcome = await operation(client, "", "stop", form)
    if outcome.tone == "good":
        return redirect("/drive", "charge-stopped")
    values = await now(client)
    return await show(request, "drive/home.html", 409, q="", tab="charge", problem=outcome.sentence, **values)


ROUTES = [
    Route("/drive", home),
    Route("/drive/stations/{key:int}", station),
    Route("/drive/stations/{key:int}/start", start, methods=["POST"]),
    Route("/drive/sessions/{key:int}/stop", stop, methods=["POST"]),
]
