"""The feed in memory: revisions, batches, and watchers that are too slow."""

from __future__ import annotations

import pytest
import trio

from csms.cluster.local import LocalFeed
from csms.ports.feed import RevisionTooOld, Subject, WatcherTooSlow
from tests.kit.actor_world import NOW, Clock


async def test_revisions_begin_at_the_clock_and_have_no_gaps(autojump_clock: object) -> None:
    feed = LocalFeed(Clock())
    first = feed.revision
    assert first == int(NOW.timestamp() * 1_000_000)
    async with feed.watch() as watch:
        for number in range(3):
            feed.publish(Subject.SESSION, 1, number)
        revision, events = await watch.next_batch(tick=5)
    assert [event.revision for event in events] == [first + 1, first + 2, first + 3]
    assert revision == feed.revision == first + 3


async def test_a_restarted_feed_goes_on_above(autojump_clock: object) -> None:
    clock = Clock()
    before = LocalFeed(clock)
    for _ in range(1000):
        before.publish(Subject.STATION, 1)
    await trio.sleep(1)
    assert LocalFeed(clock).revision > before.revision


async def test_watchers_wait_for_a_tick_and_get_bursts_in_one_batch(autojump_clock: object) -> None:
    feed = LocalFeed(Clock())
    async with feed.watch() as watch:
        assert (await watch.next_batch(tick=5)) == (feed.revision, ())
        assert trio.current_time() == 5

        async def burst() -> None:
            await trio.sleep(1)
            for _ in range(10):
                feed.publish(Subject.STATION, 1)
                await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst)
            _, events = await watch.next_batch(tick=5)
        assert len(events) == 10


async def test_a_watcher_resumes_where_it_was(autojump_clock: object) -> None:
    feed = LocalFeed(Clock(), size=10)
    start = feed.revision
    for number in range(10):
        feed.publish(Subject.STATION, number)
    async with feed.watch(start) as watch:
        assert len((await watch.next_batch(tick=1))[1]) == 10
    async with feed.watch(start + 7) as watch:
        assert [event.station_id for event in (await watch.next_batch(tick=1))[1]] == [7, 8, 9]
    assert feed.watchers == 0


@pytest.mark.parametrize("shift", [-1, 11])
async def test_a_revision_that_is_not_kept_is_refused(shift: int, autojump_clock: object) -> None:
    feed = LocalFeed(Clock(), size=10)
    start = feed.revision
    for number in range(10):
        feed.publish(Subject.STATION, number)
    with pytest.raises(RevisionTooOld):
        async with feed.watch(start + shift):
            pass


async def test_a_slow_watcher_is_told(autojump_clock: object) -> None:
    feed = LocalFeed(Clock(), size=10)
    async with feed.watch() as watch:
        for number in range(11):
            feed.publish(Subject.STATION, number)
        with pytest.raises(WatcherTooSlow):
            await watch.next_batch(tick=1)


async def test_many_watchers_are_woken_by_one_event(autojump_clock: object) -> None:
    feed = LocalFeed(Clock())
    seen: list[int] = []

    async def watch() -> None:
        async with feed.watch() as watch:
            _, events = await watch.next_batch(tick=60)
            seen.append(len(events))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(watch)
        await trio.sleep(1)
        assert feed.watchers == 50
        feed.publish(Subject.STATION, 1)
    assert seen == [1] * 50
