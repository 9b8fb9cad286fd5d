"""Who asks: their client, with what the control plane must know of their browser; their settings and what is new.

Every page needs the settings (language, zone, colours) and the bell's number. They are kept for some seconds per
token, so that a page load, its live stream and its fragments ask once.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import HTTPConnection

from webui import session, words
from webui.api import Client
from webui.navigator import picked_station
from webui.values import ApiError

S = TypeVar("S", bound=msgspec.Struct)
KEPT_S: Final = 5.0
MOST: Final = 2_000
GROUP_COOKIE: Final = "group"
LANGUAGE_COOKIE: Final = "language"


class UserSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants the portal; empty: as their browser does."""

    language: str = ""
    time_zone: str = ""
    theme: str = "UNSPECIFIED"
    share_usage: bool = False
    preferences: dict[str, str] = {}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the operator."""

    name: str
    title: str
    text: str
    priority: str
    valid_from_time: datetime | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A user's own choice of stations."""

    name: str
    display_name: str


class _Settings(msgspec.Struct, frozen=True):
    settings: UserSettings


class _News(msgspec.Struct, frozen=True):
    news: tuple[Message, ...] = ()


class _Unread(msgspec.Struct, frozen=True):
    unread_count: int = 0


class _Groups(msgspec.Struct, frozen=True):
    groups: tuple[Group, ...] = ()


class _Access(msgspec.Struct, frozen=True):
    keeps_stations: bool = False


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What every page shows of its reader, besides the caller."""

    settings: UserSettings = UserSettings()
    news: tuple[Message, ...] = ()
    unread: int = 0
    groups: tuple[Group, ...] = ()
    keeper: bool = False
    """A driver who owns a station, or manages one."""

    @property
    def urgent(self) -> tuple[Message, ...]:
        """Messages for the top of every page."""
        return tuple(message for message in self.news if message.priority == "URGENT")


class People:
    """What was read of each token lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Person]] = OrderedDict()

    async def read(self, token: str, client: Client) -> Person:
        """From the control plane, or as it was some seconds ago. What cannot be read is as if nothing was set."""
        when, person = self._kept.get(token, (0.0, Person()))
        if when and time.monotonic() - when < KEPT_S:
            return person
        settings, news, unread, groups, access = await asyncio.gather(
            _or(client, "UserService/GetSettings", _Settings(person.settings)),
            _or(client, "NewsService/ListMyNews", _News()),
            _or(client, "NewsService/ListNotifications", _Unread(), unread_only=True, page_size=1),
            _or(client, "GroupService/ListGroups", _Groups()),
            _or(client, "SharingService/ListMyAccess", _Access()),
        )
        person = Person(
            settings=settings.settings,
            news=news.news,
            unread=unread.unread_count,
            groups=groups.groups,
            keeper=access.keeps_stations,
        )
        self._kept[token] = (time.monotonic(), person)
        self._kept.move_to_end(token)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return person

    def forget(self, token: str) -> None:
        """Something was changed, or the token ended."""
        self._kept.pop(token, None)


async def _or(client: Client, method: str, otherwise: S, **fields: Any) -> S:
    try:
        return await client.desk.ask(method, type(otherwise), **fields)
    except ApiError:
        return otherwise  # the page's own calls say what is wrong; these are only its frame


def client_for(connection: HTTPConnection, token: str) -> Client:
    """A client that tells the control plane which browser asks, and which group the reader has chosen."""
    address = connection.client.host if connection.client else ""
    agent = "".join(c for c in connection.headers.get("user-agent", "")[:200] if " " <= c <= "~")
    metadata = [("x-forwarded-for", address), ("x-forwarded-user-agent", agent), ("x-group", group_of(connection))]
    return Client(connection.app.state.control, token, tuple((name, value) for name, value in metadata if value))


def group_of(connection: HTTPConnection) -> str:
    """`groups/{id}` that the reader has chosen, empty for none."""
    number = connection.cookies.get(GROUP_COOKIE, "")
    return f"groups/{number}" if number.isascii() and number.isdecimal() and len(number) < 19 else ""


class Arrival(msgspec.Struct, frozen=True):
    """Who asks, narrowed to what: for the frame of the page under way."""

    person: Person = Person()
    group: str = ""
    place: str = ""
    station: str = ""


NOBODY: Final = Arrival()
arrival: ContextVar[Arrival] = ContextVar("arrival", default=NOBODY)


def place_of(connection: HTTPConnection) -> str:
    """The number of the picked place (`?place=`), empty when none is."""
    number = connection.query_params.get("place", "").rpartition("/")[2]
    return number if number.isascii() and number.isdecimal() and len(number) < 19 else ""


async def arrive(connection: HTTPConnection) -> Client:
    """The client of who is signed in; from here on the request speaks as they wish."""
    token = session.token(connection)
    client = client_for(connection, token)
    person = await connection.app.state.people.read(token, client)
    connection.state.client = client
    connection.state.person = person
    here = f"{connection.url.path}?{connection.url.query}"
    arrival.set(Arrival(person, group_of(connection), place_of(connection), picked_station(here)))
    wanted = person.settings
    language = "" if connection.cookies.get(LANGUAGE_COOKIE) else wanted.language  # what was chosen here counts here
    words.current.set(words.with_choices(words.current.get(), language, wanted.time_zone))
    return client
