"""The one door between trio and asyncio.

The actors live in trio; ``asyncpg`` and ``grpc.aio`` are asyncio. The asyncio side is one second thread that
runs a uvloop event loop. Everything that crosses goes through a :class:`Door`, in two queues, one each way.
The queues are coalesced: whoever puts the first item into an idle queue wakes the other loop, everybody who
comes before the other loop has looked in just adds an item. A thousand calls at once cost two wake-ups.

Theory of a crossing (all four end in exactly one outcome, on the side that asked):

====================  =========  ==========  ===================================================
who asks              lives in   works in    how it ends early
====================  =========  ==========  ===================================================
``call``              trio       asyncio     trio cancels the caller → the task is cancelled
``post``              any        asyncio     it does not: a sync function, nobody waits for it
``enter``             asyncio    trio        asyncio cancels the caller → its CancelScope is cancelled
``stream``            asyncio    trio        either side closes → the other is closed
====================  =========  ==========  ===================================================

Cancellation never abandons work: the caller waits until the other side has ended. What then counts:

* ``call``: the outcome of the task, as with :func:`trio.to_thread.run_sync`. ``trio.Cancelled`` means that the
  task ended by the cancellation; a result or an error which it made all the same is handed over, so a
  committed transaction is never reported as cancelled (the caller's next checkpoint raises ``Cancelled``).
* ``enter``: ``CancelledError`` wins over a result (asyncio's time-outs rely on it), an error of the trio
  task wins over both.

Waiting on the other thread looks like idleness to trio's autojump clock: do not combine the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, TypeVarTuple

import outcome
import trio

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):  # without uvloop only speed is lost
    import uvloop

    new_event_loop = uvloop.new_event_loop

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class DoorError(RuntimeError):
    """Something is wrong with the door itself, not with what went through it."""


class DoorClosed(DoorError):
    """The door is closing or closed: the work was not begun, or was cancelled by the closing."""


class DoorCrashed(DoorError):
    """The asyncio side ended unasked. Its cause is the ``__cause__``; nothing behind the door runs any more."""


class TaskCancelled(DoorError):
    """The work on the other side was cancelled there, by somebody other than the caller."""


class _Inbox:
    """Work for the other loop: any thread puts, the owning loop drains. Wakes the owner once per batch."""

    __slots__ = ("_jobs", "_wake", "_woken")

    def __init__(self, wake: Callable[[Callable[[], None]], None]) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake = wake
        self._woken = False

    def put(self, job: Callable[[], None]) -> None:
        # Order matters: first the job, then the look at the flag. `drain` does it the other way round, so a
        # job that finds the flag set is always seen by the drain that is to come.
        self._jobs.append(job)
        if not self._woken:
            self._woken = True
            self._wake(self.drain)

    def drain(self) -> None:
        self._woken = False
        jobs = self._jobs
        # Only what is here now: a job that puts further jobs wakes the loop anew, and so starves nobody.
        for _ in range(len(jobs)):
            jobs.popleft()()


class _Call(Generic[T]):
    """A trio task waits for a coroutine on the asyncio side."""

    __slots__ = ("_caller", "_context", "_door", "_make", "_raise_cancel", "_task")

    def __init__(self, door: Door, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._door = door
        self._make = make
        self._caller = trio.lowlevel.current_task()
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[T] | None = None
        self._raise_cancel: Callable[[], object] | None = None

    def abort(self, raise_cancel: Callable[[], object]) -> trio.lowlevel.Abort:
        """In trio: the caller is cancelled. It goes on waiting until the task has ended."""
        self._raise_cancel = raise_cancel
        self._door._to_asyncio.put(self._cancel)
        return trio.lowlevel.Abort.FAILED

    def start(self) -> None:
        """In asyncio."""
        made = outcome.capture(self._make)
        if isinstance(made, outcome.Error):  # wrong arguments, or not a coroutine function
            self._end(made)
            return
        self._task = asyncio.get_running_loop().create_task(made.unwrap(), context=self._context)
        self._task.add_done_callback(self._ended)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._end(None)
        elif (error := task.exception()) is not None:
            self._end(outcome.Error(error))
        else:
            self._end(outcome.Value(task.result()))

    def _end(self, result: outcome.Outcome[T] | None) -> None:
        self._door._to_trio.put(lambda: self.deliver(result))

    def deliver(self, result: outcome.Outcome[T] | None) -> None:
        """In trio: wake the caller. None: the task was cancelled."""
        if self not in self._door._calls:
            return  # the thread died meanwhile, and the caller was told so
        self._door._calls.discard(self)
        if result is not None:
            trio.lowlevel.reschedule(self._caller, result)
        elif self._raise_cancel is not None:
            trio.lowlevel.reschedule(self._caller, outcome.capture(self._raise_cancel))
        elif self._door._accepts_calls:
            stranger = TaskCancelled("The task on the asyncio side was cancelled there.")
            trio.lowlevel.reschedule(self._caller, outcome.Error(stranger))
        else:
            trio.lowlevel.reschedule(self._caller, outcome.Error(_closed()))


class _Guest(Generic[T]):
    """An asyncio task waits for a trio task in the door's nursery."""

    __slots__ = ("_context", "_door", "_ended", "_main", "_scope", "result")

    def __init__(self, door: Door, main: Callable[[], Awaitable[T]]) -> None:
        self._door = door
        self._main = main
        self._context = contextvars.copy_context()
        self._scope = trio.CancelScope()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.result: outcome.Outcome[T] | None = None  # written in asyncio only

    def begin(self) -> None:
        """In trio."""
        door = self._door
        if door._nursery is None or not door._accepts_guests:
            self._report(outcome.Error(_closed()))
            return
        door._guests.add(self)
        # In the caller's context, so that its log fields are there; a nursery takes the current one.
        self._context.run(door._nursery.start_soon, self._run)

    async def _run(self) -> None:
        result = await outcome.acapture(self._run_in_scope)
        self._door._guests.discard(self)
        if not self._door._guests:
            self._door._no_guests.set()
        if isinstance(result, outcome.Error) and (
            isinstance(result.error, trio.Cancelled)  # of the door's nursery
            or (isinstance(result.error, TaskCancelled) and not self._door._accepts_guests)
        ):
            result = outcome.Error(_closed())
        self._report(result)

    async def _run_in_scope(self) -> T:
        with self._scope:
            return await self._main()
        raise TaskCancelled("The task on the trio side was cancelled.")

    def cancel(self) -> None:
        """In trio. May come before the task has started: a cancelled scope cancels whoever enters it."""
        self._scope.cancel()

    def _report(self, result: outcome.Outcome[T]) -> None:
        self._door._to_asyncio.put(lambda: self._end(result))

    def _end(self, result: outcome.Outcome[T]) -> None:
        self.result = result
        if not self._ended.done():
            self._ended.set_result(None)

    def on_end(self, fn: Callable[[], None]) -> None:
        self._ended.add_done_callback(lambda _: fn())

    async def wait(self) -> T:
        """In asyncio: the value or the error of the trio task."""
        try:
            await self._ended
        finally:
            if self.result is None:  # we are being cancelled
                await self.cancel_and_wait()
        assert self.result is not None  # noqa: S101 - for the type checker
        return self.result.unwrap()

    async def cancel_and_wait(self) -> None:
        """In asyncio: end the trio task and wait for it. Raises its error, if it ended in one of its own."""
        self._door._to_trio.put(self.cancel)
        while self.result is None:
            self._ended = asyncio.get_running_loop().create_future()
            # A second cancellation must not leave the trio task behind; we are on our way out anyhow.
            with contextlib.suppress(asyncio.CancelledError):
                await self._ended
        if isinstance(self.result, outcome.Error) and not isinstance(self.result.error, DoorError):
            self.result.unwrap()


