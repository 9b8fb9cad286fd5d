"""The OCPP-J listener: paced accept, address → identity, who may come in, subprotocol → the caller's link.

Addresses: `/ocpp/<identity>` and `/Ocpp/websocket/<identity>` (the identity percent-encoded), `/healthz`.

What is answered when (OCPP-J 1.6 §3.1 and §3.2; OCPP 2.0.1 and 2.1 part 4 §3.1 and §3.3 say the same):

* A station that the system does not recognise: HTTP 404, no WebSocket. (`Admission` decides.)
* No subprotocol in common, or none offered: the specification wants the handshake *completed* without a
  `Sec-WebSocket-Protocol` header and the connection closed at once. So do we, with 1002 and the list of what
  we speak; the station has proved who it is by then, so that its log line names it.
* Basic authentication: the user is the identity (security whitepaper §3.3); anything else is HTTP 401.
* A station's TLS certificate: who signed it is checked in the TLS handshake, which fails then; whose it is, and until
  when, by the `Admission` (`csms.transport.tls`).

The listener knows no database: an `Admission` looks stations up, a `Serve` runs the link.
"""

from __future__ import annotations

import contextlib
import errno
import math
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog
import trio
from trio.lowlevel import wait_readable

from csms.ports.wire import ConnectionClosed
from csms.transport.connection import (
    ABNORMAL_CLOSURE,
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    PROTOCOL_ERROR,
    TLS_FAILED,
    WebSocketConnection,
)
from csms.transport.keepalive import KeepAlive
from csms.transport.opening import Accept, OpeningRequest, Reject, Verdict, negotiate, station_identity
from csms.transport.proxied import TrustedProxies
from csms.transport.security import AttemptLimiter, parse_basic
from csms.transport.sockets import host_of
from csms.transport.tls import ClientCertificate, TlsError, read_certificates

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Ticket = TypeVar("Ticket")

_ACCEPT_BATCH = 64
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_LONGEST_BACK_OFF = 1.0  # seconds
_TLS_LOG_SECONDS = 60.0
_MOST_ADDRESSES = 100


@dataclass(frozen=True, slots=True)
class ConnectionAttempt:
    """A station knocks. `subprotocols` is its offer in its order; `subprotocol` the one both speak, if any.

    `basic_credentials` are (user, password bytes) of HTTP Basic, None when it sent none; the user has been
    found equal to `identity`. `certificate` was signed by an authority that is trusted here; whose it is, and whether
    it counts now, is the admission's to decide.
    """

    identity: str
    remote_address: str
    basic_credentials: tuple[str, bytes] | None
    subprotocols: tuple[str, ...]
    subprotocol: str | None
    tls: bool
    path: str
    certificate: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class Admitted(Generic[Ticket]):
    """Come in. `ticket` is whatever the admission wants to hand to the link."""

    identity: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Refused:
    """Answered with this HTTP status and one sentence that says what to do.

    `reason` is one word for a failure to prove who it is (WRONG_PASSWORD, CERTIFICATE_EXPIRED, …): it is shown to the
    operator. Empty: nothing is wrong with the proof. `slows`: it counts among the failures after which further
    attempts have to wait.
    """

    status: int
    message: str
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    slows: bool = False


class Admission(Protocol[Ticket]):
    """Decides about an attempt; may take its time within the handshake's time-out, may be cancelled."""

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[Ticket] | Refused: ...


Notice = Callable[[ConnectionAttempt, Refused], None]
"""Told of every refusal with a reason. Sync, and quick: there may be a flood of them."""

Admit = Callable[[ConnectionAttempt], Awaitable[Admitted[Ticket] | Refused]]


class PlainHttp(Protocol):
    """Somebody who speaks plain HTTP on the same port: OCPP 1.5's SOAP."""

    def wants(self, head: bytes) -> bool:
        """Whether the request with this head is for it; sync."""

    async def serve(self, sock: socket.socket, first: bytes, knock: ConnectionAttempt, admit: Admit[Any]) -> None:
        """Serve the connection to its end, beginning with what was read already, and close the socket.

        `knock` has what is known of the peer before it says who it is; `admit` decides like the door does."""


Serve = Callable[[WebSocketConnection, Admitted[Ticket]], Awaitable[None]]
"""Runs a station's link. When it returns or raises, the listener closes the connection."""

