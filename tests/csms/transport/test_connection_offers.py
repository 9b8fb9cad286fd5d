"""Messages offered while the reader sleeps: each comes once and in order, however the bytes are cut."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from websockets.frames import Opcode

from csms.transport.connection import BinaryMessage, ConnectionClosed, WebSocketConnection
from csms.transport.opening import Accept, OpeningRequest, Verdict
from csms.transport.readiness import HAS_EPOLL
from tests.csms.transport.station_client import frame, make_certificate, tcp_pair

pytestmark = pytest.mark.skipif(not HAS_EPOLL, reason="this system has no epoll")


async def accept(_request: OpeningRequest) -> Verdict:
    return Accept("ocpp1.6")


class Desk:
    """Takes what it is offered (or not), and has a reader that sleeps."""

    def __init__(self, connection: WebSocketConnection, theirs: socket.socket) -> None:
        self.connection = connection
        self.theirs = theirs
        self.taken: list[bytes] = []
        self.read: list[bytes | BinaryMessage] = []
        self.willing = True
        self.at_once = False
        self.end: ConnectionClosed | None = None

    def take(self, message: bytes) -> bool:
        if not self.willing:
            return False
        self.taken.append(message)
        if self.at_once:
            self.connection.send_now(b"!" + message)
            self.connection.proceed()
        return True

    async def reader(self) -> None:
        try:
            while True:
                self.read.append(await self.connection.receive())
        except ConnectionClosed as end:
            self.end = end

    def say(self, *frames: bytes) -> None:
        self.theirs.sendall(b"".join(frames))

    async def rest(self) -> None:
        for _ in range(5):
            await trio.sleep(0.005)


@pytest.fixture(params=["plain", "tls"])
async def desk(request: pytest.FixtureRequest, nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[Desk]:
    server, client = tcp_pair()
    if request.param == "tls":
        ours, its = make_certificate(tmp_path)
        server = ours.wrap_socket(server, server_side=True, do_handshake_on_connect=False)
        client = its.wrap_socket(client, server_hostname="localhost", do_handshake_on_connect=False)
    connection = WebSocketConnection(server, remote_address="127.0.0.1", max_size=200_000)
    nursery.start_soon(connection.handshake, accept)
    assert b" 101 " in await trio.to_thread.run_sync(knock, client)
    made = Desk(connection, client)
    connection.offer_to(made.take)
    nursery.start_soon(made.reader)
    await made.rest()
    yield made
    connection.abort()
    client.close()


def knock(client: socket.socket) -> bytes:
    """The opening handshake, as a station does it."""
    if isinstance(client, ssl.SSLSocket):
        client.do_handshake()
    client.sendall(
        b"GET /ocpp/X HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    return client.recv(4096)


async def test_a_message_is_taken_and_the_reader_sleeps_on(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    assert (desk.taken, desk.read) == ([b"one"], [])


async def test_nothing_is_read_before_the_answer_then_all_is(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    desk.say(frame(b"two"))
    await desk.rest()
    assert desk.taken == [b"one"]
    desk.connection.send_now(b"answer")
    desk.connection.proceed()
    await desk.rest()
    assert desk.taken == [b"one", b"two"]


async def test_an_answer_at_once_lets_the_next_come(desk: Desk) -> None:
    desk.at_once = True
    for number in range(50):
        desk.say(frame(b"%d" % number))
        if number % 7 == 0:
            await desk.rest()
    await desk.rest()
    assert len(desk.taken) + len(desk.read) == 50


async def test_two_in_one_segment_go_to_the_reader_in_order(desk: Desk) -> None:
    desk.say(frame(b"one"), frame(b"two"))
    await desk.rest()
    assert (desk.taken, desk.read) == ([], [b"one", b"two"])


async def test_what_is_refused_goes_to_the_reader(desk: Desk) -> None:
    desk.willing = False
    desk.say(frame(b"one"))
    await desk.rest()
    assert desk.read == [b"one"]


async def test_what_is_handed_back_goes_to_the_reader_before_anything_else(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    desk.say(frame(b"two"))
    desk.willing = False
    desk.connection.hand_back(b"one")
    await desk.rest()
    assert (desk.taken, desk.read) == ([b"one"], [b"one", b"two"])


async def test_a_binary_message_is_not_offered(desk: Desk) -> None:
    desk.say(frame(b"one", Opcode.BINARY))
    await desk.rest()
    assert desk.read == [BinaryMessage(b"one")]


async def test_a_ping_is_answered_while_everybody_sleeps(desk: Desk) -> None:
    desk.say(frame(b"hello", Opcode.PING))
    await desk.rest()
    assert desk.theirs.recv(100) == b"\x8a\x05hello"
    assert desk.read == []


async def test_the_last_message_and_the_hang_up_in_one_edge(desk: Desk) -> None:
    desk.say(frame(b"last"))
    socket.socket.shutdown(desk.theirs, socket.SHUT_WR)  # an SSLSocket's own would forget its keys
    await desk.rest()
    assert desk.taken == [b"last"]
    assert desk.end is None  # it may still hear the answer
    desk.connection.send_now(b"answer")
    desk.connection.proceed()
    await desk.rest()
    assert desk.theirs.recv(100) == b"\x81\x06answer"
    assert desk.end is not None


async def test_a_close_frame_behind_a_message_ends_the_reader_after_it(desk: Desk) -> None:
    desk.say(frame(b"last"), frame(b"\x03\xe8", Opcode.CLOSE))
    await desk.rest()
    assert (desk.taken, desk.read) == ([], [b"last"])
    assert desk.end is not None
    assert desk.end.code == 1000


async def test_who_is_told_to_go_while_a_message_is_taken_wakes_the_reader(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    desk.connection.close_soon(1001, "bye")
    await desk.rest()
    assert desk.end is not None
    desk.connection.send_now(b"too late")
    desk.connection.proceed()
    desk.connection.hand_back(b"one")
    assert desk.read == []


async def test_a_close_is_heard_although_a_message_was_never_answered(desk: Desk, nursery: trio.Nursery) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    assert desk.taken == [b"one"]
    closed = trio.Event()

    async def close() -> None:
        await desk.connection.close(1001, "bye", timeout=120)
        closed.set()

    nursery.start_soon(close)
    await desk.rest()
    desk.say(frame(b"\x03\xe9", Opcode.CLOSE))
    socket.socket.shutdown(desk.theirs, socket.SHUT_WR)
    with trio.fail_after(30):
        await closed.wait()


async def test_an_answer_that_the_kernel_does_not_take_whole_is_sent_before_anything_is_read(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    big = b"x" * 900_000
    answers = 12
    for _ in range(answers):
        desk.connection.send_now(big)
    assert desk.connection.ended is not None  # more than may wait: it is let go


async def test_a_slow_peer_gets_the_rest_of_the_answer_and_then_is_read_again(desk: Desk) -> None:
    desk.say(frame(b"one"))
    await desk.rest()
    desk.connection._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    big = b"x" * 500_000
    desk.connection.send_now(big)
    desk.say(frame(b"two"))
    desk.connection.proceed()
    await desk.rest()
    got = b""
    desk.theirs.settimeout(0.01)
    with trio.fail_after(10):
        while len(got) < len(big) + 10:
            with contextlib.suppress(TimeoutError):
                got += desk.theirs.recv(65_536)
            await trio.sleep(0)
    await desk.rest()
    assert [*desk.taken, *desk.read] == [b"one", b"two"]


async def test_however_the_bytes_are_cut_each_message_comes_once_and_in_order(desk: Desk) -> None:
    rolls = random.Random(7)
    came = desk.read

    def take(message: bytes) -> bool:
        if rolls.random() < 0.3:
            return False
        came.append(message)
        if rolls.random() < 0.5:
            desk.connection.proceed()
        else:
            waiting.append(message)
        return True

    waiting: list[bytes] = []
    desk.connection.offer_to(take)
    sent = [b"%06d" % number + b"y" * rolls.choice([0, 10, 130, 20_000]) for number in range(300)]
    stream = b"".join(frame(each) for each in sent)
    desk.theirs.settimeout(0.01)
    at, size = 0, 1
    with trio.fail_after(60):
        while at < len(stream) or len(came) < len(sent) or waiting:
            with contextlib.suppress(TimeoutError):  # the buffers are full: once more, the same
                at += desk.theirs.send(stream[at : at + size]) if at < len(stream) else 0
                size = rolls.choice([1, 5, 50, 500, 30_000])
            await trio.sleep(0)
            if waiting and rolls.random() < 0.7:
                message = waiting.pop()
                if rolls.random() < 0.3:
                    came.remove(message)
                    desk.connection.hand_back(message)
                else:
                    desk.connection.proceed()
            await trio.sleep(0)
    assert came == sent
