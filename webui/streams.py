"""Live parts of pages: one server-sent event stream per tab.

The stream's address carries the same state as the page's. Every stream begins with all its parts as they are now, so
that a tab that was hidden, asleep or cut off is true again at once; afterwards only what changed is sent. Events:

- (no name): HTML of elements with ids; the script morphs each into the one on the page, keeping focus and scroll
- ``gone``: id of an element to remove
- ``log``: table rows to put on top of the message log
- ``point``: JSON, the newest moment of a chart
- ``lamp``: ``live`` or ``down``, whether the portal hears the control plane
- ``goto``: the page is no more; go to this path
- ``signin``: the session is over
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui import chart, person, session, station_list
from webui.access import my_access
from webui.api import Client
from webui.hub import Hub, Hubs, News, Seat
from webui.menu import MANAGERS
from webui.operation_fields import Operation
from webui.operations import offered
from webui.page import fragment, summary_or_none
from webui.pages.connectors import ConnectorList
from webui.pages.pending import waiting_and_refused
from webui.pages.session import live_part
from webui.pages.sessions import SessionList, parts_of_list, rows_of, totals_part
from webui.pages.station import RECENT, LogView, under_way
from webui.station_list import StationList
from webui.values import ApiError, Change, Registration, Role, SessionQuery
from webui.values_alarms import AlarmSummary

SIGN_OF_LIFE_S = 15.0
GATHER_S = 0.4  # changes of this long go out together
RELIST_S = 1.5  # lists and totals are read again at most this often
CATCH_UP = 50  # messages that are told again when the tail of a log begins
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class View(Protocol):
    """What a tab shows: which changes concern it, all its parts, and the parts that some news change. Alarms have a
    word of their own: they are read anew where they are shown, and nothing else is."""

    def wants(self, change: Change) -> bool:
        """Does this change concern the page? Also called for every change of the fleet, so it is quick."""

    async def everything(self) -> list[str]:
        """All parts as they are now."""

    async def changed(self, news: News) -> list[str]:
        """Events for this news of stations and sessions."""

    async def alarm_parts(self) -> list[str]:
        """The badge of alarms, and what else tells how many there are."""

    async def alarmed(self, news: News) -> list[str]:
        """Events for this news of alarms."""

    async def owed(self) -> list[str]:
        """Events that were put off because they came too thick."""

    def owed_in_s(self) -> float | None:
        """When to ask for them; None when nothing is owed."""


def event(data: str, name: str = "") -> str:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return head + "".join(f"data: {line}\n" for line in data.splitlines() or [""]) + "\n"


class Pace:
    """Lets a thing be done at most once in RELIST_S; what came in between is owed, so that the last change counts."""

    def __init__(self) -> None:
        self._last = -RELIST_S
        self.owed = False

    def may(self) -> bool:
        """Now? If not, later."""
        if asyncio.get_running_loop().time() - self._last >= RELIST_S:
            self.done()
        else:
            self.owed = True
        return not self.owed

    def done(self) -> None:
        """It was done."""
        self._last = asyncio.get_running_loop().time()
        self.owed = False

    def wait_s(self) -> float:
        """How long until it may be done."""
        return max(0.05, self._last + RELIST_S - asyncio.get_running_loop().time())


class MenuView:
    """What every page has: the numbers of pending stations and of alarms in the menu."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._numbers = Pace()
        self._alarms = Pace()
        self._list = Pace()

    def wants(self, change: Change) -> bool:
        """Any station may begin or end to wait, and any alarm is one more or less."""
        return change.station is not None or change.alarm is not None or bool(change.deleted_station)

    async def everything(self) -> list[str]:
        """The badge."""
        return await self.numbers()

    async def changed(self, news: News) -> list[str]:
        """The badge, now and then."""
        return await self.numbers()

    async def numbers(self) -> list[str]:
        """Badge and, where the page has them, tiles; not more often than RELIST_S."""
        if not self._numbers.may():
            return []
        summary, caller = await asyncio.gather(summary_or_none(self.client), self.client.caller())
        values = {"summary": summary, "may_admit": caller.role in MANAGERS}
        return [] if summary is None else [event(fragment("live/numbers.html", values))]

    async def alarmed(self, news: News) -> list[str]:
        """The badge."""
        return await self.alarm_parts()

    async def alarm_parts(self) -> list[str]:
        """The badge; not more often than RELIST_S. Nothing for those who may not see alarms."""
        if not self._alarms.may():
            return []
        try:
            numbers = await self.client.desk.ask("AlarmService/SummarizeAlarms", AlarmSummary)
        except ApiError as error:
            if error.code == "PERMISSION_DENIED":
                return []
            raise
        return [event(self.alarm_numbers(numbers))]

    def alarm_numbers(self, numbers: AlarmSummary) -> str:
        """Whatever shows them."""
        return fragment("alarms/badge.html", {"numbers": numbers})

    async def relist(self) -> list[str]:
        """Everything again; not more often than RELIST_S."""
        return await self.everything() if self._list.may() else []

    async def owed(self) -> list[str]:
        """List and numbers that were put off."""
        parts = await self.relist() if self._list.owed else []
        parts += await self.alarm_parts() if self._alarms.owed else []
        return [*parts, *(await self.numbers() if self._numbers.owed else [])]

    def owed_in_s(self) -> float | None:
        """When the first of them may be read."""
        return min((pace.wait_s() for pace in (self._list, self._numbers, self._alarms) if pace.owed), default=None)


