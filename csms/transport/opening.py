"""The HTTP side of an OCPP-J connection's beginning: the request, the verdicts on it, the plain answers."""

from __future__ import annotations

import http
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

MAX_HEAD = 16_384  # bytes of request line and headers
_ADDRESS = re.compile(r"/+(?:ocpp|Ocpp/+websocket)/+([^/]+)/*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_IDENTITY = 255


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """The HTTP request that opens the connection, as it came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """The values of all headers of that name (any case), joined by commas; None when there is none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def wants_websocket(self) -> bool:
        return "websocket" in (self.header("Upgrade") or "").lower()


@dataclass(frozen=True, slots=True)
class Accept:
    """Switch protocols; `subprotocol` is written into the answer exactly so, or left out when None."""

    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer in plain HTTP and close."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


Verdict = Accept | Reject
Authorize = Callable[[OpeningRequest], Awaitable[Verdict]]


BAD_HEAD = Reject(400, "This is not a valid HTTP request. Stations connect here by WebSocket.")
HEAD_TOO_LARGE = Reject(431, "The request headers are longer than 16 KiB. Send fewer or shorter headers.")
TOO_SLOW = Reject(408, "The request did not arrive in time. Connect again.")
TOO_BUSY = Reject(503, "The central system is too busy to answer. Connect again later.", (("Retry-After", "30"),))

_NOT_HERE = Reject(404, "Nothing is here. Stations connect to /ocpp/ followed by their identity.")


def station_identity(target: str) -> str | Reject:
    """The identity in the address that a station asked for, or what to answer instead.

    Percent-decoded UTF-8, 1 to 255 printable characters, no "/" (2.x allows 48 of fewer kinds; 1.6 names
    no limit). Slashes too many before or after it are forgiven: bases are typed by hand.
    """
    path = target.partition("?")[0]
    match = _ADDRESS.fullmatch(path)
    if match is None:
        return _NOT_HERE
    encoded = match[1]
    if _BROKEN_ESCAPE.search(encoded):
        return Reject(400, "The identity in the address has a % that is not followed by two hex digits.")
    try:
        identity = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return Reject(400, "The identity in the address is not UTF-8 after percent-decoding.")
    if len(identity) > _MAX_IDENTITY:
        return Reject(400, f"The identity in the address is longer than {_MAX_IDENTITY} characters.")
    if "/" in identity or not identity.isprintable():
        return Reject(400, "The identity in the address may hold printable characters only, and no slash.")
    return identity


def negotiate(offered: Sequence[str], supported: Sequence[str]) -> tuple[str, str] | None:
    """(our name, the station's spelling) of the first of `supported` that was offered, or None.

    Letter case is forgiven; the answer must repeat the station's own spelling, since it compares.
    """
    spellings = {name.lower(): name for name in reversed(offered)}
    for name in supported:
        if name.lower() in spellings:
            return name, spellings[name.lower()]
    return None


def http_answer(verdict: Reject, *, head_only: bool = False) -> bytes:
    """The bytes of a plain HTTP/1.1 answer that closes the connection (no body for a HEAD request)."""
    body = f"{verdict.text}\n".encode()
    try:
        phrase = http.HTTPStatus(verdict.status).phrase
    except ValueError:
        phrase = "Refused"
    lines = [
        f"HTTP/1.1 {verdict.status} {phrase}",
        *(f"{name}: {value}" for name, value in verdict.headers),
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    head = "\r\n".join((*lines, "", "")).encode("iso-8859-1", errors="replace")
    return head if head_only else head + body
