"""The file door for HTTP(S): PUT and POST of a log, GET of firmware with ranges. h11 on the raw socket.

    PUT|POST BASE/TOKEN/           the body, or the first file of multipart/form-data
    PUT|POST BASE/TOKEN/ANY-NAME   the same; the name is kept
    GET|HEAD BASE/TOKEN/ANY-NAME   the file; one range at a time

What comes is never unpacked, whatever its encoding. Everything has a bound: head, bytes (counted as they come), time
per byte, connections of all and of one address, tokens tried in vain.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import h11
import structlog
import trio
from trio.lowlevel import wait_readable

from csms.domain.errors import DomainError, Exhausted, FailedPrecondition, NotFound, Unavailable
from csms.domain.transfers import Direction
from csms.ports.wire import ConnectionClosed
from csms.services.transfers import Receipt, Taken, Transfers
from csms.transport.file_forms import FormFile
from csms.transport.security import AttemptLimiter, AttemptLimits
from csms.transport.sockets import host_of
from csms.transport.websocket import Tls
from csms.transport.wire import Wire

_log = structlog.get_logger("csms.files")

MAX_HEAD: Final = 16_384
PIECE: Final = 256 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class FileDoorLimits:
    """Seconds, and how many. `slowest`: bytes a second, after the first `patience` seconds of a transfer."""

    connections: int = 200
    connections_of_one: int = 20
    handshake_timeout: float = 10.0
    head_timeout: float = 20.0
    idle_timeout: float = 30.0
    patience: float = 60.0
    slowest: int = 512
    write_timeout: float = 60.0
    wrong_tokens: int = 20
    """In five minutes, of one address."""


class FileGuesses:
    """Who shows wrong tokens has to wait; one for all doors. Trio only."""

    def __init__(self, wrong_tokens: int = 20) -> None:
        self.limiter = AttemptLimiter(AttemptLimits(pair=wrong_tokens, identity=wrong_tokens, address=wrong_tokens))

    async def take(self, transfers: Transfers, token: str, address: str) -> Taken | None:
        """None: no such transfer (any more). Raises Exhausted/TOO_MANY_ATTEMPTS, Unavailable."""
        wait = self.limiter.retry_after(address, address)
        if wait is not None:
            raise Exhausted(f"Too many wrong addresses. Try again in {wait} seconds.", reason="TOO_MANY_ATTEMPTS")
        taken = await transfers.take(token, address) if _TOKEN.fullmatch(token) else None
        if taken is None:
            self.limiter.failed(address, address)
        return taken


class FileListener:
    """Serves files on listening sockets."""

    def __init__(self, transfers: Transfers, guesses: FileGuesses, limits: FileDoorLimits | None = None) -> None:
        self._transfers = transfers
        self._guesses = guesses
        self._limits = limits or FileDoorLimits()
        self._open: Counter[str] = Counter()

    async def run(
        self,
        sockets: Sequence[socket.socket],
        *,
        tls: Tls | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept until cancelled. Closes the sockets."""
        try:
            async with trio.open_nursery() as nursery:
                for sock in sockets:
                    nursery.start_soon(self._accept, sock, nursery, tls)
                task_status.started()
        finally:
            for sock in sockets:
                sock.close()

    async def _accept(self, listening: socket.socket, nursery: trio.Nursery, tls: Tls | None) -> None:
        while True:
            await wait_readable(listening)
            try:
                sock, address = listening.accept()
            except BlockingIOError:
                continue
            except OSError as error:  # out of descriptors, or the peer has left the queue
                _log.debug("no connection", reason=str(error))
                await trio.sleep(0.1)
                continue
            host = host_of(address)
            full = self._open.total() >= self._limits.connections
            if full or self._open[host] >= self._limits.connections_of_one:
                sock.close()
                continue
            self._open[host] += 1
            nursery.start_soon(self._connection, sock, host, tls)

    async def _connection(self, sock: socket.socket, address: str, tls: Tls | None) -> None:
        """From accept to the end. Nothing but cancellation leaves here."""
        connection: FileConnection | None = None
        try:
            sock.setblocking(False)
            with trio.fail_after(self._limits.handshake_timeout):
                if tls is not None and (not tls.shared or await _begins_tls(sock)):
                    sock = tls.context().wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                connection = FileConnection(sock, address, self._transfers, self._guesses, self._limits)
                await connection.secure()
            await connection.serve()
        except (ConnectionClosed, TimeoutError, trio.TooSlowError, OSError) as error:
            _log.debug("file connection ended", address=address, reason=str(error))
        except Exception:  # noqa: BLE001  a bug here must not cancel the neighbours
            _log.exception("file connection crashed", address=address)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            if connection is not None:
                connection.abort("served")
            else:
                sock.close()


