"""HTTP/1.1 from stations that speak SOAP: h11's sans-I/O protocol on the raw socket of `csms.transport.wire`.

One task per connection; requests one after another, answers in their order. Everything has a bound: the head (16 KiB),
the body, the time that either may take, the time that a connection may idle.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import h11
import trio

from csms.ports.wire import ConnectionClosed
from csms.transport.wire import ABNORMAL_CLOSURE, Wire

MAX_HEAD: Final = 16_384


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, whole. Header names are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bytes and seconds."""

    max_body: int = 1_048_576
    request_timeout: float = 30.0
    idle_timeout: float = 120.0
    write_timeout: float = 30.0


_TOO_LARGE: Final = HttpResponse(413, b"The message is too long.\n")
_TOO_SLOW: Final = HttpResponse(408, b"The request did not arrive in time.\n")
_NO_REQUEST: Final = HttpResponse(400, b"This is not a valid HTTP request.\n")


class _Refused(Exception):
    """The request cannot be taken in; the connection ends with this answer."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response


class HttpConnection(Wire):
    """Serves one connection. `sock` is non-blocking and secured already, if it is a TLS socket."""

    __slots__ = ("_h11", "_limits")

    def __init__(self, sock: socket.socket, limits: HttpLimits | None = None) -> None:
        self._limits = limits or HttpLimits()
        super().__init__(sock, write_timeout=self._limits.write_timeout)
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def serve(self, first: bytes, handle: Handler) -> None:
        """Answer requests until the peer or the clock ends it; `first` was read before. Never raises but Cancelled and
        what `handle` raises; the socket is closed in any case."""
        if first:  # nothing at all would mean that the peer has ended
            self._h11.receive_data(first)
        try:
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                while await self._serve_one(handle):
                    pass
                await self._say_goodbye()
        finally:
            self.abort("served")

    async def _serve_one(self, handle: Handler) -> bool:
        """False when nothing more will come."""
        try:
            request = await self._next_request()
            if request is None:
                return False
            await self._answer(await handle(request), head_only=request.method == "HEAD")
        except _Refused as refused:
            await self._answer(refused.response)
            return False
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            return True
        return False

    async def _next_request(self) -> HttpRequest | None:
        """None: the peer has gone, or idles. Raises _Refused, ConnectionClosed."""
        with trio.move_on_after(self._limits.idle_timeout) as idle:
            head = await self._next_event()
        if idle.cancelled_caught or isinstance(head, h11.ConnectionClosed):
            return None
        if not isinstance(head, h11.Request):
            raise _Refused(_NO_REQUEST)
        with trio.move_on_after(self._limits.request_timeout) as slow:
            body = await self._body()
        if slow.cancelled_caught:
            raise _Refused(_TOO_SLOW)
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        return HttpRequest(head.method.decode("latin-1"), head.target.decode("latin-1"), headers, body)

    async def _body(self) -> bytes:
        body = bytearray()
        if self._h11.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while True:
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            if not isinstance(event, h11.Data):
                raise ConnectionClosed(ABNORMAL_CLOSURE, "the peer left within its request", by_peer=True)
            body += event.data
            if len(body) > self._limits.max_body:
                raise _Refused(_TOO_LARGE)

    async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Raises _Refused for what is no HTTP."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                raise _Refused(_NO_REQUEST) from None
            if event is not h11.NEED_DATA:
                return event
            data = await self._read()
            if data is not None:
                self._h11.receive_data(data)

    async def _answer(self, response: HttpResponse, *, head_only: bool = False) -> None:
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = [("Content-Length", str(len(response.body))), *response.headers]
        if response.body:
            headers.append(("Content-Type", response.content_type))
        await self._send(
            h11.Response(
                status_code=response.status, headers=[(name.encode(), value.encode()) for name, value in headers]
            ),
            h11.Data(data=b"" if head_only else response.body),
            h11.EndOfMessage(),
        )

    async def _send(self, *events: h11.Event) -> None:
        out = b"".join(self._h11.send(event) or b"" for event in events)
        if not self._put(out):
            await self._flush()

    async def _say_goodbye(self) -> None:
        """So that our last bytes are read before the socket is gone; at most two seconds."""
        with trio.move_on_after(2.0):
            await self._linger()
