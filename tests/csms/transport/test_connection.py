"""The WebSocket connection against real frames on real sockets, well-behaved and not; its beginning:
test_connection_opening.py."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import trio
from websockets.frames import Opcode

from csms.transport.connection import BinaryMessage, ConnectionClosed
from tests.csms.transport.connection_pairs import PATIENCE, Pair, cleared_away, ended, opened
from tests.csms.transport.station_client import frame

__all__ = ["cleared_away"]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    connection, station = await opened(max_size=20_000)
    with trio.fail_after(PATIENCE):
        yield connection, station


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

    with trio.fail_after(PATIENCE):
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
    with trio.fail_after(PATIENCE):
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
    with trio.fail_after(PATIENCE):
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
