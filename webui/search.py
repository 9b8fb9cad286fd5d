"""What a word may mean: stations, places, a session by its number, users, pages and things to do."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from webui import navigator, words
from webui.api import Client
from webui.doors import DOORS, KEEPERS_OF_TAGS, OTHER_WORDS
from webui.menu import MANAGERS, MENU, STAFF
from webui.operation_fields import USUAL
from webui.values import ApiError, Role, StationQuery
from webui.values_operations import KINDS, kind_word
from webui.words import _

MOST: Final = 6
"""Of each kind."""
SHORTEST: Final = 3
"""Letters of a word that may be the beginning of an operation's name, or of a page's other name."""


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of what was found. With `form` it is sent there and not opened: its names and values."""

    kind: str
    label: str
    hint: str
    href: str
    form: dict[str, str] = {}


class _User(msgspec.Struct, frozen=True):
    name: str
    display_name: str
    email: str


class _Tag(msgspec.Struct, frozen=True):
    name: str
    id_token: str
    alias: str

    @property
    def key(self) -> str:
        return self.name.partition("/")[2]


class _Tags(msgspec.Struct, frozen=True):
    id_tokens: tuple[_Tag, ...]


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
        _session(client, query),
        _deeds(client, role, query),
        _stations(client, query),
        _places(client, role, query),
        _users(client, role, query),
        _tags(client, role, query),
    )
    return (*(each for part in parts for each in part), *pages(role, query), *_switches(query))


def pages(role: Role, query: str) -> tuple[Found, ...]:
    """Pages and things to do whose name holds the words, in the reader's language, then those that are also called so;
    all pages for no word."""
    known = [(entry.href, entry.label, OTHER_WORDS.get(entry.href, ""), False) for entry in MENU if role in entry.roles]
    known += [(each.href, each.label, each.words, each.deed) for each in DOORS if role in each.roles]
    if query and role in STAFF:
        new = _("New operation")
        known += [(f"/operations/new?kind={kind}", f"{new}: {kind_word(kind)}", "", True) for kind in KINDS]
    wanted = query.casefold().split()
    by_name: list[Found] = []
    by_other: list[Found] = []
    for href, label, other, deed in known:
        found = Found(kind=_("Action") if deed else _("Page"), label=label, hint="", href=href)
        if all(word in label.casefold() for word in wanted):
            by_name.append(found)
        elif other and len(query) >= SHORTEST and _begin(wanted, f"{label} {_(other)}"):
            by_other.append(found)
    return (*by_name, *by_other)


def _begin(wanted: list[str], text: str) -> bool:
    """Does each of the words begin one of the text?"""
    inside = text.casefold().replace(",", " ").replace("-", " ").split()
    return all(any(each.startswith(word) for each in inside) for word in wanted)


def _switches(query: str) -> tuple[Found, ...]:
    """What is done at once, wherever one is: another language, light or dark, going."""
    sign_out = Found(kind=_("Action"), label=_("Sign out"), hint="", href="/signout", form={"bye": "1"})
    themes = [
        Found(kind=_("Action"), label=f"{_('Theme')}: {label}", hint="", href="/theme", form={"theme": key})
        for key, label in (("light", _("Light")), ("dark", _("Dark")), ("auto", _("Auto")))
    ]
    languages = [
        Found(kind=_("Action"), label=f"{_('Language')}: {name}", hint="", href="/language", form={"language": key})
        for key, name in words.NAMES.items()
    ]
    wanted = query.casefold().split()
    return tuple(each for each in (sign_out, *themes, *languages) if all(w in each.label.casefold() for w in wanted))


async def _deeds(client: Client, role: Role, query: str) -> list[Found]:
    """An operation and the station for it: "restart bay 3", or the station first."""
    if role not in STAFF:
        return []
    said = query.split()
    splits = [(said[:n], said[n:]) for n in range(1, len(said))] + [(said[n:], said[:n]) for n in range(1, len(said))]
    for verb, rest in splits:
        if len(verb[0]) < SHORTEST:
            continue
        operations = [op for op in USUAL if _begin([word.casefold() for word in verb], _(op.title))]
        if operations and (stations := await _stations(client, " ".join(rest))):
            return [
                Found(kind=_("Action"), label=_(op.title), hint=at.label, href=f"{at.href}#operation-{op.key}")
                for op in operations
                for at in stations
            ][:MOST]
    return []


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


async def _tags(client: Client, role: Role, query: str) -> list[Found]:
    if role not in KEEPERS_OF_TAGS or len(query) < SHORTEST:
        return []
    try:
        page = await client.desk.ask("IdTokenService/ListIdTokens", _Tags, query=query, page_size=MOST)
    except ApiError:
        return []
    return [
        Found(kind=_("Tag"), label=tag.alias or tag.id_token, hint=tag.id_token, href=f"/tags/{tag.key}")
        for tag in page.id_tokens
    ]
