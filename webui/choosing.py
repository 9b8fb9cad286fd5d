"""Stations and users that somebody types into a field: what is offered while they type, and whom they meant."""

from __future__ import annotations

from typing import Final

import msgspec

from webui.api import Client
from webui.values import ApiError
from webui.values_reservations import StationBrief, StationBriefs

OFFERED: Final = 30


class UserBrief(msgspec.Struct, frozen=True):
    """A user to choose."""

    name: str
    email: str
    first_name: str
    last_name: str

    @property
    def label(self) -> str:
        """What they are called."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


class UserBriefs(msgspec.Struct, frozen=True):
    """Users to choose from."""

    users: tuple[UserBrief, ...] = ()


async def stations_like(client: Client, typed: str) -> tuple[StationBrief, ...]:
    """To offer. Raises ApiError."""
    found = await client.desk.ask(
        "StationService/ListStations", StationBriefs, filter={"query": typed}, page_size=OFFERED
    )
    return found.stations


async def users_like(client: Client, typed: str) -> tuple[UserBrief, ...]:
    """To offer; none to those who may not list users. Raises ApiError."""
    try:
        found = await client.desk.ask("UserService/ListUsers", UserBriefs, filter={"query": typed}, page_size=OFFERED)
    except ApiError as error:
        if error.code != "PERMISSION_DENIED":
            raise
        return ()
    return found.users


def station_meant(typed: str, found: tuple[StationBrief, ...]) -> StationBrief | None:
    """The one with this identity, else the only one with this name, else the only one that was found."""
    wanted = typed.casefold()
    for exact in (
        [each for each in found if each.identity.casefold() == wanted],
        [each for each in found if each.display_name.casefold() == wanted],
        list(found),
    ):
        if len(exact) == 1:
            return exact[0]
    return None


def user_meant(typed: str, found: tuple[UserBrief, ...]) -> UserBrief | None:
    """The one with this e-mail, else the only one that was found."""
    exact = [each for each in found if each.email.casefold() == typed.casefold()] or list(found)
    return exact[0] if len(exact) == 1 else None
