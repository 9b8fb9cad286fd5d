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
from csms.cluster.watching import GATHER_SECONDS, Bell, counted
from csms.domain.commands import Command
from csms.ports.directory import Settled
from csms.ports.feed import Event, RevisionTooOld, Subject, Watch, WatcherTooSlow

RING_SIZE: Final = 50_000


class LocalFeed:
    """The newest `size` events, shared by all watchers.

    Revisions are seeded from the clock in microseconds, so that they grow over restarts as long as there are fewer
    than a million events a second.
    """

    def __init__(self, now: Callable[[], datetime], *, size: int = RING_SIZE, gather_s: float = GATHER_SECONDS) -> None:
        self._now = now
        self._ring: deque[Event] = deque(maxlen=size)
        self._revision = int(now().timestamp() * 1_000_000)
        self._bell = Bell(gather_s)
        self.watchers = 0

    @property
    def revision(self) -> int:
        """The newest revision."""
        return self._revision

    @property
    def oldest_after(self) -> int:
        """The least revision after which everything is still kept."""
        return self._revision - len(self._ring)

    def publish(
        self, subject: Subject, station_id: int = 0, session_id: int = 0, *, alarm_id: int = 0, place_id: int = 0
    ) -> None:
        """See `ports.feed.Feed`."""
        self._revision += 1
        self._ring.append(Event(self._revision, self._now(), subject, station_id, session_id, alarm_id, place_id))
        self._bell.ring()

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
        async with counted(self, after) as watch:
            yield watch

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
        await self._bell.wait()


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
