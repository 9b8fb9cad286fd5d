"""One process: the event feed is a ring in memory, the directory is the registry of actors."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Final

import trio

from csms.actors.mailbox import Delivery
from csms.actors.registry import Registry
from csms.domain.commands import Command
from csms.ports.directory import Settled
from csms.ports.feed import Event, RevisionTooOld, Subject, Watch, WatcherTooSlow

RING_SIZE: Final = 50_000
GATHER_SECONDS: Final = 0.02
"""How long a woken watcher waits for more, so that a burst is one batch."""


class LocalFeed:
    """The newest `size` events, shared by all watchers.

    Revisions are seeded from the clock in microseconds, so that they grow over restarts as long as there are fewer
    than a million events a second.
    """

    def __init__(self, now: Callable[[], datetime], *, size: int = RING_SIZE, gather_s: float = GATHER_SECONDS) -> None:
        self._now = now
        self._ring: deque[Event] = deque(maxlen=size)
        self._revision = int(now().timestamp() * 1_000_000)
        self._published = trio.Event()
        self._sleepers = 0
        self._gather_s = gather_s
        self.watchers = 0

    @property
    def revision(self) -> int:
        """The newest revision."""
        return self._revision

    @property
    def oldest_after(self) -> int:
        """The least revision after which everything is still kept."""
        return self._revision - len(self._ring)

    def publish(self, subject: Subject, station_id: int, session_id: int = 0) -> None:
        """See `ports.feed.Feed`."""
        self._revision += 1
        self._ring.append(Event(self._revision, self._now(), subject, station_id, session_id))
        if self._sleepers:
            self._published.set()
            self._published = trio.Event()
            self._sleepers = 0

    def watch(self, after: int | None = None) -> AbstractAsyncContextManager[Watch]:
        """See `ports.feed.Feed`."""
        return self._watch(after)

    @asynccontextmanager
    async def _watch(self, after: int | None) -> AsyncIterator[Watch]:
        if after is None:
            after = self._revision
        elif not self.oldest_after <= after <= self._revision:
            raise RevisionTooOld(
                "That revision is no longer kept. List again, then watch from the revision of the list."
            )
        self.watchers += 1
        try:
            yield _LocalWatch(self, after)
        finally:
            self.watchers -= 1

    def since(self, position: int) -> Sequence[Event]:
        """All events after a position. Raises WatcherTooSlow."""
        missing = position - self.oldest_after
        if missing < 0:
            raise WatcherTooSlow("You fell behind what is kept. List again, then watch from the revision of the list.")
        wanted = self._revision - position
        if wanted * 2 < len(self._ring):  # the end of a deque is near from its other end
            return tuple(islice(reversed(self._ring), wanted))[::-1]
        return tuple(islice(self._ring, missing, None))

    async def wait_published(self) -> None:
        """Until something is published, and what follows on its heels."""
        self._sleepers += 1
        await self._published.wait()
        await trio.sleep(self._gather_s)


class _LocalWatch:
    """A watcher is but a position."""

    __slots__ = ("_feed", "_position")

    def __init__(self, feed: LocalFeed, position: int) -> None:
        self._feed = feed
        self._position = position

    async def next_batch(self, *, tick: float) -> tuple[int, Sequence[Event]]:
        """See `ports.feed.Watch`."""
        if self._position == self._feed.revision:
            with trio.move_on_after(tick):
                await self._feed.wait_published()
        else:
            await trio.lowlevel.checkpoint()
        events = self._feed.since(self._position)
        self._position = self._feed.revision
        return self._position, events


class LocalDirectory:
    """All stations are here."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        """See `ports.directory.Directory`."""
        delivery = Delivery(command, trio.current_time() + timeout, wait_for_link=wait_for_station)
        self._registry.post(station_id, delivery)
        return await delivery.wait_settled()

    async def disconnect(self, station_id: int, reason: str) -> bool:
        """See `ports.directory.Directory`."""
        await trio.lowlevel.checkpoint()
        return self._registry.disconnect(station_id, reason)

    async def forget_session(self, station_id: int, session_id: int, id_token: str) -> None:
        """See `ports.directory.Directory`."""
        await trio.lowlevel.checkpoint()
        self._registry.forget_session(station_id, session_id, id_token)

    async def refresh(self, station_id: int) -> None:
        """See `ports.directory.Directory`."""
        await self._registry.refresh(station_id)
