"""The message log: written behind everybody's back, by COPY; nothing ever waits for it.

record() ──▶ waiting (bounded; the oldest are dropped and counted) ──▶ COPY, at most half a second later
   └───────▶ tails of the station (bounded; who is too slow is told so)
"""

from __future__ import annotations

import random
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import msgspec
import structlog
import trio

from csms.domain.errors import Exhausted, Unavailable
from csms.ports.message_log import Direction, LogEntry, LogFilter
from csms.storage.message_copy import COLUMNS, Noted, moment, packed
from csms.storage.pool import Database, Dedicated
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["MessageLogStatistics", "PostgresMessageLog"]

MAX_CONTENT = 16 * 1024  # bytes (characters, where text comes in)
LONGEST_WAIT = 0.5  # seconds that an entry waits for company
BATCH = 1_000
LONGEST_PAUSE = 5.0  # seconds between attempts while the database is away
_UNHURRIED: Final = {"synchronous_commit": "off"}
"""Its commits do not wait for the disk, where those of the journal would have to wait behind them. If the machine of
the database dies, the last half second of the log is gone, as is what waits here if the node dies."""

PAGE_MESSAGES_SQL = """
SELECT * FROM message_log
WHERE station_id = $1 AND sequence < $2 AND at <= $3
  AND ($4::text = '' OR action = $4) AND ($5::smallint IS NULL OR direction = $5)
  AND ($6::text = '' OR content ILIKE $6)
  AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)
ORDER BY sequence DESC LIMIT $9
"""
# Before a batch is written again, whose first commit may have happened unseen.
UNDO_SQL = "DELETE FROM message_log WHERE at BETWEEN $1 AND $2 AND sequence = ANY($3::bigint[])"

log = structlog.get_logger(__name__)


class MessageLogStatistics(msgspec.Struct, frozen=True):
    """Counters since the start."""

    written: int
    dropped: int
    waiting: int


