"""What surrounds every page: security headers, the same-origin rule for changes, and the reader's language and zone."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui import words

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    # not no-referrer: with that, browsers send "Origin: null" with our own forms
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
COMPRESSED_TYPES = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-zip-compressed",
    "application/x-bzip2",
    "application/x-xz",
    "application/x-7z-compressed",
    "application/zstd",
)
"""What is compressed already: packing it once more costs time and saves nothing."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Adds the headers above to every answer; pages are not cached unless they say so themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses changes that another site's page sends with this browser's cookie (CSRF).

    Browsers say where a request comes from: ``Sec-Fetch-Site`` on https and loopback, ``Origin`` with every POST. A
    change with neither does not come from a page of ours.
    """

    def __init__(self, app: ASGIApp, public_origin: str = "") -> None:
        self.app = app
        self.public_origin = public_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not self._ours(Headers(scope=scope)):
            text = words.gettext(
                "This did not come from a page of this portal; nothing was changed. Reload and try again."
            )
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _ours(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = headers.get("origin", "")
        if self.public_origin:
            return origin == self.public_origin
        return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")


class Manners:
    """Sets language and time zone for the request, and reads what the installation is called.

    The language is the one chosen in this browser (cookie), else one that it asks for, else the installation's; the
    zone is what the browser told in a cookie. Somebody who is signed in may wish otherwise: webui/person.py.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(("/static/", "/healthz", "/readyz")):
            headers = Headers(scope=scope)
            cookies = cookie_parser(headers.get("cookie", ""))
            state = scope["app"].state
            info = await state.notice.refresh(state.control)
            wanted = (cookies.get("language", "")[:8], headers.get("accept-language", "")[:200], info.language)
            zone = unquote(cookies.get("zone", ""))[:64]
            words.current.set(words.manners(",".join(wanted), zone))
        await self.app(scope, receive, send)
