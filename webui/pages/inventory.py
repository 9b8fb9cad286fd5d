"""The inventory: stations as pieces of equipment, found by what stands on their labels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import station_list, tables
from webui.api import Client
from webui.page import client_of, show, signed_in, with_query
from webui.station_list import SIZES, USUAL_SIZE
from webui.values_stations import InventoryLine, InventoryPage, Places
from webui.words import _


@dataclass(frozen=True, slots=True)
class InventoryList:
    """What the address says."""

    q: str = ""
    identity: str = ""
    serial_number: str = ""
    model: str = ""
    material_number: str = ""
    place: str = ""
    after: str = ""
    size: int = USUAL_SIZE

    @classmethod
    def parse(cls, params: QueryParams) -> InventoryList:
        """From the address; nonsense counts as not given."""
        size, place = params.get("size", ""), params.get("place", "")
        words = {
            name: params.get(name, "").strip()[:200]
            for name in ("q", "identity", "serial_number", "model", "material_number")
        }
        return cls(
            **words,
            place=place if place.isdecimal() else "",
            after=params.get("after", ""),
            size=int(size) if size.isdecimal() and int(size) in SIZES else USUAL_SIZE,
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return any((self.q, self.identity, self.serial_number, self.model, self.material_number, self.place))

    def url(self, path: str = "/inventory", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        values |= {"after": "", "size": "" if self.size == USUAL_SIZE else str(self.size)}
        return with_query(path, values | changes)

    async def page(self, client: Client) -> InventoryPage:
        """This page. Raises ApiError."""
        return await self._ask(client, self.size, self.after)

    async def pages(self, client: Client) -> AsyncIterator[Sequence[InventoryLine]]:
        """All that match, page by page. Raises ApiError."""
        token = ""
        while True:
            page = await self._ask(client, station_list.EXPORT_PAGE, token)
            yield page.items
            token = page.next_page_token
            if not token:
                return

    async def _ask(self, client: Client, size: int, token: str) -> InventoryPage:
        wanted = {
            "query": self.q,
            "identity": self.identity,
            "serial_number": self.serial_number,
            "model": self.model,
            "material_number": self.material_number,
            "place": f"places/{self.place}" if self.place else "",
        }
        return await client.desk.ask(
            "InstallationService/ListInventory", InventoryPage, filter=wanted, page_size=size, page_token=token
        )


@signed_in
async def inventory(request: Request) -> Response:
    """The list."""
    client, wanted = client_of(request), InventoryList.parse(request.query_params)
    page, places = await asyncio.gather(wanted.page(client), station_list.places(client))
    return await show(
        request,
        "inventory.html",
        wanted=wanted,
        page=page,
        places=places.labels,
        place_options=places.options,
        sizes=SIZES,
    )


@signed_in
async def export(request: Request) -> Response:
    """What is filtered, as a file. Secrets are never in it."""
    client, wanted = client_of(request), InventoryList.parse(request.query_params)
    columns = export_columns(await station_list.places(client))
    ending = request.url.path.rpartition(".")[2]
    return await tables.answer("inventory", ending, _("Inventory"), columns, wanted.pages(client))


def export_columns(places: Places) -> list[tables.Column[InventoryLine]]:
    """Headings and how to fill them."""
    labels = places.labels
    return [
        (_("Identity"), lambda i: i.station.identity),
        (_("Name"), lambda i: i.station.display_name),
        (_("Place"), lambda i: labels.get(i.station.place, "")),
        (_("Vendor"), lambda i: i.station.boot.vendor),
        (_("Model"), lambda i: i.station.boot.model),
        (_("Serial number"), lambda i: i.station.boot.serial_number),
        (_("Serial number of the charge box"), lambda i: i.station.boot.charge_box_serial_number),
        (_("Firmware"), lambda i: i.station.boot.firmware_version),
        (_("Part number"), lambda i: i.installation.part_number),
        (_("Material number"), lambda i: i.installation.material_number),
        (_("Serial number at the maker's"), lambda i: i.installation.mes_serial_number),
        (_("Vendor's code"), lambda i: i.installation.vendor_code),
        (_("Made on"), lambda i: tables.local(i.installation.manufacture_time)),
        (_("Put up on"), lambda i: i.installation.installation_date),
        (_("Installed by"), lambda i: i.installation.installer),
        (_("Warranty until"), lambda i: i.installation.warranty_date),
        (_("Added"), lambda i: tables.local(i.station.create_time)),
        (_("Modified"), lambda i: tables.local(i.modified)),
        (_("In timeout"), lambda i: _("Yes") if i.in_timeout else _("No")),
    ]


ROUTES = [
    Route("/inventory", inventory),
    Route("/inventory.csv", export),
    Route("/inventory.xlsx", export),
]
