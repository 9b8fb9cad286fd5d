"""What a word may mean: stations, places, a session by its number, users, pages and things to do."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from webui import navigator
from webui.api import Client
from webui.menu import ADMINISTRATORS, EVERYBODY, MANAGERS, MENU, STAFF
from webui.values import ApiError, Role, StationQuery
from webui.words import N_, _

MOST: Final = 6
"""Of each kind."""
DOORS: Final = (
    ("/connect", N_("Connect a station"), STAFF),
    ("/stations/add", N_("Add station"), MANAGERS),
    ("/tags/add", N_("Add tag"), EVERYBODY - {Role.SITE_ADMINISTRATOR}),
    ("/notifications", N_("Notifications"), EVERYBODY),
    ("/settings", N_("Settings"), EVERYBODY),
    ("/settings#password", N_("Change password"), EVERYBODY),
    ("/settings#second", N_("Second factor"), EVERYBODY),
    ("/keys", N_("API keys"), ADMINISTRATORS),
    ("/settings/system", N_("System settings"), ADMINISTRATORS),
    ("/imprint", N_("Imprint"), EVERYBODY),
    ("/privacy", N_("Privacy"), EVERYBODY),
)
"""Pages and things to do that have no line in the menu."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A line of what was found."""

    kind: str
    label: str
    hint: str
    href: str


class _User(msgspec.Struct, frozen=True):
    name: str
    display_name: str
    email: str


class _Session(msgspec.Struct, frozen=True):
    station_display_name: str


class _Sessions(msgspec.Struct, frozen=True):
    session: _Session


class _Users(msgspec.Struct, frozen=True):
    users: tuple[_User, ...]


async def find(client: Client, role: Role, query: str) -> tuple[Found, ...]:
    """The best of each kind, things to open first. What may not be seen or does not answer is left out."""
    if not query:
        return pages(role, "")
    parts = await asyncio.gather(
        _session(client, query), _stations(client, query), _places(client, role, query), _users(client, role, query)
    )
    return (*(each for part in parts for each in part), *pages(role, query))


def pages(role: Role, query: str) -> tuple[Found, ...]:
    """Pages whose name holds the words, in the reader's language; all for no word."""
    known = [(entry.href, entry.label) for entry in MENU if role in entry.roles]
    known += [(href, _(text)) for href, text, roles in DOORS if role in roles and href not in dict(known)]
    wanted = query.casefold().split()
    return tuple(
        Found(kind=_("Page"), label=label, hint="", href=href)
        for href, label in known
        if all(word in label.casefold() for word in wanted)
    )


async def _session(client: Client, query: str) -> list[Found]:
    number = query.removeprefix("#")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return []
    try:
        session = (await client.desk.ask("SessionService/GetSession", _Sessions, name=f"sessions/{number}")).session
    except ApiError:
        return []
    label = _("Session %(number)s") % {"number": number}
    return [Found(kind=_("Session"), label=label, hint=session.station_display_name, href=f"/sessions/{number}")]


async def _stations(client: Client, query: str) -> list[Found]:
    try:
        page = await client.stations(StationQuery(query=query), MOST)
    except ApiError:
        return []
    return [
        Found(kind=_("Station"), label=station.label, hint=station.identity, href=f"/stations/{station.key}")
        for station in page.stations
    ]


async def _places(client: Client, role: Role, query: str) -> list[Found]:
    if role not in STAFF:
        return []
    nodes = [
        node
        for node in await navigator.places(client)
        if node.kind != "SYSTEM" and query.casefold() in node.display_name.casefold()
    ]
    return [
        Found(kind=_("Place"), label=node.display_name, hint="", href=navigator.link("/stations", node.key))
        for node in nodes[:MOST]
    ]


async def _users(client: Client, role: Role, query: str) -> list[Found]:
    if role not in MANAGERS:
        return []
    try:
        page = await client.desk.ask("UserService/ListUsers", _Users, filter={"query": query}, page_size=MOST)
    except ApiError:
        return []
    return [
        Found(kind=_("User"), label=user.display_name, hint=user.email, href=f"/users/{user.name.partition('/')[2]}")
        for user in page.users
    ]
