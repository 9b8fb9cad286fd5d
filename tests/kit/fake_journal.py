"""A journal in memory, which passes the same contract as the real one (tests/contracts/test_journal.py).

``hold()`` keeps records from getting to disk, as a slow or absent database does, until ``resume()``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from csms.domain.errors import Unavailable
from csms.domain.records import Record
from csms.ports.journal import Fence, RecordConflict
from tests.kit.fake_tables import FakeTables


class FakeTicket:
    """See csms.ports.journal.Ticket."""

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._written = trio.Event()
        self.conflict: RecordConflict | None = None
        self._then: list[Callable[[], None]] = []

    @property
    def kept(self) -> bool:
        return self._written.is_set() and self.conflict is None

    def when_done(self, then: Callable[[], None]) -> bool:
        if self._written.is_set():
            return False
        self._then.append(then)
        return True

    async def durable(self) -> None:
        with trio.move_on_after(self._bound):
            await self._written.wait()
        if not self._written.is_set():
            raise Unavailable("The database takes too long. Try again in a moment.", reason="DATABASE_UNAVAILABLE")
        if self.conflict is not None:
            raise self.conflict

    def settle(self) -> None:
        self._written.set()
        told, self._then = self._then, []
        for then in told:
            then()


class FakeJournal:
    """See csms.ports.journal.Journal. `log` is every record ever put, in order."""

    def __init__(self, tables: FakeTables | None = None, *, wait_bound: float = 20.0, room: int = 20_000) -> None:
        self.tables = FakeTables() if tables is None else tables
        self.log: list[Record] = []
        self._wait_bound = wait_bound
        self._room = room
        self._held = False
        self._queue: list[tuple[FakeTicket, list[Record]]] = []
        self._resumed = trio.Event()

    @property
    def available(self) -> bool:
        return not self._held

    @property
    def has_room(self) -> bool:
        return self._pending <= self._room

    async def wait_room(self) -> None:
        with trio.move_on_after(self._wait_bound):
            while self._pending > self._room:
                await self._resumed.wait()
        if self._pending > self._room:
            raise Unavailable("Too many records wait. Try again in a moment.", reason="JOURNAL_FULL")

    def put(self, records: Sequence[Record], fence: Fence | None = None) -> FakeTicket:
        ticket = FakeTicket(self._wait_bound)
        self.log.extend(records)
        self._queue.append((ticket, list(records)))
        if not self._held:
            self._write()
        return ticket

    def hold(self) -> None:
        """From now on nothing gets to disk."""
        self._held = True
        self._resumed = trio.Event()

    def resume(self) -> None:
        """Everything gets to disk."""
        self._held = False
        self._write()
        self._resumed.set()

    @property
    def _pending(self) -> int:
        return sum(len(records) for _, records in self._queue)

    def _write(self) -> None:
        for ticket, records in self._queue:
            try:
                self.tables.check_records(records)
                self.tables.write(records)
            except RecordConflict as conflict:
                ticket.conflict = conflict
            ticket.settle()
        self._queue.clear()
