"""The socket under a connection: waiting, writing, ending."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import trio

from csms.transport.wire import ConnectionClosed, Wire
from tests.csms.transport.station_client import tcp_pair

Ends = tuple[Wire, socket.socket]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    server, client = tcp_pair()
    wire = Wire(server, write_timeout=0.05)
    yield wire, client
    wire.abort()
    client.close()


async def test_bytes_are_read_and_the_end_is_an_empty_read(ends: Ends) -> None:
    wire, client = ends
    client.sendall(b"abc")
    assert await wire._read() == b"abc"
    client.close()
    assert await wire._read() == b""
    assert wire.bytes_received == 3


async def test_what_the_kernel_does_not_take_waits_in_order(ends: Ends) -> None:
    wire, client = ends
    sent = b"".join(b"%08d" % n for n in range(2_000_000))
    assert not wire._put(sent[:8_000_000])
    assert not wire._put(sent[8_000_000:])
    got = bytearray()

    def read_all() -> None:
        while len(got) < len(sent):
            got.extend(client.recv(1_000_000))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, read_all)
            await wire._flush()
    assert got == sent
    assert wire.bytes_sent == len(sent)


async def test_a_peer_that_takes_nothing_for_too_long(ends: Ends) -> None:
    wire, _ = ends
    wire._put(b"x" * 30_000_000)
    with trio.fail_after(60), pytest.raises(TimeoutError):
        await wire._flush()


async def test_two_tasks_that_flush_at_once_are_no_busy_resource(ends: Ends) -> None:
    wire, _ = ends
    wire._put(b"x" * 30_000_000)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            flushed = 0

            async def flush() -> None:
                nonlocal flushed
                with pytest.raises((TimeoutError, ConnectionClosed)):
                    await wire._flush()
                flushed += 1

            for _ in range(5):
                nursery.start_soon(flush)
        assert flushed == 5


async def test_abort_wakes_reader_and_writers_with_its_reason(ends: Ends) -> None:
    wire, _ = ends
    wire._put(b"x" * 30_000_000)
    woken: list[str] = []

    async with trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(ConnectionClosed) as caught:
                await wire._read()
            woken.append(caught.value.reason)

        async def flush() -> None:
            with pytest.raises(ConnectionClosed) as caught:
                await wire._wait_writable()
            woken.append(caught.value.reason)

        nursery.start_soon(read)
        nursery.start_soon(flush)
        await trio.testing.wait_all_tasks_blocked()
        wire.abort("a reason")
    assert woken == ["a reason", "a reason"]
    for wait in (wire._read, wire._wait_writable):
        with pytest.raises(ConnectionClosed, match="a reason"):
            await wait()
    await wire._linger()
    assert wire._put(b"nowhere")


async def test_a_reset_while_sending_ends_the_reader_too(ends: Ends) -> None:
    wire, client = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    with trio.fail_after(60):
        while wire.ended is None:
            wire._put(b"x")
            await trio.lowlevel.checkpoint()
    assert wire.ended.code == 1006
    assert "broke while sending" in wire.ended.reason
    assert wire._buffer == b""
