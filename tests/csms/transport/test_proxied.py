"""Stations behind a balancer, on real sockets: in the clear, by TLS, by SOAP; and who is not believed."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from csms.domain.networks import Networks
from csms.ports.wire import ConnectionClosed
from csms.transport import proxied
from csms.transport.connection import WebSocketConnection
from csms.transport.proxied import TrustedProxies
from csms.transport.security import AttemptLimiter, AttemptLimits
from csms.transport.soap.endpoint import PATH, SoapEndpoint
from csms.transport.sockets import open_listen_socket
from csms.transport.websocket import Admitted, ConnectionAttempt, ListenerLimits, OcppListener, Refused
from tests.csms.transport.soap.messages import envelope
from tests.csms.transport.soap.test_endpoint import AUTHORIZE, INFO, ROW, FakeStations
from tests.csms.transport.station_client import StationClient, make_certificate
from tests.csms.transport.test_proxy_protocol import SIGNATURE, TCP4, TCP6
from tests.csms.transport.test_websocket import Door, House, basic, opened_door
from tests.kit.soap_station import read_http, reply_of

LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 9000\r\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
QUICK = ListenerLimits(handshake_timeout=0.2, close_timeout=0.5)


def trusted(networks: str = "127.0.0.0/8") -> TrustedProxies:
    return TrustedProxies(Networks.parse(networks))


async def knock(door: Door, header: bytes, **headers: str) -> tuple[StationClient, int]:
    """A station through a balancer that says `header`; the status of the answer."""
    stream = await door.dial()
    await stream.send_all(header)
    station = StationClient(stream, f"ws://127.0.0.1:{door.port}/ocpp/CP1")
    return station, (await station.shake_hands(offer="ocpp1.6", headers=headers)).status_code


@pytest.mark.feature("F-SYS-7")
@pytest.mark.parametrize(("header", "told"), [(LINE, "192.0.2.7"), (TCP4, "192.0.2.7"), (TCP6, "2001:db8::7")])
async def test_the_address_of_a_station_behind_a_balancer_is_its_own(header: bytes, told: str) -> None:
    async with opened_door(proxies=trusted()) as door:
        station, status = await knock(door, header)
        assert status == 101
        await station.send(b"hi")
        assert await station.receive() == b"hi"
        assert [attempt.remote_address for attempt in door.house.attempts] == [told]


@pytest.mark.parametrize("header", [b"", LOCAL, b"PROXY UNKNOWN\r\n"])
async def test_a_balancer_that_speaks_for_itself_and_a_station_beside_it_come_in_as_they_are(header: bytes) -> None:
    async with opened_door(proxies=trusted()) as door:
        _, status = await knock(door, header)
        assert status == 101
        assert door.house.attempts[0].remote_address == "127.0.0.1"
        assert (await door.get(header + HEALTHZ)).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("header", [LINE, TCP4])
@pytest.mark.parametrize("networks", ["", "192.0.2.1, 10.0.0.0/8"])
async def test_a_stranger_cannot_say_where_it_is(networks: str, header: bytes) -> None:
    proxies = trusted(networks)
    async with opened_door(proxies=proxies) as door:
        answer = await door.get(header + HEALTHZ)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert door.house.attempts == []
    assert proxies.refused == 0


async def test_a_second_header_is_not_believed() -> None:
    async with opened_door(proxies=trusted()) as door:
        assert (await door.get(LINE + LINE + HEALTHZ)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_tls_begins_after_the_header(tmp_path: Path) -> None:
    server, client = make_certificate(tmp_path)
    for shared in (False, True):
        house = House()
        async with opened_door(house, ssl_context=server, shared=shared, proxies=trusted()) as door:
            raw = await door.dial()
            await raw.send_all(TCP4)
            stream = trio.SSLStream(raw, client, server_hostname="localhost")
            station = StationClient(stream, f"wss://localhost:{door.port}/ocpp/CP1")
            assert (await station.shake_hands(offer="ocpp1.6", headers=None)).status_code == 101
            assert (house.attempts[0].remote_address, house.attempts[0].tls) == ("192.0.2.7", True)


async def test_guessers_behind_a_balancer_do_not_make_their_neighbours_wait() -> None:
    house = House(passwords={"CP1": b"right"})
    limiter = AttemptLimiter(AttemptLimits(address=2, pair=9, identity=9))
    async with opened_door(house, attempts=limiter, proxies=trusted()) as door:
        wrong, right = (basic("CP1", word)["Authorization"] for word in (b"wrong", b"right"))
        assert [(await knock(door, LINE, Authorization=wrong))[1] for _ in range(3)] == [401, 401, 429]
        assert (await knock(door, TCP6, Authorization=right))[1] == 101


@pytest.mark.parametrize("broken", [b"PROXY TCP4 nowhere\r\n", SIGNATURE + b"\x21\x12\x00\x00", LINE[:20], TCP4[:20]])
async def test_a_broken_header_ends_the_connection_and_is_counted(broken: bytes) -> None:
    proxies = trusted()
    async with opened_door(proxies=proxies, limits=QUICK) as door:
        neighbour = await door.station("CP2")
        with contextlib.suppress(trio.BrokenResourceError):  # a reset: there was more to read
            assert await door.get(broken) == b"", "what is no HTTP gets no answer"
        assert proxies.refused == 1
        await neighbour.send(b"still here")
        assert await neighbour.receive() == b"still here"


async def test_a_balancer_that_says_nothing_holds_no_place() -> None:
    proxies = trusted()
    limits = ListenerLimits(handshakes=1, handshake_timeout=0.2)
    async with opened_door(proxies=proxies, limits=limits) as door:
        silent = await door.dial()
        assert await silent.receive_some() == b""
        assert proxies.refused == 1
        await door.station()


# -- reading it ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[socket.socket, trio.SocketStream]]:
    """Ours, non-blocking, and the balancer's end."""
    listening = open_listen_socket("127.0.0.1", 0)
    with listening:
        balancer = await trio.open_tcp_stream("127.0.0.1", listening.getsockname()[1])
        await trio.lowlevel.wait_readable(listening)
        ours, _ = listening.accept()
    ours.setblocking(False)
    with ours, trio.fail_after(60):
        async with balancer:
            yield ours, balancer


