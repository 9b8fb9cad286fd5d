"""The live plan of a floor: its stations' states and places."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui.api import Client
from webui.hub import News
from webui.page import fragment
from webui.pages.places import spots, stations_in
from webui.streams import MenuView, event, respond
from webui.values_places import FloorPlan


class FloorView(MenuView):
    """The stations on a plan."""

    def __init__(self, client: Client, key: str) -> None:
        super().__init__(client)
        self.place = f"places/{key}"
        self.shown: set[str] = set()

    async def everything(self) -> list[str]:
        """All of them."""
        stations, floor = await asyncio.gather(
            stations_in(self.client, self.place),
            self.client.desk.ask("PictureService/GetFloorPlan", FloorPlan, place=self.place),
        )
        self.shown = {station.name for station in stations}
        values = {"spots": spots(stations, floor)}
        return [event(fragment("places/spots.html", values)), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """All again when one of them changed."""
        if self.shown & (news.stations.keys() | news.deleted):
            return await self.relist()
        return await self.numbers()


async def floor(request: Request) -> StreamingResponse:
    """The plan of a floor."""
    key = request.path_params["key"]
    return await respond(request, lambda client: FloorView(client, key))


ROUTES = [Route("/live/floor/{key}", floor)]
