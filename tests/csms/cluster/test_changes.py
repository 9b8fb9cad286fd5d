"""What others changed: said once, said often, said while nobody could hear it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.changes import TAGS_IN_USE, Changes, Said, SharedUse
from csms.cluster.nats_server import EmbeddedNats
from csms.domain.errors import Unavailable
from tests.kit.database import temporary_folder
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


async def until(happy: Callable[[], bool]) -> None:
    with trio.fail_after(60):
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
    outages = ["the database is away"]
    async with two(door, nats_server) as (one, other, nursery):
        here, there = Changes(one), Changes(other)

        async def tags() -> None:
            if outages:
                raise Unavailable(outages.pop())
            read.append("tags")

        async def places() -> None:
            read.append("places")

        async def never() -> None:
            read.append("never")

        for changes in (here, there):
            nursery.start_soon(changes.run)
        there.on(["IdTokenService"], tags)
        there.on(["PlaceService", "IdTokenService"], places)
        one._on_first = []
        here.on(["IdTokenService"], never)
        await nursery.start(one.run)
        await nursery.start(other.run)
        await until(lambda: read == ["tags", "places"])  # what was said before it came; tried again after the outage
        read.clear()
        here.tell("IdTokenService")
        here.tell("UnheardOfService")
        await until(lambda: read == ["tags", "places"])  # not heard by who said it
        here.tell("PlaceService")
        await until(lambda: len(read) == 3)


async def test_what_was_said_and_missed_while_the_bus_was_away_is_made_good(door: Door) -> None:
    read: list[str] = []
    doubts: list[str] = []
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            async with two(door, server) as (one, other, nursery):
                here, there = Changes(one), Changes(other)

                async def tags() -> None:
                    read.append("tags")

                async def nothing() -> None:
                    read.append("places")

                for changes in (here, there):
                    nursery.start_soon(changes.run)
                there.on(["IdTokenService"], tags)
                here.on(["PlaceService"], nothing)
                use = SharedUse(one, lambda *_: None, lambda *_: None, lambda: doubts.append(TAGS_IN_USE))
                nursery.start_soon(use.run)
                await nursery.start(one.run)
                await nursery.start(other.run)
                await until(lambda: sorted(read) == ["places", "tags"])
                other._on_back = []  # as if it had never been away
                server.kill()
                await until(lambda: not one.connected and not other.connected)
                read.clear()
                here.tell("IdTokenService")
                use.tell(True, "TAG", 1)
                server.start()
                await until(lambda: sorted(read) == ["places", "tags"])
                await until(lambda: doubts == [TAGS_IN_USE])
        finally:
            server.stop()


def test_of_too_much_that_was_said_it_is_known_that_it_was_too_much() -> None:
    said: Said[int] = Said(most=3)
    for number in (1, 2, 1, 3):
        said.note(number)
    assert said.within(60) == [2, 1, 3]
    assert said.within(-1) == []
    said.note(4)
    assert said.within(60) is None


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


async def test_of_commands_to_stations_nobody_is_told_and_nobody_may_wait_for_it(
    door: Door, nats_server: EmbeddedNats
) -> None:
    heard: list[bytes] = []
    async with two(door, nats_server) as (one, other, nursery):
        changes = Changes(one)

        async def hear(_: str, payload: bytes) -> None:
            heard.append(payload)

        with pytest.raises(ValueError, match="RemoteService"):
            changes.on(["RemoteService"], trio.lowlevel.checkpoint)
        other.answer(other.subject("all", "changed"), hear)
        await nursery.start(one.run)
        await nursery.start(other.run)
        door.post(changes.tell_in_asyncio, "RemoteService")
        door.post(changes.tell_in_asyncio, "PlaceService")
        await until(lambda: bool(heard))
        assert len(heard) == 1
        assert b"PlaceService" in heard[0]
