"""The door between trio and asyncio: outcomes, cancellation and closing, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator

import pytest
import trio

from csms.aio import Door, DoorClosed, DoorCrashed, TaskCancelled, open_door


class Oops(Exception):
    """Stands for any error of the other side."""


async def add(a: int, b: int = 0) -> int:
    await asyncio.sleep(0)
    return a + b


async def fail(message: str) -> None:
    await asyncio.sleep(0)
    raise Oops(message)


class AsyncioTask:
    """Hangs on the asyncio side and remembers what became of it."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.fate = ""

    async def hang(self) -> str:
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # a clean-up that takes a while
            self.fate = "cancelled"
            raise
        return "never"

    async def wait_started(self) -> None:
        await trio.to_thread.run_sync(self.started.wait)


class TrioTask:
    """Hangs on the trio side and remembers what became of it."""

    def __init__(self) -> None:
        self.started = trio.Event()
        self.fate = ""

    async def hang(self) -> str:
        self.started.set()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            self.fate = "cancelled"


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