async def _begins_tls(sock: socket.socket) -> bool:
    await wait_readable(sock)
    return sock.recv(1, socket.MSG_PEEK) == b"\x16"


class _Refused(Exception):
    """Answered with this status and sentence."""

    def __init__(self, status: int, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.message = message
        self.headers = headers


class FileConnection(Wire):
    """One connection; requests one after another."""

    __slots__ = ("_address", "_guesses", "_h11", "_limits", "_transfers")

    def __init__(
        self, sock: socket.socket, address: str, transfers: Transfers, guesses: FileGuesses, limits: FileDoorLimits
    ) -> None:
        super().__init__(sock, write_timeout=limits.write_timeout)
        self._address = address
        self._transfers = transfers
        self._guesses = guesses
        self._limits = limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def secure(self) -> None:
        """The TLS handshake, if there is one. Raises ConnectionClosed."""
        await self._secure()

    async def serve(self) -> None:
        """To the end. Raises ConnectionClosed, TimeoutError."""
        while await self._serve_one():
            self._h11.start_next_cycle()
        with trio.move_on_after(2.0):
            await self._linger()

    async def _serve_one(self) -> bool:
        try:
            with trio.move_on_after(self._limits.head_timeout) as slow:
                head = await self._next_event()
            if slow.cancelled_caught or not isinstance(head, h11.Request):
                return False
            await self._answer(head)
        except _Refused as refused:
            await self._say(refused.status, refused.message, *refused.headers)
        except DomainError as error:
            await self._say(_status_of(error), error.message, *_headers_of(error))
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _answer(self, head: h11.Request) -> None:
        method, path = head.method.decode("latin-1"), head.target.decode("latin-1").partition("?")[0]
        if path == "/healthz" and method in ("GET", "HEAD"):
            await self._say(200, "ok")
            return
        if method not in ("GET", "HEAD", "PUT", "POST"):
            raise _Refused(405, "Only GET, HEAD, PUT and POST are served.", ("Allow", "GET, HEAD, PUT, POST"))
        token, filename = _parts_of(path)
        taken = await self._guesses.take(self._transfers, token, self._address)
        upload = method in ("PUT", "POST")
        if taken is None or (taken.transfer.direction is Direction.UPLOAD) is not upload:
            raise _Refused(404, "There is nothing at this address, or not any more.")
        if upload:
            await self._take_in(head, taken, filename)
        else:
            await self._give_out(head, taken, head_only=method == "HEAD")

    # -- up --------------------------------------------------------------------------------------------------------

    async def _take_in(self, head: h11.Request, taken: Taken, filename: str) -> None:
        kind = _header(head, b"content-type")
        form = FormFile.of(kind)
        length = _header(head, b"content-length")
        announced = int(length) if length.isdecimal() and form is None else None
        if _header(head, b"content-range"):
            raise _Refused(501, "Send the file whole.")
        receipt = await self._transfers.receive(taken, announced)
        try:
            if self._h11.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            await self._write_body(receipt, form)
            if form is not None:
                filename, kind = form.filename or filename, form.content_type
            kept = await receipt.finish(filename or _disposed(_header(head, b"content-disposition")), kind)
        except h11.RemoteProtocolError as error:
            raise _Refused(400, "This is not a valid request.") from error
        finally:
            receipt.abandon()
        await self._say(201, f"Kept {kept.size_bytes} bytes.")

    async def _write_body(self, receipt: Receipt, form: FormFile | None) -> None:
        waiting = bytearray()
        async with aclosing(self._body()) as body:
            async for data in body:
                waiting += form.feed(data) if form is not None else data
                if len(waiting) >= PIECE:
                    await trio.to_thread.run_sync(receipt.incoming.write, bytes(waiting))
                    waiting.clear()
        if form is not None and not form.complete:
            raise _Refused(400, "There is no file in this form.")
        await trio.to_thread.run_sync(receipt.incoming.write, bytes(waiting))

    async def _body(self) -> AsyncGenerator[bytes, None]:
        """Raises _Refused when it comes too slowly, ConnectionClosed when it breaks off."""
        began, received = trio.current_time(), 0
        while True:
            slow_at = began + self._limits.patience + received / self._limits.slowest
            with trio.move_on_at(min(slow_at, trio.current_time() + self._limits.idle_timeout)) as slow:
                event = await self._next_event()
            if slow.cancelled_caught:
                raise _Refused(408, "The file comes too slowly.")
            if isinstance(event, h11.EndOfMessage):
                return
            if not isinstance(event, h11.Data):
                raise ConnectionClosed(1006, "the peer left within its file", by_peer=True)
            received += len(event.data)
            yield bytes(event.data)

    # -- down ------------------------------------------------------------------------------------------------------

    async def _give_out(self, head: h11.Request, taken: Taken, *, head_only: bool) -> None:
        async with aclosing(self._body()) as body:
            async for _ in body:  # it makes no sense here; it is read to nowhere
                pass
        file = taken.file
        if file is None:
            raise NotFound("The file is gone.")
        etag = f'"{file.sha256}"'
        wanted = _header(head, b"range")
        if wanted and (condition := _header(head, b"if-range")) and condition != etag:
            wanted = ""
        begin, end, partial = _range_of(wanted, file.size_bytes)
        headers = [
            ("Content-Type", file.content_type),
            ("Content-Length", str(end - begin)),
            ("Content-Disposition", f'attachment; filename="{_quoted(file.filename)}"'),
            ("Accept-Ranges", "bytes"),
            ("ETag", etag),
            ("Cache-Control", "no-store"),
        ]
        if partial:
            headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{file.size_bytes}"))
        await self._send(_response(206 if partial else 200, headers))
        while begin < end and not head_only:
            data = await self._transfers.read(taken, begin, min(PIECE, end - begin))
            if not data:
                raise ConnectionClosed(1006, "the file is shorter than it was")
            with trio.fail_after(self._limits.patience + len(data) / self._limits.slowest):
                await self._send(h11.Data(data=data))
            begin += len(data)
        await self._send(h11.EndOfMessage())

    # -- both ------------------------------------------------------------------------------------------------------

    async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                raise _Refused(400, "This is not a valid HTTP request.") from None
            if event is not h11.NEED_DATA:
                return event
            data = await self._read()
            if data is not None:
                self._h11.receive_data(data)

    async def _say(self, status: int, message: str, *headers: tuple[str, str]) -> None:
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            raise ConnectionClosed(1006, message)  # too late for an answer
        body = (message + "\n").encode()
        told = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers]
        if self._h11.their_state is not h11.DONE:
            told.append(("Connection", "close"))
        await self._send(_response(status, told), h11.Data(data=body), h11.EndOfMessage())

    async def _send(self, *events: h11.Event) -> None:
        out = b"".join(self._h11.send(event) or b"" for event in events)
        if out and not self._put(out):
            await self._flush()


