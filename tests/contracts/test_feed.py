"""The feed, in memory and on NATS: order, resuming, and what is no longer kept."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio

from csms.aio import Door
from csms.cluster import nats_feed
from csms.cluster.local import LocalFeed
from csms.cluster.nats_feed import NatsFeed
from csms.cluster.nats_server import EmbeddedNats
from csms.ports.feed import Event, Feed, RevisionTooOld, Subject, Watch, WatcherTooSlow
from tests.kit.nats import fresh_prefix, nats_server, running_bus

__all__ = ["nats_server"]

RING = 500
Open = Callable[[], AbstractAsyncContextManager[Feed]]


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["local", "nats"])
def opened(request: pytest.FixtureRequest, door: Door, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a feed; on NATS each one is another process's view of the same."""
    if request.param == "local":

        @asynccontextmanager
        async def local() -> AsyncIterator[Feed]:
            yield LocalFeed(_now, size=RING)

        return local
    server: EmbeddedNats = request.getfixturevalue("nats_server")
    prefix = fresh_prefix()
    monkeypatch.setattr(nats_feed, "RING_EVENTS", RING)

    @asynccontextmanager
    async def on_nats() -> AsyncIterator[Feed]:
        async with running_bus(door, server, prefix, "one") as (bus, nursery):
            feed = NatsFeed(bus, _now, reads=True)
            await nursery.start(bus.run)
            await nursery.start(feed.run)
            yield feed

    return on_nats


async def gather(watch: Watch, count: int) -> list[Event]:
    """So many events, in as many batches as they come in."""
    found: list[Event] = []
    with trio.fail_after(60):
        while len(found) < count:
            found += (await watch.next_batch(tick=1.0))[1]
    return found


async def test_watchers_see_all_of_it_in_order(opened: Open) -> None:
    async with opened() as feed, feed.watch() as one, feed.watch() as other:
        for number in range(20):
            feed.publish(Subject.SESSION, 1, number)
        assert [event.session_id for event in await gather(one, 20)] == list(range(20))
        events = await gather(other, 20)
        assert [event.session_id for event in events] == list(range(20))
        revisions = [event.revision for event in events]
        assert revisions == sorted(revisions)
        assert revisions[-1] == feed.revision


async def test_a_batch_is_empty_after_its_tick(opened: Open) -> None:
    async with opened() as feed, feed.watch() as watch:
        assert (
            tuple(await watch.next_batch(tick=0.01)) == (feed.revision, ())
            or not (await watch.next_batch(tick=0.01))[1]
        )


async def test_a_watcher_resumes_where_it_was_and_misses_nothing(opened: Open) -> None:
    async with opened() as feed:
        async with feed.watch() as watch:
            for number in range(5):
                feed.publish(Subject.STATION, number)
            reached = (await gather(watch, 5))[-1].revision
        for number in range(5, 10):
            feed.publish(Subject.STATION, number)
        async with feed.watch(reached) as again:
            assert [event.station_id for event in await gather(again, 5)] == [5, 6, 7, 8, 9]


async def test_resuming_after_any_event_brings_all_that_follow_it(opened: Open) -> None:
    async with opened() as feed:
        start = feed.revision
        async with feed.watch() as watch:
            for number in range(8):
                feed.publish(Subject.STATION, number)
            seen = await gather(watch, 8)
        for index, event in enumerate(seen):
            async with feed.watch(event.revision) as again:
                rest = {each.station_id for each in (await again.next_batch(tick=0.05))[1]}
            assert rest >= {each.station_id for each in seen[index + 1 :]}
        async with feed.watch(start) as again:
            assert len(await gather(again, 8)) == 8


async def test_what_is_no_longer_kept_must_be_listed_again(opened: Open) -> None:
    async with opened() as feed, feed.watch() as slow, feed.watch() as quick:
        start = feed.revision
        for number in range(RING * 3):
            feed.publish(Subject.SESSION, 1, number)
        seen = 0
        with contextlib.suppress(WatcherTooSlow), trio.fail_after(60):
            while seen < RING * 3:
                seen += len((await quick.next_batch(tick=0.1))[1])
        with pytest.raises(WatcherTooSlow):
            await slow.next_batch(tick=1.0)
        with pytest.raises(RevisionTooOld):
            async with feed.watch(start):
                pass
        with pytest.raises(RevisionTooOld):
            async with feed.watch(feed.revision + 1_000_000):
                pass


@pytest.mark.feature("F-ALM-1")
async def test_an_alarm_is_told_with_what_it_takes_to_know_whom_it_concerns(opened: Open) -> None:
    async with opened() as feed, feed.watch() as watch:
        feed.publish(Subject.STATION, 17)
        feed.publish(Subject.ALARM, 17, alarm_id=5, place_id=3)
        feed.publish(Subject.ALARM, alarm_id=6, place_id=4)  # of a place
        feed.publish(Subject.SESSION, 17, 9)
        feed.publish(Subject.RESERVATION, 17)
        feed.publish(Subject.FIGURES)
        told = sorted(
            (each.subject, each.station_id, each.session_id, each.alarm_id, each.place_id)
            for each in await gather(watch, 6)
        )
    assert told == [
        (Subject.STATION, 17, 0, 0, 0),
        (Subject.SESSION, 17, 9, 0, 0),
        (Subject.ALARM, 0, 0, 6, 4),
        (Subject.ALARM, 17, 0, 5, 3),
        (Subject.RESERVATION, 17, 0, 0, 0),
        (Subject.FIGURES, 0, 0, 0, 0),
    ]
