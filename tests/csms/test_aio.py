"""The door between trio and asyncio: outcomes and cancellation, both ways. Streams and closing stand beside it."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
import trio

from csms.aio import Door, DoorClosed, DoorCrashed, TaskCancelled, open_door
from tests.kit.door_guests import AsyncioTask, Oops, TrioTask, add, fail


async def test_a_call_returns_what_the_coroutine_returned_and_runs_elsewhere() -> None:
    async def where() -> str:
        return threading.current_thread().name

    async with open_door() as door:
        assert await door.call(add, 1, b=2) == 3
        assert await door.call(where) == "asyncio"


async def test_the_error_of_a_call_arrives_with_its_type() -> None:
    async with open_door() as door:
        with pytest.raises(Oops, match="no luck"):
            await door.call(fail, "no luck")
        with pytest.raises(TypeError):
            await door.call(add)  # type: ignore[call-arg]
        assert await door.call(add, 1) == 1


async def test_context_variables_of_the_caller_are_seen_on_both_sides() -> None:
    station = contextvars.ContextVar("station", default="none")

    async def in_trio() -> str:
        return station.get()

    async with open_door() as door:

        async def in_asyncio() -> tuple[str, str]:
            return station.get(), await door.enter(in_trio)

        station.set("CP-1")
        assert await door.call(in_asyncio) == ("CP-1", "CP-1")


async def test_a_cancelled_caller_waits_until_the_asyncio_task_has_cleaned_up() -> None:
    task = AsyncioTask()
    async with open_door() as door, trio.open_nursery() as nursery:

        async def caller() -> None:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_started, scope)
                await door.call(task.hang)
            assert scope.cancelled_caught
            assert task.fate == "cancelled"

        async def cancel_when_started(scope: trio.CancelScope) -> None:
            await task.wait_started()
            scope.cancel()

        nursery.start_soon(caller)


async def test_a_result_that_was_made_in_spite_of_the_cancellation_is_not_lost() -> None:
    started = threading.Event()

    async def commit() -> str:
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "committed"
        return "never"

    async with open_door() as door:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cancel() -> None:
                    await trio.to_thread.run_sync(started.wait)
                    scope.cancel()

                nursery.start_soon(cancel)
                with trio.CancelScope():
                    result = await door.call(commit)
        assert result == "committed"


async def test_a_caller_who_is_cancelled_beforehand_starts_nothing() -> None:
    task = AsyncioTask()
    async with open_door() as door:
        with trio.CancelScope() as scope:
            scope.cancel()
            await door.call(task.hang)
        assert scope.cancelled_caught
        assert not task.started.is_set()


async def test_a_task_that_was_cancelled_by_a_stranger_is_reported_as_such() -> None:
    async def cancel_myself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async with open_door() as door:
        with pytest.raises(TaskCancelled):
            await door.call(cancel_myself)


async def test_ten_thousand_calls_at_once_wake_the_other_side_a_few_times_only() -> None:
    wakes = {"trio": 0, "asyncio": 0}
    answers = []
    async with open_door() as door:
        count_wakes(door, wakes)

        async def one(n: int) -> None:
            answers.append(await door.call(add, n))

        async with trio.open_nursery() as nursery:
            for n in range(10_000):
                nursery.start_soon(one, n)
    assert sorted(answers) == list(range(10_000))
    assert wakes["asyncio"] < 1_000
    assert wakes["trio"] < 1_000


def count_wakes(door: Door, wakes: dict[str, int]) -> None:
    for name, inbox in (("trio", door._to_trio), ("asyncio", door._to_asyncio)):
        wake = inbox._wake

        def counted(drain, name=name, wake=wake):  # type: ignore[no-untyped-def]
            wakes[name] += 1
            wake(drain)

        inbox._wake = counted


async def test_posts_arrive_in_order_and_before_a_later_call() -> None:
    seen: list[int] = []

    async def count() -> int:
        return len(seen)

    async with open_door() as door:
        for n in range(100):
            door.post(seen.append, n)
        assert await door.call(count) == 100
    assert seen == list(range(100))


async def test_a_posted_function_that_fails_fells_the_trio_side_loudly() -> None:
    def bug() -> None:
        raise Oops("posted")

    with pytest.raises(DoorCrashed) as caught:  # noqa: PT012
        async with open_door() as door:
            door.post(bug)
            await trio.sleep_forever()
    assert isinstance(caught.value.__cause__, Oops)


async def test_a_dead_asyncio_thread_fells_the_trio_side_and_its_callers() -> None:
    fates: list[type[BaseException]] = []
    task = AsyncioTask()

    def suicide() -> None:
        raise SystemExit(3)

    with pytest.raises(DoorCrashed) as caught:  # noqa: PT012
        async with open_door() as door, trio.open_nursery() as nursery:

            async def caller() -> None:
                try:
                    with trio.CancelScope(shield=True):
                        await door.call(task.hang)
                except DoorClosed as error:
                    fates.append(type(error))

            nursery.start_soon(caller)
            await task.wait_started()
            door.post(lambda: asyncio.get_running_loop().call_soon(suicide))
    assert isinstance(caught.value.__cause__, SystemExit)
    assert fates == [DoorClosed]


async def test_enter_runs_in_trio_and_returns_the_value_or_raises_the_error() -> None:
    async def double(n: int) -> int:
        await trio.sleep(0)
        return 2 * n

    async def fail_in_trio() -> None:
        await trio.sleep(0)
        raise Oops("from trio")

    async with open_door() as door:

        async def visit() -> int:
            with pytest.raises(Oops, match="from trio"):
                await door.enter(fail_in_trio)
            return await door.enter(double, 21)

        assert await door.call(visit) == 42


async def test_a_cancelled_asyncio_task_cancels_its_trio_task_and_waits_for_it() -> None:
    guest = TrioTask()
    async with open_door() as door:

        async def visit() -> str:
            try:
                await asyncio.wait_for(door.enter(guest.hang), 0.02)
            except TimeoutError:
                return guest.fate
            return "never"

        assert await door.call(visit) == "cancelled"


async def test_cancelling_twice_does_not_leave_the_trio_task_behind() -> None:
    guest = TrioTask()
    cleaning = trio.Event()
    go_on = trio.Event()

    async def slow_to_leave() -> None:
        try:
            await guest.hang()
        finally:
            cleaning.set()
            with trio.CancelScope(shield=True):
                await go_on.wait()
            guest.fate = "clean"

    async with open_door() as door:
        tasks: list[asyncio.Task[None]] = []

        async def begin() -> None:
            tasks.append(asyncio.create_task(door.enter(slow_to_leave)))

        async def cancel() -> None:
            tasks[0].cancel()

        async def end() -> str:
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            return guest.fate

        await door.call(begin)
        await guest.started.wait()
        await door.call(cancel)
        await cleaning.wait()
        await door.call(cancel)
        go_on.set()
        assert await door.call(end) == "clean"


async def test_an_error_in_the_clean_up_of_a_cancelled_trio_task_is_not_lost() -> None:
    async def bad_clean_up() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Oops("while cleaning up")

    async with open_door() as door:

        async def visit() -> None:
            await asyncio.wait_for(door.enter(bad_clean_up), 0.02)

        with pytest.raises(Oops, match="while cleaning up"):
            await door.call(visit)


async def test_cancellation_crosses_twice_from_trio_through_asyncio_to_trio() -> None:
    guest = TrioTask()
    async with open_door() as door, trio.open_nursery() as nursery:

        async def visit() -> str:
            return await door.enter(guest.hang)

        async def cancel_when_started(scope: trio.CancelScope) -> None:
            await guest.started.wait()
            scope.cancel()

        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_when_started, scope)
            await door.call(visit)
        assert scope.cancelled_caught
        assert guest.fate == "cancelled"
