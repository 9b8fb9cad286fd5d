"""What a node may not have told any more: it died after a commit and before the news of it were out.

Whoever takes such a station over (the next node, or the undertaker) tells once more what happened to it lately. An
event has a name and no contents, so told twice it does no harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
import trio

from csms.domain.errors import Unavailable
from csms.ports.directory import LateSession
from csms.ports.feed import Feed, Subject

log = structlog.get_logger("csms.retelling")

GATHER_SECONDS: Final = 0.3
RETRY_SECONDS: Final = 1.0
AT_ONCE: Final = 500


class Retelling:
    """`add` stations; `run` must be running. `ended`: told of each session that is over, with its tag."""

    def __init__(
        self,
        find: Callable[[Sequence[int]], Awaitable[Sequence[LateSession]]],
        feed: Feed,
        ended: Callable[[str, int], None],
    ) -> None:
        self._find = find
        self._feed = feed
        self._ended = ended
        self._waiting: dict[int, None] = {}
        self._work = trio.Event()

    def add(self, station_id: int) -> None:
        """Its last node is gone, or has lost it; sync."""
        self._waiting[station_id] = None
        self._work.set()

    async def run(self) -> None:
        """Look and tell, for ever."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            await trio.sleep(GATHER_SECONDS)
            while self._waiting:
                some = list(self._waiting)[:AT_ONCE]
                try:
                    self._tell(await self._find(some))
                except Unavailable:
                    await trio.sleep(RETRY_SECONDS)
                    continue
                for station_id in some:
                    self._waiting.pop(station_id, None)

    def _tell(self, sessions: Sequence[LateSession]) -> None:
        for each in sessions:
            if each.ended and each.id_token:
                self._ended(each.id_token, each.session_id)
            self._feed.publish(Subject.SESSION, each.station_id, each.session_id)
        if sessions:
            log.info("what a node may not have told is told again", sessions=len(sessions))
