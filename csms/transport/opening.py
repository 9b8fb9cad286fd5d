"""The HTTP side of an OCPP-J connection's beginning: the request, the verdicts on it, the plain answers."""

from __future__ import annotations

import http
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_HEAD = 16_384  # bytes of request line and headers


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
