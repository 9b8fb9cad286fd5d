"""A node: actors and their stations, the control API, and what both stand on, wired together."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog
import trio
from prometheus_client import CollectorRegistry

from control.guard import changes
from control.server import ControlServer, Servicer
from control.servicers.messages import MessageLogServicer
from control.servicers.remote import RemoteServicer
from control.servicers.stations import StationServicer
from control.servicers.system import SystemServicer
from csms.actors.drain import Drain
from csms.actors.link import LinkLimits
from csms.actors.registry import Registry
from csms.actors.world import ActorSettings
from csms.aio import Door
from csms.app import soap
from csms.app.authority import open_authority
from csms.app.chapters import build_chapters, people, security, tags
from csms.app.cluster import Cluster, NobodyElse, Role, ToldTokens
from csms.app.dialects import DIALECTS
from csms.app.doors import Doors, open_doors
from csms.app.front_door import rules_of
from csms.app.keys import secret_key
from csms.app.metrics import CallMetrics, LoopMetrics, NodeCollector, Sources, open_registry
from csms.app.monitor import MonitorDoor
from csms.app.parts import Parts, Stores
from csms.app.third_party import open_third_party
from csms.app.work import Work
from csms.cluster.changes import TAGS_IN_USE
from csms.cluster.local import LocalDirectory, LocalFeed
from csms.cluster.roll_call import OnlyThis, RollCall
from csms.config import Address, Settings
from csms.domain.errors import InvalidArgument, Unavailable
from csms.ports.feed import Feed
from csms.ports.processes import Process, Processes
from csms.services.consulting import Consulting
from csms.services.cost_memory import CostMemory
from csms.services.masking import MaskedMessageLog
from csms.services.messages import Messages
from csms.services.places import Places
from csms.services.reacting import Reacting
from csms.services.remote import Remote
from csms.services.stations import Stations, UnknownStationPolicy
from csms.services.system import Retention, ServerAddress, System, SystemFacts
from csms.services.tokens import MemoryTokenIndex
from csms.services.tolerance import ToleranceIndex
from csms.services.traffic import Traffic
from csms.storage.places import PostgresPlaces
from csms.storage.plain_secrets import seal_plain_secrets
from csms.storage.pool import Database
from csms.storage.sealing import MarkedCipher
from csms.storage.sharing import PostgresSharing
from csms.storage.system import PostgresSystemSettings
from csms.transport.security import generate_password, hash_password
from csms.transport.sockets import open_listen_socket

_log = structlog.get_logger("csms.node")

HEALTH_SECONDS: Final = 2.0


def now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Node:
    """A running node, for whoever started it."""

    control_port: int
    """0: this process has none."""
    ocpp_port: int
    """0: no stations connect to this process."""
    ocpp_addresses: tuple[str, ...]
    addresses: Sequence[ServerAddress]
    first_sign_in: tuple[str, str] | None
    drain: Drain
    registry: Registry
    tls_port: int | None = None
    """Where stations connect by TLS; None without."""
    monitor: Address | None = None
    """Where metrics are; None: nowhere."""


@asynccontextmanager
async def build_node(settings: Settings, door: Door, database: Database, role: Role = Role.ALL) -> AsyncIterator[Node]:
    """Bring a process up; it serves inside the block. `node.drain` takes it down in order. Raises OSError,
    DomainError."""
    index = MemoryTokenIndex()
    cluster = None if role is Role.ALL else Cluster.of(role, settings, door, database, index, now)
    stores = Stores.on(database, settings, None if cluster is None or not role.has_stations else cluster.mark)
    drain = Drain()
    metrics = open_registry()
    async with trio.open_nursery() as ground:
        await _open_stores(ground, stores, index, cluster)
        registry, parts = await _open_parts(settings, door, database, ground, stores, index, cluster)
        of_tags = await tags.build(parts, index)
        gate = people.open_gate(settings, stores, database, now)
        first = None
        if role.has_control:
            await seal_plain_secrets(database, MarkedCipher(secret_key(settings)))
            first = await gate.access.ensure_administrator(
                settings.admin_email or None, settings.admin_password or None
            )
        services = await open_third_party(parts, index)
        doors = open_doors(parts, registry, [services.endpoint])
        status = partial(_status, role, settings, stores, registry, drain, cluster, now())
        processes = OnlyThis(status) if cluster is None else RollCall(cluster.bus, status)
        servicers = [
            *_servicers(parts, doors.addresses, drain, processes),
            *of_tags,
            *people.build(parts, gate, index),
            *build_chapters(parts),
            *security.build(parts, doors.listeners),
            *soap.build(parts),
            *services.servicers,
        ]
        control = _open_control(parts, gate, servicers, metrics, cluster)
        try:
            if cluster is not None:
                await cluster.run(ground)
            control_port = await control.start() if role.has_control else 0
        except BaseException:
            doors.close()
            raise
        await doors.run(ground)
        ground.start_soon(parts.work.run)
        monitor = await _open_monitor(parts, metrics, registry, doors, drain, cluster)
        ground.start_soon(_watch_health, control, database, drain)
        _plan_the_end(drain, settings, stores, registry, doors, control if role.has_control else None, cluster)
        try:
            yield Node(
                control_port,
                doors.port,
                doors.addresses,
                parts.addresses,
                first,
                drain,
                registry,
                tls_port=doors.tls_port,
                monitor=monitor,
            )
        finally:
            ground.cancel_scope.cancel()


def _open_control(
    parts: Parts, gate: people.Gate, servicers: Sequence[Servicer], metrics: CollectorRegistry, cluster: Cluster | None
) -> ControlServer:
    """Not yet started. Other processes hear of calls that change something."""
    counted = CallMetrics(metrics).ended

    def ended(method: str, code: str, seconds: float, *, streaming: bool) -> None:
        counted(method, code, seconds, streaming=streaming)
        if cluster is not None and code == "OK" and changes(method):
            cluster.changes.tell_in_asyncio(method.rpartition("/")[0].rpartition(".")[2])

    settings = parts.settings
    return ControlServer(
        parts.door,
        gate.guard(parts.stores, settings),
        servicers,
        str(settings.control_listen),
        tls=_tls(settings) if parts.role.has_control else None,
        on_call=ended,
    )


async def _open_stores(ground: trio.Nursery, stores: Stores, index: MemoryTokenIndex, cluster: Cluster | None) -> None:
    """What runs beside the database, and what is read from it before the first station is let in."""
    if cluster is None:
        await ground.start(stores.partitions.run)
        await stores.stations.all_offline()
    else:
        cluster.work.start_soon(stores.partitions.run)
        cluster.changes.on([TAGS_IN_USE], partial(index.reload_open, stores.transactions))
    await index.load(stores.tokens, stores.transactions)
    await ground.start(stores.journal.run)
    await ground.start(stores.message_log.run)
    ground.start_soon(index.catch_up_for_ever, stores.tokens)


async def _open_parts(
    settings: Settings,
    door: Door,
    database: Database,
    ground: trio.Nursery,
    stores: Stores,
    index: MemoryTokenIndex,
    cluster: Cluster | None,
) -> tuple[Registry, Parts]:
    """The actors, and what the chapters of the application build on."""
    feed = LocalFeed(now) if cluster is None else cluster.feed
    reacting, consulting, tolerance, traffic = Reacting(), Consulting(), ToleranceIndex(), Traffic()
    await tolerance.load(stores.tolerance)
    ground.start_soon(tolerance.reload_for_ever, stores.tolerance)
    costs = CostMemory(index)
    registry = _actors(settings, stores, feed, index, consulting, reacting, tolerance, traffic, cluster, costs)
    await ground.start(reacting.run)
    await ground.start(registry.run)
    directory = LocalDirectory(registry) if cluster is None else cluster.directory(registry)
    places = Places(PostgresPlaces(database), feed, directory, PostgresSharing(database))
    await places.load()
    return registry, Parts(
        settings,
        now,
        door,
        database,
        ground,
        stores,
        stores.inventory,
        feed,
        directory,
        Remote(directory, stores.stations, stores.session_queries, places.scopes, now=now),
        reacting,
        consulting,
        await open_authority(settings, stores.certificates, now=now),
        places,
        places.scopes,
        tolerance,
        people.open_mails(settings, door, database, now),
        traffic=traffic,
        index=index,
        costs=costs,
        role=Role.ALL if cluster is None else cluster.role,
        work=Work() if cluster is None else cluster.work,
        changes=NobodyElse() if cluster is None else cluster.changes,
        make_lease=None if cluster is None else cluster.lease,
        share_guesses=None if cluster is None else cluster.share_guesses,
    )


def _actors(
    settings: Settings,
    stores: Stores,
    feed: Feed,
    index: MemoryTokenIndex,
    consulting: Consulting,
    reacting: Reacting,
    tolerance: ToleranceIndex,
    traffic: Traffic,
    cluster: Cluster | None,
    costs: CostMemory,
) -> Registry:
    return Registry(
        now=now,
        journal=stores.journal,
        feed=feed,
        tokens=index if cluster is None else ToldTokens(index, cluster.use),
        loader=stores.stations,
        stations=stores.stations,
        transactions=stores.transactions,
        message_log=MaskedMessageLog(stores.message_log, traffic),
        consultant=consulting,
        reactions=reacting,
        tolerance=tolerance,
        ownership=None if cluster is None else cluster.ownership,
        reckoner=costs,
        on_crash=_report_crash,
        settings=ActorSettings(heartbeat_s=settings.heartbeat_interval, retry_s=settings.boot_retry_interval),
        link_limits=LinkLimits(rate=settings.station_rate, burst=settings.station_rate * 4),
    )


def _servicers(
    parts: Parts,
    addresses: tuple[str, ...],
    drain: Drain,
    processes: Processes,
) -> list[Servicer]:
    settings, stores, feed = parts.settings, parts.stores, parts.feed
    facts = SystemFacts(
        version=version("chargehouse"),
        ocpp_addresses=addresses,
        unknown_station_policy=UnknownStationPolicy(settings.unknown_stations),
        station_password_required=rules_of(settings).minimum_profile in (1, 2),
        protocols=tuple(DIALECTS),
        started_at=parts.now(),
        mail_configured=bool(settings.smtp_host),
        retention=Retention(
            message_log_days=settings.message_log_days,
            meter_value_days=settings.meter_value_days,
            station_event_days=settings.station_event_days,
            audit_days=settings.audit_days,
            backup_count=settings.backup_keep,
        ),
        mail_sender=settings.mail_from if settings.smtp_host else "",
        min_security_profile=settings.ocpp_min_security_profile,
        identity_provider=settings.oidc_name if settings.oidc_issuer else "",
    )
    stations = Stations(
        stores.stations,
        stores.station_queries,
        parts.directory,
        feed,
        parts.scopes,
        hash_password=hash_password,
        generate_password=generate_password,
    )
    system = System(
        facts,
        PostgresSystemSettings(parts.database),
        parts.addresses,
        database_available=lambda: stores.journal.available,
        draining=lambda: drain.draining,
        processes=processes,
    )
    return [
        StationServicer(stations),
        RemoteServicer(parts.remote),
        MessageLogServicer(Messages(stores.message_log, stores.stations, parts.scopes)),
        SystemServicer(system),
    ]


def _troubles(stores: Stores, drain: Drain, cluster: Cluster | None) -> list[str]:
    """Why no newcomer should be sent here."""
    found = [] if stores.journal.available else ["The database is away."]
    found += [] if cluster is None else cluster.troubles()
    return [*found, "The node is stopping."] if drain.draining else found


def _status(
    role: Role,
    settings: Settings,
    stores: Stores,
    registry: Registry,
    drain: Drain,
    cluster: Cluster | None,
    started_at: datetime,
) -> Process:
    """What this process says of itself."""
    return Process(
        settings.node_name or role.value if cluster is None else cluster.bus.name,
        role.value,
        version("chargehouse"),
        socket.gethostname(),
        started_at,
        registry.counts().online,
        ("work",) if cluster is None else cluster.leases,
        tuple(_troubles(stores, drain, cluster)),
    )


async def _open_monitor(
    parts: Parts,
    metrics: CollectorRegistry,
    registry: Registry,
    doors: Doors,
    drain: Drain,
    cluster: Cluster | None,
) -> Address | None:
    """Metrics and health, where that is asked for. Raises OSError."""
    if not parts.settings.monitor_listen:
        return None
    wanted = Address.parse(parts.settings.monitor_listen)
    journal = parts.stores.journal
    metrics.register(
        NodeCollector(
            Sources(
                registry=registry.counts,
                journal=lambda: journal.statistics,
                message_log=lambda: parts.stores.message_log.statistics,
                connections=lambda: doors.connections,
                available=lambda: journal.available,
                draining=lambda: drain.draining,
                traffic=parts.traffic,
                refused_proxied=lambda: doors.refused_proxied,
                bus=None if cluster is None else lambda: cluster.figures,
            )
        )
    )

    sock = open_listen_socket(wanted.host, wanted.port)
    address = Address(wanted.host, sock.getsockname()[1])
    troubles = partial(_troubles, parts.stores, drain, cluster)
    await parts.ground.start(MonitorDoor(metrics, troubles).run, sock)
    parts.ground.start_soon(LoopMetrics(metrics).run)
    return address


def _plan_the_end(
    drain: Drain,
    settings: Settings,
    stores: Stores,
    registry: Registry,
    doors: Doors,
    control: ControlServer | None,
    cluster: Cluster | None,
) -> None:
    """From the roof to the ground: nobody in, stations off, callers off, journal to disk, last news to the others."""
    spread = settings.drain_timeout / 4

    async def refuse_newcomers() -> None:
        doors.drain()
        if control is not None:
            await control.drain()

    async def close_links() -> None:
        await registry.drain(spread_s=spread)
        await doors.close_all()

    async def flush() -> None:
        await stores.journal.close(trio.current_time() + 2.0)
        stores.message_log.close()

    drain.add("newcomers", refuse_newcomers)
    drain.add("links", close_links)
    if control is not None:
        drain.add("control", partial(control.stop, 1.0))
    drain.add("journal", flush)
    if cluster is not None:
        drain.add("bus", cluster.say_goodbye)


async def _watch_health(control: ControlServer, database: Database, drain: Drain) -> None:
    """The control API's health is the database's: without it nothing can be asked or promised."""
    while not drain.draining:
        try:
            await database.ping()
        except Unavailable:
            await control.set_serving(False)
        else:
            await control.set_serving(True)
        await trio.sleep(HEALTH_SECONDS)


def _report_crash(station_id: int, error: Exception) -> None:
    _log.error("the handling of a station failed", station_id=station_id, exc_info=error)


def _tls(settings: Settings) -> tuple[bytes, bytes] | None:
    if not settings.control_tls_cert:
        host = settings.control_listen.host
        if not (host.startswith("127.") or host in ("::1", "localhost")):
            _log.warning(
                "the control API is served without TLS beyond this machine", listen=str(settings.control_listen)
            )
        return None
    try:
        return Path(settings.control_tls_cert).read_bytes(), Path(settings.control_tls_key).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"Cannot read {error.filename}: {error.strerror}.", reason="TLS_FILES") from error
