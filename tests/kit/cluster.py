"""A whole system as real processes on this machine: PostgreSQL, NATS servers, control processes, nodes, and a balancer
that looks whether nodes are ready, as HAProxy does.

Where root may have network namespaces each node is in one, so that its cable to NATS can be pulled; elsewhere a small
proxy stands between the two.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import trio

from csms.aio import open_door
from csms.app.children import Child
from csms.cluster.nats_server import EmbeddedNats
from csms.config import Address, Settings
from csms.config_reading import environment_of
from csms.storage.postgres import EmbeddedPostgres
from tests.kit.balancer import Balancer
from tests.kit.database import HASTY, temporary_folder
from tests.kit.namespaces import NoRooms, Room, open_rooms
from tests.kit.product import ADMIN, free_port

START_SECONDS = 120.0
READY_SECONDS = 1.0
ROOT = Path(__file__).parents[2]


@dataclass
class Place:
    """Where a node is: in a room of its own, or behind a proxy."""

    name: str
    ocpp: tuple[str, int]
    monitor: tuple[str, int]
    room: Room | None = None
    way: Balancer | None = None

    def cut(self) -> None:
        """Off NATS."""
        if self.room is not None:
            self.room.pull()
        elif self.way is not None:
            self.way.cut()

    def mend(self) -> None:
        """As before."""
        if self.room is not None:
            self.room.plug_in()
        elif self.way is not None:
            self.way.mend()


@dataclass
class System:
    """All processes of it."""

    folder: Path
    postgres: EmbeddedPostgres
    nats: list[EmbeddedNats]
    nursery: trio.Nursery
    balancer: Balancer = field(default_factory=lambda: Balancer([]))
    places: list[Place] = field(default_factory=list)
    nodes: list[Child] = field(default_factory=list)
    controls: list[Child] = field(default_factory=list)
    control_ports: list[int] = field(default_factory=list)
    key: str = ""
    _kept: dict[int, tuple[trio.CancelScope, trio.Event]] = field(default_factory=dict)

    @property
    def in_rooms(self) -> bool:
        """Network namespaces, and no proxy."""
        return any(each.room is not None for each in self.places)

    def log(self, name: str) -> str:
        """What a process has said."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def trouble(self) -> str:
        """The last that all processes said of warnings and errors."""
        told = []
        for file in sorted(self.folder.glob("*.log")):
            bad = [line for line in file.read_text(errors="replace").splitlines() if "[error" in line]
            told += [f"{file.stem}: {line}" for line in bad[-5:]]
        return "\n".join(told)

    # -- processes -------------------------------------------------------------------------------------------------

    def node(self, place: Place, *, code: Path = ROOT) -> Child:
        """A node at a place, of the version of the program that lies in `code`; not yet running."""
        way = place.way
        urls = [each.url for each in self.nats] if way is None else [f"nats://127.0.0.1:{way.port}"]
        settings = self._settings(place.name, urls, place.ocpp, 0, place.monitor)
        return self._child("node", place.name, settings, place.room, code)

    def control(self, number: int, *, code: Path = ROOT) -> Child:
        """A control process; not yet running."""
        name = f"control-{number}"
        urls = [each.url for each in self.nats]
        here = ("127.0.0.1", free_port())
        settings = self._settings(name, urls, here, self.control_ports[number], ("127.0.0.1", free_port()))
        return self._child("control", name, settings, None, code)

    async def started(self, *children: Child) -> None:
        """They run in the background from now on; returns when all of them serve."""
        for child in children:
            self.nursery.start_soon(self._keep, child)
        with trio.move_on_after(START_SECONDS) as patience:
            for child in children:
                await child.ready.wait()
        late = [child.name for child in children if not child.ready.is_set()]
        assert not patience.cancelled_caught, "\n".join([f"{late} did not start", *(self.log(n)[-3000:] for n in late)])

    async def replaced(self, old: Child, new: Child) -> Child:
        """`old` ends in its own time, then `new` serves."""
        scope, ended = self._kept[id(old)]
        scope.cancel()
        await ended.wait()
        await self.started(new)
        return new

    async def _keep(self, child: Child) -> None:
        scope, ended = self._kept[id(child)] = (trio.CancelScope(), trio.Event())
        try:
            with scope:
                await child.run()
        finally:
            ended.set()

    def _settings(
        self, name: str, urls: list[str], ocpp: tuple[str, int], control_port: int, monitor: tuple[str, int]
    ) -> Settings:
        return Settings(
            data_dir=self.folder / "data",
            database_url=self.postgres.dsn,
            ocpp_listen=Address(*ocpp),
            control_listen=Address("127.0.0.1", control_port or free_port()),
            files_listen=Address("127.0.0.1", free_port()),
            monitor_listen=str(Address(*monitor)),
            nats_urls=",".join(urls),
            nats_user=self.nats[0].user,
            nats_password=self.nats[0].password,
            nats_replicas=len(self.nats),
            node_name=name,
            unknown_stations="accept",
            admin_email=ADMIN[0],
            admin_password=ADMIN[1],
            ping_interval=5.0,
            log_level="info",
        )

    def _child(self, command: str, name: str, settings: Settings, room: Room | None, code: Path) -> Child:
        environment = {**environment_of(settings, os.environ), "PYTHONPATH": str(code)}
        run = [sys.executable, "-m", "csms", command]
        # The shell goes to the code, puts the log away, and becomes the process.
        script = 'cd "$1" && shift && exec "$@" 2>>"$0"'
        shell = ["sh", "-c", script, str(self.folder / f"{name}.log"), str(code)]
        inside = run if room is None else room.inside(run)
        return Child(name, [*shell, *inside], environment, stop_timeout=20.0)

    # -- looking -----------------------------------------------------------------------------------------------------

    async def online(self) -> dict[str, int]:
        """Node → how many stations it says it has; -1: it does not answer."""
        found: dict[str, int] = {}

        async def ask(place: Place) -> None:
            found[place.name] = -1
            for line in (await fetch(place.monitor, "/metrics", 3.0)).splitlines():
                if line.startswith("chargehouse_stations_online "):
                    found[place.name] = int(float(line.split()[1]))

        async with trio.open_nursery() as nursery:
            for place in self.places:
                nursery.start_soon(ask, place)
        return found

    async def rows(self, sql: str, *args: object) -> list[Any]:
        """Straight from the database."""

        async def fetch_rows() -> list[Any]:
            connection = await asyncpg.connect(self.postgres.dsn)
            try:
                return list(await connection.fetch(sql, *args))
            finally:
                await connection.close()

        async with open_door() as door:
            return await door.call(fetch_rows)

    async def schema(self) -> int:
        """The newest migration."""
        return int((await self.rows("SELECT max(version) AS n FROM schema_migration"))[0]["n"])

    async def watch_doors(self) -> None:
        """Whoever is not ready gets no new connections; for ever."""
        while True:
            async with trio.open_nursery() as nursery:
                for place in self.places:
                    nursery.start_soon(self._look_at, place)
                await trio.sleep(READY_SECONDS)

    async def _look_at(self, place: Place) -> None:
        if "200" in (await fetch(place.monitor, "/readyz", READY_SECONDS)).partition("\r\n")[0]:
            self.balancer.out.discard(place.ocpp)
        else:
            self.balancer.out.add(place.ocpp)


