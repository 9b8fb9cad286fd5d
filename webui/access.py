"""What the reader may do with stations, so that they are not offered what would be refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from webui.api import Client

MOST: Final = 1000


class Access(msgspec.Struct, frozen=True):
    """What may be done with one station; nothing, unless it is told."""

    station: str = ""
    can_operate: bool = False
    can_configure: bool = False
    can_edit: bool = False
    can_share: bool = False
    can_assign: bool = False
    can_admit: bool = False
    can_read_secrets: bool = False
    can_read_messages: bool = False
    can_read_alarms: bool = False


class Accesses(msgspec.Struct, frozen=True):
    """Of several stations."""

    accesses: tuple[Access, ...]


async def access_to(client: Client, stations: Iterable[str]) -> dict[str, Access]:
    """By the names of stations; those that the reader does not see are left out. Raises ApiError."""
    wanted = list(dict.fromkeys(stations))
    found: dict[str, Access] = {}
    for start in range(0, len(wanted), MOST):
        told = await client.desk.ask("SharingService/ListMyAccess", Accesses, stations=wanted[start : start + MOST])
        found |= {each.station: each for each in told.accesses}
    return found


async def my_access(client: Client, station: str) -> Access:
    """To one station. Raises ApiError."""
    return (await access_to(client, [station])).get(station, Access())
