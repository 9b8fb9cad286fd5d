"""Work that one process of all does: alarms by silence, mails, backups, rollouts, reports, pushes, statistics, …

Alone, a process does all of it. Among others, the control processes have one lease for all of it together: who holds
it works, the others stand by, and nodes have none of it. When the lease is lost, everything is cancelled before it
could be another one's. And where clocks do not help (a process that was paused for long), the database does: what the
tasks write is refused when a newer holder was there (`csms.storage.fencing`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, Protocol

import structlog
import trio

from csms.domain.errors import Unavailable
from csms.storage.fencing import WorkElsewhere, WorkToken, under

log = structlog.get_logger("csms.work")

LOOK_SECONDS: Final = 1.0
PATIENCE_LOOKS: Final = 15
"""Who does not reach the database for so many looks lets another one try: perhaps it does."""
ADMISSION_TRIES: Final = 3
STAND_BACK_SECONDS: Final = 5.0


class TimedLease(Protocol):
    """A lease that knows how long it counts."""

    @property
    def token(self) -> tuple[int, int] | None:
        """Greater than that of all who had it before; None: not ours."""

    @property
    def seconds_left(self) -> float:
        """Without being renewed."""

    async def holds(self) -> bool:
        """See `csms.ports.lease.Lease.holds`."""

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""


class Epochs(Protocol):
    """See `csms.storage.lease_epochs.LeaseEpochs`."""

    def token(self, made_us: int, revision: int) -> WorkToken:
        """As its holder has it from the bus."""

    async def advance(self, token: WorkToken) -> None:
        """From now on older holders write nothing. Raises WorkElsewhere, Unavailable."""

    async def confirm(self, token: WorkToken) -> None:
        """Raises WorkElsewhere, Unavailable."""


class Work:
    """`lease`: None: it is always ours. `epochs`: where holders note their tokens; None: nobody looks. `here` False: it
    is never ours. Tasks may be begun anew after being cancelled."""

    def __init__(self, lease: TimedLease | None = None, epochs: Epochs | None = None, *, here: bool = True) -> None:
        self._lease = lease
        self._epochs = epochs
        self._token: WorkToken | None = None
        self._misses = 0
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
                    await self._do_by_right(self._lease)
                await trio.sleep(LOOK_SECONDS)
        finally:
            with trio.move_on_after(1.0, shield=True):
                await self._lease.release()

    async def confirmed(self) -> bool:
        """Is it done here, and does the database know of nobody newer? Raises Unavailable."""
        token = self._token
        if self._epochs is None or token is None:
            await trio.lowlevel.checkpoint()
            return self.ours
        try:
            await self._epochs.confirm(token)
        except WorkElsewhere:
            return False
        return self.ours

    async def _do_by_right(self, lease: TimedLease) -> None:
        """The database must know first. Who does not reach it stands back."""
        self._token = await self._admitted(lease, self._epochs) if self._epochs is not None else None
        if self._epochs is not None and self._token is None:
            return
        log.info("the work that is done once is done here")
        try:
            with nullcontext() if self._token is None else under(self._token):
                reached = await self._do_while_ours(lease)
        finally:
            self._token = None
        log.warning("the work that is done once is done elsewhere now")
        if not reached:
            await self._stand_back(lease)

    async def _admitted(self, lease: TimedLease, epochs: Epochs) -> WorkToken | None:
        """By which right, if the database grants it."""
        if lease.token is None:
            return None
        token = epochs.token(*lease.token)
        try:
            with trio.fail_after(lease.seconds_left):
                await epochs.advance(token)
        except WorkElsewhere:
            return None
        except (Unavailable, trio.TooSlowError):  # or somebody is still in the middle of it
            self._misses += 1
            if self._misses >= ADMISSION_TRIES:
                log.warning("the work that is done once cannot be done here: the database is away")
                await self._stand_back(lease)
            return None
        self._misses = 0
        return token

    async def _stand_back(self, lease: TimedLease) -> None:
        """Let another process try."""
        self._misses = 0
        await lease.release()
        await trio.sleep(STAND_BACK_SECONDS)

    async def _do_while_ours(self, lease: TimedLease) -> bool:
        """False: because the database was not reached for long."""
        missed = 0
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            scope.deadline = trio.current_time() + lease.seconds_left
            self.ours = True
            try:
                for task in self._tasks:
                    nursery.start_soon(task)
                while missed < PATIENCE_LOOKS:
                    await trio.sleep(LOOK_SECONDS)
                    if not await self._has(lease):
                        break
                    scope.deadline = trio.current_time() + lease.seconds_left
                    try:
                        with trio.fail_after(LOOK_SECONDS):  # the lease must be renewed meanwhile
                            if not await self.confirmed():
                                break
                        missed = 0
                    except (Unavailable, trio.TooSlowError):
                        missed += 1
            finally:
                self.ours = False
                scope.cancel()
        return missed < PATIENCE_LOOKS

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
        return await self._work.confirmed()

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""
