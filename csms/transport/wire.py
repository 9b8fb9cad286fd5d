"""A raw non-blocking socket (plain or TLS) under trio: one reader, any number of writers, one end.

What ends it (reset, abort, a decision above) is noted once, in `_end`; whoever waits on the socket is
woken and meets it as `ConnectionClosed`. Nothing else is ever raised towards the caller, so that one
connection's end stays its own affair. Traps that the code walks around:

* Waiting on a closed socket: `_dead` is looked at before every wait.
* Two tasks in `wait_writable` on one socket raise BusyResourceError: a lock, made when first needed.
* A TLS write that could not finish must be repeated with at least as many bytes: chunks never shrink.
* `close()` with unread bytes in the kernel sends a reset that can overtake our last bytes: we linger.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

import trio
from trio.lowlevel import notify_closing, wait_readable, wait_writable

from csms.ports.wire import ConnectionClosed
from csms.transport.readiness import HAS_EPOLL, Reader
from csms.transport.tls import verified_chain

ABNORMAL_CLOSURE = 1006
TLS_FAILED = "TLS handshake failed"

_READ_SIZE = 16_384
_WRITE_CHUNK = 65_536
LINGER_BYTES = 4_194_304


class Wire:
    """The socket half of a `WebSocketConnection`: bytes in, bytes out, back-pressure, the end."""

    __slots__ = (
        "_broken",
        "_buffer",
        "_dead",
        "_end",
        "_eof",
        "_lock",
        "_reader",
        "_reading",
        "_sock",
        "_tls",
        "_write_timeout",
        "bytes_received",
        "bytes_sent",
        "last_received",
    )

    def __init__(self, sock: socket.socket, *, write_timeout: float) -> None:
        self._sock = sock
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._buffer = bytearray()  # accepted from senders, not yet taken by the kernel
        self._lock: trio.Lock | None = None  # of the task that waits until the kernel takes more
        self._write_timeout = write_timeout
        self._end: ConnectionClosed | None = None
        self._eof = False  # nothing more will be read
        self._broken = False  # nothing more can be written
        self._dead = False  # the file descriptor is closed
        self._reading = False  # a task waits for bytes
        self._reader = Reader(sock) if HAS_EPOLL else None
        self.last_received = trio.current_time()
        self.bytes_received = 0
        self.bytes_sent = 0

    @property
    def is_tls(self) -> bool:
        return self._tls is not None

    def peer_certificates(self) -> list[bytes]:
        """The verified certificates (DER) that the peer showed in the TLS handshake, its own first; none without."""
        return [] if self._tls is None else verified_chain(self._tls)

    @property
    def ended(self) -> ConnectionClosed | None:
        """Why the connection is over, None while it is not."""
        return self._end

    # -- in ------------------------------------------------------------------------------------------

    async def _secure(self) -> None:
        """The TLS handshake, when there is TLS."""
        while self._tls is not None:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._drained()
                await self._wait_readable()
            except ssl.SSLWantWriteError:
                await self._wait_writable()
            except (OSError, ValueError) as error:
                raise self._finish(ABNORMAL_CLOSURE, f"{TLS_FAILED}: {error}") from error

    async def _read(self) -> bytes | None:
        """Bytes from the peer, b"" at its end (or a reset), None for "look again"."""
        if self._reader is None and self._tls is not None and self._tls.pending():
            await trio.lowlevel.checkpoint()
        else:
            await self._wait_readable()
        if self._dead:  # aborted between the wake-up and now
            raise self._end_again()
        try:
            return self._take_from_kernel()
        except ssl.SSLWantWriteError:  # a TLS key update wants to answer first
            await self._wait_writable()
            return None

    def _take_from_kernel(self) -> bytes | None:
        """As `_read`, without waiting. Raises ssl.SSLWantWriteError."""
        try:
            data = self._sock.recv(_READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._drained()
            return None
        except ssl.SSLWantWriteError:
            raise
        except OSError:
            data = b""
        self.last_received = trio.current_time()
        size = len(data)
        if not size:
            self._eof = True
        if size < _READ_SIZE and self._tls is None:  # TLS gives a record at a time, whatever the kernel has
            self._drained()
        self.bytes_received += size
        return data

    def _drained(self) -> None:
        """The kernel has no more for now."""
        if self._reader is not None:
            self._reader.drained()

    # -- out -----------------------------------------------------------------------------------------

    def _put(self, out: bytes) -> bool:
        """Give the kernel what it takes of `out`, keep the rest. True when nothing waits any more."""
        if not self._buffer and len(out) <= _WRITE_CHUNK:
            sent = self._write(out)
            if sent == len(out):
                return True
            self._buffer += out[sent:]
        else:
            self._buffer += out
        return self._pump()

    def _pump(self) -> bool:
        """Give the kernel what it takes now. True when nothing waits any more (or never will)."""
        while self._buffer and not self._broken:
            with memoryview(self._buffer) as whole, whole[:_WRITE_CHUNK] as chunk:
                sent = self._write(chunk)
            if not sent:
                break
            del self._buffer[:sent]
        if self._broken:
            self._buffer.clear()
        return not self._buffer

    def _write(self, data: bytes | memoryview) -> int:
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            self._eof = self._broken = True
            self._finish(ABNORMAL_CLOSURE, f"the connection broke while sending: {error.strerror or error}")
            return 0
        self.bytes_sent += sent
        return sent

    async def _flush(self) -> None:
        """Until the buffer is empty. Raises ConnectionClosed when the connection ends meanwhile and
        TimeoutError when the peer takes nothing for `write_timeout` seconds."""
        if self._pump():
            return
        if self._lock is None:
            self._lock = trio.Lock()
        ended = self._end
        async with self._lock:
            while not self._pump():
                if self._end is not ended:  # whoever closes takes over the buffer
                    raise self._end_again()
                with trio.move_on_after(self._write_timeout) as scope:
                    await self._wait_writable_locked()
                if scope.cancelled_caught:
                    raise TimeoutError

    async def _linger(self) -> None:
        """Our last bytes are out: tell the peer, and read (to nowhere) until it has gone too."""
        if self._dead:
            return
        if self._tls is not None:
            with contextlib.suppress(OSError, ValueError):  # as a rule: sent, but no answer is here yet
                self._tls.unwrap()
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return
        budget = self.bytes_received + LINGER_BYTES
        while not self._eof and self.bytes_received < budget:
            await self._read()

    # -- the end -------------------------------------------------------------------------------------

    def abort(self, reason: str = "aborted") -> None:
        """Close the socket now, without a word. Sync, idempotent, wakes every task that waits on it."""
        if self._dead:
            return
        self._finish(ABNORMAL_CLOSURE, reason)
        self._dead = self._eof = self._broken = True
        self._buffer.clear()
        notify_closing(self._sock)
        if self._reader is not None:
            self._reader.close()
        self._sock.close()

    def _finish(self, code: int, reason: str) -> ConnectionClosed:
        """Note why it ended (the first reason stays) and wake whoever waits on the socket."""
        if self._end is None:
            self._end = ConnectionClosed(code, reason)
            if not self._dead:
                notify_closing(self._sock)
            if self._reader is not None:
                self._reader.wake(self._end_again())
        return self._end_again()

    def _end_again(self) -> ConnectionClosed:
        """A fresh exception each time: one instance raised in many tasks would pile up tracebacks."""
        end = self._end
        if end is None:
            return ConnectionClosed(ABNORMAL_CLOSURE, "aborted")
        return ConnectionClosed(end.code, end.reason, by_peer=end.by_peer)

    # -- waiting -------------------------------------------------------------------------------------

    async def _wait_readable(self) -> None:
        if self._dead:
            raise self._end_again()
        self._reading = True
        try:
            if self._reader is not None:
                await self._reader.wait()
            else:
                await wait_readable(self._sock)
        except trio.ClosedResourceError:
            raise self._end_again() from None
        finally:
            self._reading = False

    async def _wait_writable(self) -> None:
        if self._lock is None:
            self._lock = trio.Lock()
        async with self._lock:
            await self._wait_writable_locked()

    async def _wait_writable_locked(self) -> None:
        if self._dead:
            raise self._end_again()
        try:
            await wait_writable(self._sock)
        except trio.ClosedResourceError:
            raise self._end_again() from None
