"""A real HAProxy in front of the real product: stations keep their addresses, in the clear, by TLS and by SOAP."""

from __future__ import annotations

import csv
import io
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from control.v1 import stations_pb2
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, free_port, product, station
from tests.kit.soap_station import soap_station

pytestmark = [
    pytest.mark.system,
    pytest.mark.feature("F-SYS-7"),
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy here"),
]

BALANCER = "127.0.0.99"
"""Where HAProxy connects from. The product trusts it alone, so that nothing here passes by accident."""
STATION = "127.0.0.77"
UPGRADE = (
    "GET /ocpp/{} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)
CONFIGURATION = """
global
    stats socket {stats} mode 600 level user
defaults
    mode tcp
    timeout connect 3s
    timeout client 60s
    timeout server 60s
    default-server inter 200ms source {balancer}
listen version2
    bind 127.0.0.1:{version2}
    option httpchk GET /healthz
    http-check expect status 200
    server node 127.0.0.1:{plain} send-proxy-v2 check
listen version1
    bind 127.0.0.1:{version1}
    server node 127.0.0.1:{plain} send-proxy check
listen tls
    bind 127.0.0.1:{tls}
    server node 127.0.0.1:{secure} send-proxy-v2 proxy-v2-options crc32c,unique-id check
listen silent
    bind 127.0.0.1:{silent}
    server node 127.0.0.1:{plain}
"""


@dataclass
class HaProxy:
    """Its ports, by what it says to the product: `silent` says nothing."""

    version1: int
    version2: int
    tls: int
    silent: int
    stats: Path

    def states(self) -> dict[str, str]:
        """Of the product as its health checks see it, by section."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.stats))
            asked.sendall(b"show stat\n")
            told = b""
            while more := asked.recv(65_536):
                told += more
        rows = csv.DictReader(io.StringIO(told.decode().removeprefix("# ")))
        return {row["pxname"]: f"{row['status']} {row['check_status']}" for row in rows if row["svname"] == "node"}


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    secure = f"127.0.0.1:{free_port()}"
    with product(ocpp_trusted_proxies=f"192.0.2.0/24,{BALANCER}", ocpp_tls_listen=secure) as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


@pytest.fixture(scope="module")
def haproxy(running: Product) -> Iterator[HaProxy]:
    made = HaProxy(free_port(), free_port(), free_port(), free_port(), running.folder / "haproxy.sock")
    file = running.folder / "haproxy.cfg"
    secure = running.settings["ocpp-tls-listen"].rpartition(":")[2]
    ports = {**vars(made), "plain": running.ocpp_port, "secure": secure}
    file.write_text(CONFIGURATION.format(**ports, balancer=BALANCER))
    with (running.folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(["haproxy", "-f", str(file), "-db"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not made.stats.exists() or "L7OK" not in made.states().get("version2", ""):
            assert process.poll() is None, (running.folder / "haproxy.log").read_text()
            assert time.monotonic() < deadline, made.states()
            time.sleep(0.05)
        yield made
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("version", ["version1", "version2"])
async def test_a_station_behind_the_balancer_shows_its_own_address(
    running: Product, desk: Desk, haproxy: HaProxy, version: str
) -> None:
    name = await desk.add_station(f"CP-{version}")
    async with station(running, f"CP-{version}", port=getattr(haproxy, version), source=STATION) as made:
        assert (await made.boot())["status"] == "Accepted"
        found = await desk.station(name)
        assert (found.connection_state, found.remote_address) == (stations_pb2.CONNECTION_STATE_ONLINE, STATION)


async def test_a_station_by_tls_behind_the_balancer(desk: Desk, haproxy: HaProxy) -> None:
    name = await desk.add_station("CP-TLS")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whose it is is the business of others
    raw = await trio.open_tcp_stream("127.0.0.1", haproxy.tls, local_address=STATION)
    async with trio.SSLStream(raw, context, https_compatible=True) as stream:
        await stream.send_all(UPGRADE.format("CP-TLS").encode())
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        await desk.until(lambda: desk.station(name), lambda found: found.remote_address == STATION)


async def test_commands_go_to_a_box_that_speaks_soap_behind_the_balancer(desk: Desk, haproxy: HaProxy) -> None:
    """The address that it tells is the one that it comes from, which is not the balancer's."""
    async with soap_station(haproxy.version2, "BOX-BALANCED") as box:
        name = await desk.add_station("BOX-BALANCED")
        assert (await box.boot()).find("status") == "Accepted"
        assert (await desk.station(name)).remote_address == "127.0.0.1"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_clear_cache, desk, name)
            assert (await box.asked("ClearCache")).headers["To"] == box.own_address


async def _clear_cache(desk: Desk, name: str) -> None:
    await desk.call("remote.ClearCache", target={"station": name})


async def test_a_balancer_that_tells_nothing_is_where_its_stations_are(
    running: Product, desk: Desk, haproxy: HaProxy
) -> None:
    name = await desk.add_station("CP-SILENT")
    async with station(running, "CP-SILENT", port=haproxy.silent, source=STATION) as made:
        await made.boot()
        assert (await desk.station(name)).remote_address == BALANCER


async def test_guesses_behind_the_balancer_are_counted_for_the_guesser_alone(desk: Desk, haproxy: HaProxy) -> None:
    """60 wrong passwords from one address are the most in five minutes."""
    await desk.add_station("CP-NEIGHBOUR")

    wrong = UPGRADE.replace("\r\n\r\n", "\r\nAuthorization: Basic bm9ib2R5Omd1ZXNz\r\n\r\n")  # nobody:guess

    async def raw(source: str, identity: str, request: str) -> bytes:
        stream = await trio.open_tcp_stream("127.0.0.1", haproxy.version2, local_address=source)
        async with stream:
            await stream.send_all(request.format(identity).encode())
            return (await stream.receive_some())[9:12]

    seen = [await raw("127.0.0.66", f"CP-{n}", wrong) for n in range(61)]
    assert (seen[0], seen[-1]) == (b"401", b"429")
    assert await raw(STATION, "CP-NEIGHBOUR", UPGRADE) == b"101"


async def test_somebody_else_is_not_believed(running: Product) -> None:
    for header in (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n", b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"):
        stream = await trio.open_tcp_stream("127.0.0.1", running.ocpp_port, local_address=STATION)
        async with stream:
            await stream.send_all(header + UPGRADE.format("CP-LIAR").encode())
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 400 ")


def test_health_checks_find_the_product_alive(running: Product, haproxy: HaProxy) -> None:
    states = haproxy.states()
    assert states.pop("silent").startswith("no check")
    assert {state.split()[0] for state in states.values()} == {"UP"}, states
    assert "through a balancer refused" not in running.log.read_text()
