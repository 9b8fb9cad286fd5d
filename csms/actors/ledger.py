"""What one actor has put in the journal, and what it may tell the world when that is on disk.

The journal keeps records in the order in which they were put, so one that is on disk vouches for all before it, unless
they were refused. What is told (feed, index of tags in use) leaves in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from csms.actors.world import World
from csms.domain.applying import Applied
from csms.domain.errors import Unavailable
from csms.domain.facts import ACK
from csms.domain.records import LinkRecord, Record
from csms.domain.station import StationState
from csms.ports.feed import Subject
from csms.ports.journal import Fence, RecordConflict, Ticket

_LINK_CHANGED: Final = Applied(ACK, changed=True)


class Ledger:
    """One station's."""

    __slots__ = ("_doubtful", "_last", "_put_count", "_station_id", "_untold", "_world", "fence")

    def __init__(self, station_id: int, world: World) -> None:
        self._station_id = station_id
        self._world = world
        self._last: Ticket | None = None
        self._doubtful: list[Ticket] = []  # nobody waits for them any more, but they may still be refused
        self._put_count = 0
        self._untold: list[tuple[int, Applied]] = []  # nearly always empty: a deque would weigh 600 bytes
        self.fence: Fence | None = None
        """By which right it writes, where there are several nodes."""

    @property
    def settled(self) -> bool:
        """Whether all that was put is known to be on disk."""
        return self._last is None

    def keep(self, applied: Applied) -> None:
        """Put what a fact has changed; sync, in the section in which the state changed."""
        if applied.records:
            self._put(applied.records)
        if applied.changed or applied.changed_sessions or applied.opened or applied.ended:
            self._untold.append((self._put_count, applied))

    def keep_link(self, record: LinkRecord) -> None:
        """Put that a link came or went."""
        self._put([record])
        if self._untold and self._untold[-1][1] is _LINK_CHANGED:
            self._untold.pop()  # one event is enough: watchers read the present state
        self._untold.append((self._put_count, _LINK_CHANGED))

    async def durable(self) -> None:
        """Until all that was put so far is on disk and told. Raises Unavailable and RecordConflict.

        Also a fact with nothing new to keep waits: a start that came again must not be answered before its first
        records are on disk.
        """
        last, count = self._last, self._put_count
        if last is None:
            return self._tell(count)  # what changed without anything to put
        if not self._doubtful:
            return await self._usual(last, count)
        waited = [*self._doubtful, last]
        try:
            for ticket in waited:
                await ticket.durable()
        except Unavailable:
            if last not in self._doubtful:
                self._doubtful.append(last)
            raise
        except RecordConflict:
            self._forget(waited)
            raise
        self._forget(waited)
        return self._tell(count)

    async def _usual(self, last: Ticket, count: int) -> None:
        try:
            await last.durable()
        except Unavailable:
            if last not in self._doubtful:
                self._doubtful.append(last)
            raise
        except RecordConflict:
            self._forget([last])
            raise
        if self._doubtful:
            self._forget([last])
        elif self._last is last:
            self._last = None
        if self._untold:
            self._tell(count)

    def when_durable(self, then: Callable[[], None]) -> bool:
        """`durable` without a task: `then` is called when the disk has spoken. False: it has already. Afterwards,
        `concluded` is to be asked."""
        return self._last is not None and self._last.when_done(then)

    def concluded(self) -> bool:
        """Whether all that was put is on disk; it is told then. If not, `durable` waits or says why."""
        last = self._last
        if last is not None:
            if self._doubtful or not last.kept:
                return False
            self._last = None
        if self._untold:
            self._tell(self._put_count)
        return True

    async def flush(self) -> None:
        """Until nothing is under way, so that what is then loaded is not older than what was said; refused records
        are left behind. Raises Unavailable."""
        while self._last is not None:
            try:
                await self.durable()
            except RecordConflict:
                continue

    def tell_reloaded(self, state: StationState) -> None:
        """Put right what the world was told, or was not, before the memory was lost."""
        tokens, feed = self._world.tokens, self._world.feed
        untold, self._untold = self._untold, []
        for _, applied in untold:
            for id_token, session_id in (*applied.opened, *applied.ended):
                if id_token and session_id not in state.open:
                    tokens.session_ended(id_token, session_id)
            for session_id in applied.changed_sessions:
                feed.publish(Subject.SESSION, self._station_id, session_id)
        for transaction in state.open.values():
            if transaction.id_token:
                tokens.session_opened(transaction.id_token, transaction.id)
        if untold:
            feed.publish(Subject.STATION, self._station_id)

    def _put(self, records: Sequence[Record]) -> None:
        journal = self._world.journal
        self._last = journal.put(records) if self.fence is None else journal.put(records, self.fence)
        self._put_count += 1

    def _forget(self, waited: list[Ticket]) -> None:
        if self._doubtful:
            self._doubtful = [ticket for ticket in self._doubtful if ticket not in waited]
        if self._last is waited[-1]:
            self._last = None

    def _tell(self, count: int) -> None:
        feed, tokens = self._world.feed, self._world.tokens
        while self._untold and self._untold[0][0] <= count:
            applied = self._untold.pop(0)[1]
            for id_token, session_id in applied.opened:
                if id_token:
                    tokens.session_opened(id_token, session_id)
            for id_token, session_id in applied.ended:
                if id_token:
                    tokens.session_ended(id_token, session_id)
            for session_id in applied.changed_sessions:
                feed.publish(Subject.SESSION, self._station_id, session_id)
            if applied.changed:
                feed.publish(Subject.STATION, self._station_id)