class StationsView(MenuView):
    """The stations table: rows by news, the list itself again when the fleet changes."""

    def __init__(self, client: Client, wanted: StationList) -> None:
        super().__init__(client)
        self.wanted = wanted
        self.shown: set[str] = set()
        self.places: dict[str, str] = {}

    async def everything(self) -> list[str]:
        """The whole table and the tiles."""
        page, places = await asyncio.gather(self.wanted.page(self.client), station_list.places(self.client))
        self.shown, self.places = {station.name for station in page.stations}, places.labels
        table = fragment("live/stations.html", {"wanted": self.wanted, "page": page, "places": self.places})
        return [event(table), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """Rows that changed; the table again when stations come, go, or may no longer match the filter."""
        unknown = [s for s in news.stations.values() if s.name not in self.shown]
        came = any(s.registration is Registration.ACCEPTED for s in unknown) and not self.wanted.after
        left = any(
            name in self.shown and s.registration is not Registration.ACCEPTED for name, s in news.stations.items()
        )
        rows = [s for name, s in news.stations.items() if name in self.shown]
        values = {"stations": rows, "places": self.places}
        parts = [event(fragment("live/station_rows.html", values))] if rows else []
        if self.wanted.filtered or came or left or news.deleted & self.shown:
            parts += await self.relist()
        return [*parts, *await self.numbers()]


class ConnectorsView(MenuView):
    """The connectors table: read again when a station changes that has one in it, or may get one into it."""

    def __init__(self, client: Client, wanted: ConnectorList) -> None:
        super().__init__(client)
        self.wanted = wanted
        self.shown: set[str] = set()

    async def everything(self) -> list[str]:
        """The whole table."""
        page, places = await asyncio.gather(self.wanted.page(self.client), station_list.places(self.client))
        self.shown = {item.station for item in page.connectors}
        values = {"wanted": self.wanted, "page": page, "places": places.labels}
        return [event(fragment("live/connectors_table.html", values)), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """The table again, now and then."""
        came = not self.wanted.after and bool(news.stations.keys() - self.shown)
        if came or self.shown & (news.stations.keys() | news.deleted):
            return [*await self.relist(), *await self.numbers()]
        return await self.numbers()


class PendingView(MenuView):
    """Stations that wait."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.shown: set[str] = set()

    async def everything(self) -> list[str]:
        """Both tables."""
        waiting, refused = await waiting_and_refused(self.client)
        self.shown = {station.name for station in (*waiting.stations, *refused.stations)}
        parts = fragment("live/pending.html", {"waiting": waiting, "refused": refused})
        return [event(parts), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """Both again when one of them changed or came."""
        came = any(s.registration is not Registration.ACCEPTED for s in news.stations.values())
        if came or self.shown & (news.stations.keys() | news.deleted):
            return [*await self.relist(), *await self.numbers()]
        return await self.numbers()


class SessionsView(MenuView):
    """The sessions table."""

    def __init__(self, client: Client, wanted: SessionList) -> None:
        super().__init__(client)
        self.wanted = wanted
        self.shown: set[str] | None = None

    def wants(self, change: Change) -> bool:
        """Sessions, and what the menu wants."""
        return change.session is not None or super().wants(change)

    async def everything(self) -> list[str]:
        """The whole table; the totals too, except at first: the page asks for them itself."""
        page = await rows_of(self.client, self.wanted)
        parts = [event(parts_of_list(self.wanted, page))]
        if self.shown is not None:
            parts.append(event(await totals_part(self.client, self.wanted)))
        self.shown = {one.name for one in page.sessions}
        return [*parts, *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """Rows that changed; the table again when sessions begin, or may no longer match."""
        shown = self.shown or set()
        began = any(name not in shown for name in news.sessions) and not self.wanted.after
        ended = any(name in shown and (self.wanted.filtered or not s.active) for name, s in news.sessions.items())
        rows = {"sessions": [s for name, s in news.sessions.items() if name in shown], "columns": self.wanted.columns}
        parts = [event(fragment("live/session_rows.html", rows))] if rows["sessions"] else []
        if began or ended:
            parts += await self.relist()
        return [*parts, *await self.numbers()]


class StationView(MenuView):
    """One station's pages: header, connectors, sessions, operations."""

    def __init__(self, client: Client, key: str) -> None:
        super().__init__(client)
        self.key = key
        self.name = f"stations/{key}"
        self.offered: tuple[Operation, ...] | None = None

    def wants(self, change: Change) -> bool:
        """This station and its sessions, and what the menu wants."""
        return (change.session is not None and change.session.station == self.name) or super().wants(change)

    async def everything(self) -> list[str]:
        """All its parts."""
        station = await self.client.station(self.key)
        recent = await self.client.sessions(SessionQuery(station=self.name), RECENT)
        values = {
            "station": station,
            "recent": recent,
            "active": under_way(station, recent.sessions),
            "operations": await self.operations(),
            "outcome": None,
        }
        return [event(fragment("live/station.html", values)), *await self.numbers()]

    async def operations(self) -> tuple[Operation, ...]:
        """Those that the reader may do here, as when the page was opened."""
        if self.offered is None:
            caller = await self.client.caller()
            access = await my_access(self.client, self.name)
            self.offered = offered(access, administers=caller.role is Role.ADMINISTRATOR)
        return self.offered

    async def changed(self, news: News) -> list[str]:
        """All its parts when it or its sessions changed."""
        if self.name in news.deleted:
            return [event("/stations", "goto")]
        if self.name in news.stations or news.sessions:
            return await self.everything()
        return await self.numbers()


class SessionView(MenuView):
    """One session's page."""

    def __init__(self, client: Client, key: str) -> None:
        super().__init__(client)
        self.key = key
        self.name = f"sessions/{key}"

    def wants(self, change: Change) -> bool:
        """This session, and what the menu wants."""
        return (change.session is not None and change.session.name == self.name) or super().wants(change)

    async def everything(self) -> list[str]:
        """Its facts, its cost and what happened."""
        return [event(await live_part(self.client, self.key)), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """Its facts and the newest moment of its chart at once; cost and events not so often."""
        one = news.sessions.get(self.name)
        if one is None:
            return await self.numbers()
        parts = [event(fragment("live/session.html", {"session": one}))]
        point = chart.point(one)
        if point is not None:
            parts.append(event(json.dumps(point), "point"))
        return [*parts, *await self.relist(), *await self.numbers()]


# ---- the stream


async def respond(
    request: Request, view_for: Callable[[Client], View], log: LogView | None = None
) -> StreamingResponse:
    """The stream of a view; with ``log`` also the tail of a station's message log."""
    token = session.token(request)
    client = await person.arrive(request) if token else person.client_for(request, "")
    seat = f"{token} {person.group_of(request)}" if token else ""  # a chosen group narrows what is heard
    parts = stream(request.app.state.hubs, seat, client, view_for(client), log)
    return StreamingResponse(parts, media_type="text/event-stream", headers=HEADERS)


async def stream(
    hubs: Hubs, token: str, client: Client, view: View, log: LogView | None = None
) -> AsyncGenerator[str, None]:
    """Events until the tab leaves, the session ends or the portal stops."""
    yield "retry: 1500\n\n"
    if not token:
        yield event("", "signin")
        return
    async with hubs.join(token, client, view.wants) as (hub, seat), _tail(client, log, seat) as lines:
        first = True
        lamp = None
        while not hubs.stopping.is_set():
            if seat.over:
                yield event("", "signin")
                return
            if seat.alive != lamp:
                lamp = seat.alive
                yield event("live" if lamp else "down", "lamp")
            while lines:
                yield event(fragment("live/log_rows.html", {"entries": lines.pop(0)}), "log")
            for part in await _parts(hub, seat, view, first):
                yield part
            first = first and not seat.based
            due = view.owed_in_s()
            if not await seat.wait(SIGN_OF_LIFE_S if due is None else due):
                if due is None:
                    yield ": still here\n\n"
            elif not first:
                await asyncio.sleep(GATHER_S)


async def _parts(hub: Hub, seat: Seat, view: View, first: bool) -> list[str]:
    """What to send now. While the control plane is away nothing is, and the whole page follows afterwards."""
    if not hub.is_based:
        return []
    news = seat.take()
    try:
        if first or news.relist:
            seat.based = True
            return [*await view.everything(), *await view.alarm_parts()]
        if news.any:
            parts = await view.changed(news) if news.stations or news.sessions or news.deleted else []
            return parts + (await view.alarmed(news) if news.alarms or news.deleted else [])
        if view.owed_in_s() is not None:
            return await view.owed()
    except ApiError as error:
        seat.news.relist = True
        seat.over = error.code == "UNAUTHENTICATED"
        if error.away:
            asyncio.get_running_loop().call_later(1.0, seat.ring)
    return []


@contextlib.asynccontextmanager
async def _tail(client: Client, log: LogView | None, seat: Seat) -> AsyncIterator[list[object]]:
    """New messages of a station, collected beside the stream; the list is emptied by the reader."""
    lines: list[object] = []
    if log is None:
        yield lines
        return

    async def follow() -> None:
        while True:
            with contextlib.suppress(ApiError):  # away or too slow: begin again; older lines are a page load away
                caught_up = False
                async for entries in client.tail(log.key, log.query):
                    if not caught_up:  # what came after the page was made and before this; it knows the rows it has
                        caught_up = True
                        latest = await client.messages(log.key, log.query, page_size=CATCH_UP)
                        entries = (*latest.entries[::-1], *entries)
                    if entries:
                        lines.append(entries[::-1])
                        del lines[:-50]
                        seat.ring()
            await asyncio.sleep(2.0)

    task = asyncio.create_task(follow(), name="tail")
    try:
        yield lines
    finally:
        task.cancel()


async def menu(request: Request) -> StreamingResponse:
    """Pages without live parts of their own."""
    return await respond(request, MenuView)


async def stations(request: Request) -> StreamingResponse:
    """The stations table."""
    wanted = StationList.parse(request.query_params)
    return await respond(request, lambda client: StationsView(client, wanted))


async def connectors(request: Request) -> StreamingResponse:
    """The connectors table."""
    wanted = ConnectorList.parse(request.query_params)
    return await respond(request, lambda client: ConnectorsView(client, wanted))


async def pending(request: Request) -> StreamingResponse:
    """Stations that wait."""
    return await respond(request, PendingView)


async def sessions(request: Request) -> StreamingResponse:
    """The sessions table."""
    wanted = SessionList.parse(request.query_params)
    return await respond(request, lambda client: SessionsView(client, wanted))


async def station(request: Request) -> StreamingResponse:
    """A station's pages, with the tail of its message log where that is shown."""
    key = request.path_params["key"]
    log = LogView.parse(key, request.query_params) if request.query_params.get("tail") else None
    return await respond(request, lambda client: StationView(client, key), log)


async def one_session(request: Request) -> StreamingResponse:
    """A session's page."""
    key = request.path_params["key"]
    return await respond(request, lambda client: SessionView(client, key))


ROUTES = [
    Route("/live", menu),
    Route("/live/stations", stations),
    Route("/live/connectors", connectors),
    Route("/live/pending", pending),
    Route("/live/sessions", sessions),
    Route("/live/station/{key}", station),
    Route("/live/session/{key}", one_session),
]