WRONG_CREDENTIALS = Refused(
    401,
    "User or password is wrong. The user is the station's identity as it stands in the address.",
    (("WWW-Authenticate", 'Basic realm="OCPP"'),),
    reason="WRONG_PASSWORD",
    slows=True,
)
DRAINING = Refused(503, "The central system is stopping. Connect again in a moment.", (("Retry-After", "10"),))
_BROKEN_ADMISSION = Refused(500, "The central system failed to look the station up. Connect again later.")
_BROKEN_CERTIFICATE = Refused(403, "The certificate that the station shows cannot be read. Give it another one.")
_HEALTHY = Reject(200, "ok")
_NOT_A_WEBSOCKET = Reject(
    426,
    "This address is for charging stations and speaks WebSocket only.",
    (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
)


def _too_many(wait: int) -> Refused:
    return Refused(
        429,
        f"Too many failed attempts. Correct the password and connect again in {wait} seconds.",
        (("Retry-After", str(wait)),),
        reason="TOO_MANY_ATTEMPTS",
    )


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """Bytes and seconds; `handshakes`: how many may be under way at once."""

    handshakes: int = 200
    handshake_timeout: float = 10.0
    close_timeout: float = 3.0
    max_message: int = 1_048_576
    max_write_buffer: int = 1_048_576
    write_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS on a listening socket: `context` is asked for each connection, so that it can change. `shared`: plain
    connections come to the same socket, and the first byte tells them apart."""

    context: Callable[[], ssl.SSLContext]
    shared: bool = False


class OcppListener(Generic[Ticket]):
    """Takes connections from listening sockets and brings them as far as the caller's link."""

    def __init__(
        self,
        admission: Admission[Ticket],
        serve: Serve[Ticket],
        *,
        subprotocols: tuple[str, ...] = ("ocpp1.6",),
        keep_alive: KeepAlive | None = None,
        attempts: AttemptLimiter | None = None,
        limits: ListenerLimits | None = None,
        on_refused: Notice | None = None,
        plain_http: PlainHttp | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self._admission = admission
        self._serve_link = serve
        self._subprotocols = subprotocols
        self._keep_alive = keep_alive
        self._attempts = attempts
        self._limits = limits or ListenerLimits()
        self._on_refused = on_refused
        self._plain_http = plain_http
        self._proxies = proxies or TrustedProxies()
        self._failed_tls: dict[str, int] = {}  # since the last line in the log, by address
        self._failed_tls_told = -math.inf
        self._slots = trio.Semaphore(self._limits.handshakes)
        self._asking: dict[WebSocketConnection, float] = {}  # request not read yet -> since (trio time)
        self._open: set[WebSocketConnection] = set()
        self.opened = 0  # links that began, since the start
        self._drain = trio.Event()

    @property
    def draining(self) -> bool:
        return self._drain.is_set()

    @property
    def connections(self) -> frozenset[WebSocketConnection]:
        """The connections whose link runs now."""
        return frozenset(self._open)

    # -- accepting -----------------------------------------------------------------------------------

    async def run(
        self,
        sockets: Sequence[socket.socket],
        links: trio.Nursery,
        *,
        tls: Tls | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept from `sockets` until `drain`; each connection is one task in `links`. Closes the sockets.

        May run several times at once, for instance for a plain and a TLS port.
        """
        try:
            async with trio.open_nursery() as nursery:
                for sock in sockets:
                    nursery.start_soon(self._accept_from, sock, links, tls)
                task_status.started()
                await self._drain.wait()
                nursery.cancel_scope.cancel()
        finally:
            for sock in sockets:
                sock.close()

    async def _accept_from(self, listening: socket.socket, links: trio.Nursery, tls: Tls | None) -> None:
        back_off = 0.0
        while True:
            await wait_readable(listening)
            for _ in range(_ACCEPT_BATCH):
                await self._take_slot()
                try:
                    sock, address = listening.accept()
                except OSError as error:
                    self._slots.release()
                    if isinstance(error, BlockingIOError):
                        break
                    # Out of descriptors: it stays readable, so without a pause this would spin. Others
                    # (the peer left the queue again) pass by themselves; a short pause does no harm.
                    back_off = min(_LONGEST_BACK_OFF, max(0.05, back_off * 2))
                    if error.errno in _OUT_OF_RESOURCES:
                        _log.error("cannot accept stations", error=error.strerror, retry_in=back_off)
                    await trio.sleep(back_off)
                    break
                back_off = 0.0
                links.start_soon(self._connection, sock, host_of(address), tls)

    async def _take_slot(self) -> None:
        """Pacing: a place among the handshakes under way. Those that dawdle are shed when it gets tight."""
        try:
            return self._slots.acquire_nowait()
        except trio.WouldBlock:
            pass
        while True:
            with trio.move_on_after(1.0):
                return await self._slots.acquire()
            oldest_allowed = trio.current_time() - self._limits.handshake_timeout / 2
            for connection, since in list(self._asking.items()):
                if since > oldest_allowed:
                    break
                connection.abort("too slow to ask while others wait")

    # -- one connection ------------------------------------------------------------------------------

    async def _connection(self, sock: socket.socket, remote_address: str, tls: Tls | None) -> None:
        """From accept to the end. Nothing but cancellation leaves here: `links` holds all the neighbours."""
        connection: WebSocketConnection | None = None
        admitted: Admitted[Ticket] | None = None
        try:
            try:
                sock.setblocking(False)
                remote_address = await self._proxies.origin(sock, remote_address, self._limits.handshake_timeout / 2)
                speaks_tls = tls is not None and (not tls.shared or await self._begins_tls(sock))
                connection = self._wrap(sock, remote_address, tls.context() if tls and speaks_tls else None)
                admitted = await self._handshake(connection)
            finally:
                self._slots.release()
            if admitted is not None:
                await self._serve(connection, admitted)
            elif connection.plain is not None and self._plain_http is not None:
                await self._serve_plain(connection, connection.plain, self._plain_http)
        except ConnectionClosed as end:
            _log.debug("no handshake", remote_address=remote_address, reason=end.reason)
            if connection is not None and connection.is_tls and end.reason.startswith(TLS_FAILED):
                self._tell_of_failed_tls(remote_address, end.reason)
        except OSError as error:  # a reset before the socket could even be set up
            _log.debug("no connection", remote_address=remote_address, reason=str(error))
        except Exception:  # noqa: BLE001  a bug here must not cancel ten thousand neighbours
            _log.exception("connection crashed", remote_address=remote_address)
        finally:
            if connection is not None:
                connection.abort()
            else:
                sock.close()

    async def _begins_tls(self, sock: socket.socket) -> bool:
        """Whether the first byte is that of a TLS hello; no HTTP method begins so."""
        with trio.move_on_after(self._limits.handshake_timeout / 2):
            await wait_readable(sock)
            return sock.recv(1, socket.MSG_PEEK) == b"\x16"
        raise ConnectionClosed(ABNORMAL_CLOSURE, "not a byte came in time")

    def _tell_of_failed_tls(self, remote_address: str, reason: str) -> None:
        """Whose station it is cannot be known, so the log is all there is: a line a minute, whatever comes."""
        if len(self._failed_tls) < _MOST_ADDRESSES or remote_address in self._failed_tls:
            self._failed_tls[remote_address] = self._failed_tls.get(remote_address, 0) + 1
        now = trio.current_time()
        if now >= self._failed_tls_told + _TLS_LOG_SECONDS:
            self._failed_tls_told = now
            failed, self._failed_tls = self._failed_tls, {}
            _log.warning(
                "TLS handshakes failed", remote_address=remote_address, reason=reason, failed_since_last_line=failed
            )

    def _wrap(
        self, sock: socket.socket, remote_address: str, ssl_context: ssl.SSLContext | None
    ) -> WebSocketConnection:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ssl_context is not None:
            sock = ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return WebSocketConnection(
            sock,
            remote_address=remote_address,
            max_size=self._limits.max_message,
            max_write_buffer=self._limits.max_write_buffer,
            write_timeout=self._limits.write_timeout,
        )

    async def _handshake(self, connection: WebSocketConnection) -> Admitted[Ticket] | None:
        """The ticket of a station that is in; None when it was answered in plain HTTP."""
        admitted: Admitted[Ticket] | None = None

        async def authorize(request: OpeningRequest) -> Verdict:
            nonlocal admitted
            self._asking.pop(connection, None)
            verdict, admitted = await self._judge(connection, request)
            return verdict

        self._asking[connection] = trio.current_time()
        try:
            wants = None if self._plain_http is None else self._plain_http.wants
            opened = await connection.handshake(authorize, self._limits.handshake_timeout, is_plain=wants)
        finally:
            self._asking.pop(connection, None)
        return admitted if opened else None

    async def _judge(
        self, connection: WebSocketConnection, request: OpeningRequest
    ) -> tuple[Verdict, Admitted[Ticket] | None]:
        attempt = self._attempt(connection, request)
        if isinstance(attempt, Reject):
            return attempt, None
        decision = await self._admit(attempt)
        if self.draining:
            decision = DRAINING
        if isinstance(decision, Refused):
            if decision.reason and self._on_refused is not None:
                self._on_refused(attempt, decision)
            _log.info(
                "station refused",
                identity=attempt.identity,
                remote_address=attempt.remote_address,
                status=decision.status,
                reason=decision.message,
            )
            return Reject(decision.status, decision.message, decision.headers), None
        chosen = negotiate(attempt.subprotocols, self._subprotocols)
        return Accept(chosen[1] if chosen else None), decision

    def _attempt(self, connection: WebSocketConnection, request: OpeningRequest) -> ConnectionAttempt | Reject:
        path = request.target.partition("?")[0]
        if path == "/healthz" and request.method in ("GET", "HEAD"):
            return _HEALTHY
        identity = station_identity(request.target)
        if isinstance(identity, Reject):
            return identity
        if not request.wants_websocket:
            return _NOT_A_WEBSOCKET
        certificate = None
        if connection.is_tls and (chain := connection.peer_certificates()):
            try:
                certificate = read_certificates(chain)
            except TlsError:
                return Reject(_BROKEN_CERTIFICATE.status, _BROKEN_CERTIFICATE.message)
        offer = request.header("Sec-WebSocket-Protocol") or ""
        offered = tuple(name for part in offer.split(",") if (name := part.strip()))
        chosen = negotiate(offered, self._subprotocols)
        return ConnectionAttempt(
            identity=identity,
            remote_address=connection.remote_address,
            basic_credentials=parse_basic(request.header("Authorization"), identity),
            subprotocols=offered,
            subprotocol=chosen[0] if chosen else None,
            tls=connection.is_tls,
            path=path,
            certificate=certificate,
        )

    async def _admit(self, attempt: ConnectionAttempt) -> Admitted[Ticket] | Refused:
        """The admission's decision, with wrong users and impatient guessers kept away from it."""
        if self.draining:
            return DRAINING
        who = (attempt.identity, attempt.remote_address)
        credentials = attempt.basic_credentials
        if self._attempts is not None and (wait := self._attempts.retry_after(*who)) is not None:
            return _too_many(wait)
        decision: Admitted[Ticket] | Refused
        if credentials is not None and credentials[0] != attempt.identity:
            decision = WRONG_CREDENTIALS
        else:
            try:
                decision = await self._admission.admit(attempt)
            except Exception:  # noqa: BLE001  whatever fails there, the station deserves an answer
                _log.exception("admission failed", identity=attempt.identity)
                decision = _BROKEN_ADMISSION
        if self._attempts is None or (isinstance(decision, Refused) and not decision.slows):
            return decision
        if isinstance(decision, Admitted) and attempt.certificate is not None:
            self._attempts.succeeded(*who)
        elif isinstance(decision, Refused) or credentials is not None:
            wait = await self._attempts.looked_at(*who, right=isinstance(decision, Admitted))
            if wait is not None:
                return _too_many(wait)
        return decision

    async def _serve_plain(self, connection: WebSocketConnection, first: bytes, http: PlainHttp) -> None:
        certificate = None
        if connection.is_tls and (chain := connection.peer_certificates()):
            with contextlib.suppress(TlsError):  # then it has shown none
                certificate = read_certificates(chain)
        knock = ConnectionAttempt("", connection.remote_address, None, (), None, connection.is_tls, "", certificate)
        await http.serve(connection.surrender(), first, knock, self._admit)

    async def _serve(self, connection: WebSocketConnection, admitted: Admitted[Ticket]) -> None:
        if connection.subprotocol is None:
            ours = ", ".join(self._subprotocols)
            _log.info("no common subprotocol", identity=admitted.identity, ours=ours)
            await connection.close(PROTOCOL_ERROR, f"offer one of: {ours}", self._limits.close_timeout)
            return
        code, reason = GOING_AWAY, "the central system is stopping"
        self._open.add(connection)
        self.opened += 1
        if self._keep_alive is not None:
            self._keep_alive.add(connection)
        try:
            await self._serve_link(connection, admitted)
            code, reason = NORMAL_CLOSURE, ""
        except* ConnectionClosed:
            pass
        except* Exception:  # noqa: BLE001  a bug in one link must not cancel ten thousand neighbours
            _log.exception("link crashed", identity=admitted.identity)
            code, reason = INTERNAL_ERROR, "internal error; connect again"
        finally:
            self._open.discard(connection)
            if self._keep_alive is not None:
                self._keep_alive.discard(connection)
            await connection.close(code, reason, self._limits.close_timeout)

    # -- the end -------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Stop accepting; handshakes under way get 503; open connections stay. Sync, idempotent."""
        self._drain.set()

    async def close_all(self, reason: str = "the central system is stopping", *, spread: float = 0.0) -> None:
        """Say 1001 to every open connection, in random order over `spread` seconds, so that the stations do
        not all come back at once. Their links end by themselves; wait for the `links` nursery."""
        leaving = list(self._open)
        random.shuffle(leaving)
        for connection in leaving:
            connection.close_soon(GOING_AWAY, reason)
            await trio.sleep(spread / len(leaving))
