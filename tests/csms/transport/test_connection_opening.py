"""How a WebSocket connection begins: the opening handshake against real bytes on real sockets, with TLS and without."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from websockets.frames import Opcode

from csms.transport.connection import ConnectionClosed, WebSocketConnection
from csms.transport.opening import OpeningRequest, Reject, Verdict
from tests.csms.transport.connection_pairs import PATIENCE, Pair, accept, cleared_away, ended, unopened, used
from tests.csms.transport.station_client import StationClient, frame, make_certificate, tcp_pair

__all__ = ["cleared_away"]


# -- opening handshake ---------------------------------------------------------------------------------


async def shaken(
    pair: Pair, sent: bytes, authorize: Callable[[OpeningRequest], Awaitable[Verdict]] = accept, timeout: float = 10
) -> bytes:
    """What a client that sends `sent` and reads on gets back; nothing if the server just leaves."""
    connection, station = pair
    got = bytearray()

    async def serve() -> None:
        try:
            await connection.handshake(authorize, timeout)
        except ConnectionClosed:
            connection.abort()

    async def send() -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await station.stream.send_all(sent)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            nursery.start_soon(send)
            while not (got and connection.opening is False):
                try:
                    data = await station.stream.receive_some(65_536)
                except trio.BrokenResourceError:
                    break
                if not data:
                    await station.stream.aclose()
                    break
                got += data
    return bytes(got)


async def test_a_request_that_arrives_byte_by_byte() -> None:
    connection, station = unopened()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.handshake, accept)
        for byte in station.request():
            await station.stream.send_all(bytes([byte]))
        assert (await station.answer()).status_code == 101
    connection.abort()


async def test_a_hasty_station_sends_frames_before_our_answer() -> None:
    connection, station = unopened()
    await station.stream.send_all(station.request() + frame(b"p", Opcode.PING) + frame(b"hello"))
    await connection.handshake(accept)
    assert await connection.receive() == b"hello"
    assert (await station.answer()).status_code == 101
    connection.abort()


async def test_a_station_that_asks_and_leaves_crashes_nothing() -> None:
    connection, station = unopened()
    await station.stream.send_all(station.request())
    await station.stream.aclose()
    with contextlib.suppress(ConnectionClosed):
        await connection.handshake(accept)
    assert (await ended(connection)).code == 1006
    await connection.close()


async def test_a_rejection_says_why_in_plain_http() -> None:
    async def deny(request: OpeningRequest) -> Verdict:
        assert request.target == "/ocpp/CP1"
        return Reject(401, "Wrong password.", (("WWW-Authenticate", 'Basic realm="OCPP"'),))

    connection, station = unopened()
    answer = await shaken((connection, station), station.request(), deny)
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'WWW-Authenticate: Basic realm="OCPP"\r\n' in answer
    assert answer.endswith(b"\r\n\r\nWrong password.\n")
    with pytest.raises(ConnectionClosed):
        await connection.receive()


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),  # TLS on the plain port
        (b"GET / HTTP/3\r\n\r\n", b"400"),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"A" * 10_000_000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X-Y: zzzzzzzzzzzz\r\n" * 2_000 + b"\r\n", b"431"),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"400"),
        (b"POST /ocpp/CP1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"405"),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"426"),
    ],
)
async def test_garbage_instead_of_a_request_is_answered_and_bounded(sent: bytes, status: bytes) -> None:
    connection, station = unopened()
    answer = await shaken((connection, station), sent)
    assert answer[9:12] in (status, b"")  # empty: our answer was overtaken by the flood's reset
    assert connection.bytes_received < 6_000_000
    assert connection.ended is not None


async def test_slowloris_gets_408() -> None:
    connection, station = unopened()
    answer = await shaken((connection, station), b"GET /ocpp/CP1 HTTP/1.1\r\nHost:", timeout=0.1)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_an_admission_that_takes_too_long_is_answered_503() -> None:
    async def dawdle(request: OpeningRequest) -> Verdict:
        await trio.sleep_forever()
        raise AssertionError

    connection, station = unopened()
    answer = await shaken((connection, station), station.request(), dawdle, timeout=0.1)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 30\r\n" in answer


async def test_nothing_can_be_sent_before_the_handshake() -> None:
    connection, station = unopened()
    with pytest.raises(ConnectionClosed, match="not open"):
        await connection.send(b"x")
    connection.ping_nowait()
    await connection.close()
    await station.stream.aclose()


# -- TLS -----------------------------------------------------------------------------------------------


async def opened_tls(folder: Path) -> Pair:
    server_context, client_context = make_certificate(folder)
    server, client = tcp_pair()
    connection = WebSocketConnection(
        server_context.wrap_socket(server, server_side=True, do_handshake_on_connect=False),
        remote_address="127.0.0.1",
    )
    stream = trio.SSLStream(
        trio.SocketStream(trio.socket.from_stdlib_socket(client)), client_context, server_hostname="localhost"
    )
    station = StationClient(stream)
    used.append((connection, station))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.handshake, accept)
        assert (await station.shake_hands()).status_code == 101
    return connection, station


async def test_tls_carries_many_and_large_messages_both_ways(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        connection, station = await opened_tls(tmp_path)
        assert connection.is_tls
        await station.stream.send_all(b"".join(frame(b"%d" % n) for n in range(5_000)))
        for n in range(5_000):
            assert await connection.receive() == b"%d" % n
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(connection.send, b"%d" % n + b"z" * 150_000)
            await trio.testing.wait_all_tasks_blocked(0.01)
            got = {(await station.receive())[:1] for _ in range(5)}
        assert got == {b"0", b"1", b"2", b"3", b"4"}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.close, 4003, "bye")
            assert await station.closed() == (4003, "bye")
            await trio.aclose_forcefully(station.stream)


async def test_a_tls_station_that_leaves_rudely(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        connection, station = await opened_tls(tmp_path)
        await trio.aclose_forcefully(station.stream)
        assert (await ended(connection)).code == 1006
        await connection.close()


async def test_plain_http_on_the_tls_port_and_silence_on_it(tmp_path: Path) -> None:
    server_context, _ = make_certificate(tmp_path)
    for sent in (b"GET /ocpp/CP1 HTTP/1.1\r\n\r\n", b""):
        server, client = tcp_pair()
        connection = WebSocketConnection(
            server_context.wrap_socket(server, server_side=True, do_handshake_on_connect=False),
            remote_address="127.0.0.1",
        )
        with client:
            client.sendall(sent)
            with pytest.raises(ConnectionClosed, match="TLS handshake"):
                await connection.handshake(accept, 0.1)
        connection.abort()
