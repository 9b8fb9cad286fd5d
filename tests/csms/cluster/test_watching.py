"""Who watches is woken once for a burst, and counted while they do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import trio
import trio.testing

from csms.cluster.watching import Bell, counted
from csms.ports.feed import Event, Subject

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Shelf:
    """Keeps everything."""

    def __init__(self) -> None:
        self.watchers = 0
        self.bell = Bell()
        self.events: list[Event] = []

    @property
    def revision(self) -> int:
        return len(self.events)

    def since(self, position: int) -> Sequence[Event]:
        return self.events[position:]

    async def wait_published(self) -> None:
        await self.bell.wait()

    def put(self, station_id: int) -> None:
        self.events.append(Event(self.revision + 1, NOW, Subject.STATION, station_id))
        self.bell.ring()


async def test_a_burst_is_one_batch_for_whoever_slept(autojump_clock: object) -> None:
    shelf = Shelf()
    found: list[tuple[int, list[int]]] = []

    async def watch() -> None:
        async with counted(shelf, 0) as watcher:
            for _ in range(2):
                reached, events = await watcher.next_batch(tick=60)
                found.append((reached, [event.station_id for event in events]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        assert shelf.watchers == 1
        shelf.put(1)
        shelf.put(2)
        await trio.sleep(1)
        shelf.put(3)
    assert found == [(2, [1, 2]), (3, [3])]
    assert shelf.watchers == 0


async def test_where_nothing_happens_an_empty_batch_comes_with_the_tick(autojump_clock: object) -> None:
    shelf = Shelf()
    shelf.put(1)
    async with counted(shelf, 1) as watcher:
        assert await watcher.next_batch(tick=5) == (1, [])