class _Tail:
    """See csms.ports.message_log.Tail."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._entries: list[LogEntry] = []
        self._too_slow = False
        self._arrived = trio.Event()

    def add(self, entry: LogEntry) -> None:
        if len(self._entries) >= self._bound:
            self._too_slow = True
        else:
            self._entries.append(entry)
        self._arrived.set()

    async def next_batch(self, *, tick: float) -> Sequence[LogEntry]:
        """What has come since, waiting at most `tick` seconds. Raises Exhausted/WATCHER_TOO_SLOW."""
        with trio.move_on_after(tick):
            await self._arrived.wait()
        if self._too_slow:
            raise Exhausted(
                f"More than {self._bound} messages came while nobody read them. Follow the station anew.",
                reason="WATCHER_TOO_SLOW",
            )
        entries, self._entries = self._entries, []
        self._arrived = trio.Event()
        return entries


class PostgresMessageLog:
    """csms.ports.message_log.MessageLog on PostgreSQL. ``run`` writes.

    Args:
        database: where to.
        enabled: False: nothing is kept (tails still follow).
        room: entries that may wait; ``room_bytes``: and their size in characters.
        tail_bound: entries that wait for one follower.
        now_ns: the clock, nanoseconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        enabled: bool = True,
        room: int = 50_000,
        room_bytes: int = 64 * 1024 * 1024,
        tail_bound: int = 1_000,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._enabled = enabled
        self._room = room
        self._room_bytes = room_bytes
        self._tail_bound = tail_bound
        self._now_ns = now_ns
        self._sequence = 0
        self._waiting: deque[Noted] = deque()
        self._waiting_bytes = 0
        self._flushing: Sequence[Noted] = ()
        self._tails: dict[int, set[_Tail]] = defaultdict(set)
        self._some = trio.Event()
        self._many = trio.Event()
        self._knows_some = self._knows_many = False  # whether these are set; asked for every entry
        self._closing = False
        self._written = self._dropped = 0

    @property
    def statistics(self) -> MessageLogStatistics:
        """For metrics."""
        return MessageLogStatistics(self._written, self._dropped, len(self._waiting) + len(self._flushing))

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
        tails = self._tails.get(station_id)
        if not self._enabled and not tails:
            return
        at_us = self._now_ns() // 1000
        if len(content) > MAX_CONTENT:
            content = content[:MAX_CONTENT]
        # Grows with time, also over restarts: a start takes longer than the sequence can have run ahead.
        self._sequence = sequence = at_us if at_us > self._sequence else self._sequence + 1
        noted = Noted(sequence, station_id, at_us, direction, message_type, action, message_id, content, latency_s)
        if tails:
            entry = noted.read()
            for tail in tails:
                tail.add(entry)
        if self._enabled:
            self._keep(noted)

    async def page(self, station_id: int, *, size: int, before: int | None, wanted: LogFilter) -> Sequence[LogEntry]:
        """Entries, newest first, with a sequence below `before`. Includes what is not yet on disk."""
        if not fits_bigint(station_id):
            return []
        first = min(before, 2**62) if before is not None else 2**62
        # What waits now, before the table is read: what is written meanwhile is then found in both, not in none.
        fresh = [
            entry
            for noted in self._unwritten()
            if noted.station_id == station_id and noted.sequence < first and wanted.admits(entry := noted.read())
        ]
        # An entry is never later than its sequence says, so partitions of later days need no look.
        latest = moment(min(first, 2**57))
        rows = await self._database.fetch(
            PAGE_MESSAGES_SQL,
            station_id,
            first,
            latest,
            clean(wanted.action),
            wanted.direction,
            pattern(wanted.query),
            wanted.at_from,
            wanted.at_to,
            size,
        )
        merged = {row["sequence"]: _entry(row) for row in rows}
        merged.update((entry.sequence, entry) for entry in fresh)
        return [merged[sequence] for sequence in sorted(merged, reverse=True)[:size]]

    @asynccontextmanager
    async def tail(self, station_id: int) -> AsyncIterator[_Tail]:
        """Follow from now on."""
        tail = _Tail(self._tail_bound)
        self._tails[station_id].add(tail)
        try:
            yield tail
        finally:
            self._tails[station_id].discard(tail)
            if not self._tails[station_id]:
                del self._tails[station_id]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until ``close``."""
        task_status.started()
        own: Dedicated | None = None
        pause, again = 0.1, False
        while self._waiting or self._flushing or not self._closing:
            await self._gather()
            if not self._flushing:
                self._flushing = self._take()
            if not self._flushing:
                continue
            try:
                own = own or await self._database.dedicated(**_UNHURRIED)
                await own.run(_copy, self._flushing, again)
            except Unavailable as error:
                if not again:
                    log.warning("message_log_waits_for_database", error=str(error))
                again = True
                if self._closing:
                    break
                await trio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError) as error:
                log.warning("message_log_batch_refused", error=repr(error), entries=len(self._flushing))
                self._dropped += len(self._flushing)
            else:
                self._written += len(self._flushing)
            self._flushing = ()
            pause, again = 0.1, False
        if own is not None:
            await own.close()

    def close(self) -> None:
        """Have ``run`` write what is there, once, and end."""
        self._closing = True
        self._some.set()
        self._many.set()

    def _keep(self, entry: Noted) -> None:
        self._waiting.append(entry)
        self._waiting_bytes += len(entry.content)
        while len(self._waiting) > self._room or self._waiting_bytes > self._room_bytes:
            self._waiting_bytes -= len(self._waiting.popleft().content)
            self._dropped += 1
        if not self._knows_some:
            self._knows_some = True
            self._some.set()
        if not self._knows_many and len(self._waiting) >= BATCH:
            self._knows_many = True
            self._many.set()

    async def _gather(self) -> None:
        """Until there is something to write, and a little longer."""
        if self._flushing or self._closing:
            return
        await self._some.wait()
        with trio.move_on_after(LONGEST_WAIT):
            await self._many.wait()

    def _take(self) -> Sequence[Noted]:
        """The oldest that wait, at most `BATCH`."""
        waiting = self._waiting
        if len(waiting) <= BATCH:
            taken = list(waiting)
            waiting.clear()
            self._waiting_bytes = 0
        else:
            taken = [waiting.popleft() for _ in range(BATCH)]
            self._waiting_bytes -= sum(len(entry.content) for entry in taken)
        if not self._closing and len(waiting) < BATCH:
            self._many, self._knows_many = trio.Event(), False
            if not waiting:
                self._some, self._knows_some = trio.Event(), False
        return taken

    def _unwritten(self) -> Iterator[Noted]:
        yield from self._flushing
        yield from self._waiting


async def _copy(connection: asyncpg.Connection, entries: Sequence[Noted], again: bool) -> None:
    """In asyncio."""
    if again:
        times = [entry.at_us for entry in entries]
        sequences = [entry.sequence for entry in entries]
        await connection.execute(UNDO_SQL, moment(min(times)), moment(max(times)), sequences)
    # A view, as asyncpg would take bytes for a path, and would read a file in a thread.
    await connection.copy_to_table("message_log", source=memoryview(packed(entries)), columns=COLUMNS, format="binary")


def _entry(row: asyncpg.Record) -> LogEntry:
    return LogEntry(
        row["sequence"],
        row["station_id"],
        row["at"],
        Direction(row["direction"]),
        row["message_type"],
        row["action"],
        row["message_id"],
        row["content"],
        row["latency_s"],
    )
