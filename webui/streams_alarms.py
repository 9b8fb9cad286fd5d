"""Live alarms: the tables, one alarm, a station's alarms. What is ticked, typed and chosen stays: rows are morphed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui.alarm_list import SOURCES, AlarmsWanted, EventsWanted, event_severity
from webui.api import Client
from webui.hub import News
from webui.page import fragment
from webui.pages.alarms import known_of, log_of, page_of
from webui.pages.station_alarms import Wanted
from webui.streams import MenuView, StationView, event, respond
from webui.values import ApiError
from webui.values_alarms import AlarmAnswer, AlarmSummary

OUT_OF_SIGHT = ("NOT_FOUND", "PERMISSION_DENIED")


class AlarmsView(MenuView):
    """A page of the table of active alarms, or of their history: read again when any alarm changes."""

    def __init__(self, client: Client, wanted: AlarmsWanted) -> None:
        super().__init__(client)
        self.wanted = wanted

    async def everything(self) -> list[str]:
        """The table."""
        return [*await self.relist(), *await self.numbers()]

    async def relist(self) -> list[str]:
        """The table, now and then."""
        if not self._list.may():
            return []
        page = await page_of(self.client, self.wanted, self.wanted.size, self.wanted.after)
        return [event(fragment("alarms/live.html", {"wanted": self.wanted, "page": page, "note": ""}))]

    async def alarmed(self, news: News) -> list[str]:
        """Table and numbers."""
        return [*await self.relist(), *await self.alarm_parts()]

    def alarm_numbers(self, numbers: AlarmSummary) -> str:
        """Beside the heading, and in the menu."""
        values = {"numbers": numbers}
        return fragment("alarms/numbers.html", values) + super().alarm_numbers(numbers)


class EventsView(MenuView):
    """A page of the event log, read again when an alarm changes: that is a line in it. (What stations tell besides
    comes too thick to be followed.)"""

    def __init__(self, client: Client, wanted: EventsWanted) -> None:
        super().__init__(client)
        self.wanted = wanted

    async def everything(self) -> list[str]:
        """The table."""
        return [*await self.relist(), *await self.numbers()]

    async def relist(self) -> list[str]:
        """The table, now and then."""
        if not self._list.may():
            return []
        values = {"wanted": self.wanted, "page": await log_of(self.client, self.wanted)}
        values |= {"sources": SOURCES, "event_severity": event_severity}
        return [event(fragment("alarms/events_live.html", values))]

    async def alarmed(self, news: News) -> list[str]:
        """Table and badge."""
        return [*await self.relist(), *await self.alarm_parts()]


class AlarmView(MenuView):
    """One alarm's page."""

    def __init__(self, client: Client, key: str) -> None:
        super().__init__(client)
        self.name = f"alarms/{key}"

    async def everything(self) -> list[str]:
        """What is known of it, and the buttons; off to the list when it is gone."""
        try:
            alarm = (await self.client.desk.ask("AlarmService/GetAlarm", AlarmAnswer, name=self.name)).alarm
            known = await known_of(self.client, alarm)
        except ApiError as error:
            if error.code in OUT_OF_SIGHT:
                return [event("/alarms", "goto")]
            raise
        return [event(fragment("alarms/one_live.html", known)), *await self.numbers()]

    async def alarmed(self, news: News) -> list[str]:
        """All of it when it is this one, or its station may be gone."""
        parts = await self.relist() if self.name in news.alarms or news.deleted else []
        return [*parts, *await self.alarm_parts()]


class StationAlarmsView(StationView):
    """A station's page with its alarms."""

    def __init__(self, client: Client, wanted: Wanted) -> None:
        super().__init__(client, wanted.key)
        self.wanted = wanted

    async def everything(self) -> list[str]:
        """The station and its alarms."""
        return [*await super().everything(), *await self.alarm_list()]

    async def alarm_list(self) -> list[str]:
        """The alarms, now and then."""
        if not self._list.may():
            return []
        values = await self.wanted.values(self.client)
        return [event(fragment("station/alarm_list.html", values | {"station": self.wanted}))]

    async def relist(self) -> list[str]:
        """The alarms that were put off."""
        return await self.alarm_list()

    async def alarmed(self, news: News) -> list[str]:
        """The list when it is one of the station's."""
        mine = any(alarm.station == self.name for alarm in news.alarms.values())
        return [*(await self.alarm_list() if mine else []), *await self.alarm_parts()]


async def alarms(request: Request) -> StreamingResponse:
    """The table of active alarms, or the history."""
    wanted = AlarmsWanted.parse(request.url.path.removeprefix("/live"), request.query_params)
    return await respond(request, lambda client: AlarmsView(client, wanted))


async def events(request: Request) -> StreamingResponse:
    """The event log."""
    wanted = EventsWanted.parse(request.query_params)
    return await respond(request, lambda client: EventsView(client, wanted))


async def one(request: Request) -> StreamingResponse:
    """One alarm."""
    key = request.path_params["key"]
    return await respond(request, lambda client: AlarmView(client, key))


async def of_station(request: Request) -> StreamingResponse:
    """A station's alarms."""
    wanted = Wanted.parse(request.path_params["key"], request.query_params)
    return await respond(request, lambda client: StationAlarmsView(client, wanted))


ROUTES = [
    Route("/live/alarms", alarms),
    Route("/live/alarms/history", alarms),
    Route("/live/alarms/events", events),
    Route("/live/alarm/{key}", one),
    Route("/live/station/{key}/alarms", of_station),
]
