"""Stations: the live list, those that wait for acceptance, adding one, and how to connect the first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.values import (
    ApiError,
    Connection,
    ConnectorStatus,
    Registration,
    StationQuery,
)
from webui.words import _

SIZES = (25, 50, 100)
STATES = ("online", "free", "charging", "fault", "offline")


@dataclass(frozen=True, slots=True)
class StationList:
    """What the address says: search words, state, page."""

    q: str = ""
    state: str = ""
    after: str = ""
    size: int = 50

    @classmethod
    def parse(cls, params: QueryParams) -> StationList:
        """From the address; nonsense counts as not given."""
        state = params.get("state", "")
        size = params.get("size", "")
        return cls(
            q=params.get("q", "").strip()[:200],
            state=state if state in STATES else "",
            after=params.get("after", ""),
            size=int(size) if size.isdecimal() and int(size) in SIZES else 50,
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return bool(self.q or self.state)

    @property
    def query(self) -> StationQuery:
        """For the control plane: accepted stations in this state."""
        connection = {"online": Connection.ONLINE, "free": Connection.ONLINE, "offline": Connection.OFFLINE}
        statuses = {
            "free": (ConnectorStatus.AVAILABLE,),
            "charging": (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE),
            "fault": (ConnectorStatus.FAULTED,),
        }
        return StationQuery(
            query=self.q,
            registrations=(Registration.ACCEPTED,),
            connection=connection.get(self.state, Connection.UNSPECIFIED),
            statuses=statuses.get(self.state, ()),
        )

    def url(self, path: str = "/", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {"q": self.q, "state": self.state, "after": "", "size": str(self.size) if self.size != 50 else ""}
        return with_query(path, values | changes)

    @property
    def live(self) -> str:
        """The address of the stream that keeps this list true."""
        return self.url("/live/stations", after=self.after)


@signed_in
async def overview(request: Request) -> Response:
    """All accepted stations, live. The start page."""
    wanted = StationList.parse(request.query_params)
    client = client_of(request)
    page = await client.stations(wanted.query, wanted.size, wanted.after)
    if not page.total and not wanted.filtered:
        return await connect(request)
    return await show(request, "stations.html", wanted=wanted, page=page, states=state_filters())


def state_filters() -> list[tuple[str, str]]:
    """The states to choose from."""
    return [
        ("", _("All")),
        ("online", _("Online")),
        ("free", _("Free")),
        ("charging", _("Charging")),
        ("fault", _("Fault")),
        ("offline", _("Offline")),
    ]


@signed_in
async def pending(request: Request) -> Response:
    """Stations that connected by themselves and wait; below, those that were refused."""
    waiting, refused = await waiting_and_refused(request)
    return await show(request, "pending.html", waiting=waiting, refused=refused)


async def waiting_and_refused(request: Request) -> tuple[object, object]:
    """Both lists."""
    client = client_of(request)
    return await asyncio.gather(
        client.stations(StationQuery(registrations=(Registration.PENDING,)), 200),
        client.stations(StationQuery(registrations=(Registration.REJECTED,)), 200),
    )


@signed_in
async def decide(request: Request) -> Response:
    """Accept or refuse a station."""
    client, key = client_of(request), request.path_params["key"]
    form = await request.form()
    if text(form, "decision") == "accept":
        await client.accept_station(key)
        notice = "station-accepted"
    else:
        await client.reject_station(key)
        notice = "station-rejected"
    target = f"/stations/{key}" if text(form, "back") == "station" else "/pending"
    return redirect(target, notice)


@signed_in
async def connect(request: Request) -> Response:
    """How to connect a station: address, identity, what to expect. Also the start page while there is none."""
    client = client_of(request)
    info, waiting = await asyncio.gather(
        client.system_info(), client.stations(StationQuery(registrations=(Registration.PENDING,)), 200)
    )
    first = request.url.path == "/"
    return await show(request, "connect.html", info=info, waiting=waiting, first=first)


@signed_in
async def add(request: Request) -> Response:
    """Make a station known before it connects."""
    if request.method != "POST":
        return await show(request, "add.html", values={}, problem="")
    form = await request.form()
    values = {
        name: text(form, name) for name in ("identity", "display_name", "address", "description", "make_password")
    }
    client = client_of(request)
    try:
        demand(values["identity"], _("Enter the identity that the station sends."))
        station = await client.create_station(
            values["identity"], values["display_name"], values["description"], values["address"]
        )
        if not values["make_password"]:
            return redirect(f"/stations/{station.key}", "station-created")
        password = await client.set_station_password(station.key)
    except ApiError as error:
        if error.away or error.code == "UNAUTHENTICATED":
            raise
        return await show(request, "add.html", 422, values=values, problem=sentences.of_error(error))
    info = await client.system_info()
    return await show(request, "password.html", station=station, password=password, info=info)


ROUTES = [
    Route("/", overview),
    Route("/stations", overview),
    Route("/pending", pending),
    Route("/connect", connect),
    Route("/stations/add", add, methods=["GET", "POST"]),
    Route("/stations/{key}/decide", decide, methods=["POST"]),
]
