"""One epoll for all: nobody sleeps while something lies there, and nobody is left behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from csms.transport.readiness import HAS_EPOLL, Reader

pytestmark = pytest.mark.skipif(not HAS_EPOLL, reason="this system has no epoll")
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


async def test_what_came_before_the_first_wait_is_not_missed(pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"early")
    reader = Reader(ours)
    with trio.fail_after(60):
        await reader.wait()
    assert ours.recv(100) == b"early"
    reader.close()


async def test_half_of_it_was_read_then_the_rest_wakes_nobody_but_needs_nobody(pair: Pair) -> None:
    """The edge has passed: whoever has not drained the socket must not sleep."""
    ours, theirs = pair
    reader = Reader(ours)
    theirs.send(b"abcdef")
    with trio.fail_after(60):
        await reader.wait()
        assert ours.recv(3) == b"abc"
        await reader.wait()
    assert ours.recv(3) == b"def"
    reader.drained()
    with trio.move_on_after(0.05) as scope:
        await reader.wait()
    assert scope.cancelled_caught
    reader.close()


async def test_the_last_word_and_the_hang_up_come_as_one_edge(pair: Pair) -> None:
    ours, theirs = pair
    reader = Reader(ours)
    theirs.send(b"bye")
    theirs.shutdown(socket.SHUT_WR)
    with trio.fail_after(60):
        await reader.wait()
        assert ours.recv(100) == b"bye"
        reader.drained()  # a short read: nothing more, as it seems
        await reader.wait()
    assert ours.recv(100) == b""
    reader.close()


async def test_a_cancelled_wait_can_be_begun_again(pair: Pair) -> None:
    ours, theirs = pair
    reader = Reader(ours)
    with trio.move_on_after(0.01):
        await reader.wait()
    theirs.send(b"x")
    with trio.fail_after(60):
        await reader.wait()
    reader.close()


async def test_whoever_waits_is_told_why_it_ended(pair: Pair) -> None:
    reader = Reader(pair[0])

    async def wait() -> None:
        with pytest.raises(OSError, match="over"):
            await reader.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        reader.wake(OSError("over"))
    reader.wake(OSError("nobody waits"))
    reader.close()
    reader.close()


async def test_a_descriptor_that_is_used_again_belongs_to_the_new_one() -> None:
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    old = Reader(ours)
    old.close()
    ours.close()
    theirs.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert number in (ours.fileno(), theirs.fileno())
        new = Reader(ours)
        theirs.send(b"x")
        with trio.fail_after(60):
            await new.wait()
        new.close()
