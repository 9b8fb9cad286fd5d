"""The driver's page, live: sessions under way, reservations, free outlets."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui.api import Client
from webui.hub import News
from webui.page import fragment
from webui.pages.drive import now
from webui.streams import MenuView, event, respond
from webui.values import Change


class DriveView(MenuView):
    """All of it is small: it is told anew whenever a station or a session of the driver's changes."""

    def __init__(self, client: Client, q: str) -> None:
        super().__init__(client)
        self.q = q

    def wants(self, change: Change) -> bool:
        """Sessions and stations."""
        return change.session is not None or super().wants(change)

    async def everything(self) -> list[str]:
        """The page's parts."""
        return [event(fragment("drive/now.html", await now(self.client, self.q))), *await self.numbers()]

    async def changed(self, news: News) -> list[str]:
        """All of it, now and then."""
        return await self.relist()


async def drive(request: Request) -> StreamingResponse:
    """The driver's page."""
    q = request.query_params.get("q", "").strip()[:100]
    return await respond(request, lambda client: DriveView(client, q))


ROUTES = [Route("/live/drive", drive)]
