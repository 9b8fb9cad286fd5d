"""Work that one process of all does: alarms by silence, mails, backups, rollouts, reports, pushes, statistics, …

Alone, a process does all of it. Among others, the control processes have one lease for all of it together: who holds
it works, the others stand by, and nodes have none of it. When the lease is lost, everything is cancelled before it
could be another one's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol

import structlog
import trio

from csms.domain.errors import Unavailable

log = structlog.get_logger("csms.work")

LOOK_SECONDS: Final = 1.0


class TimedLease(Protocol):
    """A lease that knows how long it counts."""

    @property
    def seconds_left(self) -> float:
        """Without being renewed."""

    async def holds(self) -> bool:
        """See `csms.ports.lease.Lease.holds`."""

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""


class Work:
    """`lease`: None: it is always ours. `here` False: it is never. Tasks may be begun anew after being cancelled."""

    def __init__(self, lease: TimedLease | None = None, *, here: bool = True) -> None:
        self._lease = lease
        self._here = here
        self._tasks: list[Callable[[], Awaitable[None]]] = []
        self.ours = False
        """Is it done here, at this moment?"""

    def start_soon(self, task: Callable[..., Awaitable[None]], *args: Any) -> None:
        """A task that runs while the work is ours. Before `run`."""
        self._tasks.append(partial(task, *args))

    async def run(self) -> None:
        """Until cancelled."""
        if not self._here:
            return
        if self._lease is None:
            self.ours = True
            await self._do()
            return
        try:
            while True:
                if await self._has(self._lease):
                    log.info("the work that is done once is done here")
                    await self._do_while_ours(self._lease)
                    log.warning("the work that is done once is done elsewhere now")
                await trio.sleep(LOOK_SECONDS)
        finally:
            with trio.move_on_after(1.0, shield=True):
                await self._lease.release()

    async def _do_while_ours(self, lease: TimedLease) -> None:
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            scope.deadline = trio.current_time() + lease.seconds_left
            self.ours = True
            try:
                for task in self._tasks:
                    nursery.start_soon(task)
                while True:
                    await trio.sleep(LOOK_SECONDS)
                    if not await self._has(lease):
                        break
                    scope.deadline = trio.current_time() + lease.seconds_left
            finally:
                self.ours = False
                scope.cancel()

    async def _do(self) -> None:
        async with trio.open_nursery() as nursery:
            for task in self._tasks:
                nursery.start_soon(task)

    async def _has(self, lease: TimedLease) -> bool:
        try:
            return await lease.holds()
        except Unavailable:
            return lease.seconds_left > 0


class LeaseOfWork:
    """A lease for one task of the work: whoever has the work has it."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def holds(self) -> bool:
        """See `csms.ports.lease.Lease.holds`."""
        return self._work.ours

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""
