"""What all pages of one station share: its head, the tabs that the reader may open, and where a form leads back to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from webui import view_stations as view_stations  # its filters
from webui.api import Client
from webui.operations import refusal
from webui.page import ENVIRONMENT, client_of, frame, plain
from webui.values import ApiError, Caller, Role, Station
from webui.values_stations import Shares
from webui.words import N_, _

HELD_BACK: Final = ("PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED")
"""Answers after which a part of a page is left out instead of the whole page refused."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab. `least`: who sees it: everybody, those who may configure the station, those who may edit it."""

    key: str
    text: str
    path: str
    least: str = "configure"

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.text)


TABS: Final = (
    Tab("overview", N_("Overview"), "", "see"),
    Tab("sessions", N_("Sessions"), "/sessions", "see"),
    Tab("outlets", N_("Outlets"), "/outlets", "see"),
    Tab("installation", N_("Installation"), "/installation", "see"),
    Tab("diagnostics", N_("Diagnostics"), "/diagnostics"),
    Tab("configuration", N_("Configuration"), "/configuration"),
    Tab("charging", N_("Charging profiles"), "/charging"),
    Tab("pictures", N_("Pictures"), "/pictures", "see"),
    Tab("messages", N_("Messages"), "/messages"),
    Tab("alarms", N_("Alarms"), "/alarms"),
    Tab("sharing", N_("Sharing"), "/sharing", "edit"),
    Tab("settings", N_("Settings"), "/settings", "edit"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the reader may do with a station, as far as it decides what is offered."""

    may_configure: bool
    may_edit: bool
    may_admit: bool
    shares: Shares | None = None

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Those to offer."""
        allowed = {"see": True, "configure": self.may_configure, "edit": self.may_edit}
        return tuple(tab for tab in TABS if allowed[tab.least])


async def standing_of(client: Client, caller: Caller, station: str) -> Standing:
    """By role; of drivers only who may manage the station sees with whom it is shared."""
    shares = None if caller.role is Role.SUPPORT else await shares_of(client, station)
    staff = caller.role in (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR)
    edits = staff or shares is not None
    return Standing(edits or caller.role is Role.SUPPORT, edits, staff, shares)


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
    around = await frame(client)
    if isinstance(given, Station):
        station, standing = given, await standing_of(client, around.caller, given.name)
    else:
        station, standing = await asyncio.gather(
            client.station(key), standing_of(client, around.caller, f"stations/{key}")
        )
    if tab not in {each.key for each in standing.tabs}:
        raise ApiError("PERMISSION_DENIED", "", _("You may not do this with this station. Ask who manages it."))
    return plain(request, template, status_code, frame=around, station=station, tab=tab, standing=standing, **values)


ENVIRONMENT.globals.update(why_not=refusal)
