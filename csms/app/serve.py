"""`chargehouse serve`, `node` and `control`: brought up from the ground and taken down from the roof.

    PostgreSQL ⊃ door ⊃ database ⊃ journal, logs ⊃ actors ⊃ control API, listener ⊃ portal

A part may use what stands to its left, so that is there before it and after it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Final

import structlog
import trio

from csms.aio import Door, DoorCrashed, open_door
from csms.app.cluster import Role
from csms.app.database import own_database
from csms.app.garbage import set_thresholds
from csms.app.node import Node, build_node
from csms.app.open_files import raise_open_files
from csms.app.portal import PortalProcess
from csms.config import Settings
from csms.domain.errors import DomainError, FailedPrecondition, Unavailable
from csms.storage.migrate import MigrationError, migrate
from csms.storage.pool import Database, open_database
from csms.storage.postgres import EmbeddedPostgres
from csms.telemetry import set_up_logging, set_up_tracing

_log = structlog.get_logger("csms")

_LABELS: Final = {
    "ocpp-j-tls": "by TLS     ",
    "ocpp-1.5-soap": "OCPP 1.5   ",
    "files-http": "Files      ",
    "files-https": "Files      ",
    "files-ftp": "           ",
    "files-ftps": "           ",
}
"""Kinds of addresses that are named when the server starts."""
_PARTS: Final = {Role.ALL: "node", Role.NODE: "node", Role.CONTROL: "control"}
"""What traces say."""
DATABASE_PATIENCE: Final = 60.0
"""How long a start waits for a database that was named and does not answer yet."""


def run(settings: Settings, role: Role = Role.ALL) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code. Raises DomainError with a sentence when it cannot start."""
    check_role(settings, role)
    set_up_logging(settings.log_format, settings.log_level)
    end_tracing = (
        set_up_tracing(settings.trace_endpoint, _PARTS[role], ratio=settings.trace_ratio)
        if settings.trace_endpoint
        else None
    )
    set_thresholds()
    raise_open_files()
    code = 0
    with own_database(settings) as (dsn, embedded):
        try:
            trio.run(_serve, settings, dsn, embedded, role, strict_exception_groups=True)
        except* DoorCrashed as crash:
            _log.critical("the asyncio side crashed", error=str(_first(crash)))
            code = 1
        except* (OSError, DomainError) as failed:
            first = _first(failed)
            if isinstance(first, DomainError):
                raise first from None
            raise FailedPrecondition(str(first), reason="CANNOT_LISTEN") from None
        finally:
            if end_tracing is not None:
                end_tracing()
    return code


def check_role(settings: Settings, role: Role) -> None:
    """Raises FailedPrecondition with a sentence when the settings do not fit what the process is for."""
    if role is Role.ALL and settings.nats_urls:
        raise FailedPrecondition(
            "serve runs everything in one process, without NATS. Leave --nats-urls out, use --workers for several nodes"
            " on this machine, or start `chargehouse node` and `chargehouse control`.",
            reason="ROLE",
        )
    if role is not Role.ALL and not (settings.nats_urls and settings.database_url):
        raise FailedPrecondition(
            f"chargehouse {role.value} needs a PostgreSQL server and NATS that all processes share: set --database-url"
            " and --nats-urls.",
            reason="ROLE",
        )


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _serve(settings: Settings, dsn: str, embedded: EmbeddedPostgres | None, role: Role) -> None:
    async with AsyncExitStack() as house:
        if embedded is not None:
            await house.enter_async_context(_background(embedded.supervise))
        door = await house.enter_async_context(open_door())
        await migrated(door, dsn)
        # A server that hangs holds reads and commands up no longer than the stations' answers.
        database = await house.enter_async_context(open_database(door, dsn, timeout=settings.durable_timeout))
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            await _serve_node(settings, door, database, signals, role)


async def _serve_node(
    settings: Settings, door: Door, database: Database, signals: AsyncIterator[int], role: Role
) -> None:
    async with build_node(settings, door, database, role) as node:
        _announce(settings, node, role)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_signals, signals, node, settings.drain_timeout)
            if settings.portal and role is Role.ALL:
                nursery.start_soon(PortalProcess(portal_arguments(settings, node.control_port)).run)
            await node.drain.wait_begun()
            _log.info("stopping", seconds=settings.drain_timeout)
            cut = await node.drain.run()
            if cut:
                _log.warning("cut short", parts=cut)
            nursery.cancel_scope.cancel()


async def _watch_signals(signals: AsyncIterator[int], node: Node, seconds: float) -> None:
    async for _ in signals:
        node.drain.begin(seconds)
        seconds = min(seconds / 2, 1.0)  # who insists does not want to wait


async def migrated(door: Door, dsn: str) -> None:
    """Bring the schema up to date. Raises FailedPrecondition with a sentence."""
    with trio.move_on_after(DATABASE_PATIENCE):
        while True:
            try:
                names = await migrate(door, dsn)
            except MigrationError as error:
                raise FailedPrecondition(str(error), reason="SCHEMA") from error
            except (Unavailable, OSError) as error:
                _log.warning("the database does not answer yet", error=str(error))
                await trio.sleep(1)
            else:
                _log.info("schema is up to date", applied=names)
                return
    raise FailedPrecondition(
        "The database does not answer. Check --database-url and whether PostgreSQL runs.", reason="DATABASE_AWAY"
    )


@asynccontextmanager
async def _background(run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        yield
        nursery.cancel_scope.cancel()


def portal_arguments(settings: Settings, control_port: int) -> list[str]:
    """For a portal on this machine."""
    host = settings.control_listen.host
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    address = f"[{loopback}]:{control_port}" if ":" in loopback else f"{loopback}:{control_port}"
    arguments = ["--listen", str(settings.portal_listen), "--control", address, "--die-with-parent"]
    if settings.control_tls_cert:
        arguments += ["--control-ca", settings.control_tls_cert]
    if settings.portal_monitor_listen:
        arguments += ["--monitor-listen", settings.portal_monitor_listen]
    if settings.portal_public_url:
        arguments += ["--public-url", settings.portal_public_url]
    return arguments


_AS: Final = {Role.ALL: "", Role.NODE: " as a node", Role.CONTROL: " as a control process"}


def _announce(settings: Settings, node: Node, role: Role) -> None:
    """What a person needs now, on standard output; everything else is in the log."""
    lines = ["", f"Chargehouse {version('chargehouse')} is running{_AS[role]}."]
    if role.has_stations:
        lines.append(f"  Stations   {node.ocpp_addresses[0]}IDENTITY   (OCPP 1.6, 2.0.1, 2.1)")
    lines += [f"  {_LABELS[each.kind]}{each.url}" for each in node.addresses if each.kind in _LABELS]
    if role.has_control:
        lines.append(f"  Control    {settings.control_listen.host}:{node.control_port}   (gRPC, control.v1)")
    if settings.portal and role is Role.ALL:
        lines.append(f"  Portal     {settings.portal_public_url or f'http://{settings.portal_listen}'}")
    if node.monitor is not None:
        lines.append(f"  Metrics    http://{node.monitor}/metrics")
    if node.first_sign_in is not None:
        email, password = node.first_sign_in
        lines += ["", f"  First sign-in: {email} with the password {password}", "  It is shown only this once."]
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()
