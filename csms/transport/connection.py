"""One WebSocket connection, server side: frames (`csms.transport.frames`) on a raw non-blocking socket.

The opening handshake is done by `websockets`' sans-I/O protocol, which is not kept: it would weigh four KiB for each
station that waits. There is no task in here. One task (the station's link) reads; any task may send; one keep-alive
sweeper (`csms.transport.keepalive`) pings all connections. Everything that ends a connection (the peer's close
frame, a broken frame, a reset, a newer link, silence, a slow reader) is noted once; from then on `receive`
and `send` raise `ConnectionClosed` with it, and `close` puts the socket away.
"""

from __future__ import annotations

import contextlib
import http
import logging
import socket
import ssl
from collections.abc import Callable

import trio
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from csms.ports.wire import BinaryMessage, ConnectionClosed, Taker
from csms.transport.frames import (
    PING_FRAME,
    CloseFrame,
    FrameReader,
    Ping,
    Violation,
    close_echo,
    close_frame,
    may_be_sent,
    pong_frame,
    text_frame,
)
from csms.transport.opening import (
    BAD_HEAD,
    HEAD_TOO_LARGE,
    MAX_HEAD,
    TOO_BUSY,
    TOO_SLOW,
    Accept,
    Authorize,
    OpeningRequest,
    Reject,
    Verdict,
    http_answer,
)
from csms.transport.wire import ABNORMAL_CLOSURE, LINGER_BYTES, TLS_FAILED, Wire

__all__ = ["ABNORMAL_CLOSURE", "TLS_FAILED", "BinaryMessage", "ConnectionClosed", "WebSocketConnection"]

NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011

_REASON_BYTES = 123  # RFC 6455 §5.5: a control frame carries at most 125 bytes, two are the code

_protocol_log = logging.getLogger("csms.transport.websockets")
_protocol_log.setLevel(logging.WARNING)  # else "connection open" for each of ten thousand stations


