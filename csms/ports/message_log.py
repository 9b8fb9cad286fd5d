"""The message log: every frame of every station, both directions, and remarks of the server. Kept in the
background: a frame's
answer never waits for it, and what does not fit while the database is away is counted and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec


class Direction(IntEnum):
    """Who sent it."""

    RECEIVED = 1
    SENT = 2
    REMARK = 3


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """One frame or remark. `sequence` grows with time. `latency_s` is given on answers."""

    sequence: int
    station_id: int
    at: datetime
    direction: Direction
    message_type: str
    action: str
    message_id: str
    content: str
    latency_s: float | None = None


class LogFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do."""

    action: str = ""
    direction: Direction | None = None
    query: str = ""
    at_from: datetime | None = None
    at_to: datetime | None = None

    def admits(self, entry: LogEntry) -> bool:
        """Does the entry fit?"""
        return (
            (not self.action or entry.action == self.action)
            and (self.direction is None or entry.direction == self.direction)
            and (not self.query or self.query.casefold() in entry.content.casefold())
            and (self.at_from is None or entry.at >= self.at_from)
            and (self.at_to is None or entry.at < self.at_to)
        )


class Tail(Protocol):
    """A follower of one station's entries."""

    async def next_batch(self, *, tick: float) -> Sequence[LogEntry]:
        """What has come since, waiting at most `tick` seconds (then empty). Raises Exhausted/WATCHER_TOO_SLOW."""


class MessageLog(Protocol):
    """Where links write and people read."""

    def record(
        self,
        station_id: int,
        direction: Direction,
        content: bytes | str,
        *,
        message_type: str = "",
        action: str = "",
        message_id: str = "",
        latency_s: float | None = None,
    ) -> None:
        """Note a frame or a remark; sync, never blocks, never raises."""

    async def page(self, station_id: int, *, size: int, before: int | None, wanted: LogFilter) -> Sequence[LogEntry]:
        """Entries, newest first, with a sequence below `before`. Includes what is not yet on disk."""

    def tail(self, station_id: int) -> AbstractAsyncContextManager[Tail]:
        """Follow from now on."""
