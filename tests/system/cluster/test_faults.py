"""Three nodes, two control processes, three NATS servers, PostgreSQL; stations behind a balancer, and faults by a seed.

After each fault all stations charge on; at the end the database holds everything that was answered exactly once, no
command was carried out twice, every station has one node, and whoever watched was told of every session.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
import trio

from control.v1 import remote_pb2, remote_pb2_grpc, watch_pb2, watch_pb2_grpc
from csms.aio import open_door
from csms.app.children import Child
from csms.cluster.nats_server import EmbeddedNats
from csms.config import Address, Settings
from csms.config_reading import environment_of
from csms.storage.postgres import EmbeddedPostgres
from tests.kit.balancer import Balancer
from tests.kit.database import HASTY, temporary_folder
from tests.kit.fleet import FleetStation
from tests.kit.product import ADMIN, free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

STATIONS = int(os.environ.get("CLUSTER_STATIONS", "30"))
SEED = int(os.environ.get("CLUSTER_SEED", "7"))
FAULTS = int(os.environ.get("CLUSTER_FAULTS", "6"))
NODES, CONTROLS, SERVERS = 3, 2, 3
BACK_SECONDS = 120.0


@dataclass
class System:
    """All processes of it."""

    folder: Path
    postgres: EmbeddedPostgres
    nats: list[EmbeddedNats]
    nodes: list[Child] = field(default_factory=list)
    controls: list[Child] = field(default_factory=list)
    control_ports: list[int] = field(default_factory=list)
    monitors: dict[str, int] = field(default_factory=dict)
    key: str = ""
    ways: dict[str, Balancer] = field(default_factory=dict)
    """Node → its way to NATS, which can be cut."""

    def settings(self, name: str, ocpp_port: int, control_port: int) -> Settings:
        self.monitors[name] = free_port()
        return Settings(
            data_dir=self.folder / "data",
            database_url=self.postgres.dsn,
            ocpp_listen=Address("127.0.0.1", ocpp_port),
            control_listen=Address("127.0.0.1", control_port),
            files_listen=Address("127.0.0.1", free_port()),
            monitor_listen=f"127.0.0.1:{self.monitors[name]}",
            nats_urls=f"nats://127.0.0.1:{self.ways[name].port}"
            if name in self.ways
            else ",".join(each.url for each in self.nats),
            nats_user=self.nats[0].user,
            nats_password=self.nats[0].password,
            nats_replicas=SERVERS,
            node_name=name,
            unknown_stations="accept",
            admin_email=ADMIN[0],
            admin_password=ADMIN[1],
            ping_interval=5.0,
        )

    def child(self, command: str, name: str, ocpp_port: int, control_port: int) -> Child:
        environment = environment_of(self.settings(name, ocpp_port, control_port), os.environ)
        return Child(name, [sys.executable, "-m", "csms", command], environment, stop_timeout=15.0)

    def online(self) -> dict[str, int]:
        """Node → how many stations it says it has; -1: it does not answer."""
        found = {}
        for node in self.nodes:
            found[node.name] = -1
            with suppress(OSError):
                url = f"http://127.0.0.1:{self.monitors[node.name]}/metrics"
                with urllib.request.urlopen(url, timeout=2) as answer:
                    for line in answer.read().decode().splitlines():
                        if line.startswith("chargehouse_stations_online "):
                            found[node.name] = int(float(line.split()[1]))
        return found


def start_servers(folder: Path) -> list[EmbeddedNats]:
    ports = [free_port() for _ in range(SERVERS)]
    made: list[EmbeddedNats] = []
    for number, port in enumerate(ports):
        password = made[0].password if made else ""
        server = EmbeddedNats(
            folder / f"nats-{number}",
            port=free_port(),
            name=f"n{number}",
            cluster_port=port,
            routes=ports,
            password=password,
        )
        server.start()
        made.append(server)
    return made


@asynccontextmanager
async def system() -> AsyncIterator[tuple[System, Balancer]]:
    with temporary_folder() as folder:
        postgres = EmbeddedPostgres(folder / "pg", settings=HASTY | {"max_connections": "120"})
        postgres.start()
        servers = start_servers(folder)
        made = System(folder, postgres, servers)
        (folder / "data").mkdir()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(postgres.supervise)
                for server in servers:
                    nursery.start_soon(server.supervise)
                doors = [free_port() for _ in range(NODES)]
                made.control_ports = [free_port() for _ in range(CONTROLS)]
                for number, port in enumerate(made.control_ports):
                    made.controls.append(made.child("control", f"control-{number}", free_port(), port))
                for number, port in enumerate(doors):
                    way = made.ways[f"node-{number}"] = Balancer([each.port for each in servers])
                    await nursery.start(way.run)
                    made.nodes.append(made.child("node", f"node-{number}", port, free_port()))
                for child in (*made.controls[:1], *made.controls[1:], *made.nodes):
                    nursery.start_soon(child.run)
                    with trio.fail_after(120):
                        await child.ready.wait()
                made.key = await make_key(postgres.dsn)
                balancer = Balancer(doors)
                await nursery.start(balancer.run)
                yield made, balancer
                nursery.cancel_scope.cancel()
        finally:
            for server in servers:
                server.stop()
            postgres.stop()


async def make_key(dsn: str) -> str:
    environment = {**os.environ, "CHARGEHOUSE_DATABASE_URL": dsn}
    command = [sys.executable, "-m", "csms", "key", "create", "--name", "tests", "--role", "administrator"]
    done = await trio.run_process(command, capture_stdout=True, env=environment)
    return done.stdout.decode().split()[-1]


class Watcher:
    """Watches at one control process, and at the other one when that breaks; resumes where it was."""

    def __init__(self, made: System) -> None:
        self._made = made
        self.sessions: set[int] = set()
        self.revision = 0
        self.listed_again = 0
        self.over = False

    def run(self) -> None:
        """In a thread, until `over`."""
        turn = 0
        while not self.over:
            turn += 1
            port = self._made.control_ports[turn % CONTROLS]
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, suppress(grpc.RpcError):
                self._watch(watch_pb2_grpc.WatchServiceStub(channel))
            time.sleep(0.1)

    def _watch(self, stub: Any) -> None:
        request = watch_pb2.WatchRequest(start_revision=self.revision)
        call = stub.Watch(request, metadata=(("authorization", f"Bearer {self._made.key}"),), timeout=30)
        try:
            for change in call:
                if change.HasField("session"):
                    self.sessions.add(int(change.session.name.rpartition("/")[2]))
                self.revision = change.revision
                if self.over:
                    call.cancel()
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.FAILED_PRECONDITION):
                self.listed_again += 1
                self.revision = 0
            raise


class Commander:
    """Sends commands to random stations through random control processes, each with a mark of its own."""

    def __init__(self, made: System, names: Callable[[], list[str]], seed: int) -> None:
        self._made = made
        self._random = random.Random(seed)
        self._names = names
        self.outcomes: dict[str, str] = {}
        self.over = False

    def run(self) -> None:
        """In a thread, until `over`."""
        serial = 0
        while not self.over:
            serial += 1
            port, mark = self._random.choice(self._made.control_ports), f"mark-{serial}"
            names = self._names()
            if names:
                self.outcomes[mark] = self._send(port, self._random.choice(names), mark)
            time.sleep(0.05)

    def _send(self, port: int, name: str, mark: str) -> str:
        request = remote_pb2.GetVariablesRequest(target=remote_pb2.CommandTarget(station=name), names=[mark])
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                remote_pb2_grpc.RemoteServiceStub(channel).GetVariables(
                    request, metadata=(("authorization", f"Bearer {self._made.key}"),), timeout=8
                )
            except grpc.RpcError as error:
                return str(error.code().name)
        return "OK"


async def charged_on(fleet: list[FleetStation]) -> float:
    """Until every station has ended another session; how long that took."""
    before = {each.identity: sum(session.stopped for session in each.sessions) for each in fleet}
    began = trio.current_time()
    with trio.fail_after(BACK_SECONDS):
        while not all(sum(s.stopped for s in each.sessions) > before[each.identity] for each in fleet):
            await trio.sleep(0.1)
    return trio.current_time() - began


async def strike(made: System, fault: str, chance: random.Random) -> None:
    """One fault."""
    if fault == "kill a node":
        os.kill(chance.choice(made.nodes).pid or 0, signal.SIGKILL)
    elif fault == "kill a control process":
        os.kill(chance.choice(made.controls).pid or 0, signal.SIGKILL)
    elif fault == "kill a NATS server":
        chance.choice(made.nats).kill()
    elif fault == "kill PostgreSQL":
        pid = int((made.folder / "pg/pgdata/postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGKILL)
    elif fault == "cut a node off NATS":
        way = chance.choice(list(made.ways.values()))
        way.cut()
        await trio.sleep(25)  # long enough to be given up
        way.mend()
    else:
        victim = chance.choice(made.nodes if fault == "pause a node" else made.controls).pid or 0
        os.kill(victim, signal.SIGSTOP)
        await trio.sleep(10)
        os.kill(victim, signal.SIGCONT)


KINDS = (
    "kill a node",
    "pause a node",
    "kill a NATS server",
    "kill a control process",
    "kill PostgreSQL",
    "cut a node off NATS",
)


@pytest.mark.feature("F-SYS-7")
async def test_whatever_dies_nothing_that_was_answered_is_lost_or_done_twice() -> None:
    chance = random.Random(SEED)
    faults = [*chance.sample(KINDS, len(KINDS)), *chance.choices(KINDS, k=FAULTS)][:FAULTS]
    async with system() as (made, balancer):
        await prepare(made)
        names: dict[str, str] = {}
        fleet = [FleetStation(f"CP-{n}", balancer.port, f"TAG{n}", seed=SEED + n) for n in range(STATIONS)]
        watcher, commander = Watcher(made), Commander(made, lambda: list(names.values()), SEED)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial_thread(watcher.run))
            for each in fleet:
                nursery.start_soon(each.run)
            await charged_on(fleet)
            names |= await names_of(made)
            nursery.start_soon(partial_thread(commander.run))
            took = {}
            for number, fault in enumerate(faults):
                await strike(made, fault, chance)
                took[f"{number} {fault}"] = round(await charged_on(fleet), 1)
            sys.stderr.write(f"\nseconds until all charged on: {took}\n")
            commander.over = True
            for each in fleet:
                each.busy = False
            await quiet(made, fleet, watcher)
            watcher.over = True
            await trio.sleep(1)
            await check_books(made, fleet)
            check_commands(fleet, commander)
            online = made.online()
            assert sum(online.values()) == STATIONS, online
            nursery.cancel_scope.cancel()


def partial_thread(run: Callable[[], None]) -> Callable[[], Any]:
    async def in_thread() -> None:
        await trio.to_thread.run_sync(run, abandon_on_cancel=True)

    return in_thread


async def prepare(made: System) -> None:
    def tags() -> None:
        from control.v1 import id_tokens_pb2, id_tokens_pb2_grpc

        with grpc.insecure_channel(f"127.0.0.1:{made.control_ports[0]}") as channel:
            stub = id_tokens_pb2_grpc.IdTokenServiceStub(channel)
            for number in range(STATIONS):
                token = id_tokens_pb2.IdToken(id_token=f"TAG{number}")
                stub.CreateIdToken(
                    id_tokens_pb2.CreateIdTokenRequest(id_token=token),
                    metadata=(("authorization", f"Bearer {made.key}"),),
                    timeout=20,
                )

    await trio.to_thread.run_sync(tags)


async def rows(made: System, sql: str, *args: object) -> list[Any]:
    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(made.postgres.dsn)
        try:
            return list(await connection.fetch(sql, *args))
        finally:
            await connection.close()

    async with open_door() as door:
        return await door.call(fetch)


async def names_of(made: System) -> dict[str, str]:
    return {row["identity"]: f"stations/{row['id']}" for row in await rows(made, "SELECT id, identity FROM station")}


async def quiet(made: System, fleet: list[FleetStation], watcher: Watcher) -> None:
    """Until all stations are connected, each to one node, and the watcher has heard of all that was answered."""
    wanted = {session.number for each in fleet for session in each.sessions}
    with trio.fail_after(BACK_SECONDS):
        while not (
            all(each.connected for each in fleet)
            and (await rows(made, "SELECT count(*) AS n FROM station WHERE online"))[0]["n"] == STATIONS
            and sum(made.online().values()) == STATIONS
            and (watcher.listed_again or wanted <= watcher.sessions)
        ):
            await trio.sleep(0.3)


async def check_books(made: System, fleet: list[FleetStation]) -> None:
    sessions = {row["id"]: row for row in await rows(made, "SELECT id, station_identity, state, flags FROM session")}
    values = await rows(made, "SELECT session_id, measured_at, count(*) AS n FROM meter_value GROUP BY 1, 2")
    written = {(row["session_id"], row["measured_at"].strftime("%Y-%m-%dT%H:%M:%SZ")): row["n"] for row in values}
    unanswered = dict.fromkeys((each.identity for each in fleet), 0)
    for number, row in sessions.items():
        if not any(number == known.number for each in fleet for known in each.sessions):
            unanswered[row["station_identity"]] += 1
    assert all(count <= 1 for count in unanswered.values()), unanswered
    for each in fleet:
        numbers = [session.number for session in each.sessions]
        assert len(set(numbers)) == len(numbers)
        for session in each.sessions:
            assert session.number in sessions, (each.identity, session)
            assert sessions[session.number]["station_identity"] == each.identity
            if session.stopped:
                assert sessions[session.number]["state"] == "ENDED", (each.identity, session)
            for moment in session.meter_values:
                assert written.get((session.number, moment)) == 1, (each.identity, session.number, moment)


def check_commands(fleet: list[FleetStation], commander: Commander) -> None:
    seen = [mark for each in fleet for mark in each.asked]
    assert len(set(seen)) == len(seen), "a command was carried out twice"
    answered = {mark for mark, outcome in commander.outcomes.items() if outcome == "OK"}
    assert answered <= set(seen)
    assert len(answered) > len(commander.outcomes) / 4, commander.outcomes
