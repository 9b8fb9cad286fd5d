"""Reservations: the calendar by day and week, the list with its filters, one reservation, the waiting list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import choosing
from webui import reservations_calendar as calendar
from webui.api import Client
from webui.page import client_of, show, signed_in, with_query
from webui.values import ApiError, Role
from webui.values_reservations import (
    OPEN,
    OneReservation,
    OneStation,
    Place,
    Places,
    Reservation,
    ReservationPage,
    ReservationState,
    StationBrief,
    StationBriefs,
    Tags,
    WaitingPage,
)
from webui.words import N_, _, current

VIEWS: Final = ("day", "week", "list", "waiting")
ROWS: Final = 20
LISTED: Final = 50
MOST: Final = 1000
"""Reservations of a calendar; beyond that it asks to be narrowed."""
AT_ONCE: Final = 16
SWITCHERS: Final = (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR)
"""To whom the switch of a station is shown. (Whether they may use it there is decided by the control plane.)"""
STATES: Final = {
    ReservationState.BOOKED: ("pending", N_("Booked")),
    ReservationState.REQUESTED: ("unknown", N_("Asked")),
    ReservationState.ACTIVE: ("occupied", N_("Reserved")),
    ReservationState.USED: ("charging", N_("Used")),
    ReservationState.EXPIRED: ("ended", N_("Expired")),
    ReservationState.CANCELED: ("unavailable", N_("Cancelled")),
    ReservationState.REFUSED: ("fault", N_("Refused")),
    ReservationState.REMOVED: ("offline", N_("Given up by the station")),
}
"""State → how it is drawn, and its word."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address says. `day` is in the reader's zone."""

    view: str
    day: date
    today: date
    place: str = ""
    station: str = ""
    state: str = ""
    tag: str = ""
    user: str = ""
    at: str = ""
    who: str = ""
    since: str = ""
    until: str = ""
    after: str = ""

    @classmethod
    def parse(cls, params: QueryParams, now: datetime) -> Wanted:
        """From the address; nonsense counts as not given."""
        today = now.date()
        view, state = params.get("view", ""), params.get("state", "")
        return cls(
            view=view if view in VIEWS else "day",
            day=_date(params.get("date", "")) or today,
            today=today,
            place=_number(params.get("place", "")),
            station=_number(params.get("station", "")),
            state=state if state in ReservationState.__members__ or state == "OPEN" else "",
            tag=params.get("tag", "").strip()[:36],
            user=_number(params.get("user", "")),
            at=params.get("at", "").strip()[:100],
            who=params.get("who", "").strip()[:100],
            since=params.get("since", "") if _date(params.get("since", "")) else "",
            until=params.get("until", "") if _date(params.get("until", "")) else "",
            after=params.get("after", "")[:200],
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return any(
            (self.place, self.station, self.state, self.tag, self.user, self.at, self.who, self.since, self.until)
        )

    @property
    def narrow(self) -> dict[str, object]:
        """Place and station for the control plane."""
        place = f"places/{self.place}" if self.place else ""
        return {"place": place, "station": f"stations/{self.station}" if self.station else ""}

    def url(self, **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {
            "view": self.view if self.view != "day" else "",
            "date": self.day.isoformat() if self.day != self.today else "",
            "place": self.place,
            "station": self.station,
            "state": self.state,
            "tag": self.tag,
            "user": self.user,
            "at": self.at,
            "who": self.who,
            "since": self.since,
            "until": self.until,
            "after": "",
        }
        return with_query("/reservations", values | changes)

    def shifted(self, steps: int) -> str:
        """The address of the days before or after."""
        days = 7 if self.view == "week" else 1
        return self.url(date=(self.day + timedelta(days=steps * days)).isoformat())


def _date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _number(value: str) -> str:
    return value if value.isascii() and value.isdecimal() and len(value) < 19 else ""


def now_here() -> datetime:
    """The present in the reader's zone."""
    return datetime.now(tz=current.get().zone)


@signed_in
async def overview(request: Request) -> Response:
    """The view that the address asks for."""
    wanted = Wanted.parse(request.query_params, now_here())
    if wanted.view == "list":
        return await _list(request, wanted)
    if wanted.view == "waiting":
        return await _waiting(request, wanted)
    return await _calendar(request, wanted)


async def _calendar(request: Request, wanted: Wanted) -> Response:
    client, now = client_of(request), now_here()
    days = calendar.week_of(wanted.day) if wanted.view == "week" else (wanted.day,)
    begin = calendar.midnight(days[0], now.tzinfo or current.get().zone)
    end = calendar.midnight(days[-1] + timedelta(days=1), now.tzinfo or current.get().zone)
    states = tuple(calendar.SHOWN)
    places, stations, found = await asyncio.gather(
        places_of(client),
        _stations(client, wanted),
        client.desk.ask(
            "ReservationService/ListReservations",
            ReservationPage,
            filter={"states": states, "from_time": begin, "to_time": end, **wanted.narrow},
            page_size=MOST,
        ),
    )
    if wanted.view == "week":
        blocks = calendar.by_week(stations.stations, found.reservations, days, now.tzinfo or current.get().zone)
    else:
        blocks = calendar.by_day(stations.stations, found.reservations, wanted.day, now)
    return await show(
        request,
        "reservations/calendar.html",
        wanted=wanted,
        places=places,
        blocks=blocks,
        days=days,
        states=STATES,
        cut_off=found.total_size > MOST,
        next_url=wanted.url(after=stations.next_page_token) if stations.next_page_token else "",
        total=stations.total_size,
        switchers=SWITCHERS,
        long_day=calendar.long_day,
        short_day=calendar.short_day,
    )


async def _stations(client: Client, wanted: Wanted) -> StationBriefs:
    if wanted.station:
        one = await client.desk.ask("StationService/GetStation", OneStation, name=f"stations/{wanted.station}")
        return StationBriefs(stations=(one.station,), total_size=1)
    return await client.desk.ask(
        "StationService/ListStations",
        StationBriefs,
        filter={"place": wanted.narrow["place"], "registration_states": ("ACCEPTED",)},
        page_size=ROWS,
        page_token=wanted.after,
    )


async def _list(request: Request, wanted: Wanted) -> Response:
    client, zone = client_of(request), current.get().zone
    since, until = _date(wanted.since), _date(wanted.until)
    states = tuple(OPEN) if wanted.state == "OPEN" else tuple(filter(None, (wanted.state,)))
    station, user, missing = await _meant(client, wanted)
    narrow = {
        "states": states,
        "id_token": wanted.tag,
        "user": user,
        "from_time": calendar.midnight(since, zone) if since else None,
        "to_time": calendar.midnight(until + timedelta(days=1), zone) if until else None,
        **wanted.narrow,
        "station": station,
    }
    places, page = await asyncio.gather(
        places_of(client),
        _none()
        if missing
        else client.desk.ask(
            "ReservationService/ListReservations",
            ReservationPage,
            filter=narrow,
            page_size=LISTED,
            page_token=wanted.after,
        ),
    )
    stations = await stations_named(client, (one.station for one in page.reservations))
    if wanted.station:
        stations |= await stations_named(client, [f"stations/{wanted.station}"])
    return await show(
        request,
        "reservations/list.html",
        wanted=wanted,
        places=places,
        page=page,
        stations=stations,
        states=STATES,
        missing=missing,
        next_url=wanted.url(after=page.next_page_token) if page.next_page_token else "",
    )


async def _meant(client: Client, wanted: Wanted) -> tuple[str, str, str]:
    """Names of the station and the user that the address means, and why nothing can be found."""
    station, user = (
        f"stations/{wanted.station}" if wanted.station else "",
        f"users/{wanted.user}" if wanted.user else "",
    )
    if wanted.at:
        found = choosing.station_meant(wanted.at, await choosing.stations_like(client, wanted.at))
        if found is None:
            return "", "", _("No station, or more than one, is called %(name)s.") % {"name": wanted.at}
        station = found.name
    if wanted.who:
        person = choosing.user_meant(wanted.who, await choosing.users_like(client, wanted.who))
        if person is None:
            return "", "", _("No user, or more than one, is called %(name)s.") % {"name": wanted.who}
        user = person.name
    return station, user, ""


async def _none() -> ReservationPage:
    return ReservationPage()


async def _waiting(request: Request, wanted: Wanted) -> Response:
    client = client_of(request)
    page = await client.desk.ask(
        "ReservationService/ListWaiting",
        WaitingPage,
        station=wanted.narrow["station"],
        page_size=LISTED,
        page_token=wanted.after,
    )
    stations = await stations_named(client, (one.station for one in page.waiting))
    return await show(
        request,
        "reservations/waiting.html",
        wanted=wanted,
        page=page,
        stations=stations,
        next_url=wanted.url(after=page.next_page_token) if page.next_page_token else "",
    )


@signed_in
async def one(request: Request) -> Response:
    """One reservation."""
    return await show_one(request)


async def show_one(request: Request, problem: str = "", status_code: int = 200) -> Response:
    """Its page, with why something did not work."""
    client, key = client_of(request), request.path_params["key"]
    found = await client.desk.ask("ReservationService/GetReservation", OneReservation, name=f"reservations/{key}")
    reservation: Reservation = found.reservation
    stations = await stations_named(client, [reservation.station])
    return await show(
        request,
        "reservations/one.html",
        status_code,
        reservation=reservation,
        station=stations.get(reservation.station),
        states=STATES,
        problem=problem,
    )


# -- what the pages of reservations share ------------------------------------------------------------------------------


async def places_of(client: Client) -> tuple[Place, ...]:
    """Sites and floors to narrow a list to; none for those who may not see them."""
    try:
        tree = await client.desk.ask("PlaceService/ListPlaces", Places)
    except ApiError as error:
        if error.code != "PERMISSION_DENIED":
            raise
        return ()
    return tuple(place for place in tree.places if place.kind in ("SITE", "FLOOR"))


async def stations_named(client: Client, names: Iterable[str]) -> dict[str, StationBrief]:
    """The stations with these names; those that are gone, or not to be seen, are left out."""
    wanted = sorted({name for name in names if name})
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(name: str) -> StationBrief | None:
        async with gate:
            try:
                return (await client.desk.ask("StationService/GetStation", OneStation, name=name)).station
            except ApiError as error:
                if error.code not in ("NOT_FOUND", "PERMISSION_DENIED"):
                    raise
                return None

    found = await asyncio.gather(*(ask(name) for name in wanted))
    return {station.name: station for station in found if station is not None}


async def own_tags(client: Client, user: str = "", size: int = 50) -> Tags:
    """Tags to choose from; none for those who may not see any."""
    try:
        return await client.desk.ask("IdTokenService/ListIdTokens", Tags, user=user, page_size=size)
    except ApiError as error:
        if error.code != "PERMISSION_DENIED":
            raise
        return Tags()


def state_word(state: ReservationState) -> str:
    """In the reader's language."""
    return _(STATES[state][1]) if state in STATES else "–"


ROUTES = [
    Route("/reservations", overview),
    Route("/reservations/{key:int}", one),
]
