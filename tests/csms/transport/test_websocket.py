"""The OCPP-J front door, with real clients on real ports."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio_websocket
from websockets.http11 import Response

from csms.transport.connection import WebSocketConnection
from csms.transport.keepalive import KeepAlive
from csms.transport.opening import negotiate
from csms.transport.proxied import TrustedProxies
from csms.transport.security import AttemptLimiter, AttemptLimits
from csms.transport.sockets import open_listen_socket
from csms.transport.websocket import (
    WRONG_CREDENTIALS,
    Admitted,
    ConnectionAttempt,
    ListenerLimits,
    OcppListener,
    Refused,
    Tls,
)
from tests.csms.transport.station_client import StationClient, frame, make_certificate

PATIENCE = 60


@dataclass
class House:
    """A listener with an admission that knows passwords, and links that do as the messages say."""

    passwords: dict[str, bytes] = field(default_factory=dict)
    attempts: list[ConnectionAttempt] = field(default_factory=list)
    gate: trio.Event | None = None
    cancelled: int = 0

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[str] | Refused:
        self.attempts.append(attempt)
        if self.gate is not None:
            await self.gate.wait()
        if attempt.identity == "stranger":
            return Refused(404, "The station stranger is not known here. Ask the operator to add it.")
        if attempt.identity == "bug":
            raise RuntimeError("the admission has a bug")
        password = self.passwords.get(attempt.identity)
        if password is not None and (attempt.basic_credentials is None or attempt.basic_credentials[1] != password):
            return WRONG_CREDENTIALS
        return Admitted(attempt.identity, f"ticket of {attempt.identity}")

    async def serve(self, connection: WebSocketConnection, admitted: Admitted[str]) -> None:
        assert admitted.ticket == f"ticket of {admitted.identity}"
        try:
            while True:
                message = await connection.receive()
                assert isinstance(message, bytes)
                if message == b"crash":
                    raise RuntimeError("the link has a bug")
                if message == b"crash in a group":
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._crash)
                        nursery.start_soon(trio.sleep_forever)
                if message == b"return":
                    return
                await connection.send(message)
        except trio.Cancelled:
            self.cancelled += 1
            raise

    async def _crash(self) -> None:
        raise RuntimeError("a child of the link has a bug")


class Door:
    """A running listener and a way to knock on it."""

    def __init__(self, house: House, listener: OcppListener[str], port: int, links: trio.Nursery) -> None:
        self.house = house
        self.listener = listener
        self.port = port
        self.links = links
        self.streams: list[trio.SocketStream] = []

    async def dial(self) -> trio.SocketStream:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.streams.append(stream)
        return stream

    async def knock(
        self, path: str = "/ocpp/CP1", *, offer: str | None = "ocpp1.6", headers: dict[str, str] | None = None
    ) -> tuple[StationClient, Response]:
        station = StationClient(await self.dial(), f"ws://127.0.0.1:{self.port}{path}")
        return station, await station.shake_hands(offer=offer, headers=headers)

    async def station(self, identity: str = "CP1") -> StationClient:
        station, response = await self.knock(f"/ocpp/{identity}")
        assert response.status_code == 101
        await station.send(b"hi")
        assert await station.receive() == b"hi"
        return station

    async def get(self, raw: bytes) -> bytes:
        stream = await self.dial()
        await stream.send_all(raw)
        answer = b""
        while data := await stream.receive_some(65_536):
            answer += data
        return answer


@contextlib.asynccontextmanager
async def opened_door(
    house: House | None = None,
    *,
    listening: socket.socket | None = None,
    ssl_context: ssl.SSLContext | None = None,
    shared: bool = False,
    keep_alive: KeepAlive | None = None,
    attempts: AttemptLimiter | None = None,
    limits: ListenerLimits | None = None,
    proxies: TrustedProxies | None = None,
) -> AsyncIterator[Door]:
    house = house or House()
    listener: OcppListener[str] = OcppListener(
        house,
        house.serve,
        keep_alive=keep_alive,
        attempts=attempts,
        limits=limits or ListenerLimits(close_timeout=0.5),
        proxies=proxies,
    )
    sock = listening or open_listen_socket("127.0.0.1", 0)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as links, trio.open_nursery() as nursery:
            if keep_alive is not None:
                nursery.start_soon(keep_alive.run)

            async def run(*, task_status: trio.TaskStatus[None]) -> None:
                tls = None if ssl_context is None else Tls(lambda: ssl_context, shared=shared)
                await listener.run([sock], links, tls=tls, task_status=task_status)

            await nursery.start(run)
            door = Door(house, listener, sock.getsockname()[1], links)
            try:
                yield door
            finally:
                for stream in door.streams:
                    await trio.aclose_forcefully(stream)
                nursery.cancel_scope.cancel()
                links.cancel_scope.cancel()


def basic(user: str, password: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(user.encode() + b":" + password).decode()}


# -- addresses -----------------------------------------------------------------------------------------


async def test_both_addresses_lead_to_the_link_and_others_nowhere() -> None:
    async with opened_door() as door:
        await door.station("CP%7C1")
        station, response = await door.knock("/Ocpp/websocket/CP2/")
        assert response.status_code == 101
        await station.send(b"x")
        assert await station.receive() == b"x"
        assert [attempt.identity for attempt in door.house.attempts] == ["CP|1", "CP2"]
        assert door.house.attempts[1].path == "/Ocpp/websocket/CP2/"
        for path, status in (("/elsewhere", 404), ("/ocpp/a%07b", 400)):
            _, response = await door.knock(path)
            assert response.status_code == status
            assert response.body.endswith(b".\n")
        answer = await door.get(b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
        assert b"Upgrade: websocket\r\n" in answer


async def test_healthz_is_plain_http() -> None:
    async with opened_door() as door:
        answer = await door.get(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\nok\n")
        assert (await door.get(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).endswith(b"\r\n\r\n")
        assert door.house.attempts == []


# -- subprotocols --------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize(
    ("offered", "supported", "chosen"),
    [
        (["ocpp1.6"], ["ocpp1.6"], ("ocpp1.6", "ocpp1.6")),
        (["ocpp1.5", "OCPP1.6"], ["ocpp1.6"], ("ocpp1.6", "OCPP1.6")),
        (["ocpp1.6", "ocpp2.0.1"], ["ocpp2.0.1", "ocpp1.6"], ("ocpp2.0.1", "ocpp2.0.1")),
        (["ocpp2.0.1"], ["ocpp1.6"], None),
        ([], ["ocpp1.6"], None),
    ],
)
def test_the_first_of_ours_that_the_station_speaks(
    offered: list[str], supported: list[str], chosen: tuple[str, str] | None
) -> None:
    assert negotiate(offered, supported) == chosen


@pytest.mark.feature("F-OCPP-6", "F-OCPP-10")
@pytest.mark.parametrize("offer", [None, "ocpp2.0.1", "soap, ocpp1.5"])
async def test_no_common_subprotocol_completes_the_handshake_and_closes_at_once(offer: str | None) -> None:
    async with opened_door() as door:
        station, response = await door.knock(offer=offer)
        assert response.status_code == 101
        assert "Sec-WebSocket-Protocol" not in response.headers
        assert await station.closed() == (1002, "offer one of: ocpp1.6")
        assert door.house.attempts[0].subprotocol is None
        assert not door.listener.connections


async def test_the_answer_repeats_the_chosen_subprotocol() -> None:
    async with opened_door() as door:
        _, response = await door.knock(offer="ocpp2.0.1, ocpp1.6")
        assert response.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
        assert door.house.attempts[0].subprotocols == ("ocpp2.0.1", "ocpp1.6")


async def test_no_compression_is_agreed() -> None:
    async with opened_door() as door:
        headers = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
        _, response = await door.knock(headers=headers)
        assert response.status_code == 101
        assert "Sec-WebSocket-Extensions" not in response.headers


# -- who may come in -----------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-6")
async def test_a_stranger_is_told_404() -> None:
    async with opened_door() as door:
        _, response = await door.knock("/ocpp/stranger")
        assert response.status_code == 404
        assert b"Ask the operator" in response.body


@pytest.mark.feature("F-OCPP-7", "F-OCPP-10")
async def test_basic_authentication() -> None:
    house = House(passwords={"CP1": b"\x00\xffsecret:with:colons"})
    async with opened_door(house) as door:
        right = basic("CP1", b"\x00\xffsecret:with:colons")
        for headers, status in (
            (right, 101),
            (basic("CP1", b"wrong"), 401),
            (basic("CP2", b"\x00\xffsecret:with:colons"), 401),
            ({"Authorization": "Basic ~~~"}, 401),
            ({"Authorization": "Bearer abc"}, 401),
            ({}, 401),
        ):
            _, response = await door.knock(headers=headers)
            assert response.status_code == status, headers
            if status == 401:
                assert response.headers["WWW-Authenticate"] == 'Basic realm="OCPP"'
        assert house.attempts[0].basic_credentials == ("CP1", b"\x00\xffsecret:with:colons")


@pytest.mark.feature("F-OCPP-7")
async def test_profile_0_needs_no_password() -> None:
    async with opened_door() as door:
        _, response = await door.knock()
        assert response.status_code == 101
        assert door.house.attempts[0].basic_credentials is None
        assert door.house.attempts[0].remote_address == "127.0.0.1"
        assert door.house.attempts[0].tls is False


@pytest.mark.feature("F-OCPP-7")
async def test_guessing_is_slowed_with_429_and_never_reaches_the_admission() -> None:
    house = House(passwords={"CP1": b"right"})
    async with opened_door(house, attempts=AttemptLimiter(AttemptLimits(pair=3))) as door:
        for _ in range(3):
            _, response = await door.knock(headers=basic("CP1", b"wrong"))
            assert response.status_code == 401
        _, response = await door.knock(headers=basic("CP1", b"right"))
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 300
        assert len(house.attempts) == 3
        await door.station("CP2")  # its neighbour behind the same address goes on


async def test_a_bug_in_the_admission_is_answered_500_and_stays_there() -> None:
    async with opened_door() as door:
        neighbour = await door.station("CP2")
        _, response = await door.knock("/ocpp/bug")
        assert response.status_code == 500
        await neighbour.send(b"still here")
        assert await neighbour.receive() == b"still here"


# -- links ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "code"), [(b"crash", 1011), (b"crash in a group", 1011), (b"return", 1000)])
async def test_a_link_that_ends_is_closed_and_its_neighbours_never_notice(message: bytes, code: int) -> None:
    async with opened_door() as door:
        neighbour = await door.station("CP2")
        station = await door.station("CP1")
        assert len(door.listener.connections) == 2
        await station.send(message)
        assert (await station.closed())[0] == code
        await neighbour.send(b"still here")
        assert await neighbour.receive() == b"still here"
        assert len(door.listener.connections) == 1


async def test_a_hundred_stations_that_vanish_in_every_way_leave_nothing_behind() -> None:
    async with opened_door() as door:
        neighbour = await door.station("survivor")
        for n in range(100):
            station = await door.station(f"CP{n}")
            stream = station.stream
            assert isinstance(stream, trio.SocketStream)
            if n % 4 == 0:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            elif n % 4 == 1:
                await station.stream.send_all(frame(b"half a frame")[:5])
            elif n % 4 == 2:
                await station.close(1001)
            await trio.aclose_forcefully(stream)
        while len(door.listener.connections) > 1:
            await neighbour.send(b"still here")
            assert await neighbour.receive() == b"still here"
        assert len(door.links.child_tasks) <= 2


async def test_an_independent_client_talks_ocpp_shaped_messages() -> None:
    async with (
        opened_door() as door,
        trio_websocket.open_websocket_url(f"ws://127.0.0.1:{door.port}/ocpp/CP1", subprotocols=["ocpp1.6"]) as station,
    ):
        assert station.subprotocol == "ocpp1.6"
        call = json.dumps([2, "1", "Heartbeat", {"å": "x" * 70_000}])
        await station.send_message(call)
        assert await station.get_message() == call
        await station.ping(b"x")


@pytest.mark.feature("F-OCPP-7")
async def test_over_tls(tmp_path: Path) -> None:
    server_context, client_context = make_certificate(tmp_path)
    async with opened_door(ssl_context=server_context) as door:
        stream = trio.SSLStream(await door.dial(), client_context, server_hostname="localhost")
        station = StationClient(stream)
        assert (await station.shake_hands()).status_code == 101
        await station.send(b"x" * 100_000)
        assert await station.receive() == b"x" * 100_000
        assert door.house.attempts[0].tls is True
        plain = await door.dial()
        await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(trio.BrokenResourceError):
            while await plain.receive_some(1000):
                pass
        await station.send(b"still here")
        assert await station.receive() == b"still here"


async def test_a_station_that_stops_answering_pings_is_found() -> None:
    keep_alive = KeepAlive(interval=0.1, timeout=0.1)
    async with opened_door(keep_alive=keep_alive) as door:
        dead = await door.station("half-open")
        alive = await door.station("alive")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alive.closed)  # answers pings, for ever
            while keep_alive.found_dead == 0:
                await trio.sleep(0.01)
            dead.answer_pings = False
            assert await dead.closed() == (1006, "")
            assert keep_alive.found_dead == 1
            assert len(door.listener.connections) == 1
            nursery.cancel_scope.cancel()


# -- storms and shortages ------------------------------------------------------------------------------


async def test_handshakes_under_way_are_limited_and_the_rest_waits_its_turn() -> None:
    house = House(gate=trio.Event())
    async with opened_door(house, limits=ListenerLimits(handshakes=3, close_timeout=0.5)) as door:
        assert house.gate is not None
        answers: list[int] = []

        async def knock(n: int) -> None:
            _, response = await door.knock(f"/ocpp/CP{n}")
            answers.append(response.status_code)

        async with trio.open_nursery() as nursery:
            for n in range(12):
                nursery.start_soon(knock, n)
            while len(house.attempts) < 3:
                await trio.sleep(0.01)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert len(house.attempts) == 3
            house.gate.set()
        assert answers == [101] * 12


@pytest.mark.feature("F-OCPP-10")
async def test_dawdlers_do_not_keep_the_stations_out() -> None:
    limits = ListenerLimits(handshakes=3, handshake_timeout=2.0, close_timeout=0.5)
    async with opened_door(limits=limits) as door:
        for _ in range(3):
            await (await door.dial()).send_all(b"GET /ocpp/")
        await door.station("CP1")


@pytest.mark.feature("F-OCPP-10")
async def test_slowloris_is_told_408() -> None:
    async with opened_door(limits=ListenerLimits(handshake_timeout=0.1)) as door:
        assert (await door.get(b"GET /ocpp/CP1 HT")).startswith(b"HTTP/1.1 408 ")


class OutOfDescriptors(socket.socket):
    """A listening socket that fails a few times, as it does when the process has no descriptor left."""

    failures = 3
    tried = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.tried += 1
        if self.tried <= self.failures:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_out_of_file_descriptors_backs_off_and_comes_back() -> None:
    real = open_listen_socket("127.0.0.1", 0)
    listening = OutOfDescriptors(fileno=real.detach())
    listening.setblocking(False)
    async with opened_door(listening=listening) as door:
        await door.station("CP1")
        assert listening.tried >= 4


# -- the end -------------------------------------------------------------------------------------------


async def test_draining_stops_accepting_and_answers_503_to_those_on_the_doorstep() -> None:
    house = House(gate=trio.Event())
    async with opened_door(house) as door:
        assert house.gate is not None
        async with trio.open_nursery() as nursery:
            statuses: list[int] = []

            async def knock() -> None:
                _, response = await door.knock()
                statuses.append(response.status_code)
                assert response.headers["Retry-After"] == "10"

            nursery.start_soon(knock)
            while not house.attempts:
                await trio.sleep(0.01)
            door.listener.drain()
            door.listener.drain()
            house.gate.set()
        assert statuses == [503]
        with pytest.raises(OSError, match="connect"):
            await door.dial()


async def test_open_links_survive_draining_until_they_are_told_to_go() -> None:
    async with opened_door() as door:
        stations = [await door.station(f"CP{n}") for n in range(10)]
        door.listener.drain()
        await stations[0].send(b"still here")
        assert await stations[0].receive() == b"still here"
        await door.listener.close_all("updating", spread=0.05)
        for station in stations:
            assert await station.closed() == (1001, "updating")
            await trio.aclose_forcefully(station.stream)
        while door.listener.connections:
            await trio.sleep(0.01)
        assert door.house.cancelled == 0


async def test_cancelled_links_say_going_away() -> None:
    async with opened_door() as door:
        station = await door.station()
        door.links.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert (await station.closed())[0] == 1001
            await trio.aclose_forcefully(station.stream)
