"""The bus between nodes: one supervised connection to NATS, behind the door to asyncio.

It connects again by itself, for ever, to whichever of its servers answers. What callers hear meanwhile:

    `request`                waits some seconds for the connection, then BusUnavailable (nothing was sent)
    `tell`                   nothing: what is told while there is no connection is lost, and what was told shortly
                             before it was found broken; who needs more asks and tells again when it is back (`on_back`)
    keys, streams            BusUnavailable

Everything with `_in_asyncio` in its neighbourhood lives on the other side of the door.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import nats
import nats.errors
import nats.js.errors
import structlog
import trio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from csms.actors.supervise import contain
from csms.aio import Door, DoorClosed
from csms.domain.errors import Unavailable

log = structlog.get_logger("csms.bus")

PATIENCE: Final = 3.0
"""Seconds a request waits for a connection that is being made anew."""
CONNECT_SECONDS: Final = 2
RECONNECT_SECONDS: Final = 0.25
PING_SECONDS: Final = 3
"""A connection without an answer to two pings is broken: found after 6 to 9 s where nothing else says so."""
DOUBT_SECONDS: Final = 3.0 * PING_SECONDS + 1.0
"""So long before an outage was noticed news may have been lost already."""
KEY_SECONDS: Final = 2.5
"""How long keys and streams may take; longer only while a server of several has just died."""
_ERRORS: Final = (nats.errors.Error, TimeoutError, OSError, ssl.SSLError)

Handler = Callable[[str, bytes], Awaitable[bytes | None]]
"""(subject, payload) → what is answered; in trio."""


class BusUnavailable(Unavailable):
    """The bus between the nodes cannot be reached. Nothing was sent; try again in a moment."""

    default_reason = "BUS_UNAVAILABLE"


class NobodyThere(Exception):
    """Nobody listens on that subject: the request has reached nobody."""


class NoAnswer(Exception):
    """Somebody may have got the request, and did not answer in time."""


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Where the servers are, and how to sign in there. `prefix` keeps several systems on one NATS apart. `replicas`:
    of streams and keys, over so many servers. `in_memory`: they are gone with the servers."""

    urls: tuple[str, ...]
    user: str = ""
    password: str = ""
    credentials_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    prefix: str = "chargehouse"
    replicas: int = 1
    in_memory: bool = False

    def tls(self) -> ssl.SSLContext | None:
        """For wss, tls or own authorities. Raises OSError."""
        if not self.ca_file and not self.certificate_file:
            return None  # a tls:// address uses the authorities of the machine
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file or None)
        return context


