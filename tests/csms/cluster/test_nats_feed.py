"""The feed on NATS: several processes, restarts of each, a server that goes away."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import msgspec
import pytest
import trio
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from csms.aio import Door
from csms.cluster import nats_feed
from csms.cluster.bus import Bus, BusUnavailable
from csms.cluster.nats_feed import NatsFeed
from csms.cluster.nats_server import EmbeddedNats
from csms.ports.feed import RevisionTooOld, Subject, WatcherTooSlow
from tests.contracts.test_feed import gather
from tests.kit.database import temporary_folder
from tests.kit.nats import fresh_prefix, nats_server, running_bus
from tests.kit.sim_bus import SimBus, SimNats

__all__ = ["nats_server"]


@asynccontextmanager
async def process(
    door: Door, server: EmbeddedNats, prefix: str, name: str, *, reads: bool = True, in_memory: bool = True
) -> AsyncIterator[tuple[NatsFeed, Bus]]:
    async with running_bus(door, server, prefix, name, in_memory=in_memory) as (bus, nursery):
        feed = NatsFeed(bus, lambda: datetime.now(UTC), reads=reads)
        await nursery.start(bus.run)
        await nursery.start(feed.run)
        yield feed, bus


async def test_what_happens_on_one_node_is_watched_at_another_process_under_the_same_revision(
    door: Door, nats_server: EmbeddedNats
) -> None:
    prefix = fresh_prefix()
    async with (
        process(door, nats_server, prefix, "node", reads=False) as (node, _),
        process(door, nats_server, prefix, "control-1") as (one, _),
        process(door, nats_server, prefix, "control-2") as (two, _),
        one.watch() as here,
        two.watch() as there,
    ):
        for number in range(1000):
            node.publish(Subject.SESSION, 1, number)
        seen, also = await gather(here, 1000), await gather(there, 1000)
        assert seen == also
        assert [event.session_id for event in seen] == list(range(1000))


async def test_a_watcher_goes_on_at_another_process_after_its_own_has_died(
    door: Door, nats_server: EmbeddedNats
) -> None:
    prefix = fresh_prefix()
    async with (
        process(door, nats_server, prefix, "node", reads=False) as (node, _),
        process(door, nats_server, prefix, "control-2") as (two, _),
    ):
        async with process(door, nats_server, prefix, "control-1") as (one, _), one.watch() as watch:
            node.publish(Subject.STATION, 1)
            reached = (await gather(watch, 1))[-1].revision
        node.publish(Subject.STATION, 2)
        await gather_all(two, reached, 1)
        async with two.watch(reached) as watch:
            assert [event.station_id for event in await gather(watch, 1)] == [2]


async def gather_all(feed: NatsFeed, after: int, count: int) -> None:
    with trio.fail_after(60):
        while feed.revision < after + count:
            await trio.sleep(0.01)


async def test_what_happens_in_quick_succession_is_one_message_and_what_comes_alone_goes_at_once(
    door: Door, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_feed, "PUBLISH_SECONDS", 0.5)
    prefix = fresh_prefix()
    async with process(door, nats_server, prefix, "control") as (feed, _), feed.watch() as watch:
        before = feed.revision
        feed.publish(Subject.STATION, 1)
        await gather(watch, 1)
        assert feed.revision == before + 1
        for _ in range(3):  # of which each is told once
            for number in range(50):
                feed.publish(Subject.SESSION, 1, number)
        await gather(watch, 50)
        assert feed.revision == before + 2


async def test_what_is_published_while_the_server_is_away_comes_when_it_is_back(door: Door) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            async with (
                process(door, server, "t", "node", reads=False, in_memory=False) as (node, bus),
                process(door, server, "t", "control", in_memory=False) as (control, _),
                control.watch() as watch,
            ):
                node.publish(Subject.STATION, 1)
                await gather(watch, 1)
                server.kill()
                with trio.fail_after(60):
                    while bus.connected:
                        await trio.sleep(0.01)
                for number in (2, 3, 2):
                    node.publish(Subject.STATION, number)
                server.start()
                found = {event.station_id for event in await gather(watch, 2)}
                assert found == {2, 3}
                assert node.untold == 0
        finally:
            server.stop()


async def test_a_process_that_starts_later_knows_what_was_before_it(door: Door, nats_server: EmbeddedNats) -> None:
    prefix = fresh_prefix()
    async with process(door, nats_server, prefix, "node", reads=False) as (node, _):
        async with process(door, nats_server, prefix, "control-1") as (one, _), one.watch() as watch:
            reached = one.revision
            for number in range(3):
                node.publish(Subject.STATION, number)
            await gather(watch, 3)
        async with (
            process(door, nats_server, prefix, "control-2") as (later, _),
            later.watch(reached) as watch,
        ):
            assert [event.station_id for event in await gather(watch, 3)] == [0, 1, 2]


async def test_what_a_newer_version_tells_costs_nothing_that_is_understood(
    door: Door, nats_server: EmbeddedNats
) -> None:
    prefix = fresh_prefix()
    async with process(door, nats_server, prefix, "control") as (feed, bus), feed.watch() as watch:

        async def say(message: object) -> None:
            await bus.js.publish(feed._subject, msgspec.msgpack.encode(message))

        now = datetime.now(UTC)
        await door.call(say, (now, ((1, 7, 0), (99, 7, 0), (1, 8, 0), (99, 1, 2, 3, 4), (1,))))
        await door.call(say, "words that nobody knows yet")
        await door.call(say, (now, ((4, 7, 5, 3, "more"),)))
        await door.call(say, (now, ((4, 7, 6, 3, 9),)))
        feed.publish(Subject.SESSION, 9, 1)
        seen = [(each.subject, each.station_id, each.alarm_id) for each in await gather(watch, 4)]
    assert seen == [
        (Subject.STATION, 7, 0),
        (Subject.STATION, 8, 0),
        (Subject.ALARM, 7, 6),
        (Subject.SESSION, 9, 0),
    ]


async def test_an_older_version_loses_only_what_it_does_not_know(door: Door, nats_server: EmbeddedNats) -> None:
    prefix = fresh_prefix()
    old = msgspec.msgpack.Decoder(tuple[datetime, tuple[tuple[int, int, int], ...]])
    messages: list[bytes] = []
    async with (
        process(door, nats_server, prefix, "node", reads=False) as (node, bus),
        process(door, nats_server, prefix, "control") as (feed, _),
        feed.watch() as watch,
    ):

        async def listen() -> None:
            async def hear(message: Msg) -> None:
                messages.append(message.data)

            await bus.client.subscribe(node._subject, cb=hear)
            await bus.client.flush()

        await door.call(listen)
        node.publish(Subject.STATION, 1)
        node.publish(Subject.ALARM, 1, alarm_id=2, place_id=3)
        node.publish(Subject.FIGURES)
        node.publish(Subject.STATION, 2)
        await gather(watch, 4)
        with trio.fail_after(60):
            while len(messages) < 2:
                await trio.sleep(0.01)
    understood: list[tuple[int, int, int]] = []
    for message in messages:
        with contextlib.suppress(msgspec.DecodeError):
            _, items = old.decode(message)
            understood += items
    assert [item for item in understood if item[0] <= 3] == [(1, 1, 0), (1, 2, 0)]
    assert len(messages) == 2


class Scripted(NatsFeed):
    """What the stream holds, and what comes of it in which order."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__(SimBus(SimNats(nursery, Random(1)), "control"), lambda: datetime.now(UTC), reads=True)  # type: ignore[arg-type]
        self.bounds = [(1, 0)]
        self.asked_from: list[int] = []
        self.put, self.come = trio.open_memory_channel[list[tuple[int, bytes]]](99)
        self.told: list[tuple[int, ...]] = []
        self.away = 0

    async def _bounds(self) -> tuple[int, int]:
        return self.bounds.pop(0) if len(self.bounds) > 1 else self.bounds[0]

    async def _subscribe(self, start: int) -> Subscription:
        self.asked_from.append(start)
        return None  # type: ignore[return-value]

    async def _next(self) -> list[tuple[int, bytes]]:
        return await self.come.receive()

    async def _publish(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            self.away -= 1
            raise BusUnavailable("the bus is away")
        self.told += msgspec.msgpack.decode(data)[1]

    def comes(self, *revisions: int) -> None:
        at = datetime.now(UTC)
        self.put.send_nowait([(each, msgspec.msgpack.encode((at, ((1, each, 0),)))) for each in revisions])


@pytest.mark.feature("F-SYS-7")
async def test_a_message_that_was_lost_on_its_way_is_fetched_before_those_behind_it_are_told(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    feed = Scripted(nursery)
    await nursery.start(feed.run)
    async with feed.watch() as watch:
        feed.bounds = [(1, 3)]
        feed.comes(1)
        feed.comes(3)
        await trio.sleep(1)
        assert (feed.revision, feed.asked_from) == (1, [1, 2])
        feed.comes(2, 3)
        assert [event.station_id for event in await gather(watch, 3)] == [1, 2, 3]


@pytest.mark.feature("F-SYS-7")
@pytest.mark.parametrize(
    ("bounds", "why"), [((10, 12), "what was between is dropped"), ((1, 1), "the stream was made anew and counts less")]
)
async def test_watchers_that_fell_behind_what_the_stream_keeps_must_list_again(
    bounds: tuple[int, int], why: str, autojump_clock: object, nursery: trio.Nursery
) -> None:
    feed = Scripted(nursery)
    await nursery.start(feed.run)
    async with feed.watch() as watch:
        feed.bounds = [(1, 2)]
        feed.comes(1, 2)
        await gather(watch, 2)
        feed.bounds = [bounds]
        feed.comes(9)  # a gap: what is there is looked at anew
        await trio.sleep(1)
        feed.comes(*range(bounds[0], bounds[1] + 1))
        await trio.sleep(1)
        with pytest.raises(WatcherTooSlow):
            await watch.next_batch(tick=1.0)
        with pytest.raises(RevisionTooOld):
            async with feed.watch(2):
                pass
    if bounds[0] > 2:
        async with feed.watch(9) as again:
            assert [event.station_id for event in await gather(again, 3)] == [10, 11, 12], why


async def test_a_watcher_that_knows_more_than_this_process_is_waited_for_a_moment_and_no_longer(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    """It comes from another process, which was quicker."""
    feed = Scripted(nursery)
    await nursery.start(feed.run)
    feed.comes(1)
    seen: list[int] = []

    async def resume(after: int) -> None:
        async with feed.watch(after) as watch:
            seen.extend(event.station_id for event in await gather(watch, 1))

    nursery.start_soon(resume, 2)
    await trio.sleep(0.5)
    feed.comes(2)
    await trio.sleep(0.5)
    feed.comes(3)
    await trio.sleep(1)
    assert seen == [3]
    with pytest.raises(RevisionTooOld):
        async with feed.watch(4):
            pass


async def test_what_could_not_be_told_is_told_later_in_its_order_each_thing_once(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    feed = Scripted(nursery)
    feed.away = 2
    await nursery.start(feed.run)
    for number in (1, 2, 1):
        feed.publish(Subject.STATION, number)
    await trio.sleep(0.1)
    feed.publish(Subject.STATION, 2)
    feed.publish(Subject.STATION, 3)
    assert feed.told == []
    assert feed.untold == 3
    await trio.sleep(2)
    assert [each[1] for each in feed.told] == [1, 2, 3]
    assert feed.untold == 0
