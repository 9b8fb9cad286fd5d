"""A small OCPP-J client on trio-websocket: a second implementation of the wire, to find our bugs.

One CALL in flight in each direction (OCPP-J 1.6, 4.1.1). Latency is taken from the time at which the
caller wanted to send, which may lie before the moment its turn came.

    LinkFailure
    ├── ConnectFailed   there never was a connection
    ├── LinkLost        the connection ended before the answer came
    ├── CallTimeout     the connection stands but nobody answers
    └── CallRefused     the server answered with a CALLERROR
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, cast

import orjson
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import LocalProtocolError

from loadtest.tally import Tally

CALL, CALLRESULT, CALLERROR = 2, 3, 4
SUBPROTOCOL = "ocpp1.6"
MAX_FRAME = 1 << 20

Json = dict[str, object]
Dial = Callable[[], Awaitable[trio.abc.Stream]]


class LinkFailure(Exception):
    """The family; `kind` is the short name under which the report counts it."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class ConnectFailed(LinkFailure):
    """No connection: refused, timed out, or turned away in the handshake."""


class LinkLost(LinkFailure):
    """The connection ended."""


class CallTimeout(LinkFailure):
    """No answer in time; whether the server did it is unknown."""


class CallRefused(LinkFailure):
    """The server answered with a CALLERROR."""

    def __init__(self, action: str, code: str, description: str) -> None:
        super().__init__(f"CALLERROR {code} to {action}", description)
        self.code = code


class Refusal(Exception):
    """Raised by a handler: answer the server's CALL with a CALLERROR of this code."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to a CALL of the server, and what to do once the answer is on its way."""

    payload: Json
    then: Callable[[], None] | None = None


OnCall = Callable[[str, Json], Answer]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a station knocks: the Host header, the path with its identity, and its credentials."""

    host: str
    resource: str
    identity: str
    password: str | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Basic authentication (security profile 1), or nothing without a password."""
        if self.password is None:
            return []
        token = base64.b64encode(f"{self.identity}:{self.password}".encode())
        return [(b"Authorization", b"Basic " + token)]


@dataclass(slots=True)
class _Pending:
    """The CALL that is in flight."""

    message_id: str
    done: trio.Event = field(default_factory=trio.Event)
    result: Json | None = None
    refused: tuple[str, str] | None = None


class _WatchedStream(trio.abc.Stream):
    """A stream that tells when its peer has gone; trio-websocket waits for ever when that is mid-handshake."""

    __slots__ = ("_inner", "ended")

    def __init__(self, inner: trio.abc.Stream) -> None:
        self._inner = inner
        self.ended = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        try:
            await self._inner.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._inner.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        return data

    async def aclose(self) -> None:
        self.ended.set()
        await self._inner.aclose()


class Link(Protocol):
    """A way to the server: OCPP-J here, SOAP in `loadtest.speech.soap_link`."""

    closed: trio.Event

    async def call(self, action: str, payload: Json, *, intended: float | None = None) -> Json:
        """See `OcppClient.call`."""

    def abort(self) -> None:
        """Drop the connection at once."""