class Bus:
    """See the module. `run` must be running. `name` is shown to people who look at NATS."""

    def __init__(self, door: Door, settings: BusSettings, name: str) -> None:
        self.door = door
        self.settings = settings
        self.name = name
        self._client: Client | None = None
        self._closed: asyncio.Event | None = None
        self._back: asyncio.Event | None = None
        self._handlers: list[tuple[str, Handler]] = []
        self._on_back: list[Callable[[], Awaitable[None]]] = []
        self._on_first: list[Callable[[], Awaitable[None]]] = []
        self._lost_at: float | None = time.monotonic()
        self.missed_s = 0.0
        """So far back from the newest connection news may have been missed, seconds."""
        self.outages = 0
        """How often the connection was lost."""
        self._tasks: set[asyncio.Task[None]] = set()

    # -- trio ------------------------------------------------------------------------------------------------------

    def subject(self, *words: str | int) -> str:
        """A subject of this system."""
        return ".".join([self.settings.prefix, *map(str, words)])

    def answer(self, subject: str, handler: Handler) -> None:
        """Have requests and news on a subject handled, several at a time. Before `run`."""
        self._handlers.append((subject, handler))

    def on_back(self, hear: Callable[[], Awaitable[None]], *, first: bool = False) -> None:
        """Call this when the connection is there again: what was told meanwhile was not heard. `first`: also when it
        is there for the first time. Before `run`."""
        self._on_back.append(hear)
        if first:
            self._on_first.append(hear)

    @property
    def connected(self) -> bool:
        """At this moment."""
        return self._client is not None and self._client.is_connected

    @property
    def away_s(self) -> float:
        """For how long the connection has been missing, seconds; 0: it is there."""
        lost_at = self._lost_at
        return 0.0 if lost_at is None else time.monotonic() - lost_at

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the connection until cancelled; started when it is there for the first time."""
        try:
            while True:
                await self._connect_at_last()
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                await self.door.call(self._wait_closed)
                log.warning("the bus closed the connection; a new one is made")
        finally:
            with trio.move_on_after(3.0, shield=True):
                await self.door.call(self._close)

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """The answer. Raises BusUnavailable, NobodyThere, NoAnswer."""
        return await self.door.call(self.request_in_asyncio, subject, payload, timeout)

    def tell(self, subject: str, payload: bytes) -> None:
        """To all who listen now; sync, never fails."""
        try:
            self.door.post(self.tell_in_asyncio, subject, payload)
        except DoorClosed:
            return

    async def _connect_at_last(self) -> None:
        pause, complained = 0.25, False
        while True:
            try:
                return await self.door.call(self._connect)
            except BusUnavailable as error:
                if not complained:
                    log.warning("NATS does not answer yet; trying on", urls=self._shown(), error=str(error.__cause__))
                    complained = True
            await trio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _contained(self, handler: Handler, subject: str, payload: bytes) -> bytes | None:
        """In trio: a bug in a handler costs its message, and no more."""
        answers: list[bytes | None] = []

        async def work() -> None:
            answers.append(await handler(subject, payload))

        await contain(work, lambda error: log.error("a message on the bus could not be handled", exc_info=error))
        return answers[0] if answers else None

    def _shown(self) -> list[str]:
        """Without passwords."""
        return [url.rpartition("@")[2] for url in self.settings.urls]

    # -- asyncio from here on ----------------------------------------------------------------------------------------

    @property
    def js(self) -> JetStreamContext:
        """In asyncio. Raises BusUnavailable."""
        if self._client is None or self._client.is_closed:
            raise BusUnavailable("NATS, the bus between the nodes, cannot be reached. Try again in a moment.")
        return self._client.jetstream(timeout=KEY_SECONDS)

    @property
    def client(self) -> Client:
        """In asyncio. Raises BusUnavailable."""
        if self._client is None or self._client.is_closed:
            raise BusUnavailable("NATS, the bus between the nodes, cannot be reached. Try again in a moment.")
        return self._client

    async def request_in_asyncio(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """As `request`."""
        await self.wait_connected(min(timeout, PATIENCE))
        try:
            return bytes((await self.client.request(subject, payload, timeout=timeout)).data)
        except nats.errors.NoRespondersError as error:
            raise NobodyThere(subject) from error
        except (nats.errors.TimeoutError, TimeoutError) as error:
            raise NoAnswer(subject) from error
        except _ERRORS as error:
            raise unavailable(error) from error

    async def ask_all_in_asyncio(
        self, subject: str, seconds: float, quiet_s: float, enough: Callable[[list[bytes]], bool]
    ) -> list[bytes]:
        """What all who listen there answer, within so many seconds; when it is `enough`, others get a moment yet.
        Raises BusUnavailable."""
        await self.wait_connected(min(seconds, PATIENCE))
        client, answers, arrived, loop = self.client, list[bytes](), asyncio.Event(), asyncio.get_running_loop()

        async def hear(message: Msg) -> None:
            if not message.headers:  # else the server says that nobody listens
                answers.append(bytes(message.data))
            arrived.set()

        try:
            inbox = client.new_inbox()
            subscription = await client.subscribe(inbox, cb=hear)
            try:
                await client.publish(subject, b"", reply=inbox)
                deadline = loop.time() + seconds
                with contextlib.suppress(TimeoutError):
                    while (left := deadline - loop.time()) > 0:
                        await asyncio.wait_for(arrived.wait(), min(left, quiet_s) if enough(answers) else left)
                        arrived.clear()
            finally:
                await subscription.unsubscribe()
        except _ERRORS as error:
            raise unavailable(error) from error
        return answers

    async def wait_connected(self, seconds: float) -> None:
        """Raises BusUnavailable."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.connected:
            if asyncio.get_running_loop().time() >= deadline:
                raise unavailable()
            await asyncio.sleep(0.02)

    def tell_in_asyncio(self, subject: str, payload: bytes) -> None:
        """As `tell`."""
        if self.connected:
            self._start(self._publish(subject, payload))

    async def _publish(self, subject: str, payload: bytes) -> None:
        try:
            await self.client.publish(subject, payload)
        except (*_ERRORS, BusUnavailable) as error:
            log.debug("news were lost", subject=subject, error=repr(error))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        settings, closed = self.settings, asyncio.Event()
        client = Client()

        async def on_error(error: Exception) -> None:
            log.debug("NATS", error=repr(error))

        async def on_disconnected() -> None:
            self._lost()
            if not client.is_closed:
                log.warning("the connection to NATS was lost; it is made anew")

        async def on_closed() -> None:
            self._lost()
            closed.set()

        options: dict[str, Any] = {}
        if settings.user:
            options |= {"user": settings.user, "password": settings.password}
        if settings.credentials_file:
            options["user_credentials"] = settings.credentials_file
        try:
            if (tls := settings.tls()) is not None:
                options["tls"] = tls
            await client.connect(
                list(settings.urls),
                name=self.name,
                error_cb=on_error,
                disconnected_cb=on_disconnected,
                reconnected_cb=self._reconnected,
                closed_cb=on_closed,
                connect_timeout=CONNECT_SECONDS,
                reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]
                max_reconnect_attempts=-1,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=2,
                **options,
                allow_reconnect=True,
            )
            for subject, handler in self._handlers:
                await client.subscribe(subject, cb=self._listener(handler))
            await client.flush(timeout=5)
        except _ERRORS as error:
            if client.is_connected or client.is_reconnecting:
                await client.close()
            raise unavailable(error) from error
        again = self._client is not None
        self._client, self._closed = client, closed
        if again:
            await self._reconnected()
        else:
            self._here_again(self._on_first)

    def _listener(self, handler: Handler) -> Callable[[Msg], Awaitable[None]]:
        async def hear(message: Msg) -> None:
            self._start(self._handle(handler, message))

        return hear

    async def _handle(self, handler: Handler, message: Msg) -> None:
        try:
            answer = await self.door.enter(self._contained, handler, message.subject, message.data)
            if answer is not None and message.reply:
                await message.respond(answer)
        except DoorClosed:
            return
        except _ERRORS as error:
            log.debug("an answer was lost", subject=message.subject, error=repr(error))

    async def _reconnected(self) -> None:
        log.info("connected to NATS again", url=self._client.connected_url.netloc if self.connected else "")  # type: ignore[union-attr]
        self._here_again(self._on_back)

    def _lost(self) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self.outages += 1

    def _here_again(self, hearers: list[Callable[[], Awaitable[None]]]) -> None:
        self.missed_s, self._lost_at = self.away_s + DOUBT_SECONDS, None
        for hear in hearers:
            self._start(self._enter(hear))

    async def _enter(self, hear: Callable[[], Awaitable[None]]) -> None:
        try:
            await self.door.enter(hear)
        except DoorClosed:
            return

    async def _wait_closed(self) -> None:
        if self._closed is not None:
            await self._closed.wait()

    async def _close(self) -> None:
        client, self._client = self._client, None
        for task in tuple(self._tasks):
            task.cancel()
        if client is not None and not client.is_closed:
            with contextlib.suppress(*_ERRORS, RuntimeError):  # nobody waits for it any more; uvloop's closed transport
                await asyncio.wait_for(client.flush(timeout=1), 1.5)
            with contextlib.suppress(*_ERRORS, RuntimeError):
                await client.close()


def unavailable(error: Exception | None = None) -> BusUnavailable:
    """What callers are told."""
    if isinstance(error, BusUnavailable):
        return error
    return BusUnavailable("NATS, the bus between the nodes, cannot be reached. Try again in a moment.")
