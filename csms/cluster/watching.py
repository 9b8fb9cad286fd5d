"""What the feeds of one process and of many have in common: who watches is but a position, and sleeps until a bell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

import trio

from csms.ports.feed import Event, Watch

GATHER_SECONDS: Final = 0.02
"""How long a woken watcher waits for more, so that a burst is one batch."""


class Bell:
    """Wakes all who wait for the next event; costs nothing while nobody does."""

    __slots__ = ("_gather_s", "_rung", "_sleepers")

    def __init__(self, gather_s: float = GATHER_SECONDS) -> None:
        self._gather_s = gather_s
        self._rung = trio.Event()
        self._sleepers = 0

    def ring(self) -> None:
        """Something is there; sync."""
        if self._sleepers:
            self._rung.set()
            self._rung = trio.Event()
            self._sleepers = 0

    async def wait(self) -> None:
        """Until it rings, and for what follows on its heels."""
        self._sleepers += 1
        await self._rung.wait()
        await trio.sleep(self._gather_s)


class Kept(Protocol):
    """The newest events of a feed."""

    watchers: int

    @property
    def revision(self) -> int:
        """The newest one's."""

    def since(self, position: int) -> Sequence[Event]:
        """All events after a position. Raises WatcherTooSlow."""

    async def wait_published(self) -> None:
        """Until there is more."""


class Watcher:
    """`csms.ports.feed.Watch`: a place in what is kept."""

    __slots__ = ("_feed", "_position")

    def __init__(self, feed: Kept, position: int) -> None:
        self._feed = feed
        self._position = position

    async def next_batch(self, *, tick: float) -> tuple[int, Sequence[Event]]:
        """See `csms.ports.feed.Watch`."""
        if self._position == self._feed.revision:
            with trio.move_on_after(tick):
                await self._feed.wait_published()
        else:
            await trio.lowlevel.checkpoint()
        events = self._feed.since(self._position)
        self._position = self._feed.revision
        return self._position, events


@asynccontextmanager
async def counted(feed: Kept, position: int) -> AsyncIterator[Watch]:
    """One more who watches."""
    feed.watchers += 1
    try:
        yield Watcher(feed, position)
    finally:
        feed.watchers -= 1
