"""Streams through the door between trio and asyncio: in order, no faster than they are read, and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import trio

from csms.aio import open_door
from tests.kit.door_guests import Oops, TrioTask


class Counter:
    """A trio generator that shows how far it was driven and whether it was closed."""

    def __init__(self, end: int = 1_000_000) -> None:
        self.made = 0
        self.closed = False
        self.end = end

    async def count(self, start: int) -> AsyncGenerator[int, None]:
        try:
            for n in range(start, self.end):
                self.made += 1
                await trio.lowlevel.checkpoint()
                yield n
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            self.closed = True


async def test_a_stream_carries_all_items_in_order_and_then_ends() -> None:
    counter = Counter(end=1_000)
    async with open_door() as door:

        async def consume() -> list[int]:
            return [n async for n in door.stream(counter.count, 5, buffer=4)]

        assert await door.call(consume) == list(range(5, 1_000))
    assert counter.closed


async def test_a_slow_consumer_holds_the_generator_back_at_the_buffer() -> None:
    counter = Counter()
    async with open_door() as door:

        async def consume() -> tuple[int, int]:
            stream = door.stream(counter.count, 0, buffer=7)
            first = await anext(stream)
            for _ in range(50):  # plenty of time to run ahead
                await door.enter(trio.lowlevel.checkpoint)
            made = counter.made
            await stream.aclose()
            return first, made

        assert await door.call(consume) == (0, 7)
    assert counter.closed


async def test_a_consumer_that_closes_early_closes_the_generator() -> None:
    counter = Counter()
    async with open_door() as door:

        async def consume() -> bool:
            stream = door.stream(counter.count, 0)
            async for n in stream:
                if n == 10:
                    break
            await stream.aclose()
            return counter.closed

        assert await door.call(consume)


async def test_a_consumer_that_is_cancelled_closes_the_generator() -> None:
    guest = TrioTask()

    async def silent() -> AsyncGenerator[int, None]:
        yield 1
        await guest.hang()

    async with open_door() as door:

        async def consume() -> str:
            async def listen() -> None:
                async for _ in door.stream(silent):
                    pass

            task = asyncio.create_task(listen())
            await door.enter(guest.started.wait)
            task.cancel()
            await asyncio.wait([task])
            return guest.fate

        assert await door.call(consume) == "cancelled"


async def test_the_error_of_a_generator_comes_after_its_items() -> None:
    async def two_then_fail() -> AsyncGenerator[int, None]:
        yield 1
        yield 2
        raise Oops("third")

    async with open_door() as door:

        async def consume() -> list[int]:
            seen = []
            with pytest.raises(Oops, match="third"):  # noqa: PT012
                async for n in door.stream(two_then_fail):
                    seen.append(n)
            return seen

        assert await door.call(consume) == [1, 2]
