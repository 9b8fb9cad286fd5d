"""How the door between trio and asyncio is closed: nothing is left behind, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
import trio

from csms.aio import DoorClosed, DoorCrashed, open_door
from tests.kit.door_guests import AsyncioTask, Oops, add


async def test_closing_ends_pending_calls_and_refuses_new_ones() -> None:
    task = AsyncioTask()
    async with trio.open_nursery() as nursery:
        async with open_door() as door:

            async def caller() -> None:
                with pytest.raises(DoorClosed):
                    await door.call(task.hang)

            nursery.start_soon(caller)
            await task.wait_started()
        assert task.fate == "cancelled"
        with pytest.raises(DoorClosed):
            await door.call(add, 1)
        with pytest.raises(DoorClosed):
            door.post(print)


async def test_closing_cancels_the_trio_tasks_first_so_that_they_can_still_call() -> None:
    last_words: list[int] = []
    fates: list[type[BaseException]] = []
    started = trio.Event()

    async with trio.open_nursery() as nursery, open_door() as door:

        async def guest() -> None:
            started.set()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    last_words.append(await door.call(add, 7))

        async def visit() -> None:
            try:
                await door.enter(guest)
            except DoorClosed as error:
                fates.append(type(error))

        async def caller() -> None:
            with contextlib.suppress(DoorClosed):  # the visit may end just in time
                await door.call(visit)

        nursery.start_soon(caller)
        await started.wait()
    assert last_words == [7]
    assert fates == [DoorClosed]


async def test_closing_cancels_background_tasks_and_ends_the_thread() -> None:
    task = AsyncioTask()
    background: list[asyncio.Task[str]] = []

    async def leave_behind() -> None:
        background.append(asyncio.create_task(task.hang()))

    async with open_door() as door:
        await door.call(leave_behind)
        await task.wait_started()
    assert task.fate == "cancelled"
    assert "asyncio" not in {thread.name for thread in threading.enumerate()}


async def test_a_task_that_refuses_to_end_makes_the_closing_fail_instead_of_hang() -> None:
    ended = threading.Event()

    async def stubborn() -> None:
        while not ended.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    with pytest.raises(DoorCrashed) as caught:  # noqa: PT012
        async with open_door(grace=0.05) as door, trio.open_nursery() as nursery:
            door.post(lambda: asyncio.get_running_loop().create_task(stubborn(), name="stubborn"))
            await door.call(add, 1)
            nursery.cancel_scope.cancel()
    ended.set()
    assert "stubborn" in str(caught.value.__cause__)


async def test_what_the_block_raises_leaves_it_unwrapped() -> None:
    with pytest.raises(Oops, match="mine"):
        async with open_door():
            raise Oops("mine")


async def test_a_cancelled_block_leaves_quietly() -> None:
    task = AsyncioTask()
    with trio.CancelScope() as scope:
        async with open_door() as door:
            scope.cancel()
            await door.call(task.hang)
    assert scope.cancelled_caught