async def fetch(address: tuple[str, int], path: str, seconds: float) -> str:
    """A whole answer of HTTP; empty when there is none in time."""
    answer = bytearray()
    with trio.move_on_after(seconds), contextlib.suppress(OSError, trio.BrokenResourceError):
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(f"GET {path} HTTP/1.1\r\nhost: monitor\r\nconnection: close\r\n\r\n".encode())
            async for data in stream:
                answer += data
            return answer.decode(errors="replace")
    return ""


def start_servers(folder: Path, count: int, host: str) -> list[EmbeddedNats]:
    """NATS servers that are one cluster."""
    ports = [free_port() for _ in range(count)]
    made: list[EmbeddedNats] = []
    for number, port in enumerate(ports):
        password = made[0].password if made else ""
        server = EmbeddedNats(
            folder / f"nats-{number}",
            host=host,
            port=free_port(),
            name=f"n{number}",
            cluster_port=port if count > 1 else 0,
            routes=ports,
            password=password,
        )
        server.start()
        made.append(server)
    return made


@contextlib.contextmanager
def places_for(count: int) -> Iterator[tuple[str, list[Place]]]:
    """Where nodes can be, and where NATS has to listen."""
    with contextlib.ExitStack() as stack:
        try:
            rooms = stack.enter_context(open_rooms(count))
        except NoRooms as why:
            sys.stderr.write(f"\nNo network namespaces ({why}): a proxy stands between nodes and NATS.\n")
            local = [Place(f"node-{n}", ("127.0.0.1", free_port()), ("127.0.0.1", free_port())) for n in range(count)]
            yield "127.0.0.1", local
            return
        made = [
            Place(f"node-{n}", (room.address, 9000), (room.address, 9100), room) for n, room in enumerate(rooms.rooms)
        ]
        yield rooms.nats_address, made


@asynccontextmanager
async def cluster(*, nodes: int = 3, controls: int = 2, servers: int = 3, code: Path = ROOT) -> AsyncIterator[System]:
    """A running system. `code`: of which version of the program."""
    with temporary_folder() as folder, places_for(nodes) as (host, places):
        postgres = EmbeddedPostgres(folder / "pg", settings=HASTY | {"max_connections": "150"})
        postgres.start()
        started = start_servers(folder, servers, host)
        (folder / "data").mkdir()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(postgres.supervise)
                for server in started:
                    nursery.start_soon(server.supervise)
                made = System(folder, postgres, started, nursery, places=places)
                await _bring_up(made, controls, code)
                yield made
                nursery.cancel_scope.cancel()
        finally:
            for server in started:
                server.stop()
            postgres.stop()


async def _bring_up(made: System, controls: int, code: Path) -> None:
    began = time.monotonic()
    made.control_ports = [free_port() for _ in range(controls)]
    made.controls = [made.control(number, code=code) for number in range(controls)]
    await made.started(made.controls[0])  # the first one makes the schema and the authority's keys
    for place in made.places:
        if place.room is None:
            place.way = Balancer([each.port for each in made.nats])
            await made.nursery.start(place.way.run)
    made.nodes = [made.node(place, code=code) for place in made.places]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.started, *made.controls[1:], *made.nodes)
        made.key = await make_key(made.postgres.dsn)
    made.balancer.doors = [place.ocpp for place in made.places]
    await made.nursery.start(made.balancer.run)
    made.nursery.start_soon(made.watch_doors)
    where = "in network namespaces" if made.in_rooms else "behind proxies"
    sys.stderr.write(
        f"\n{len(made.nodes)} nodes {where}, {controls} control processes, {len(made.nats)} NATS servers, PostgreSQL:"
        f" up in {time.monotonic() - began:.1f} s\n"
    )


async def make_key(dsn: str) -> str:
    environment = {**os.environ, "CHARGEHOUSE_DATABASE_URL": dsn}
    command = [sys.executable, "-m", "csms", "key", "create", "--name", "tests", "--role", "administrator"]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, env=environment)
    return done.stdout.decode().split()[-1]