def _response(status: int, headers: Sequence[tuple[str, str]]) -> h11.Response:
    return h11.Response(
        status_code=status, headers=[(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    )


def _parts_of(path: str) -> tuple[str, str]:
    """The token and the name after it; what stands before the token (a prefix of a proxy) does not count."""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        if _TOKEN.fullmatch(segment):
            return segment, unquote("/".join(segments[index + 1 :]), errors="replace")
    return "", ""


def _range_of(header: str, size: int) -> tuple[int, int, bool]:
    """Begin, end, and whether it is a part. What is no single range of bytes does not count. Raises _Refused."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found.group(0) == "bytes=-":
        return 0, size, False
    first, last = found.groups()
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1) if last else size
    if begin >= end or begin >= size:
        raise _Refused(416, "The file has no such part.", ("Content-Range", f"bytes */{size}"))
    return begin, end, True


def _header(head: h11.Request, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in head.headers if key == name), "")


def _disposed(header: str) -> str:
    found = re.search(r'filename="?([^";]{1,300})', header)
    return found.group(1) if found else ""


def _quoted(filename: str) -> str:
    return "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in filename
    )


_STATUS: Final = {"FILE_TOO_LARGE": 413, "STORAGE_FULL": 507, "TRANSFER_BUSY": 409, "TOO_MANY_ATTEMPTS": 429}


def _status_of(error: DomainError) -> int:
    if error.reason in _STATUS:
        return _STATUS[error.reason]
    if isinstance(error, Unavailable):
        return 503
    return 410 if isinstance(error, FailedPrecondition) else 404 if isinstance(error, NotFound) else 400


def _headers_of(error: DomainError) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", "30"),) if isinstance(error, (Unavailable, Exhausted)) else ()
