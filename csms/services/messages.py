"""The message log for people: pages of the past, following a station live, exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import trio

from csms.domain.access import Action, Principal
from csms.domain.errors import NotFound
from csms.ports.message_log import LogEntry, LogFilter, MessageLog
from csms.ports.stores import StationStore
from csms.services.scopes import Scopes

EXPORT_BATCH = 500
TICK = 10.0
"""Seconds of silence after which a follower gets an empty batch as a sign of life."""


class Messages:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(self, log: MessageLog, stations: StationStore, scopes: Scopes) -> None:
        self._log = log
        self._stations = stations
        self._scopes = scopes

    async def page(
        self, caller: Principal, station_id: int, *, size: int, before: int | None, wanted: LogFilter
    ) -> Sequence[LogEntry]:
        """Up to `size` entries with a sequence below `before`, newest first. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        entries = await self._log.page(station_id, size=size, before=before, wanted=wanted)
        if not entries:
            await self._must_exist(station_id)
        return entries

    async def tail(
        self, caller: Principal, station_id: int, wanted: LogFilter, *, tick: float = TICK
    ) -> AsyncGenerator[Sequence[LogEntry], None]:
        """Entries as they come; first of all, and after `tick` seconds without any, an empty batch.

        Raises NotFound, Exhausted/WATCHER_TOO_SLOW.
        """
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        await self._must_exist(station_id)
        checked_at = trio.current_time()
        async with self._log.tail(station_id) as tail:
            yield ()
            while True:
                entries = await tail.next_batch(tick=tick)
                if trio.current_time() - checked_at >= tick:  # it may have been moved, or taken from the caller
                    await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
                    checked_at = trio.current_time()
                fitting = [entry for entry in entries if wanted.admits(entry)]
                if fitting or not entries:
                    yield fitting

    async def export(
        self, caller: Principal, station_id: int, wanted: LogFilter, *, before: int | None
    ) -> AsyncGenerator[Sequence[LogEntry], None]:
        """All entries with a sequence below `before`, newest first, in batches; flat memory however many there are.

        Raises NotFound.
        """
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        await self._must_exist(station_id)
        while batch := await self._log.page(station_id, size=EXPORT_BATCH, before=before, wanted=wanted):
            yield batch
            before = batch[-1].sequence

    async def _must_exist(self, station_id: int) -> None:
        if await self._stations.find(station_id) is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
