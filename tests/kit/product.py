"""The whole product as real processes: `chargehouse serve` on free ports, a control API client, simple stations."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import trio
import trio_websocket
from trio_websocket import ConnectionClosed, HandshakeError
from wsproto.utilities import LocalProtocolError

from control.v1 import (
    auth_pb2_grpc,
    id_tokens_pb2,
    id_tokens_pb2_grpc,
    messages_pb2_grpc,
    remote_pb2_grpc,
    sessions_pb2_grpc,
    stations_pb2_grpc,
    system_pb2_grpc,
    watch_pb2_grpc,
)
from csms.aio import open_door
from csms.domain.access import Principal, Role
from csms.services.api_keys import ApiKeys
from csms.storage.access import PostgresAccess
from csms.storage.pool import open_database
from csms.storage.postgres import EmbeddedPostgres
from tests.kit.database import HASTY, bring_up_to_date

ADMIN = ("admin@example.org", "correct-horse-7")


def free_port() -> int:
    """A port that nobody listens at, from below those that the kernel gives to connections: what is asked for now is
    listened at only seconds later, and other tests connect meanwhile."""
    for port in _ports:
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports never end")


def _own_ports() -> Iterator[int]:
    """Those of this one of pytest's processes, over and over: no other takes them, and none comes again soon."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = 15_000 + 2_000 * (int(worker) % 8)
    return itertools.cycle(random.sample(range(first, first + 2_000), 2_000))


_ports = _own_ports()


async def _new_key(dsn: str, role: Role) -> str:
    made_by = Principal("commandLine", "command line", Role.ADMINISTRATOR)
    async with open_door() as door, open_database(door, dsn, max_size=1) as database:
        return (await ApiKeys(PostgresAccess(database)).create(made_by, "tests", role, None))[1]


