"""What others changed: said once, said often, said while nobody could hear it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.changes import Changes, SharedUse
from csms.cluster.nats_server import EmbeddedNats
from csms.domain.errors import Unavailable
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


async def until(happy: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        while not happy():
            await trio.sleep(0.01)


@asynccontextmanager
async def two(door: Door, server: EmbeddedNats) -> AsyncIterator[tuple[Bus, Bus, trio.Nursery]]:
    prefix = fresh_prefix()
    async with trio.open_nursery() as nursery:
        yield Bus(door, settings_of(server, prefix), "a"), Bus(door, settings_of(server, prefix), "b"), nursery
        nursery.cancel_scope.cancel()


async def test_others_read_anew_what_changed_and_nothing_else(door: Door, nats_server: EmbeddedNats) -> None:
    read: list[str] = []
    async with two(door, nats_server) as (one, other, nursery):
        here, there = Changes(one), Changes(other)

        async def tags() -> None:
            read.append("tags")
            if len(read) == 1:
                raise Unavailable("the database is away")

        async def places() -> None:
            read.append("places")

        for changes in (here, there):
            nursery.start_soon(changes.run)
        there.on(["IdTokenService"], tags)
        there.on(["PlaceService", "IdTokenService"], places)
        here.on(["IdTokenService"], places)
        await nursery.start(one.run)
        await nursery.start(other.run)
        here.tell("IdTokenService")
        here.tell("UnheardOfService")
        await until(lambda: read[-1:] == ["places"])
        assert read == ["tags", "tags", "places"]  # not heard by who said it; tried again after the outage
        here.tell("PlaceService")
        await until(lambda: len(read) == 4)


async def test_tags_in_use_are_known_to_all(door: Door, nats_server: EmbeddedNats) -> None:
    heard: list[tuple[str, str, int]] = []
    async with two(door, nats_server) as (one, other, nursery):

        def note(word: str) -> Callable[[str, int], None]:
            return lambda tag, session: heard.append((word, tag, session))

        here = SharedUse(one, note("mine"), note("mine"))
        SharedUse(other, note("opened"), note("ended"))
        nursery.start_soon(here.run)
        await nursery.start(one.run)
        await nursery.start(other.run)
        here.tell(True, "TAG", 1)
        here.tell(False, "TAG", 1)
        await until(lambda: len(heard) == 2)
        assert heard == [("opened", "TAG", 1), ("ended", "TAG", 1)]
