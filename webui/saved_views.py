"""Views of a table that a person gave a name: kept in a cookie of the browser, one for each person and table."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from webui.words import _

MOST: Final = 20
MOST_BYTES: Final = 3600  # browsers keep 4096 bytes of a cookie
A_YEAR_S: Final = 365 * 24 * 3600


class SavedView(msgspec.Struct, frozen=True, array_like=True):
    """A name, and the parameters of the address."""

    name: str
    query: str


def cookie_name(table: str, user: str) -> str:
    """`users/3` → `sessions-views-3`: who shares a browser does not share views."""
    return f"{table}-views-{''.join(c for c in user.rpartition('/')[2] if c.isalnum())}"


def read(request: Request, table: str, user: str) -> tuple[SavedView, ...]:
    """What somebody saved; a cookie that makes no sense is none."""
    kept = unquote(request.cookies.get(cookie_name(table, user), ""))
    try:
        return msgspec.json.decode(kept, type=tuple[SavedView, ...])[:MOST] if kept else ()
    except msgspec.DecodeError:
        return ()


def added(views: tuple[SavedView, ...], name: str, query: str) -> tuple[SavedView, ...]:
    """With another one; of the same name there is one. Raises ValueError, with a sentence, when it does not fit."""
    rest = tuple(view for view in views if view.name != name)
    made = (*rest, SavedView(name[:60], query[:1500]))
    if len(made) > MOST or len(_coded(made)) > MOST_BYTES:
        raise ValueError(_("No more views fit. Delete one first."))
    return made


def without(views: tuple[SavedView, ...], name: str) -> tuple[SavedView, ...]:
    """All but this one."""
    return tuple(view for view in views if view.name != name)


def write(response: Response, table: str, user: str, views: tuple[SavedView, ...]) -> None:
    """Keep them."""
    response.set_cookie(
        cookie_name(table, user), _coded(views), max_age=A_YEAR_S, path="/", httponly=True, samesite="lax"
    )


def _coded(views: tuple[SavedView, ...]) -> str:
    return quote(msgspec.json.encode(views).decode())
