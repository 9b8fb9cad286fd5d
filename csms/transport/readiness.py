"""Which sockets have something to read: one epoll for all stations, edge-triggered.

trio's own `wait_readable` arms a socket anew for each wait: a system call and some bookkeeping for every message. Here
each socket is registered once and says when *more* has come; one task, asleep in trio on the epoll's own descriptor,
wakes whoever waits. Where there is no epoll, `trio.lowlevel.wait_readable` does.

Edge-triggered means: after the edge, a reader must read until the kernel has no more before it may wait again. That is
`Reader`'s affair: it waits only when a read came up short (epoll(7), "Do I need to continuously read…"; under TLS, when
the library wants more) and the peer has not hung up, for which there may be no second edge.

A message need not wake anybody: see `Reader.eager`.
"""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable
from typing import Final

import outcome
import trio
from trio.lowlevel import (
    Abort,
    RaiseCancelT,
    RunVar,
    Task,
    current_task,
    reschedule,
    wait_readable,
    wait_task_rescheduled,
)

_AT_ONCE: Final = 1024

if sys.platform == "linux":
    HAS_EPOLL: Final = True
    _WANTED: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    _OVER: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
else:
    HAS_EPOLL = False
    _WANTED = _OVER = 0


class Reader:
    """One socket's. One task may wait at a time."""

    __slots__ = ("_descriptor", "_hung_up", "_ready", "_task", "eager")

    def __init__(self, sock: socket.socket) -> None:
        self.eager: Callable[[], bool] | None = None
        """Called instead of waking the task that waits, sync; True: it may sleep on. It must not raise."""
        self._descriptor = sock.fileno()
        self._ready = False
        self._hung_up = False
        self._task: Task | None = None
        _readiness().add(self._descriptor, self)

    async def wait(self) -> None:
        """Until there may be something to read. Raises what `wake` was given."""
        if self._ready or self._hung_up:
            await trio.lowlevel.checkpoint()
            return
        self._task = current_task()
        await wait_task_rescheduled(self._abort)

    def drained(self) -> None:
        """The last read took all there was."""
        self._ready = False

    def happened(self, events: int) -> None:
        """The edge."""
        self._ready = True
        if events & _OVER:
            self._hung_up = True
        self.look()

    def look(self) -> None:
        """Wake whoever waits, if there may be something to read."""
        if self._task is not None and self.expects_more and (self.eager is None or not self.eager()):
            self.rouse()

    @property
    def expects_more(self) -> bool:
        """Whether there may be something that was not read, if only the end."""
        return self._ready or self._hung_up

    def rouse(self) -> None:
        """Wake whoever waits."""
        task, self._task = self._task, None
        if task is not None:
            reschedule(task)

    def wake(self, error: Exception) -> None:
        """Whoever waits gets `error`."""
        task, self._task = self._task, None
        if task is not None:
            reschedule(task, outcome.Error(error))

    def close(self) -> None:
        """Before the socket is closed or given away. Idempotent."""
        if self._descriptor >= 0:
            _readiness().remove(self._descriptor)
            self._descriptor = -1
            self.eager = None  # it holds the connection, which holds this

    def _abort(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._task = None
        return Abort.SUCCEEDED


class _Readiness:
    """One for each run of trio."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Reader] = {}

    def add(self, descriptor: int, reader: Reader) -> None:
        self._readers[descriptor] = reader
        self._epoll.register(descriptor, _WANTED)

    def remove(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    async def run(self) -> None:
        readers, poll = self._readers, self._epoll.poll
        with self._epoll:
            while True:
                await wait_readable(self._epoll.fileno())
                for descriptor, events in poll(0, _AT_ONCE):
                    reader = readers.get(descriptor)
                    if reader is not None:
                        reader.happened(events)


_current: RunVar[_Readiness] = RunVar("readiness")


def _readiness() -> _Readiness:
    try:
        return _current.get()
    except LookupError:
        made = _Readiness()
        _current.set(made)
        trio.lowlevel.spawn_system_task(made.run)
        return made