class OcppClient:
    """One live connection. Made by `connect`; `closed` is set when it has ended, whoever ended it."""

    __slots__ = (
        "_call_timeout", "_cancel", "_message_ids", "_on_call", "_pending", "_socket", "_tally", "_turn",
        "closed", "forgiving", "last_id",
    )  # fmt: skip

    def __init__(
        self,
        socket: WebSocketConnection,
        *,
        on_call: OnCall,
        tally: Tally,
        message_ids: Iterator[str],
        call_timeout: float,
    ) -> None:
        self._socket = socket
        self._on_call = on_call
        self._tally = tally
        self._message_ids = message_ids
        self._call_timeout = call_timeout
        self._turn = trio.Lock()
        self._pending: _Pending | None = None
        self._cancel: trio.CancelScope | None = None
        self.closed = trio.Event()
        self.last_id = ""
        """The message id of the latest CALL."""
        self.forgiving = False
        """Answers that nobody waits for are our own fault: see `send_raw`."""

    async def call(
        self, action: str, payload: Json, *, intended: float | None = None, message_id: str | None = None
    ) -> Json:
        """Send a CALL and wait for its answer.

        `intended` is the `trio.current_time()` at which the station wanted to send; now when left out.
        `message_id` is a new one when left out.
        Raises CallTimeout, CallRefused or LinkLost; each is counted in the tally.
        """
        wanted = trio.current_time() if intended is None else intended
        async with self._turn:
            try:
                self.last_id = next(self._message_ids) if message_id is None else message_id
                return await self._call_in_turn(action, payload, wanted)
            except LinkFailure as failure:
                self._tally.error(failure.kind, trio.current_time())
                raise
            finally:
                self._pending = None

    async def _call_in_turn(self, action: str, payload: Json, intended: float) -> Json:
        if self.closed.is_set():
            raise LinkLost("link lost", f"before {action} could be sent")
        pending = self._pending = _Pending(self.last_id)
        sent = trio.current_time()
        with trio.move_on_after(self._call_timeout):
            await self._send([CALL, pending.message_id, action, payload])
            await pending.done.wait()
        if not pending.done.is_set():
            raise CallTimeout(f"time-out of {action}", f"no answer within {self._call_timeout:g} s")
        if pending.refused is not None:
            raise CallRefused(action, *pending.refused)
        if pending.result is None:
            raise LinkLost("link lost", f"while waiting for the answer to {action}")
        self._tally.answered(action, intended=intended, sent=sent, now=trio.current_time())
        return pending.result

    async def send_raw(self, frame: str | list[object]) -> None:
        """Send a text as it is, or a list as JSON, out of turn and without waiting. Raises LinkLost."""
        await self._send(frame)

    def abort(self) -> None:
        """Drop the connection at once, as a station does that no longer believes in it."""
        if self._cancel is not None:
            self._cancel.cancel()

    async def _send(self, frame: str | list[object]) -> None:
        try:
            await self._socket.send_message(frame if isinstance(frame, str) else orjson.dumps(frame).decode())
        except (ConnectionClosed, LocalProtocolError) as error:
            raise LinkLost("link lost", "while sending") from error

    async def run(self) -> None:
        """Read until the connection ends; wakes whoever waits for an answer."""
        try:
            with trio.CancelScope() as self._cancel:
                while True:
                    await self._received(await self._socket.get_message())
        except (ConnectionClosed, LinkLost):
            pass
        finally:
            self.closed.set()
            if self._pending is not None:
                self._pending.done.set()

    async def _received(self, text: str | bytes) -> None:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            frame = None
        match frame:
            case [2, str(message_id), str(action), dict(payload)]:
                await self._answer(message_id, action, payload)
            case [3, str(message_id), dict(payload)]:
                self._settle(message_id, result=payload)
            case [4, str(message_id), str(code), str(description), *_]:
                self._settle(message_id, refused=(code, description))
            case _ if not self.forgiving:
                self._tally.error("frame of the server that is not OCPP-J", trio.current_time())

    def _settle(self, message_id: str, *, result: Json | None = None, refused: tuple[str, str] | None = None) -> None:
        pending = self._pending
        if pending is None or pending.message_id != message_id or pending.done.is_set():
            if not self.forgiving:
                self._tally.error("answer that nobody waits for", trio.current_time())
            return
        pending.result, pending.refused = result, refused
        pending.done.set()

    async def _answer(self, message_id: str, action: str, payload: Json) -> None:
        self._tally.commanded(action, trio.current_time())
        try:
            answer = self._on_call(action, payload)
        except Refusal as refusal:
            await self._send([CALLERROR, message_id, refusal.code, refusal.description, {}])
            return
        await self._send([CALLRESULT, message_id, answer.payload])
        if answer.then is not None:
            answer.then()


