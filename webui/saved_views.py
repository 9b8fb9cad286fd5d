"""Views of a table that a person gave a name: kept among their preferences, for each table."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request

from webui import preferences
from webui.words import _

TABLES: Final = frozenset({"sessions", "stations", "connectors"})
MOST: Final = 20
MOST_CHARACTERS: Final = 8000  # control.v1 keeps no more of one preference


class SavedView(msgspec.Struct, frozen=True, array_like=True):
    """A name, and the parameters of the address."""

    name: str
    query: str


def read(request: Request, table: str) -> tuple[SavedView, ...]:
    """What somebody saved; what makes no sense is nothing."""
    return decoded(preferences.kept(request, _key(table)))


async def write(request: Request, table: str, views: tuple[SavedView, ...]) -> None:
    """Keep them. Raises ApiError."""
    await preferences.keep(request, _key(table), encoded(views) if views else "")


def decoded(text: str) -> tuple[SavedView, ...]:
    """From a preference."""
    try:
        return msgspec.json.decode(text, type=tuple[SavedView, ...])[:MOST] if text else ()
    except msgspec.DecodeError:
        return ()


def encoded(views: tuple[SavedView, ...]) -> str:
    """For a preference."""
    return msgspec.json.encode(views).decode()


def added(views: tuple[SavedView, ...], name: str, query: str) -> tuple[SavedView, ...]:
    """With another one; of the same name there is one. Raises ValueError, with a sentence, when it does not fit."""
    rest = tuple(view for view in views if view.name != name)
    made = (*rest, SavedView(name[:60], query[:1500]))
    if len(made) > MOST or len(encoded(made)) > MOST_CHARACTERS:
        raise ValueError(_("No more views fit. Delete one first."))
    return made


def without(views: tuple[SavedView, ...], name: str) -> tuple[SavedView, ...]:
    """All but this one."""
    return tuple(view for view in views if view.name != name)


def _key(table: str) -> str:
    return f"{table}.views"
