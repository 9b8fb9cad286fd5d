"""What a node that died had not told is told by those that take its stations over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import trio

from csms.cluster.local import LocalFeed
from csms.cluster.retelling import Retelling
from csms.domain.errors import Unavailable
from csms.ports.directory import LateSession
from csms.ports.feed import Subject


async def test_sessions_of_abandoned_stations_are_told_and_tags_are_free(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    feed, asked, free, away = LocalFeed(lambda: datetime.now(UTC)), list[int](), list[tuple[str, int]](), [True]

    async def find(stations: Sequence[int]) -> list[LateSession]:
        await trio.lowlevel.checkpoint()
        if away:
            away.pop()
            raise Unavailable("the database is away", reason="DATABASE_UNAVAILABLE")
        asked.extend(stations)
        return [LateSession(70, 7, "TAG1", True), LateSession(71, 7, "TAG2", False)]

    retelling = Retelling(find, feed, lambda tag, session_id: free.append((tag, session_id)))
    nursery.start_soon(retelling.run)
    async with feed.watch() as watch:
        for station_id in (7, 8, 7):
            retelling.add(station_id)
        await trio.sleep(5)
        _, events = await watch.next_batch(tick=1.0)
    assert asked == [7, 8]
    assert [(event.subject, event.station_id, event.session_id) for event in events] == [
        (Subject.SESSION, 7, 70),
        (Subject.SESSION, 7, 71),
    ]
    assert free == [("TAG1", 70)]
