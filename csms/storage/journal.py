"""The journal: what a station is told only after it is on disk.

Actors ``put`` records and wait for their ticket; one writer takes whatever waits, commits it in one transaction
and lets all go (group commit). Under load the batches grow by themselves: while one is being written, the next one
gathers. Nobody sleeps to make them bigger.

    put ──▶ gathering batch ──▶ writer: one commit ──▶ all its tickets are durable
                                  │ database away: the same batch again, with back-off (records are idempotent)
                                  └ refused: halved until the culprit is found; only its ticket says RecordConflict

Batches are written one at a time and in order, so what one station reported stays in its order.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import asyncpg
import msgspec
import structlog
import trio

from csms.domain.errors import Unavailable
from csms.domain.records import Record
from csms.ports.journal import Fence, Fenced, RecordConflict
from csms.storage.claims import NodeMark, begin, lost_among
from csms.storage.pool import Database, Dedicated
from csms.storage.records import REFUSED, write

__all__ = ["JournalStatistics", "PostgresJournal", "PostgresTicket"]

FIRST_PAUSE = 0.05  # seconds between attempts while the database is away; doubles, with jitter
LONGEST_PAUSE = 2.0

log = structlog.get_logger(__name__)


WAIT_BOUNDS: Final = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 4.0)


class JournalStatistics(msgspec.Struct, frozen=True):
    """Counters since the start. `wait_s` is the sum over the batches of the time from first put to disk."""

    commits: int
    records: int
    refused: int
    pending_records: int
    last_batch: int
    wait_s: float
    waits: tuple[int, ...] = ()
    """Commits by how long their first record waited: up to each of `WAIT_BOUNDS` seconds, then beyond."""

    @property
    def mean_batch(self) -> float:
        """Records a commit."""
        return self.records / self.commits if self.commits else 0.0

    @property
    def mean_wait_s(self) -> float:
        """Seconds from the first put of a batch to disk."""
        return self.wait_s / self.commits if self.commits else 0.0


class _Batch:
    """What goes to disk together. One waiting room for all its tickets."""

    __slots__ = ("closed", "done", "first_put_at", "last_put_at", "overdue", "records", "then", "tickets", "waiters")

    def __init__(self, now: float) -> None:
        self.tickets: list[PostgresTicket] = []
        self.records = 0
        self.first_put_at = self.last_put_at = now
        self.done = False
        self.closed = False
        self.overdue = False
        self.waiters = trio.lowlevel.ParkingLot()
        self.then: list[Callable[[], None]] = []

    def let_go(self) -> None:
        """Something is known now: tell all who wait."""
        self.waiters.unpark_all()
        told, self.then = self.then, []
        for then in told:
            then()


class PostgresTicket:
    """A receipt; see csms.ports.journal.Ticket."""

    __slots__ = ("_batch", "_error", "fence", "records")

    def __init__(self, batch: _Batch, records: Sequence[Record], fence: Fence | None = None) -> None:
        self._batch = batch
        self._error: asyncpg.PostgresError | Exception | None = None
        self.records = records
        self.fence = fence

    async def durable(self) -> None:
        """Return when the records are on disk; at once if they are. Raises Unavailable, RecordConflict."""
        batch = self._batch
        while not batch.done:
            if batch.overdue:
                raise Unavailable(
                    "The database takes too long; what was sent is kept and written later. Try again in a moment.",
                    reason="DATABASE_UNAVAILABLE",
                )
            if batch.closed:
                raise _stopped()
            await batch.waiters.park()
        if isinstance(self._error, Fenced):
            raise Fenced(self._error.message)
        if self._error is not None:
            raise RecordConflict(
                "The database has refused these records: they contradict what it holds. Reload the station's state."
            ) from self._error

    @property
    def kept(self) -> bool:
        """See csms.ports.journal.Ticket."""
        return self._batch.done and self._error is None

    def when_done(self, then: Callable[[], None]) -> bool:
        """See csms.ports.journal.Ticket."""
        batch = self._batch
        if batch.done or batch.overdue or batch.closed:
            return False
        batch.then.append(then)
        return True

    def refuse(self, error: Exception) -> None:
        """The culprit was found."""
        self._error = error


class PostgresJournal:
    """csms.ports.journal.Journal on PostgreSQL. ``run`` must be running, else everybody waits.

    Args:
        database: where to.
        wait_bound: seconds after which whoever waits for room or for a ticket gets Unavailable.
        batch_limit: records in one commit (a single put may exceed it).
        room: records that may wait before ``wait_room`` holds back.
        mark: of this node, where there are several: then tickets with a fence are looked at before they are written.
    """

    def __init__(
        self,
        database: Database,
        *,
        wait_bound: float = 20.0,
        batch_limit: int = 2_000,
        room: int = 20_000,
        mark: NodeMark | None = None,
    ) -> None:
        self._database = database
        self._wait_bound = wait_bound
        self._batch_limit = batch_limit
        self._room = room
        self._mark = mark
        self._queue: deque[_Batch] = deque()  # the leftmost may be under way
        self._gathering: _Batch | None = None  # the rightmost of the queue, while it takes more
        self._pending = 0
        self._work = trio.lowlevel.ParkingLot()
        self._sleeps = False  # the writer has nothing to do
        self._room_waiters = trio.lowlevel.ParkingLot()
        self._idle = trio.Event()
        self._closing = False
        self._stop = trio.CancelScope()
        self._available = False
        self._commits = self._records = self._refused = self._last_batch = 0
        self._wait_s = 0.0
        self._waits = [0] * (len(WAIT_BOUNDS) + 1)
        self._fenced = 0

    @property
    def available(self) -> bool:
        """Did the last attempt at writing reach the database?"""
        return self._available

    @property
    def statistics(self) -> JournalStatistics:
        """For metrics."""
        return JournalStatistics(
            self._commits,
            self._records,
            self._refused,
            self._pending,
            self._last_batch,
            self._wait_s,
            tuple(self._waits),
        )

    # -- for actors ------------------------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """See csms.ports.journal.Journal."""
        return self._pending <= self._room

    async def wait_room(self) -> None:
        """Return at once while there is room. Raises Unavailable after ``wait_bound`` seconds without."""
        if self._pending <= self._room:
            return
        with trio.move_on_after(self._wait_bound):
            while self._pending > self._room and not self._closing:
                await self._room_waiters.park()
        if self._closing:
            raise _stopped()
        if self._pending > self._room:
            raise Unavailable(
                f"{self._pending} records wait for the database. Try again in a moment.", reason="JOURNAL_FULL"
            )

    def put(self, records: Sequence[Record], fence: Fence | None = None) -> PostgresTicket:
        """Take the records in; all of them are written in one transaction. Never blocks, never raises."""
        batch = self._gathering
        if batch is None or batch.records >= self._batch_limit:
            batch = self._gathering = _Batch(trio.current_time())
            if self._closing:
                batch.closed = True
            else:
                self._queue.append(batch)
        ticket = PostgresTicket(batch, records, fence)
        batch.tickets.append(ticket)
        batch.records += len(records)
        if not batch.closed:
            self._pending += len(records)
            if self._sleeps:
                self._sleeps = False
                self._work.unpark()
        return ticket

    # -- its own life ----------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until ``close``. Started once there is a connection, which it waits for without bound."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._give_up_late_ones)
                with self._stop:
                    own = await self._connect()
                    self._available = True
                    task_status.started()
                    try:
                        await self._write_all(own)
                    finally:
                        await own.close()
                nursery.cancel_scope.cancel()
        finally:
            self._fail_rest()

    async def close(self, deadline: float) -> None:
        """Write what is there, until ``deadline`` (trio's clock); what is left then fails with Unavailable."""
        self._closing = True
        self._gathering = None
        self._work.unpark_all()
        self._room_waiters.unpark_all()
        with trio.CancelScope(deadline=deadline):
            await self._idle.wait()
        self._stop.cancel()
        with trio.CancelScope(shield=True):  # a write under way is cancelled in the server: that is quick
            await self._idle.wait()

    def _fail_rest(self) -> None:
        self._closing = True
        self._gathering = None
        for batch in list(self._queue):
            batch.closed = True
            batch.let_go()
        if self._queue:
            log.error("journal_lost_records", records=self._pending)
        self._queue.clear()
        self._pending = 0
        self._room_waiters.unpark_all()
        self._idle.set()

    async def _give_up_late_ones(self) -> None:
        """One look now and then at all batches is cheaper than a timeout for every ticket."""
        while True:
            await trio.sleep(self._wait_bound / 40)
            now = trio.current_time()
            gathering = self._gathering
            if gathering is not None:
                gathering.last_put_at = now  # or a little earlier
                if now - gathering.first_put_at > self._wait_bound / 8:
                    # Only in an outage: a batch gives up as a whole, so nobody may join one that is about to.
                    self._gathering = None
            for batch in list(self._queue):
                if not batch.overdue and now - batch.last_put_at >= self._wait_bound:
                    batch.overdue = True
                    batch.let_go()

    async def _connect(self) -> Dedicated:
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._database.dedicated()
            except Unavailable:
                await trio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _write_all(self, own: Dedicated) -> None:
        while True:
            while not self._queue:
                if self._closing:
                    return
                self._sleeps = True
                await self._work.park()
            batch = self._queue[0]
            if batch is self._gathering:
                self._gathering = None
            await self._store(own, batch.tickets)
            self._queue.popleft()
            self._settle(batch)

    def _settle(self, batch: _Batch) -> None:
        batch.done = True
        self._pending -= batch.records
        if self._room_waiters and self._pending <= self._room:
            self._room_waiters.unpark_all()
        self._commits += 1
        self._records += batch.records
        self._last_batch = batch.records
        wait = trio.current_time() - batch.first_put_at
        self._wait_s += wait
        self._waits[bisect_left(WAIT_BOUNDS, wait)] += 1
        batch.let_go()

    async def _store(self, own: Dedicated, tickets: list[PostgresTicket]) -> None:
        """Until all of them are on disk or refused."""
        todo = [tickets]
        pause = FIRST_PAUSE
        while todo:
            some = todo.pop()
            try:
                if self._mark is None:
                    await own.run(_write, some)
                elif lost := await own.transaction(_write_if_ours, some, self._mark):
                    some = self._without(lost, some)
                    todo += [some] if some else []
                    continue
            except Unavailable as error:
                if self._available:
                    log.warning("journal_waits_for_database", error=str(error), pending=self._pending)
                self._available = False
                todo.append(some)
                await trio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except REFUSED as error:
                self._part(todo, some, error)
            if not self._available:
                log.info("journal_writes_again", pending=self._pending)
            self._available = True
            pause = FIRST_PAUSE

    def _without(self, lost: set[Fence], some: list[PostgresTicket]) -> list[PostgresTicket]:
        """Refuse what another node has taken; the rest is written by itself."""
        for ticket in some:
            if ticket.fence in lost:
                ticket.refuse(Fenced("Another node has this station now."))
        self._fenced += len(lost)
        log.info("records_came_too_late", stations=len(lost))
        return [ticket for ticket in some if ticket.fence not in lost]

    def _part(self, todo: list[list[PostgresTicket]], some: list[PostgresTicket], error: Exception) -> None:
        """Halve what was refused; a single one is the culprit. The earlier half stays first."""
        if len(some) == 1:
            some[0].refuse(error)
            self._refused += 1
            log.warning("journal_refused_records", error=repr(error), records=len(some[0].records))
        else:
            middle = len(some) // 2
            todo += [some[middle:], some[:middle]]


async def _write_if_ours(connection: asyncpg.Connection, tickets: list[PostgresTicket], mark: NodeMark) -> set[Fence]:
    """In asyncio: write them unless some came too late; then write none, and say which."""
    await begin(connection, mark)
    lost = await lost_among(connection, {ticket.fence for ticket in tickets if ticket.fence is not None}, mark)
    if not lost:
        await write(connection, chain.from_iterable([ticket.records for ticket in tickets]))
    return lost


async def _write(connection: asyncpg.Connection, tickets: list[PostgresTicket]) -> None:
    """In asyncio: the one crossing of a batch."""
    await write(connection, chain.from_iterable([ticket.records for ticket in tickets]))


def _stopped() -> Unavailable:
    return Unavailable("The server is stopping. Try again in a moment.", reason="DRAINING")
