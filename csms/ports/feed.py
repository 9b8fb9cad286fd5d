"""The event feed: what changed, told after it is on disk. It carries names, not contents: who watches reads the
present state."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from csms.domain.errors import DomainError


class RevisionTooOld(DomainError):
    """That revision is no longer kept. List again, then watch from the list's revision."""

    default_reason = "REVISION_TOO_OLD"


class WatcherTooSlow(DomainError):
    """The watcher fell behind what is kept. List again, then watch from there."""

    default_reason = "WATCHER_TOO_SLOW"


class Subject(IntEnum):
    """What an event is about. Numbers stay: they go from node to node, also between versions."""

    STATION = 1
    STATION_DELETED = 2
    SESSION = 3
    ALARM = 4
    """Raised, counted once more, over, or somebody took notice."""
    RESERVATION = 5
    """One at the station was made or moved on."""
    FIGURES = 6
    """What nothing but figures is made of: sums of statistics, who is in a group. Of no station."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something changed. Revisions are contiguous within a process and always grow, also over restarts.

    Of an alarm: its number, the station (0: it is about a place), and the place where it was when this was told.
    """

    revision: int
    at: datetime
    subject: Subject
    station_id: int
    session_id: int = 0
    alarm_id: int = 0
    place_id: int = 0


class Watch(Protocol):
    """One watcher's place in the feed."""

    async def next_batch(self, *, tick: float) -> tuple[int, Sequence[Event]]:
        """The revision reached and all events since the last batch, waiting at most `tick` seconds (then the batch
        is empty).

        Raises WatcherTooSlow.
        """


class Feed(Protocol):
    """Facts fan out."""

    @property
    def revision(self) -> int:
        """The newest revision."""

    def publish(
        self, subject: Subject, station_id: int = 0, session_id: int = 0, *, alarm_id: int = 0, place_id: int = 0
    ) -> None:
        """Tell all watchers; sync, never blocks. What happened is on disk."""

    def watch(self, after: int | None = None) -> AbstractAsyncContextManager[Watch]:
        """Watch what comes after a revision (None: from now). Raises RevisionTooOld on entering."""
