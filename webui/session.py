"""Browser session ⇄ caller credentials: the cookie with the control plane's opaque token, and safe ways back."""

from __future__ import annotations

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


def safe_next(target: str) -> str:
    """Where to go after signing in: a path of ours, else the start page.

    A browser reads ``//host``, ``/\\host`` and anything with control characters as another place, so those are refused.
    """
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\", "/signin")):
        return "/"
    if "\\" in target or any(ord(c) < 0x21 for c in target):
        return "/"
    return target
