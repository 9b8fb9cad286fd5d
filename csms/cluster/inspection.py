"""Whether the stations that are connected here are still this node's.

A node that was cut off or paused finds that out with the next record that it writes (`csms.storage.claims`). A station
that only sends heartbeats makes it write nothing: it would be served here, shown as offline, and found by no command,
until it charges. So the node also asks, now and then and whenever it was away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
import trio

from csms.cluster.bus import Bus
from csms.domain.errors import Unavailable
from csms.ports.journal import Fence

log = structlog.get_logger("csms.inspection")

LOOK_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 1.0
AT_ONCE: Final = 2_000


class Inspection:
    """`held`: station → epoch of the link here. `lost`: which of them another node has taken, or nobody has. `fence`
    closes a link that is older than an epoch."""

    def __init__(
        self,
        bus: Bus,
        held: Callable[[], Mapping[int, int]],
        lost: Callable[[Sequence[Fence]], Awaitable[set[Fence]]],
        fence: Callable[[int, int], None],
        *,
        every: float = LOOK_SECONDS,
    ) -> None:
        self._held = held
        self._lost = lost
        self._fence = fence
        self._every = every
        self._doubt = trio.Event()
        bus.on_back(self.soon)

    async def soon(self) -> None:
        """This node was away: others may have given it up."""
        await trio.lowlevel.checkpoint()
        self._doubt.set()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            with trio.move_on_after(self._every):
                await self._doubt.wait()
            self._doubt = trio.Event()
            try:
                await self.look()
            except Unavailable:
                await trio.sleep(RETRY_SECONDS)
                self._doubt.set()

    async def look(self) -> None:
        """Once, at all of them. Raises Unavailable."""
        links = [Fence(station_id, epoch) for station_id, epoch in self._held().items()]
        for first in range(0, len(links), AT_ONCE):
            lost = await self._lost(links[first : first + AT_ONCE])
            if lost:
                log.warning("stations are not this node's any more; they connect anew", stations=len(lost))
            for each in lost:
                self._fence(each.station_id, each.epoch + 1)
