"""`chargehouse serve --workers N`: all cores of one machine. N nodes on one port, a control process, the portal; and
beside them a PostgreSQL and a NATS server of their own. This process only keeps them running.

    PostgreSQL ⊃ NATS ⊃ control process ⊃ nodes ⊃ portal

SIGTERM or SIGINT stops all, from right to left. SIGHUP restarts the nodes one by one: each drains, and the next one's
turn comes when it serves again. A process that ends by itself is started again, with longer and longer pauses.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Final

import structlog
import trio

from csms.aio import open_door
from csms.app.children import Child
from csms.app.crew_door import CrewDoor
from csms.app.database import data_folder, own_database
from csms.app.portal import PortalProcess
from csms.app.serve import migrated, portal_arguments
from csms.cluster.nats_server import EmbeddedNats, NatsServerError
from csms.config import Address, Settings
from csms.config_reading import environment_of, flags_of_emptied
from csms.domain.errors import DomainError, FailedPrecondition
from csms.storage.postgres import EmbeddedPostgres
from csms.telemetry import set_up_logging
from csms.transport.sockets import open_listen_socket

_log = structlog.get_logger("csms.workers")

READY_SECONDS: Final = 120.0
"""How long a start waits until a process serves."""
STOP_MARGIN: Final = 4.0


def run(settings: Settings) -> int:
    """Until SIGTERM or SIGINT. Returns the exit code. Raises DomainError with a sentence when it cannot start."""
    _check(settings)
    set_up_logging(settings.log_format, settings.log_level)
    with own_database(settings) as (dsn, embedded), _own_nats(settings) as nats:
        try:
            trio.run(_serve, settings, dsn, embedded, nats, strict_exception_groups=True)
        except* DomainError as failed:
            raise _first(failed) from None
        except* OSError as failed:
            raise FailedPrecondition(str(_first(failed)), reason="CANNOT_LISTEN") from None
    return 0


def _check(settings: Settings) -> None:
    """Raises FailedPrecondition with a sentence."""
    if settings.nats_urls:
        raise FailedPrecondition(
            "serve --workers has a NATS server of its own. Leave --nats-urls out, or start `chargehouse node` and"
            " `chargehouse control`.",
            reason="ROLE",
        )
    tls = settings.tls_listen
    if not (settings.ocpp_listen.port and settings.control_listen.port) or (tls is not None and not tls.port):
        raise FailedPrecondition(
            "Several workers need known ports for --ocpp-listen, --control-listen and --ocpp-tls-listen.",
            reason="ROLE",
        )


@contextmanager
def _own_nats(settings: Settings) -> Iterator[EmbeddedNats]:
    """From the main thread. Raises FailedPrecondition with a sentence."""
    server = EmbeddedNats(data_folder(settings) / "nats")
    try:
        server.start()
    except (NatsServerError, OSError) as error:
        raise FailedPrecondition(str(error), reason="NATS_NOT_STARTED") from error
    try:
        yield server
    finally:
        server.stop()


async def _serve(settings: Settings, dsn: str, embedded: EmbeddedPostgres | None, nats: EmbeddedNats) -> None:
    async with open_door() as door:
        await migrated(door, dsn)
    async with trio.open_nursery() as ground:
        if embedded is not None:
            ground.start_soon(embedded.supervise)
        ground.start_soon(nats.supervise)
        crew = Crew(settings, dsn, nats)
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as house:
                house.start_soon(_watch_signals, signals, crew, house)
                await crew.work()
                house.cancel_scope.cancel()
        ground.cancel_scope.cancel()


async def _watch_signals(signals: AsyncIterator[int], crew: Crew, house: trio.Nursery) -> None:
    async for number in signals:
        if number == signal.SIGHUP:
            house.start_soon(crew.roll)
        elif crew.up and not crew.stopping.is_set():
            crew.stopping.set()
        else:  # who insists, or does not want to see the start to its end
            house.cancel_scope.cancel()


class Crew:
    """The processes. `work` brings them up and takes them down."""

    def __init__(self, settings: Settings, dsn: str, nats: EmbeddedNats) -> None:
        self._settings = settings
        self._shared = dataclasses.replace(
            settings,
            database_url=dsn,
            nats_urls=nats.url,
            nats_user=nats.user,
            nats_password=nats.password,
            workers=0,
            portal=False,
            ocpp_reuse_port=True,
            monitor_listen="127.0.0.1:0",
        )
        self.control = self._child("control", "control")
        self.nodes = [self._child("node", f"node-{number}") for number in range(1, settings.workers + 1)]
        self._rolling = trio.Lock()
        self.monitor: Address | None = None
        self.up = False
        self.stopping = trio.Event()

    async def work(self) -> None:
        """Until `stopping`. Raises FailedPrecondition when the first start takes too long."""
        async with (
            self._monitored(),
            self._running([self.control]),
            self._running(self.nodes),
            trio.open_nursery() as roof,
        ):
            if self._settings.portal:
                arguments = portal_arguments(self._settings, self._settings.control_listen.port)
                roof.start_soon(PortalProcess(arguments).run)
            self._announce()
            self.up = True
            await self.stopping.wait()
            _log.info("stopping", seconds=self._settings.drain_timeout)
            roof.cancel_scope.cancel()

    async def roll(self) -> None:
        """Restart the nodes one by one, each while all others serve."""
        async with self._rolling:
            for node in self.nodes:
                if not await self._serve_without(node):
                    _log.error("another node does not serve, so none is restarted", process=node.name)
                    return
                _log.info("a node is restarted", process=node.name)
                if not await node.restart(READY_SECONDS):
                    _log.error("a node does not come back; the others stay as they are", process=node.name)
                    return
            _log.info("all nodes were restarted")

    async def _serve_without(self, node: Child) -> bool:
        """One may have died a moment ago, and be on its way."""
        with trio.move_on_after(READY_SECONDS):
            for other in self.nodes:
                if other is not node:
                    await other.ready.wait()
            return True
        return False

    @asynccontextmanager
    async def _monitored(self) -> AsyncIterator[None]:
        """How all of them are, where that is asked for. Raises OSError."""
        async with trio.open_nursery() as nursery:
            if self._settings.monitor_listen:
                wanted = Address.parse(self._settings.monitor_listen)
                sock = open_listen_socket(wanted.host, wanted.port)
                self.monitor = Address(wanted.host, sock.getsockname()[1])
                await nursery.start(CrewDoor(self.control, self.nodes).run, sock)
            yield
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def _running(self, children: list[Child]) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            for child in children:
                nursery.start_soon(child.run)
            with trio.move_on_after(READY_SECONDS):
                for child in children:
                    await child.ready.wait()
            late = [child.name for child in children if not child.ready.is_set()]
            if late:
                raise FailedPrecondition(
                    f"These processes did not start in time: {', '.join(late)}. Their log says why.",
                    reason="NOT_STARTED",
                )
            yield
            nursery.cancel_scope.cancel()

    def _child(self, command: str, name: str) -> Child:
        own = dataclasses.replace(self._shared, node_name=name)
        return Child(
            name,
            [sys.executable, "-m", "csms", command, "--die-with-parent", *flags_of_emptied(own)],
            {**environment_of(own, os.environ), "PYTHONUNBUFFERED": "1"},
            stop_timeout=self._settings.drain_timeout + STOP_MARGIN,
            said=self._pass_on if command == "control" else lambda _line: None,
        )

    def _pass_on(self, line: str) -> None:
        """What a person needs once: the first sign-in."""
        if "sign-in" in line or "only this once" in line:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def _announce(self) -> None:
        settings = self._settings
        stations = settings.ocpp_public_url or f"ws://{settings.ocpp_listen}/ocpp/"
        lines = [
            "",
            f"Chargehouse {version('chargehouse')} is running with {len(self.nodes)} nodes.",
            f"  Stations   {stations}IDENTITY   (OCPP 1.6, 2.0.1, 2.1)",
            f"  Control    {settings.control_listen}   (gRPC, control.v1)",
        ]
        if settings.portal:
            lines.append(f"  Portal     {settings.portal_public_url or f'http://{settings.portal_listen}'}")
        if self.monitor is not None:
            lines.append(f"  Metrics    http://{self.monitor}/metrics, and /NAME/metrics of control, node-1, …")
        sys.stdout.write("\n".join([*lines, "", ""]))
        sys.stdout.flush()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
