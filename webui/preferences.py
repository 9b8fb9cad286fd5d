"""What the portal keeps for somebody, so that it follows them to another browser: small texts under a name each."""

from __future__ import annotations

from starlette.requests import Request

from webui import session
from webui.page import client_of
from webui.person import Person


def kept(request: Request, name: str) -> str:
    """What is kept under this name; empty: nothing. The page must be one for people who are signed in."""
    person: Person = getattr(request.state, "person", Person())
    return person.settings.preferences.get(name, "")


async def keep(request: Request, name: str, value: str) -> None:
    """Keep it from now on; an empty value forgets it. Raises ApiError."""
    await client_of(request).desk.do(
        "UserService/UpdateSettings", settings={"preferences": {name: value}}, update_mask=("preferences",)
    )
    request.app.state.people.forget(session.token(request))