class _Stream(Generic[T]):
    """A trio generator feeds an asyncio iterator. A credit is the right to make one more item."""

    __slots__ = ("_arrived", "_credits", "_door", "_lot", "_make", "_spent", "items")

    def __init__(self, door: Door, make: Callable[[], AsyncGenerator[T, None]], buffer: int) -> None:
        self._door = door
        self._make = make
        self._credits = trio.Semaphore(buffer)
        self._lot = max(1, buffer // 2)  # credits go back in lots, each costs a crossing
        self._spent = 0
        self._arrived = asyncio.Event()
        self.items: deque[T] = deque()

    async def pump(self) -> None:
        """In trio: from the generator into the buffer."""
        async with contextlib.aclosing(self._make()) as items:
            await self._credits.acquire()
            async for item in items:
                self._send(item)
                await self._credits.acquire()

    def _send(self, item: T) -> None:
        self._door._to_asyncio.put(lambda: self._arrive(item))

    def _arrive(self, item: T) -> None:
        self.items.append(item)
        self._arrived.set()

    def wake(self) -> None:
        self._arrived.set()

    async def wait(self) -> None:
        """In asyncio: until something has come, an item or the end."""
        await self._arrived.wait()
        self._arrived.clear()

    def take(self) -> T:
        """In asyncio."""
        self._spent += 1
        if self._spent >= self._lot:
            lot, self._spent = self._spent, 0
            self._door._to_trio.put(lambda: self._give_back(lot))
        return self.items.popleft()

    def _give_back(self, lot: int) -> None:
        for _ in range(lot):
            self._credits.release()


class Door:
    """See :func:`open_door`, which makes it, and the theory at the top of the module."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._token = trio.lowlevel.current_trio_token()
        self._to_trio = _Inbox(self._wake_trio)
        self._to_asyncio = _Inbox(self._wake_asyncio)
        self._thread = threading.Thread(target=self._thread_main, name="asyncio", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Future[None] | None = None
        self._nursery: trio.Nursery | None = None
        self._accepts_calls = False
        self._accepts_guests = False
        self._stopping = False
        self._crash: BaseException | None = None
        self._calls: set[_Call[Any]] = set()
        self._guests: set[_Guest[Any]] = set()
        self._no_guests = trio.Event()
        self._ready = trio.Event()
        self._ended = trio.Event()

    # ── from trio ────────────────────────────────────────────────────────────────────────────────────────
    async def call(self, fn: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the coroutine function on the asyncio side; its value, or its exception, is ours.

        Raises:
            DoorClosed: the door is closing.
            TaskCancelled: the task was cancelled by somebody on the asyncio side.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._accepts_calls:
            raise _closed()
        call = _Call(self, lambda: fn(*args, **kwargs))
        self._calls.add(call)
        self._to_asyncio.put(call.start)
        result: T = await trio.lowlevel.wait_task_rescheduled(call.abort)
        return result

    def post(self, fn: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have the sync function run on the asyncio side, soon; from any thread. Its exception fells the door.

        Raises:
            DoorClosed: the door is closing.
        """
        if not self._accepts_calls:
            raise _closed()
        self._to_asyncio.put(lambda: self._run_posted(lambda: fn(*args, **kwargs)))

    # ── from asyncio ─────────────────────────────────────────────────────────────────────────────────────
    async def enter(self, fn: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the async function in the door's trio nursery; its value, or its exception, is ours.

        Raises:
            DoorClosed: the door is closing; the function was not begun, or was cancelled by the closing.
        """
        guest = _Guest(self, lambda: fn(*args, **kwargs))
        self._to_trio.put(guest.begin)
        return await guest.wait()

    async def stream(
        self, fn: Callable[[*Ts], AsyncGenerator[T, None]], *args: *Ts, buffer: int = 16
    ) -> AsyncGenerator[T, None]:
        """Iterate in asyncio over an async generator that runs in trio.

        At most ``buffer`` items wait; the generator is not resumed while the buffer is full. Its end ends the
        iteration, its exception is raised here. Whoever leaves the iteration early should close it
        (:func:`contextlib.aclosing`), which cancels the generator and waits for its clean-up; asyncio does so
        later for those that were forgotten.
        """
        stream = _Stream(self, lambda: fn(*args), buffer)
        guest = _Guest(self, stream.pump)
        guest.on_end(stream.wake)
        self._to_trio.put(guest.begin)
        try:
            while True:
                while stream.items:
                    yield stream.take()
                if guest.result is not None:
                    guest.result.unwrap()
                    return
                await stream.wait()
        finally:
            if guest.result is None:
                await guest.cancel_and_wait()

    # ── opening and closing (trio) ───────────────────────────────────────────────────────────────────────
    async def _open(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._thread.start()
        with trio.CancelScope(shield=True):  # the loop comes up or the thread ends; both are quick
            await self._ready.wait()
        nursery.start_soon(self._watch)

    async def _watch(self) -> None:
        """Fell the trio side, loudly, when the asyncio side ends unasked."""
        with trio.CancelScope(shield=True):
            await self._ended.wait()
        if self._crash is not None or not self._stopping:
            raise DoorCrashed("The asyncio side has crashed; nothing behind it runs any more.") from self._crash

    async def _close(self) -> None:
        """Guests first (they may still call), then the calls, then the thread."""
        self._accepts_guests = False
        for guest in tuple(self._guests):
            guest.cancel()
        if self._guests:
            self._no_guests = trio.Event()
            await self._no_guests.wait()
        self._accepts_calls = False
        self._stopping = True
        if not self._ended.is_set():
            self._to_asyncio.put(self._end_loop)
        await trio.to_thread.run_sync(self._thread.join, self._grace + 5.0)
        if self._thread.is_alive():
            self._crash = DoorError("The asyncio side does not stop: something blocks its event loop.")
            self._thread_ended()

    def _thread_ended(self) -> None:
        self._accepts_calls = self._accepts_guests = False
        for call in tuple(self._calls):
            call.deliver(outcome.Error(_closed()))
        self._ready.set()
        self._ended.set()

    def _wake_trio(self, drain: Callable[[], None]) -> None:
        # A trio run that is over asks for nothing any more.
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(drain)

    # ── the thread (asyncio) ─────────────────────────────────────────────────────────────────────────────
    def _wake_asyncio(self, drain: Callable[[], None]) -> None:
        # A loop that is closed has ended; `_thread_ended` tells everybody who waits.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(drain)

    def _thread_main(self) -> None:
        result = outcome.capture(self._run_loop)
        if isinstance(result, outcome.Error):
            self._crash = result.error
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._thread_ended)

    def _run_loop(self) -> None:
        loop = new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(self._main(loop))
            finally:
                loop.run_until_complete(self._wind_up())
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    async def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stop = loop.create_future()
        self._accepts_calls = self._accepts_guests = True
        self._to_trio.put(self._ready.set)
        await self._stop

    async def _wind_up(self) -> None:
        self._accepts_calls = self._accepts_guests = False  # after a crash nobody else has said so
        leftovers = asyncio.all_tasks() - {asyncio.current_task()}
        for task in leftovers:
            task.cancel()
        if leftovers:
            _, stuck = await asyncio.wait(leftovers, timeout=self._grace)
            if stuck:
                names = ", ".join(sorted(task.get_name() for task in stuck))
                raise DoorError(f"Cancelled tasks on the asyncio side did not end: {names}.")
        await asyncio.sleep(0)  # the done-callbacks of those tasks report to their callers

    def _end_loop(self) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(None)

    def _run_posted(self, job: Callable[[], object]) -> None:
        result = outcome.capture(job)
        if isinstance(result, outcome.Error) and self._stop is not None and not self._stop.done():
            self._stop.set_exception(result.error)


def _closed() -> DoorClosed:
    return DoorClosed("The door to the asyncio side is closing; nothing new can pass.")


@contextlib.asynccontextmanager
async def open_door(*, grace: float = 10.0) -> AsyncIterator[Door]:
    """Start the asyncio side; at the end of the block stop it in order. From trio.

    At the end the trio tasks that asyncio has entered are cancelled, then every asyncio task; they get
    ``grace`` seconds to end.

    Raises:
        DoorCrashed: the asyncio side ended unasked; the block is cancelled.
    """
    door = Door(grace)
    try:
        async with trio.open_nursery() as nursery:
            await door._open(nursery)
            try:
                yield door
            finally:
                with trio.CancelScope(shield=True):
                    await door._close()
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        single = group.exceptions[0]
    else:
        return
    raise single  # the door's nursery is an inner matter: what the block raised leaves as it was
