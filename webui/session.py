"""Browser session ⇄ caller credentials: the cookie with the control plane's opaque token, and safe ways back."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

SECURE_COOKIE = "__Host-chargehouse"
PLAIN_COOKIE = "chargehouse"
KEPT_S = 30 * 24 * 3600  # how long a browser keeps the token; the control plane decides how long it is valid


def is_secure(connection: HTTPConnection) -> bool:
    """Does the browser speak https to us (or to the proxy before us)?"""
    public: str = connection.app.state.settings.public_origin
    return public.startswith("https://") if public else connection.url.scheme == "https"


def token(connection: HTTPConnection) -> str:
    """The caller's token, empty when nobody is signed in. On https only the __Host- cookie counts."""
    return connection.cookies.get(SECURE_COOKIE if is_secure(connection) else PLAIN_COOKIE, "")


def remember(connection: HTTPConnection, response: Response, value: str) -> None:
    """Sign the browser in."""
    secure = is_secure(connection)
    response.set_cookie(
        SECURE_COOKIE if secure else PLAIN_COOKIE,
        value,
        max_age=KEPT_S,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def forget(connection: HTTPConnection, response: Response) -> None:
    """Sign the browser out."""
    secure = is_secure(connection)
    response.delete_cookie(
        SECURE_COOKIE if secure else PLAIN_COOKIE, path="/", secure=secure, httponly=True, samesite="lax"
    )


def carry(connection: HTTPConnection, response: Response, name: str, value: str, kept: timedelta) -> None:
    """Let the browser carry something sealed for some minutes: no script reads it, and another host cannot set it."""
    secure = is_secure(connection)
    response.set_cookie(
        _carried_name(connection, name),
        value,
        max_age=int(kept.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def carried(connection: HTTPConnection, name: str) -> str:
    """What the browser carries under this name, empty when nothing."""
    return connection.cookies.get(_carried_name(connection, name), "")


def drop(connection: HTTPConnection, response: Response, name: str) -> None:
    """It is not needed any more."""
    secure = is_secure(connection)
    response.delete_cookie(_carried_name(connection, name), path="/", secure=secure, httponly=True, samesite="lax")


def _carried_name(connection: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if is_secure(connection) else name


def safe_next(target: str, *, signed_out: bool = False) -> str:
    """Where to go after signing in: a path of ours, else the start page. `signed_out`: the sign-in page is fine too.

    A browser reads ``//host``, ``/\\host`` and anything with control characters as another place, so those are refused.
    """
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if target.startswith("/signin") and not signed_out:
        return "/"
    if "\\" in target or any(ord(c) < 0x21 for c in target):
        return "/"
    return target
