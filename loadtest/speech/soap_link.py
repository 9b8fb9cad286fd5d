"""The way of a 1.5 station to its central system: SOAP over HTTP, and a small server of its own for what it is asked.

There is one connection, kept while it is used often and dialled again when it has rested. A refusal of HTTP ends the
link, so that the station comes back later, as it would after a lost WebSocket.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from loadtest.client import (
    Address,
    CallRefused,
    CallTimeout,
    ConnectFailed,
    Dial,
    Json,
    LinkFailure,
    LinkLost,
    OnCall,
    Refusal,
    one_failure,
)
from loadtest.plain_http import HttpMessage, HttpProblem, HttpStream, head
from loadtest.speech import soap
from loadtest.tally import Tally

PATH = "/Ocpp/CentralSystemService15"
RESTED = 60.0  # seconds after which a kept connection is not trusted any more
IDLE = 90.0  # that a connection of the central system may stay open


class SoapLink:
    """One live link; see `loadtest.client.Link`. Made by `soap_connect`."""

    def __init__(
        self,
        dial: Dial,
        address: Address,
        *,
        on_call: OnCall,
        tally: Tally,
        message_ids: Iterator[str],
        connect_timeout: float,
        call_timeout: float,
    ) -> None:
        self._dial = dial
        self._address = address
        self._path = address.resource if "CentralSystemService" in address.resource else PATH
        self._on_call = on_call
        self._tally = tally
        self._message_ids = message_ids
        self._connect_timeout = connect_timeout
        self._call_timeout = call_timeout
        self._turn = trio.Lock()
        self._stream: trio.abc.Stream | None = None
        self._http: HttpStream | None = None
        self._used_at = 0.0
        self._cancel: trio.CancelScope | None = None
        self.own_address = ""
        self.closed = trio.Event()

    # -- what the station says ----------------------------------------------------------------------------------------

    async def call(self, action: str, payload: Json, *, intended: float | None = None) -> Json:
        """See `OcppClient.call`."""
        wanted = trio.current_time() if intended is None else intended
        async with self._turn:
            try:
                return await self._call_in_turn(action, payload, wanted)
            except LinkFailure as failure:
                self._tally.error(failure.kind, trio.current_time())
                raise

    async def _call_in_turn(self, action: str, payload: Json, intended: float) -> Json:
        if self.closed.is_set():
            raise LinkLost("link lost", f"before {action} could be sent")
        sent = trio.current_time()
        answer: HttpMessage | None = None
        try:
            with trio.move_on_after(self._call_timeout) as self._cancel:
                answer = await self._exchange(action, payload)
        except (HttpProblem, OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            await self._end()
            raise LinkLost("link lost", f"while waiting for the answer to {action}") from error
        if answer is None:
            await self._hang_up()
            if self.closed.is_set():
                raise LinkLost("link lost", f"while waiting for the answer to {action}")
            raise CallTimeout(f"time-out of {action}", f"no answer within {self._call_timeout:g} s")
        result = await self._understood(action, answer)
        self._tally.answered(action, intended=intended, sent=sent, now=trio.current_time())
        return result

    async def _exchange(self, action: str, payload: Json) -> HttpMessage:
        if self._http is None or trio.current_time() - self._used_at > RESTED:
            await self._hang_up()
            await self.dial()
        talk = self._http
        if talk is None:
            raise HttpProblem("not connected")
        to = f"http://{self._address.host}{self._path}"
        content = soap.request(
            action,
            payload,
            identity=self._address.identity,
            message_id=f"urn:chargehouse:{next(self._message_ids)}",
            own_address=self.own_address,
            to=to,
        )
        await talk.send(self._head(len(content)), content)
        answer = await talk.receive()
        self._used_at = trio.current_time()
        if answer is None:
            raise HttpProblem("the server hung up")
        if answer.headers.get("connection", "").lower() == "close":
            await self._hang_up()
        return answer

    async def _understood(self, action: str, answer: HttpMessage) -> Json:
        """The answer's payload. Raises CallRefused, or LinkLost for what HTTP refuses: the message is kept then."""
        if answer.status in (401, 403, 404, 429, 503):
            await self._end()
            raise LinkLost(f"HTTP {answer.status} to {action}", answer.body[:200].decode(errors="replace"))
        try:
            envelope = soap.read(answer.body)
        except soap.NotSoap as error:
            self._tally.error("answer of the server that is not SOAP", trio.current_time())
            raise CallRefused(action, f"HTTP {answer.status}", str(error)) from error
        if envelope.fault is not None:
            raise CallRefused(action, *envelope.fault)
        return envelope.payload

    def _head(self, length: int) -> bytes:
        headers = [
            ("Host", self._address.host),
            ("Content-Type", soap.CONTENT_TYPE),
            ("Content-Length", str(length)),
        ]
        if self._address.password is not None:
            pair = f"{self._address.identity}:{self._address.password}".encode()
            headers.append(("Authorization", f"Basic {base64.b64encode(pair).decode()}"))
        return head(f"POST {self._path} HTTP/1.1", headers)

    async def dial(self) -> trio.abc.Stream:
        """A new connection. Raises HttpProblem, OSError, trio.BrokenResourceError."""
        began = trio.current_time()
        with trio.move_on_after(self._connect_timeout):
            self._stream = await self._dial()
        if self._stream is None:
            raise HttpProblem(f"no TCP connection within {self._connect_timeout:g} s")
        self._http = HttpStream(self._stream)
        self._used_at = trio.current_time()
        self._tally.connected(self._used_at - began, self._used_at)
        return self._stream

    async def _hang_up(self) -> None:
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)
        self._stream = self._http = None

    async def _end(self) -> None:
        self.closed.set()
        await self._hang_up()

    async def aclose(self) -> None:
        """End it."""
        with trio.CancelScope(shield=True):
            await self._end()

    def abort(self) -> None:
        """Drop the connection at once."""
        self.closed.set()
        if self._cancel is not None:
            self._cancel.cancel()

    # -- what the station is asked ------------------------------------------------------------------------------------

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection of the central system."""
        talk = HttpStream(stream)
        async with stream:
            while True:
                try:
                    with trio.fail_after(IDLE):
                        asked = await talk.receive()
                    if asked is None:
                        return
                    if await self._answer(talk, asked):
                        return
                except (HttpProblem, trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
                    return

    async def _answer(self, talk: HttpStream, asked: HttpMessage) -> bool:
        """Returns True when the connection is to be closed."""
        then = None
        status = "200 OK"
        relates_to = ""
        try:
            envelope = soap.read(asked.body)
            relates_to = envelope.message_id
            self._tally.commanded(envelope.action, trio.current_time())
            answer = self._on_call(envelope.action, envelope.payload)
            content, then = soap.response(envelope.action, answer.payload, relates_to=relates_to), answer.then
        except soap.NotSoap as error:
            self._tally.error("request of the server that is not SOAP", trio.current_time())
            status, content = "400 Bad Request", soap.fault("ProtocolError", str(error), relates_to=relates_to)
        except Refusal as refusal:
            code = refusal.code if refusal.code in ("NotSupported", "InternalError") else "ProtocolError"
            status = "500 Internal Server Error"
            content = soap.fault(code, refusal.description, relates_to=relates_to)
        close = asked.headers.get("connection", "").lower() == "close"
        headers = [("Content-Type", soap.CONTENT_TYPE), ("Content-Length", str(len(content)))]
        await talk.send(head(f"HTTP/1.1 {status}", [*headers, ("Connection", "close")] if close else headers), content)
        if then is not None:
            then()
        return close


@asynccontextmanager
async def soap_connect(
    dial: Dial,
    address: Address,
    *,
    on_call: OnCall,
    tally: Tally,
    message_ids: Iterator[str],
    connect_timeout: float = 30.0,
    call_timeout: float = 30.0,
) -> AsyncIterator[SoapLink]:
    """Connect, open the station's own server on the address it connects from, yield the link, close both.

    Raises ConnectFailed when no connection comes about.
    """
    link = SoapLink(
        dial,
        address,
        on_call=on_call,
        tally=tally,
        message_ids=message_ids,
        connect_timeout=connect_timeout,
        call_timeout=call_timeout,
    )
    try:
        stream = await link.dial()
    except (HttpProblem, OSError, trio.BrokenResourceError) as error:
        raise ConnectFailed(f"connect: {_reason(error)}", str(error)) from error
    try:
        async with trio.open_nursery() as nursery:
            host = local_host(stream)
            if host:
                listeners = await nursery.start(partial(trio.serve_tcp, link.serve, 0, host=host, backlog=2))
                port = listeners[0].socket.getsockname()[1]
                link.own_address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
            try:
                yield link
            finally:
                await link.aclose()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise one_failure(group) from group


def local_host(stream: object) -> str:
    """The address from which a stream comes; empty when it is no TCP connection."""
    while not isinstance(stream, trio.SocketStream):
        stream = getattr(stream, "transport_stream", None)
        if stream is None:
            return ""
    return str(stream.socket.getsockname()[0])


def _reason(error: BaseException) -> str:
    """As `loadtest.client` names them."""
    if isinstance(error, HttpProblem):
        return "time-out"
    if isinstance(error, OSError) and error.errno is None and error.__cause__ is not None:
        error = error.__cause__
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
