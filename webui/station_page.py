"""What all pages of one station share: its head, the tabs that the reader may open, and where a form leads back to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from webui import view_stations as view_stations  # its filters
from webui.access import Access, my_access
from webui.api import Client
from webui.operation_fields import Operation
from webui.operations import offered, refusal
from webui.page import ENVIRONMENT, client_of, frame, plain
from webui.values import ApiError, Role, Station
from webui.values_stations import Shares
from webui.words import N_, _

HELD_BACK: Final = ("PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED")
"""Answers after which a part of a page is left out instead of the whole page refused."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab. `needs`: what the reader must be able to do with the station to see it; empty: see it."""

    key: str
    text: str
    path: str
    needs: str = ""

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.text)


TABS: Final = (
    Tab("overview", N_("Overview"), ""),
    Tab("sessions", N_("Sessions"), "/sessions"),
    Tab("outlets", N_("Outlets"), "/outlets"),
    Tab("installation", N_("Installation"), "/installation"),
    Tab("diagnostics", N_("Diagnostics"), "/diagnostics", "can_configure"),
    Tab("configuration", N_("Configuration"), "/configuration", "can_configure"),
    Tab("charging", N_("Charging profiles"), "/charging", "can_configure"),
    Tab("pictures", N_("Pictures"), "/pictures"),
    Tab("messages", N_("Messages"), "/messages", "can_read_messages"),
    Tab("alarms", N_("Alarms"), "/alarms", "can_read_alarms"),
    Tab("sharing", N_("Sharing"), "/sharing", "can_share"),
    Tab("settings", N_("Settings"), "/settings", "can_edit"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the reader may do with a station, as far as it decides what is offered. `administers`: those who may what no
    share gives, such as trusting certificates."""

    access: Access
    administers: bool = False
    shares: Shares | None = None

    @property
    def may_operate(self) -> bool:
        """Start, stop, restart, reserve."""
        return self.access.can_operate

    @property
    def may_configure(self) -> bool:
        """Settings, diagnostics, firmware."""
        return self.access.can_configure

    @property
    def may_edit(self) -> bool:
        """Name, place, outlets, pictures."""
        return self.access.can_edit

    @property
    def may_admit(self) -> bool:
        """Accept, refuse, assign."""
        return self.access.can_admit

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Those to offer."""
        return tuple(tab for tab in TABS if not tab.needs or getattr(self.access, tab.needs))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those to offer."""
        return offered(self.access, administers=self.administers)


async def standing_of(client: Client, station: str) -> Standing:
    """By role, by where the station stands and by its shares; with whom it is shared see those who may share it."""
    caller, access, shares = await asyncio.gather(
        client.caller(), my_access(client, station), shares_of(client, station)
    )
    return Standing(access, caller.role is Role.ADMINISTRATOR, shares if access.can_share else None)


async def shares_of(client: Client, station: str) -> Shares | None:
    """With whom it is shared; None for those who may not know."""
    try:
        return await client.desk.ask("SharingService/ListShares", Shares, station=station)
    except ApiError as error:
        if error.code in HELD_BACK:
            return None
        raise


async def tab_page(request: Request, template: str, tab: str, status_code: int = 200, **values: object) -> Response:
    """A page of the station in the address. `station` may be given among the values, when it was read already."""
    client, key = client_of(request), request.path_params["key"]
    given = values.pop("station", None)
    if isinstance(given, Station):
        station = given
        around, standing = await asyncio.gather(frame(client), standing_of(client, given.name))
    else:
        around, station, standing = await asyncio.gather(
            frame(client), client.station(key), standing_of(client, f"stations/{key}")
        )
    if tab not in {each.key for each in standing.tabs}:
        raise ApiError("PERMISSION_DENIED", "", _("You may not do this with this station. Ask who manages it."))
    return plain(request, template, status_code, frame=around, station=station, tab=tab, standing=standing, **values)


ENVIRONMENT.globals.update(why_not=refusal)
