"""A network that fails without a word."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from loadtest.troubled_wire import NoNetwork, TroubledStream, TroubledWire

End = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]


class Ends:
    """A wire and the server's ends of its connections."""

    def __init__(self) -> None:
        self.servers: list[End] = []
        self.wire = TroubledWire(self._dial)

    async def _dial(self) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        self.servers.append(theirs)
        return ours

    async def dial(self) -> TroubledStream:
        stream = await self.wire.dial()
        assert isinstance(stream, TroubledStream)
        assert stream is self.wire.stream
        return stream


async def test_in_good_times_it_is_a_stream_like_any_other() -> None:
    ends = Ends()
    stream = await ends.dial()
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"up")
    assert await ends.servers[0].receive_some() == b"up"
    await ends.servers[0].send_all(b"down")
    assert await stream.receive_some() == b"down"
    await stream.aclose()
    assert await ends.servers[0].receive_some() == b""
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"late")


async def test_a_silent_line_swallows_and_says_no_goodbye(autojump_clock: trio.testing.MockClock) -> None:
    ends = Ends()
    stream = await ends.dial()
    ends.wire.hush()
    await stream.send_all(b"up")
    await ends.servers[0].send_all(b"down")
    await ends.servers[0].send_stream.aclose()
    with trio.move_on_after(100) as scope:
        await stream.receive_some()
    assert scope.cancelled_caught
    await stream.aclose()
    with trio.move_on_after(100) as scope:
        await ends.servers[0].receive_some()
    assert scope.cancelled_caught


async def test_what_a_dead_station_left_open_is_closed_in_the_end(autojump_clock: trio.testing.MockClock) -> None:
    ends = Ends()
    stream = await ends.dial()
    ends.wire.hush()
    await stream.aclose()
    with trio.move_on_after(100) as scope:
        await ends.servers[0].receive_some()
    assert scope.cancelled_caught  # the server cannot know
    await ends.wire.bury()
    assert await ends.servers[0].receive_some() == b""


async def test_when_the_run_is_over_nothing_is_left_open() -> None:
    ends = Ends()
    early, late = await ends.dial(), await ends.dial()
    early.silent = late.silent = True
    await early.aclose()
    await ends.wire.finish()
    await late.aclose()
    for server in ends.servers:
        assert await server.receive_some() == b""


async def test_who_reads_a_silent_line_wakes_when_it_is_closed(nursery: trio.Nursery) -> None:
    ends = Ends()
    stream = await ends.dial()
    ends.wire.hush()
    ends.servers[0].send_stream.close()
    woken = trio.Event()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()
        woken.set()

    nursery.start_soon(read)
    await trio.testing.wait_all_tasks_blocked()
    await stream.aclose()
    await woken.wait()


async def test_who_still_believes_in_a_dead_line_learns_better(nursery: trio.Nursery) -> None:
    ends = Ends()
    stream = await ends.dial()
    woken = trio.Event()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()
        woken.set()

    nursery.start_soon(read)
    await trio.testing.wait_all_tasks_blocked()
    ends.wire.hush()
    await ends.wire.bury()
    await woken.wait()


async def test_a_stalled_line_gives_what_came_when_it_flows(autojump_clock: trio.testing.MockClock) -> None:
    ends = Ends()
    stream = await ends.dial()
    stream.stall()
    await ends.servers[0].send_all(b"down")
    with trio.move_on_after(100) as scope:
        await stream.receive_some()
    assert scope.cancelled_caught
    stream.flow()
    assert await stream.receive_some() == b"down"


async def test_without_a_network_nobody_gets_through() -> None:
    ends = Ends()
    ends.wire.there = False
    for dial in (ends.wire.dial, ends.wire.dial_beside):
        with pytest.raises(NoNetwork):
            await dial()
    ends.wire.hush()  # there is nothing to hush
    ends.wire.there = True
    mine = await ends.dial()
    await ends.wire.dial_beside()
    assert ends.wire.stream is mine
