"""The task that keeps statistics up to date: sessions that changed are reckoned anew, a few at a time, and nobody is in
a hurry: stations come first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
import trio

from csms.domain.errors import Unavailable
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.statistics import UsageStore, Whereabouts

PAUSE: Final = 5.0
"""Seconds between looks while there is nothing to do."""
BATCH: Final = 200
_log = structlog.get_logger("csms.statistics")


class Reckoner:
    """A task for the nursery of the application. `meter_value_days`: how long meter values are kept (0: for ever);
    `told`: called when the sums have changed and there is nothing more to do for now."""

    def __init__(
        self,
        store: UsageStore,
        tree: Callable[[], Tree],
        *,
        meter_value_days: int = 0,
        now: Callable[[], datetime],
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._tree = tree
        self._days = meter_value_days
        self._now = now
        self._told = told

    async def run(self) -> None:
        """For ever; an outage is waited for."""
        while True:
            changed = False
            try:
                while True:
                    began = trio.current_time()
                    if not await self.step():
                        break
                    changed = True
                    await trio.sleep(trio.current_time() - began)  # rests as long as it worked
            except Unavailable:
                _log.info("statistics wait for the database")
            if changed:
                self._told()
            await trio.sleep(PAUSE)

    async def step(self) -> int:
        """Some sessions; how many changes were taken in. Raises Unavailable."""
        now = self._now()
        # A day is dropped as a whole, and a session may have begun on the day before.
        since = now - timedelta(days=self._days - 2) if self._days else None
        return await self._store.reckon(whereabouts(self._tree()), now, kept_since=since, limit=BATCH) or 0


def whereabouts(tree: Tree) -> dict[int, Whereabouts]:
    """Where all places are."""
    found = {}
    for place in tree.in_order():
        site = tree.site_of(place.id)
        found[place.id] = Whereabouts(SYSTEM_ID if site is None else site.id, tree.time_zone_of(place.id))
    return found