@asynccontextmanager
async def connect(
    dial: Dial,
    address: Address,
    *,
    on_call: OnCall,
    tally: Tally,
    message_ids: Iterator[str],
    connect_timeout: float = 30.0,
    call_timeout: float = 30.0,
    subprotocol: str = SUBPROTOCOL,
) -> AsyncIterator[OcppClient]:
    """Connect, speak `ocpp1.6` (or another `subprotocol` of OCPP-J), yield the client, close.

    Raises ConnectFailed when no connection comes about. The end of a standing connection raises nothing
    by itself: look at `client.closed`; calls on it raise LinkLost.
    """
    began = trio.current_time()
    stream = await _dialled(dial, connect_timeout)
    try:
        async with trio.open_nursery() as nursery:
            left = max(0.0, connect_timeout - (trio.current_time() - began))
            socket = await _handshake(nursery, stream, address, left, subprotocol)
            now = trio.current_time()
            tally.connected(now - began, now)
            client = OcppClient(
                socket, on_call=on_call, tally=tally, message_ids=message_ids, call_timeout=call_timeout
            )
            nursery.start_soon(client.run)
            try:
                yield client
            finally:
                client.abort()
                with trio.move_on_after(1, shield=True):
                    await socket.aclose()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise one_failure(group) from group
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


async def _dialled(dial: Dial, timeout: float) -> _WatchedStream:
    try:
        with trio.fail_after(timeout):
            return _WatchedStream(await dial())
    except trio.TooSlowError as error:
        raise ConnectFailed("connect: time-out", f"no TCP connection within {timeout:g} s") from error
    except OSError as error:
        reason = error.__cause__ if error.errno is None and error.__cause__ is not None else error
        raise ConnectFailed(f"connect: {_os_reason(reason)}", str(error)) from error
    except trio.BrokenResourceError as error:
        raise ConnectFailed("connect: broken", str(error)) from error


def _os_reason(error: BaseException) -> str:
    """A stable name: `ConnectionRefusedError`, also out of the group that trio makes of several addresses."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


async def _handshake(
    nursery: trio.Nursery, stream: _WatchedStream, address: Address, timeout: float, subprotocol: str
) -> WebSocketConnection:
    """The opening handshake; raises ConnectFailed, or lets ConnectionRejected come up through the nursery."""
    socket: WebSocketConnection | None = None

    async def give_up_when_closed(scope: trio.CancelScope) -> None:
        await stream.ended.wait()
        scope.cancel()

    with trio.move_on_after(timeout) as scope:
        async with trio.open_nursery() as watching:
            watching.start_soon(give_up_when_closed, scope)
            socket = await wrap_client_stream(
                nursery,
                cast(trio.SocketStream, stream),  # any stream will do, whatever the annotation says
                address.host,
                address.resource,
                subprotocols=[subprotocol],
                extra_headers=address.headers(),
                max_message_size=MAX_FRAME,
            )
            watching.cancel_scope.cancel()
    if socket is None:
        if stream.ended.is_set():
            raise ConnectFailed("handshake: closed by the server")
        raise ConnectFailed("handshake: time-out", f"not done within {timeout:.0f} s")
    if socket.subprotocol != subprotocol:
        raise ConnectFailed("handshake: no subprotocol", f"the server chose {socket.subprotocol!r}")
    return socket


def one_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The single failure a group stands for; the group itself when it holds anything else."""
    found: LinkFailure | None = None
    for leaf in _leaves(group):
        if isinstance(leaf, ConnectionRejected):
            found = ConnectFailed(f"handshake: HTTP {leaf.status_code}")
        elif isinstance(leaf, ConnectionClosed | LocalProtocolError):  # the latter: pinged while we say goodbye
            found = found or LinkLost("link lost")
        elif isinstance(leaf, LinkFailure):
            found = found or leaf
        else:
            return group
    return found or group


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
