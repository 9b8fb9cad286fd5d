"""All connectors of all stations: what each is doing and since when, live, with filters and export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import days, saved_views, station_list, tables, view
from webui.api import Client
from webui.page import client_of, show, signed_in, with_query
from webui.values import ConnectorStatus
from webui.values_stations import ConnectorItem, ConnectorPage, Places
from webui.words import _

STATUSES: Final = tuple(status for status in ConnectorStatus if status is not ConnectorStatus.UNSPECIFIED)
SIZES: Final = station_list.SIZES
USUAL_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class ConnectorList:
    """What the address says. Days are in the reader's zone; the last one is included."""

    q: str = ""
    status: tuple[str, ...] = ()
    connection: str = ""
    place: str = ""
    since: str = ""
    until: str = ""
    after: str = ""
    size: int = USUAL_SIZE

    @classmethod
    def parse(cls, params: QueryParams) -> ConnectorList:
        """From the address; nonsense counts as not given."""
        size, place, connection = params.get("size", ""), params.get("place", ""), params.get("connection", "")
        since, until = params.get("since", ""), params.get("until", "")
        return cls(
            q=params.get("q", "").strip()[:200],
            status=tuple(s for s in STATUSES if s in params.getlist("status")),
            connection=connection if connection in ("online", "offline") else "",
            place=place if place.isdecimal() else "",
            since=since if days.begin_of(since) else "",
            until=until if days.begin_of(until) else "",
            after=params.get("after", ""),
            size=int(size) if size.isdecimal() and int(size) in SIZES else USUAL_SIZE,
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return bool(self.q or self.status or self.connection or self.place or self.since or self.until)

    def url(self, path: str = "/connectors", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {each.name: str(getattr(self, each.name)) for each in fields(self) if each.name != "status"}
        values |= {"after": "", "size": "" if self.size == USUAL_SIZE else str(self.size)} | changes
        status = "&".join(f"status={word}" for word in self.status)
        address = with_query(path, values)
        return address + (("&" if "?" in address else "?") + status if status else "")

    @property
    def live(self) -> str:
        """The stream that keeps this list true."""
        return self.url("/live/connectors", after=self.after)

    async def page(self, client: Client) -> ConnectorPage:
        """This page. Raises ApiError."""
        return await self._ask(client, self.size, self.after)

    async def pages(self, client: Client) -> AsyncIterator[Sequence[ConnectorItem]]:
        """All that match, page by page. Raises ApiError."""
        token = ""
        while True:
            page = await self._ask(client, station_list.EXPORT_PAGE, token)
            yield page.connectors
            token = page.next_page_token
            if not token:
                return

    async def _ask(self, client: Client, size: int, token: str) -> ConnectorPage:
        wanted = {
            "query": self.q,
            "registration_states": ("ACCEPTED",),
            "connection_state": self.connection.upper() or "UNSPECIFIED",
            "place": f"places/{self.place}" if self.place else "",
        }
        return await client.desk.ask(
            "StationService/ListConnectors",
            ConnectorPage,
            filter=wanted,
            statuses=self.status,
            changed_from=days.begin_of(self.since),
            changed_before=days.end_of(self.until),
            page_size=size,
            page_token=token,
        )


@signed_in
async def overview(request: Request) -> Response:
    """All connectors, live."""
    client, wanted = client_of(request), ConnectorList.parse(request.query_params)
    page, places = await asyncio.gather(wanted.page(client), station_list.places(client))
    return await show(
        request,
        "connectors.html",
        wanted=wanted,
        page=page,
        places=places.labels,
        place_options=places.options,
        statuses=[(status, view.connector_state(status)) for status in STATUSES],
        sizes=SIZES,
        views=saved_views.read(request, "connectors"),
    )


@signed_in
async def export(request: Request) -> Response:
    """What is filtered, as a file."""
    client, wanted = client_of(request), ConnectorList.parse(request.query_params)
    columns = export_columns(await station_list.places(client))
    ending = request.url.path.rpartition(".")[2]
    return await tables.answer("connectors", ending, _("Connectors"), columns, wanted.pages(client))


def export_columns(places: Places) -> list[tables.Column[ConnectorItem]]:
    """Headings and how to fill them."""
    labels = places.labels
    return [
        (_("Station identity"), lambda c: c.identity),
        (_("Station"), lambda c: c.station_display_name),
        (_("Place"), lambda c: labels.get(c.place, "")),
        (_("EVSE"), lambda c: c.evse_id),
        (_("Connector"), lambda c: c.connector.connector_id),
        (_("State"), lambda c: view.connector_state(c.connector.status).label),
        (_("Since"), lambda c: tables.local(c.connector.status_time)),
        (_("Connection"), lambda c: view.connection(c.connection_state)),
        (_("Error code"), lambda c: c.connector.error_code),
        (_("Vendor's code"), lambda c: c.connector.vendor_error_code),
        (_("Remark"), lambda c: c.connector.info),
    ]


ROUTES = [
    Route("/connectors", overview),
    Route("/connectors.csv", export),
    Route("/connectors.xlsx", export),
]
