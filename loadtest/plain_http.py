"""HTTP/1.1 as little as stations need: one message at a time over a stream, bodies with a length.

Stations that speak SOAP use it both ways; firmware is fetched and logs are sent with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import trio

MAX_HEAD = 65_536
MAX_BODY = 64 << 20
_CHUNK = 65_536


class HttpProblem(Exception):
    """The other side did not speak HTTP as it should, or left."""


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or a response: its first line, its headers by small names, its body."""

    first: str
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        """Of a response; 0 when there is none."""
        parts = self.first.split(" ")
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    @property
    def target(self) -> str:
        """Of a request."""
        return self.first.split(" ")[1] if self.first.count(" ") else ""


def head(first: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """The head of a message."""
    return "\r\n".join((first, *(f"{name}: {value}" for name, value in headers), "", "")).encode("latin-1")


class HttpStream:
    """Reads messages from a stream one after the other."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def send(self, head_bytes: bytes, body: bytes = b"") -> None:
        """Raises trio.BrokenResourceError, trio.ClosedResourceError."""
        await self._stream.send_all(head_bytes + body)

    async def receive(self, *, body: bool = True) -> HttpMessage | None:
        """The next message; None when the peer left between two. `body`: responses to HEAD have none.

        Raises HttpProblem, trio.BrokenResourceError, trio.ClosedResourceError.
        """
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > MAX_HEAD:
                raise HttpProblem("the head is too long")
            more = await self._stream.receive_some(_CHUNK)
            if not more:
                if self._held:
                    raise HttpProblem("the peer left within a message")
                return None
            self._held += more
        first, *lines = bytes(self._held[:end]).decode("latin-1").split("\r\n")
        del self._held[: end + 4]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return HttpMessage(first, headers, await self._body(headers) if body else b"")

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise HttpProblem(f"a length of {length}")
        return await self._exactly(int(length))

    async def _exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            more = await self._stream.receive_some(_CHUNK)
            if not more:
                raise HttpProblem("the peer left within a body")
            self._held += more
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    async def _chunks(self) -> bytes:
        out = bytearray()
        while True:
            line = await self._line()
            size = int(line.partition(b";")[0], 16)
            out += (await self._exactly(size + 2))[:-2]
            if size == 0 or len(out) > MAX_BODY:
                return bytes(out)

    async def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            self._held += await self._exactly(len(self._held) + 1)
        found = bytes(self._held[:end])
        del self._held[: end + 2]
        return found


def is_near(url: str) -> bool:
    """True for plain HTTP on this machine: a load test does not knock anywhere else."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


async def request(method: str, url: str, body: bytes = b"") -> HttpMessage:
    """One request on a connection of its own. Raises HttpProblem, OSError, trio.BrokenResourceError."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    first = f"{method} {target} HTTP/1.1"
    headers = [("Host", parts.netloc), ("Content-Length", str(len(body))), ("Connection", "close")]
    async with await trio.open_tcp_stream(parts.hostname or "", parts.port or 80) as stream:
        talk = HttpStream(stream)
        await talk.send(head(first, headers), body)
        answer = await talk.receive()
    if answer is None:
        raise HttpProblem("no answer")
    return answer