class WebSocketConnection(Wire):
    """A station's connection. `sock` is connected and non-blocking (an SSLSocket before its handshake: TLS).

    `max_size`: largest message taken, bytes; a larger one closes with 1009. `max_write_buffer`: bytes that
    may wait for a slow peer before a further `send` closes with 1008. `write_timeout`: seconds without the
    peer taking a single byte, after which a waiting `send` closes with 1008.
    """

    __slots__ = (
        "_closing",
        "_frames",
        "_half_close",
        "_max_size",
        "_max_write_buffer",
        "_messages",
        "_offering",
        "_said_goodbye",
        "_taken",
        "_taker",
        "opening",
        "plain",
        "remote_address",
        "subprotocol",
    )

    def __init__(
        self,
        sock: socket.socket,
        *,
        remote_address: str,
        max_size: int = 1_048_576,
        max_write_buffer: int = 1_048_576,
        write_timeout: float = 30.0,
    ) -> None:
        super().__init__(sock, write_timeout=write_timeout)
        self._max_size = max_size
        self._frames: FrameReader | None = None  # None: not open yet, or the peer has said its last word
        self._messages: list[bytes | BinaryMessage] = []
        self._max_write_buffer = max_write_buffer
        self._said_goodbye = False  # our close frame is out
        self._half_close = False  # and the peer's has come: nothing more to say, ever
        self._closing = False  # a task is in `close`
        self._taker: Taker | None = None
        self._taken = False  # the taker has a message: nothing is read
        self._offering = False
        self.opening = True
        self.remote_address = remote_address
        self.subprotocol: str | None = None
        self.plain: bytes | None = None  # what was read, when the request is for somebody who speaks plain HTTP

    # -- opening handshake ---------------------------------------------------------------------------

    async def handshake(
        self, authorize: Authorize, timeout: float = 10.0, *, is_plain: Callable[[bytes], bool] | None = None
    ) -> bool:
        """TLS, the HTTP request, the caller's verdict, the answer.

        True: the WebSocket is open. False: the request was answered in plain HTTP, nothing follows; or `is_plain`
        wants it (it is asked with the head), then it stands in `plain`, unanswered. Bytes
        read before the verdict are bounded (16 KiB); `timeout` (seconds) bounds it all. Raises
        ConnectionClosed when the peer went away or never got through TLS.
        """
        protocol = ServerProtocol(logger=_protocol_log)
        try:
            return await self._open(protocol, authorize, timeout, is_plain)
        finally:
            protocol.parser.close()  # parser and protocol hold each other: spare the collector

    async def _open(
        self,
        protocol: ServerProtocol,
        authorize: Authorize,
        timeout: float,
        is_plain: Callable[[bytes], bool] | None,
    ) -> bool:
        verdict: Verdict | None = None
        request: Request | None = None
        rest = b""
        secured = False
        with trio.move_on_after(timeout):
            await self._secure()
            secured = True
            head, rest = await self._read_head()
            if head and is_plain is not None and is_plain(head):
                self.plain = head + rest
                return False
            request = _parse_head(protocol, head) if head else None
            if request is None:
                verdict = BAD_HEAD if head is not None else HEAD_TOO_LARGE
            else:
                headers = tuple(request.headers.raw_items())
                verdict = await authorize(OpeningRequest(request.method, request.path, headers))
        if not secured:
            raise self._finish(ABNORMAL_CLOSURE, "no TLS handshake in time")
        if verdict is None:
            verdict = TOO_SLOW if request is None else TOO_BUSY
        if isinstance(verdict, Accept) and request is not None:
            verdict = self._accept(protocol, request, verdict)
        if isinstance(verdict, Reject):
            await self._answer(verdict, head_only=request is not None and request.method == "HEAD")
            return False
        self.opening = False
        self._frames = FrameReader(self._max_size)
        self._put(b"".join(protocol.data_to_send()))
        if rest:
            self._feed(rest)
        await self._flush_all()
        return True

    def surrender(self) -> socket.socket:
        """The socket, for somebody who speaks something else on it; this connection is over. Sync."""
        self._finish(ABNORMAL_CLOSURE, "the socket was handed over")
        self._dead = self._eof = self._broken = True
        if self._reader is not None:
            self._reader.close()
        return self._sock

    async def _read_head(self) -> tuple[bytes | None, bytes]:
        """The request up to its empty line and what came after it; (None, …) when it is too long.

        Nothing is shown to the protocol beyond the head: frames sent before our answer would be taken in
        the wrong state.
        """
        head = bytearray()
        while True:
            data = await self._read()
            if data is None:
                continue
            if not data:
                raise self._finish(ABNORMAL_CLOSURE, "the peer left before it asked for anything")
            seen = max(0, len(head) - 3)
            head += data
            if not head[:1].isalpha():  # a TLS hello or noise: no method starts so
                return b"", b""
            end = head.find(b"\r\n\r\n", seen)
            if 0 <= end <= MAX_HEAD - 4:
                return bytes(head[: end + 4]), bytes(head[end + 4 :])
            if end >= 0 or len(head) > MAX_HEAD:
                return None, b""

    def _accept(self, protocol: ServerProtocol, request: Request, verdict: Accept) -> Verdict:
        response = protocol.accept(request)
        if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
            kept = ("upgrade", "allow", "sec-websocket-version")
            headers = tuple((k, v) for k, v in response.headers.raw_items() if k.lower() in kept)
            return Reject(response.status_code, bytes(response.body).decode().strip(), headers)
        if verdict.subprotocol is not None:
            response.headers["Sec-WebSocket-Protocol"] = verdict.subprotocol
            protocol.subprotocol = Subprotocol(verdict.subprotocol)
            self.subprotocol = verdict.subprotocol
        protocol.send_response(response)
        return verdict

    async def _answer(self, verdict: Reject, *, head_only: bool) -> None:
        """Write a plain HTTP answer and put the socket away; bounded to two seconds."""
        self._end = ConnectionClosed(ABNORMAL_CLOSURE, f"answered with HTTP {verdict.status}")
        with trio.move_on_after(2.0), contextlib.suppress(ConnectionClosed, TimeoutError):
            self._put(http_answer(verdict, head_only=head_only))
            await self._flush()
            await self._linger()
        self.abort()

    # -- receiving -----------------------------------------------------------------------------------

    async def receive(self) -> bytes | BinaryMessage:
        """The next message: TEXT as bytes (UTF-8 is the JSON decoder's to check), BINARY marked as such.

        For one task. Raises ConnectionClosed when the connection is over; messages that came whole before
        the peer's close are delivered first.
        """
        messages = self._messages
        while not messages:
            if self._end is not None:
                raise self._end_again()
            await self._fill()
        return messages.pop(0)

    async def _fill(self) -> None:
        data = await self._read()
        if data:
            self._feed(data)
        elif data is not None:
            self._half_close = True
            if self._end is None:
                self._end = ConnectionClosed(ABNORMAL_CLOSURE, "the peer vanished", by_peer=True)
        if self._buffer:
            await self._flush_all()

    def offer_to(self, taker: Taker) -> None:
        """See `csms.ports.wire.Wire`. Where there is no epoll, nothing is ever offered."""
        self._taker = taker
        if self._reader is not None:
            self._reader.eager = self._offer

    def _offer(self) -> bool:
        """There may be something to read while the reader sleeps. True: it may sleep on."""
        reader, taker, messages = self._reader, self._taker, self._messages
        if reader is None or taker is None or self._end is not None:
            return False  # whoever closes wants to hear the peer's last word
        if self._taken:
            return True  # not before the answer
        self._offering = True
        try:
            while reader.expects_more:
                try:
                    data = self._take_from_kernel()
                except ssl.SSLWantWriteError:  # the reader will wait for that
                    return False
                if not data:
                    return data is None
                self._feed(data)
                if self.ended or self._buffer or len(messages) > 1:
                    return False
                if messages:
                    message = messages[0]
                    if not isinstance(message, bytes):
                        return False
                    self._taken = True
                    if not taker(message):
                        self._taken = False
                        return False
                    del messages[:1]
                    if self._taken or messages:
                        return not messages
        finally:
            self._offering = False
        return True

    def proceed(self) -> None:
        """See `csms.ports.wire.Wire`."""
        self._taken = False
        if self._reader is not None and not self._offering:
            self._reader.look()

    def hand_back(self, data: bytes) -> None:
        """See `csms.ports.wire.Wire`."""
        if self._end is None:
            self._messages.append(data)
            self._taken = False
            if self._reader is not None:
                self._reader.rouse()

    def send_now(self, data: bytes) -> None:
        """See `csms.ports.wire.Wire`."""
        if self._end is None and not self._put(text_frame(data)) and self._reader is not None:
            if len(self._buffer) > self._max_write_buffer:
                self._give_up_on_slow_peer()
            else:
                self._reader.rouse()  # it waits until the kernel has it all

    def _feed(self, data: bytes) -> None:
        """Whole messages land in the queue, pings are answered, an end is noted."""
        frames = self._frames
        if frames is None:  # after its last word
            return
        for event in frames.feed(data):
            if isinstance(event, bytes | BinaryMessage):
                self._messages.append(event)
            elif isinstance(event, Ping):
                if not self._said_goodbye:
                    self._put(pong_frame(event.data))
            else:
                self._end_of_talk(event)

    def _end_of_talk(self, event: CloseFrame | Violation) -> None:
        """The peer said goodbye, or what it says cannot be listened to any longer."""
        self._frames = None
        self._half_close = True
        if self._end is None:
            self._end = ConnectionClosed(event.code, event.reason, by_peer=isinstance(event, CloseFrame))
        if not self._said_goodbye:
            self._said_goodbye = True
            self._put(
                close_echo(event.data) if isinstance(event, CloseFrame) else close_frame(event.code, event.reason)
            )

    # -- sending -------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Send one TEXT message (UTF-8 bytes). Any task, whole messages in the order of the calls.

        Returns when the kernel has it all, at once when it has room (no checkpoint then). A cancelled
        `send` leaves its message in the buffer, whole: it may still go out. Raises ConnectionClosed.
        """
        if self._end is not None:
            raise self._end_again()
        if len(self._buffer) > self._max_write_buffer:
            raise self._give_up_on_slow_peer()
        if self.opening:
            raise ConnectionClosed(ABNORMAL_CLOSURE, "the connection is not open")
        if not self._put(text_frame(data)):
            await self._flush_all()
        if self._broken:
            raise self._end_again()

    async def ping(self) -> None:
        """Send a ping; the pong shows in `last_received`. Raises ConnectionClosed."""
        if self._end is not None:
            raise self._end_again()
        self.ping_nowait()
        await self._flush_all()

    def ping_nowait(self) -> None:
        """Send a ping as far as the kernel takes it now; nothing happens on a connection that is over."""
        if self._end is None and not self.opening and len(self._buffer) <= self._max_write_buffer:
            self._put(PING_FRAME)

    async def _flush_all(self) -> None:
        if not self._buffer or self._pump():
            return
        try:
            await self._flush()
        except TimeoutError:
            raise self._give_up_on_slow_peer() from None

    def _give_up_on_slow_peer(self) -> ConnectionClosed:
        self.close_soon(POLICY_VIOLATION, "the station does not read what it is sent")
        return self._end_again()

    # -- closing -------------------------------------------------------------------------------------

    def close_soon(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye as far as the kernel takes it now and end the reader. Sync, idempotent.

        Messages not yet received are dropped (they were never answered). The socket itself is put away
        by `close`, which the listener calls when the link's task has ended.
        """
        if self._end is not None or self._dead:
            return
        reason = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        goodbye = not self.opening and not self._said_goodbye and may_be_sent(code)
        self._finish(code, reason)
        self._messages.clear()
        if goodbye:
            self._said_goodbye = True
            self._put(close_frame(code, reason))

    async def close(self, code: int = NORMAL_CLOSURE, reason: str = "", timeout: float = 5.0) -> None:
        """The closing handshake, at most `timeout` seconds (shielded from cancellation), then the end.

        Any task; a task that waits in `receive` is ended. Never raises, idempotent; while one task
        closes, a second caller returns at once.
        """
        if self._closing:
            return
        self._closing = True
        self.close_soon(code, reason)
        if self.opening:  # there is no WebSocket to say goodbye on
            self.abort()
        with trio.move_on_after(timeout) as scope:
            scope.shield = True
            while self._reading:  # the woken reader has to leave the socket first
                await trio.lowlevel.checkpoint()
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                await self._flush_all()
                budget = self.bytes_received + LINGER_BYTES
                while not self._eof and not self._half_close and self.bytes_received < budget:
                    await self._fill()
                    self._messages.clear()
                await self._linger()
        self.abort()

    def abort(self, reason: str = "aborted") -> None:
        """Close the socket now, without a word. Sync, idempotent, wakes every task that waits on it."""
        if not self._dead:
            super().abort(reason)
            self._messages.clear()
            self._frames = self._taker = None


def _parse_head(protocol: ServerProtocol, head: bytes) -> Request | None:
    protocol.receive_data(head)
    for event in protocol.events_received():
        if isinstance(event, Request):
            return event
    protocol.data_to_send()  # its own answer, if it made one: we write ours
    return None
