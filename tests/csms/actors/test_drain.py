"""An ordered stop whose deadline only comes nearer."""

from __future__ import annotations

import trio
import trio.testing

from csms.actors.drain import Drain, spread


async def test_steps_come_in_order_and_only_when_it_has_begun(autojump_clock: trio.testing.MockClock) -> None:
    drain, done = Drain(), []

    async def step(name: str) -> None:
        await trio.sleep(1)
        done.append((name, trio.current_time()))

    drain.add("doors", lambda: step("doors"))
    drain.add("actors", lambda: step("actors"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain.run)
        await trio.sleep(5)
        assert not drain.draining
        drain.begin(30)
        await drain.wait_begun()
    assert done == [("doors", 6.0), ("actors", 7.0)]


async def test_a_second_call_only_shortens(autojump_clock: trio.testing.MockClock) -> None:
    drain = Drain()
    drain.add("slow", trio.sleep_forever)
    drain.begin(30)
    async with trio.open_nursery() as nursery:

        async def hurry() -> None:
            await trio.sleep(2)
            drain.begin(60)
            drain.begin(3)

        nursery.start_soon(hurry)
        assert await drain.run() == ["slow"]
    assert trio.current_time() == 5.0


async def test_a_step_after_the_deadline_still_gets_a_last_chance(autojump_clock: trio.testing.MockClock) -> None:
    drain, flushed = Drain(), []

    async def flush() -> None:
        await trio.sleep(1)
        flushed.append(True)

    drain.add("actors", trio.sleep_forever)
    drain.add("journal", flush)
    drain.begin(10)
    assert await drain.run() == ["actors"]
    assert flushed == [True]


async def test_closes_are_spread(autojump_clock: trio.testing.MockClock) -> None:
    for _ in range(10):
        await spread(10, 3.0)
    await spread(1, 3.0)
    assert abs(trio.current_time() - 3.0) < 0.001