@dataclass
class Product:
    """One installation: its folder, its ports, its process."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    portal: bool = False
    admin: bool = True
    """Give the first administrator's password; else the product makes one and prints it."""
    ocpp_port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    portal_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    key: str = ""

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def ocpp(self) -> str:
        return f"ws://127.0.0.1:{self.ocpp_port}/ocpp"

    def flags(self) -> list[str]:
        flags = {
            "data-dir": str(self.folder / "data"),
            "ocpp-listen": f"127.0.0.1:{self.ocpp_port}",
            "control-listen": f"127.0.0.1:{self.control_port}",
            "portal-listen": f"127.0.0.1:{self.portal_port}",
            "files-listen": "127.0.0.1:0",
            "ping-interval": "5",
            **self.settings,
        }
        given = [f"--{name}" if value == "on" else f"--{name}={value}" for name, value in flags.items()]
        return given + ([] if self.portal else ["--no-portal"])

    def command(self, *argv: str) -> list[str]:
        return [sys.executable, "-m", "csms", *argv]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGEHOUSE_")}
        given = {"CHARGEHOUSE_ADMIN_EMAIL": ADMIN[0], "CHARGEHOUSE_ADMIN_PASSWORD": ADMIN[1]}
        return kept | (given if self.admin else {})

    def start(self, patience: float = 180.0) -> None:
        """Start and wait until stations, callers and browsers can connect."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", *self.flags()), stdout=log, stderr=log, env=self.environment()
            )
        deadline = time.monotonic() + patience
        while not self.healthy() or not self.open():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        if not self.key:
            self.key = self.make_key()

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ocpp_port}/healthz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def open(self) -> bool:
        """Whether the doors of the control API and of the portal are."""
        listens = dict(flag.removeprefix("--").split("=", 1) for flag in self.flags() if "-listen=" in flag)
        doors = [listens["control-listen"], *([listens["portal-listen"]] if self.portal else [])]
        try:
            for door in doors:
                host, _, port = door.rpartition(":")
                socket.create_connection((host, int(port)), timeout=10).close()
        except OSError:
            return False
        return True

    def make_key(self, role: str = "administrator") -> str:
        """What `chargehouse key create` does, without loading a whole program for it once more."""
        with ThreadPoolExecutor(1) as pool:  # our caller may be in trio already
            return pool.submit(trio.run, _new_key, self.dsn(), Role(role)).result()

    def dsn(self) -> str:
        """Of the database, which is up."""
        if "database-url" in self.settings:
            return self.settings["database-url"]
        embedded = EmbeddedPostgres(self.folder / "data")
        embedded.folder.socket_folder = (embedded.folder.path / "run").resolve()
        return embedded.dsn

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def postgres_pid(self) -> int:
        return int((self.folder / "data/pgdata/postmaster.pid").read_text().split("\n")[0])


@functools.cache
def _ready_database() -> Path:
    """A cluster with today's schema and nothing in it, made once in a run and copied for each product after that."""
    folder = Path(tempfile.mkdtemp(prefix="chargehouse-ready-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o711)
    cluster = EmbeddedPostgres(folder / "data", settings=HASTY)
    cluster.start()
    try:
        with ThreadPoolExecutor(1) as pool:  # our caller may be in trio already
            pool.submit(asyncio.run, bring_up_to_date(cluster.dsn)).result()
    finally:
        cluster.stop()
    return folder / "data/pgdata"


@contextlib.contextmanager
def product(
    *, portal: bool = False, admin: bool = True, from_nothing: bool = False, patience: float = 180.0, **settings: str
) -> Iterator[Product]:
    """A running installation in a fresh folder; ends with the block. `from_nothing`: it makes its database itself."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-") as name:
        os.chmod(name, 0o755)
        made = Product(Path(name), {key.replace("_", "-"): value for key, value in settings.items()}, portal, admin)
        if not from_nothing and "database_url" not in settings:
            (made.folder / "data").mkdir(mode=0o711)
            subprocess.run(["cp", "-a", _ready_database(), made.folder / "data/pgdata"], check=True)
        try:
            made.start(patience)
            yield made
        finally:
            if made.process is not None and made.process.poll() is None:
                made.stop(90)


class Api:
    """Blocking stubs of the control API with a key."""

    def __init__(self, product: Product, key: str | None = None, ca: bytes | None = None) -> None:
        address = f"127.0.0.1:{product.control_port}"
        if ca is None:
            self._channel = grpc.insecure_channel(address)
        else:
            self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca))
        bearer = (("authorization", f"Bearer {product.key if key is None else key}"),)

        class AddKey(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
            def intercept_unary_unary(self, go_on: Any, details: Any, request: Any) -> Any:
                return go_on(details._replace(metadata=bearer), request)

            def intercept_unary_stream(self, go_on: Any, details: Any, request: Any) -> Any:
                return go_on(details._replace(metadata=bearer), request)

        channel = grpc.intercept_channel(self._channel, AddKey())
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.stations = stations_pb2_grpc.StationServiceStub(channel)
        self.remote = remote_pb2_grpc.RemoteServiceStub(channel)
        self.sessions = sessions_pb2_grpc.SessionServiceStub(channel)
        self.tokens = id_tokens_pb2_grpc.IdTokenServiceStub(channel)
        self.watch = watch_pb2_grpc.WatchServiceStub(channel)
        self.messages = messages_pb2_grpc.MessageLogServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)

    def add_token(self, id_token: str) -> None:
        self.tokens.CreateIdToken(
            id_tokens_pb2.CreateIdTokenRequest(id_token=id_tokens_pb2.IdToken(id_token=id_token)), timeout=60
        )

    def close(self) -> None:
        self._channel.close()


@contextlib.contextmanager
def api(product: Product, key: str | None = None, ca: bytes | None = None) -> Iterator[Api]:
    """`ca`: speak TLS and trust this authority (PEM)."""
    made = Api(product, key, ca)
    try:
        yield made
    finally:
        made.close()


class Station:
    """A plain OCPP 1.6J station over trio-websocket: a second implementation that shares nothing with the server."""

    def __init__(self, socket: trio_websocket.WebSocketConnection, nursery: trio.Nursery) -> None:
        self.socket = socket
        self.serial = 0
        self.answers: dict[str, dict[str, Any]] = {"RemoteStartTransaction": {"status": "Accepted"}}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._waiting: dict[str, trio.Event] = {}
        self._got: dict[str, list[Any]] = {}
        self.closed = trio.Event()
        self.close_code: int | None = None
        nursery.start_soon(self._read)

    async def _read(self) -> None:
        try:
            while True:
                message = json.loads(await self.socket.get_message())
                if message[0] == 2:
                    self.asked.append((message[2], message[3]))
                    answer = self.answers.get(message[2], {"status": "Accepted"})
                    await self.socket.send_message(json.dumps([3, message[1], answer]))
                elif message[1] in self._waiting:
                    self._got[message[1]] = message
                    self._waiting.pop(message[1]).set()
        except ConnectionClosed as end:
            self.close_code = None if end.reason is None else end.reason.code
            self.closed.set()
            for event in self._waiting.values():
                event.set()

    async def exchange(self, frame: list[Any]) -> list[Any]:
        """Send a CALL, give its answer. Raises ConnectionError when the link went first."""
        event = self._waiting[frame[1]] = trio.Event()
        if self.closed.is_set():
            raise ConnectionError("closed")
        try:
            await self.socket.send_message(json.dumps(frame))
        except ConnectionClosed:
            raise ConnectionError("closed") from None
        await event.wait()
        if frame[1] not in self._got:
            raise ConnectionError("closed")
        return self._got.pop(frame[1])

    async def call(self, action: str, **payload: Any) -> dict[str, Any]:
        """A CALL's CALLRESULT payload. Raises RuntimeError on a CALLERROR."""
        self.serial += 1
        answer = await self.exchange([2, f"{id(self)}-{self.serial}", action, payload])
        if answer[0] != 3:
            raise RuntimeError(f"{action}: {answer}")
        return dict(answer[2])

    async def boot(self) -> dict[str, Any]:
        return await self.call("BootNotification", chargePointVendor="Acme", chargePointModel="One")


@asynccontextmanager
async def station(
    product: Product,
    identity: str,
    *,
    password: str | None = None,
    path: str = "/ocpp",
    subprotocol: str = "ocpp1.6",
    port: int | None = None,
    source: str | None = None,
) -> AsyncIterator[Station]:
    """A connected station, through another `port`, from another address `source` of this machine, when they are given.
    Raises HandshakeError when it is refused."""
    import base64

    headers = []
    if password is not None:
        headers.append((b"Authorization", b"Basic " + base64.b64encode(f"{identity}:{password}".encode())))
    stream = await trio.open_tcp_stream("127.0.0.1", port or product.ocpp_port, local_address=source)
    try:
        async with trio.open_nursery() as nursery:
            socket = await trio_websocket.wrap_client_stream(
                nursery,
                stream,
                f"127.0.0.1:{product.ocpp_port}",
                f"{path}/{identity}",
                subprotocols=[subprotocol],
                extra_headers=headers,
            )
            try:
                yield Station(socket, nursery)
            finally:
                ended = contextlib.suppress(ConnectionClosed, trio.BrokenResourceError)
                with trio.CancelScope(shield=True), trio.move_on_after(2), ended:
                    await socket.aclose()
                nursery.cancel_scope.cancel()
    except* LocalProtocolError:  # a ping came while we closed, and the library would still answer it
        pass
    finally:  # where the server refuses or closes first, the library leaves the stream open
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


__all__ = ["ADMIN", "Api", "HandshakeError", "Product", "Station", "api", "free_port", "product", "station"]
