"""The WebSocket connection against real frames on real sockets, well-behaved and not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trio
from websockets.frames import Opcode

from csms.transport.connection import BinaryMessage, ConnectionClosed, WebSocketConnection
from csms.transport.opening import Accept, OpeningRequest, Reject, Verdict
from tests.csms.transport.station_client import StationClient, frame, make_certificate, tcp_pair

PATIENCE = 10.0
Pair = tuple[WebSocketConnection, StationClient]


async def accept(request: OpeningRequest) -> Verdict:
    return Accept("ocpp1.6")


_used: list[Pair] = []


@pytest.fixture(autouse=True)
async def cleared_away() -> AsyncIterator[None]:
    yield
    while _used:
        connection, station = _used.pop()
        connection.abort()
        await trio.aclose_forcefully(station.stream)


def unopened(**options: float) -> Pair:
    server, client = tcp_pair()
    connection = WebSocketConnection(server, remote_address="127.0.0.1", **options)  # type: ignore[arg-type]
    station = StationClient(trio.SocketStream(trio.socket.from_stdlib_socket(client)))
    _used.append((connection, station))
    return connection, station


async def opened(**options: float) -> Pair:
    connection, station = unopened(**options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.handshake, accept)
        response = await station.shake_hands()
    assert response.status_code == 101
    return connection, station


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    connection, station = await opened(max_size=20_000)
    with trio.fail_after(PATIENCE):
        yield connection, station


async def ended(connection: WebSocketConnection) -> ConnectionClosed:
    """Receive until the end."""
    while True:
        try:
            await connection.receive()
        except ConnectionClosed as end:
            return end


# -- messages ------------------------------------------------------------------------------------------


async def test_a_message_comes_whole_and_goes_back(pair: Pair) -> None:
    connection, station = pair
    await station.send("héllo".encode())
    assert await connection.receive() == "héllo".encode()
    await connection.send(b"[3]")
    assert await station.receive() == b"[3]"
    assert connection.subprotocol == "ocpp1.6"
    assert connection.bytes_sent > 3
    assert connection.bytes_received > 6


async def test_fragments_with_a_ping_between_them_are_one_message(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"a", fin=False)
    await station.send(b"?", Opcode.PING)
    await station.send(b"b", Opcode.CONT, fin=False)
    await station.send(b"c" * 3000, Opcode.CONT)
    assert await connection.receive() == b"ab" + b"c" * 3000


async def test_ten_thousand_empty_fragments_weigh_nothing(pair: Pair) -> None:
    connection, station = pair
    flood = frame(b"x", fin=False) + frame(b"", Opcode.CONT, fin=False) * 10_000 + frame(b"y", Opcode.CONT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.stream.send_all, flood)
        assert await connection.receive() == b"xy"


@pytest.mark.feature("F-OCPP-10")
async def test_a_binary_message_is_told_apart(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"[2]", Opcode.BINARY)
    await station.send(b"[", Opcode.BINARY, fin=False)
    await station.send(b"3]", Opcode.CONT)
    await station.send(b"[4]")
    assert await connection.receive() == BinaryMessage(b"[2]")
    assert await connection.receive() == BinaryMessage(b"[3]")
    assert await connection.receive() == b"[4]"


async def test_invalid_utf8_is_left_to_the_json_decoder(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"\xff\xfe")
    assert await connection.receive() == b"\xff\xfe"


@pytest.mark.feature("F-OCPP-10")
async def test_the_largest_message_is_delivered_and_one_byte_more_closes_1009(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"x" * 20_000)
    assert await connection.receive() == b"x" * 20_000
    await station.send(b"x" * 20_001)
    assert (await ended(connection)).code == 1009
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.close)
        assert (await station.closed())[0] == 1009
        await station.stream.aclose()


async def test_fragments_that_add_up_to_too_much_close_1009(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"x" * 15_000, fin=False)
    await station.send(b"x" * 15_000, Opcode.CONT)
    assert (await ended(connection)).code == 1009


@pytest.mark.feature("F-OCPP-10")
async def test_the_close_frame_reaches_a_station_that_is_still_sending_its_giant_frame() -> None:
    connection, station = await opened(max_size=20_000)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:

            async def send_giant() -> None:
                with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await station.send(b"x" * 3_000_000)

            nursery.start_soon(send_giant)
            assert (await ended(connection)).code == 1009
            nursery.start_soon(connection.close)
            assert (await station.closed())[0] == 1009
            await station.stream.aclose()


async def test_an_unmasked_frame_is_a_protocol_error(pair: Pair) -> None:
    connection, station = pair
    await station.stream.send_all(frame(b"x", mask=False))
    assert (await ended(connection)).code == 1002


# -- pings ---------------------------------------------------------------------------------------------


async def test_a_ping_is_answered_while_receiving(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"abc", Opcode.PING)
    await station.send(b"next")
    assert await connection.receive() == b"next"
    while not station.frames:
        await station._fill()
    assert (station.frames[0].opcode, bytes(station.frames[0].data)) == (Opcode.PONG, b"abc")


async def test_a_pong_shows_in_last_received(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.receive)
        heard = connection.bytes_received
        await connection.ping()
        while not station.frames:
            await station._fill()
        while connection.bytes_received == heard:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert connection.last_received <= trio.current_time()


# -- ends ----------------------------------------------------------------------------------------------


async def test_the_station_closes_with_a_code_after_its_last_message(pair: Pair) -> None:
    connection, station = pair
    await station.send(b"last")
    await station.close(4001, "bye")
    assert await connection.receive() == b"last"
    end = await ended(connection)
    assert (end.code, end.reason, end.by_peer) == (4001, "bye", True)
    with pytest.raises(ConnectionClosed):
        await connection.send(b"too late")
    with pytest.raises(ConnectionClosed):
        await connection.ping()
    connection.ping_nowait()


async def test_we_close_and_the_station_answers(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.close, 4000, "ü" * 100)
        assert await station.closed() == (4000, "ü" * 61)
        await station.stream.aclose()
    assert connection.ended is not None
    await connection.close()


async def test_a_station_that_never_answers_our_close_is_cut_off(
    autojump_clock: trio.testing.MockClock,
) -> None:
    connection, station = await opened()
    began = trio.current_time()
    await connection.close(1000, timeout=5)
    assert trio.current_time() - began == pytest.approx(5)
    assert station.stream is not None


async def test_closing_goes_on_although_the_task_is_cancelled(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:

        async def link() -> None:
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.close(1001, "stopping")

        nursery.start_soon(link)
        assert await station.closed() == (1001, "stopping")
        await station.stream.aclose()


async def test_a_newer_link_ends_the_reader_at_once(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:
        ends: list[ConnectionClosed] = []

        async def read() -> None:
            ends.append(await ended(connection))

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        connection.close_soon(4002, "replaced by a newer connection")
        connection.close_soon(1000, "the first reason stays")
        assert await station.closed() == (4002, "replaced by a newer connection")
    assert (ends[0].code, ends[0].reason) == (4002, "replaced by a newer connection")


async def test_close_soon_drops_what_nobody_received(pair: Pair) -> None:
    connection, station = pair
    await station.stream.send_all(frame(b"1") + frame(b"2"))
    assert await connection.receive() == b"1"
    connection.close_soon(4002, "replaced")
    with pytest.raises(ConnectionClosed, match="4002"):
        await connection.receive()


async def test_another_task_closes_while_one_waits_for_a_message(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ended, connection)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(connection.close, 1001, "stopping")
        await trio.testing.wait_all_tasks_blocked()
        await connection.close(1000, "me too")
        assert await station.closed() == (1001, "stopping")
        await station.stream.aclose()


async def test_abort_wakes_the_reader_and_refuses_everything_after(pair: Pair) -> None:
    connection, _ = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ended, connection)
        await trio.testing.wait_all_tasks_blocked()
        connection.abort("silent")
    connection.abort()
    with pytest.raises(ConnectionClosed, match="silent"):
        await connection.receive()
    with pytest.raises(ConnectionClosed, match="silent"):
        await connection.send(b"x")
    connection.close_soon()
    await connection.close()


async def test_a_message_is_readable_but_the_socket_is_aborted_first(pair: Pair) -> None:
    connection, station = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ended, connection)
        await trio.testing.wait_all_tasks_blocked()
        await station.send(b"x")
        connection.abort()  # in the same tick as the wake-up


# -- slow peers ----------------------------------------------------------------------------------------


async def test_twenty_megabytes_reach_a_slow_reader() -> None:
    connection, station = await opened()

    async def send_all() -> None:
        for n in range(200):
            await connection.send(b"%03d" % n + b"x" * 99_997)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_all)
            await trio.testing.wait_all_tasks_blocked(0.01)  # the pipe is full
            for n in range(200):
                message = await station.receive()
                assert message[:3] == b"%03d" % n
                assert len(message) == 100_000
    connection.abort()


async def test_fifty_senders_at_once_keep_their_messages_whole() -> None:
    connection, station = await opened(max_write_buffer=16_000_000)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(connection.send, b"%03d" % n + b"y" * 200_000)
            await trio.testing.wait_all_tasks_blocked(0.01)
            got = {(await station.receive())[:3] for _ in range(50)}
    assert got == {b"%03d" % n for n in range(50)}
    connection.abort()


@pytest.mark.feature("F-OCPP-10")
async def test_a_station_that_never_reads_is_closed_with_1008() -> None:
    connection, station = await opened(max_write_buffer=100_000)
    ends: list[int] = []

    async def send() -> None:
        try:
            await connection.send(b"x" * 1_000_000)
        except ConnectionClosed as end:
            ends.append(end.code)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(send)
        assert ends
        assert set(ends) == {1008}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.close)
            assert (await station.closed())[0] == 1008  # it began to read: it is told
            await station.stream.aclose()


async def test_a_lone_sender_does_not_wait_for_ever() -> None:
    connection, _ = await opened(write_timeout=0.1)
    with trio.fail_after(PATIENCE), pytest.raises(ConnectionClosed, match="1008"):
        await connection.send(b"x" * 30_000_000)


async def test_a_cancelled_send_tears_no_frame() -> None:
    connection, station = await opened(max_write_buffer=50_000_000)
    with trio.fail_after(30):
        for _ in range(3):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(connection.send, b"x" * 10_000_000)
                    await trio.testing.wait_all_tasks_blocked(0.01)
                    scope.cancel()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.send, b"whole")
            sizes = [len(await station.receive()) for _ in range(4)]
    assert sizes == [10_000_000] * 3 + [5]
    connection.abort()


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
    _used.append((connection, station))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.handshake, accept)
        assert (await station.shake_hands()).status_code == 101
    return connection, station


async def test_tls_carries_many_and_large_messages_both_ways(tmp_path: Path) -> None:
    with trio.fail_after(30):
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


# -- the peer goes without a word ------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
async def test_the_peer_vanishes(pair: Pair, reset: bool) -> None:
    connection, station = pair
    if reset:
        stream = station.stream
        assert isinstance(stream, trio.SocketStream)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await trio.aclose_forcefully(station.stream)
    end = await ended(connection)
    assert (end.code, end.by_peer) == (1006, True)
    for _ in range(3):
        with pytest.raises(ConnectionClosed):
            await connection.send(b"x")
    await connection.close()
