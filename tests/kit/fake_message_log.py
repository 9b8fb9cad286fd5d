"""The message log in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import trio

from csms.domain.errors import Exhausted
from csms.ports.message_log import Direction, LogEntry, LogFilter


class FakeTail:
    """See csms.ports.message_log.Tail."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[LogEntry](1_000)
        self._too_slow = False

    def add(self, entry: LogEntry) -> None:
        try:
            self._send.send_nowait(entry)
        except trio.WouldBlock:
            self._too_slow = True

    async def next_batch(self, *, tick: float) -> Sequence[LogEntry]:
        if self._too_slow:
            raise Exhausted("Too many messages came. Follow the station anew.", reason="WATCHER_TOO_SLOW")
        batch: list[LogEntry] = []
        with trio.move_on_after(tick):
            batch.append(await self._receive.receive())
        while self._receive.statistics().current_buffer_used:
            batch.append(self._receive.receive_nowait())
        return batch


class FakeMessageLog:
    """See csms.ports.message_log.MessageLog. `entries` is everything ever noted."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self._tails: list[tuple[int, FakeTail]] = []

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
        text = content[: 16 * 1024]
        text = text if isinstance(text, str) else text.decode("utf-8", "replace")
        at = datetime.now(UTC)
        sequence = len(self.entries) + 1
        entry = LogEntry(sequence, station_id, at, direction, message_type, action, message_id, text, latency_s)
        self.entries.append(entry)
        for follows, tail in self._tails:
            if follows == station_id:
                tail.add(entry)

    async def page(self, station_id: int, *, size: int, before: int | None, wanted: LogFilter) -> Sequence[LogEntry]:
        found = [
            entry
            for entry in reversed(self.entries)
            if entry.station_id == station_id and (before is None or entry.sequence < before) and wanted.admits(entry)
        ]
        return found[:size]

    @asynccontextmanager
    async def tail(self, station_id: int) -> AsyncIterator[FakeTail]:
        tail = FakeTail()
        self._tails.append((station_id, tail))
        try:
            yield tail
        finally:
            self._tails.remove((station_id, tail))