@pytest.mark.parametrize("header", [LINE, TCP6])
async def test_a_header_byte_by_byte_costs_one_look_for_each(header: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def counted(sock: socket.socket) -> None:
        nonlocal looks
        looks += 1
        await trio.lowlevel.wait_readable(sock)

    monkeypatch.setattr(proxied, "wait_readable", counted)
    async with pair() as (ours, balancer), trio.open_nursery() as nursery:
        found: list[str] = []

        async def read() -> None:
            found.append(await trusted().origin(ours, "127.0.0.1", 10.0))

        nursery.start_soon(read)
        for byte in header:
            await wait_all_tasks_blocked()
            await balancer.send_all(bytes([byte]))
            await trio.lowlevel.wait_writable(balancer.socket)
        await balancer.send_all(b"GET")
        while not found:
            await trio.sleep(0)
        assert found in (["192.0.2.7"], ["2001:db8::7"])
        assert looks <= len(header) + 1
        await trio.lowlevel.wait_readable(ours)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1
        assert ours.recv(9) == b"GET", "what follows is untouched"


async def test_a_health_check_that_only_connects_is_not_counted() -> None:
    proxies = trusted()
    async with pair() as (ours, balancer):
        await balancer.aclose()
        with pytest.raises(ConnectionClosed, match="left before"):
            await proxies.origin(ours, "127.0.0.1", 10.0)
    assert proxies.refused == 0


async def test_a_balancer_that_is_set_wrongly_does_not_fill_the_log() -> None:
    proxies = trusted()
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            async with pair() as (ours, balancer):
                await balancer.send_all(b"PROXY TCP9 \r\n")
                with pytest.raises(ConnectionClosed, match="broken"):
                    await proxies.origin(ours, "127.0.0.1", 10.0)
    assert proxies.refused == 5
    assert [line["refused"] for line in lines] == [1]


# -- SOAP ------------------------------------------------------------------------------------------------------------


async def test_a_box_that_speaks_soap_behind_a_balancer() -> None:
    stations = FakeStations(INFO)

    class Admission:
        async def admit(self, attempt: ConnectionAttempt) -> Admitted[object] | Refused:
            await trio.lowlevel.checkpoint()
            return Admitted(attempt.identity, ROW)

    async def no_links(_connection: WebSocketConnection, _admitted: Admitted[object]) -> None:
        raise AssertionError("nobody speaks WebSocket here")

    listener: OcppListener[object] = OcppListener(
        Admission(), no_links, plain_http=SoapEndpoint(stations), proxies=trusted()
    )
    listening = open_listen_socket("127.0.0.1", 0)
    body = envelope(AUTHORIZE)
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with trio.fail_after(60):
        async with trio.open_nursery() as links:
            await links.start(partial(listener.run, [listening], links))
            async with await trio.open_tcp_stream("127.0.0.1", listening.getsockname()[1]) as stream:
                for first in (TCP4, b""):  # the connection stays, and what was said at its beginning counts
                    await stream.send_all(first + head + body)
                    assert reply_of(*await read_http(stream)).status == 200
            links.cancel_scope.cancel()
    assert [call.remote_address for call in stations.calls] == ["192.0.2.7"] * 2
