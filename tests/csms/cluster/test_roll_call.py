"""Who is there, and who should be and says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from csms.aio import Door
from csms.cluster import roll_call
from csms.cluster.bus import Bus
from csms.cluster.membership import Membership
from csms.cluster.nats_server import EmbeddedNats
from csms.cluster.roll_call import RollCall
from csms.ports.processes import Process
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


class One:
    """A process, as far as this goes."""

    def __init__(self, door: Door, server: EmbeddedNats, prefix: str, name: str) -> None:
        self.bus = Bus(door, settings_of(server, prefix), name)
        self.status = Process(name, name.partition("-")[0], "1.0")
        self.calls = RollCall(self.bus, lambda: self.status)
        self.membership = Membership(self.bus, name, lambda _: None, print)


@asynccontextmanager
async def processes(door: Door, server: EmbeddedNats, *names: str) -> AsyncIterator[list[One]]:
    prefix = fresh_prefix()
    made = [One(door, server, prefix, name) for name in names]
    async with trio.open_nursery() as nursery:
        for each in made:
            await nursery.start(each.bus.run)
            if each.status.role == "node":
                await nursery.start(each.membership.run)
        yield made
        nursery.cancel_scope.cancel()


async def until_seen(one: One, wanted: Sequence[tuple[str, bool]]) -> list[Process]:
    """A slow machine may need several looks."""
    with trio.fail_after(60):
        while True:
            found = list(await one.calls.look())
            if [(each.name, each.answers) for each in found] == list(wanted):
                return found
            await trio.sleep(0.01)


@pytest.mark.feature("F-SYS-7")
async def test_all_processes_say_how_they_are_wherever_they_are_asked(door: Door, nats_server: EmbeddedNats) -> None:
    async with processes(door, nats_server, "node-2", "node-1", "control-1", "control-2") as (second, *_, control):
        second.status = msgspec.structs.replace(second.status, stations=17, troubles=("The database is away.",))
        names = ["control-1", "control-2", "node-1", "node-2"]
        found = await until_seen(control, [(name, True) for name in names])
        assert found[-1] == second.status
        assert await until_seen(second, [(name, True) for name in names]) == found


async def test_one_that_hangs_is_missed_and_so_is_one_that_was_heard_of_lately(
    door: Door, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(door, nats_server, "node-1", "node-2", "control-1", "control-2") as (*nodes, mine, other):
        everybody = ("control-1", "control-2", "node-1", "node-2")
        await until_seen(mine, [(name, True) for name in everybody])
        for dead in (nodes[0], other):
            dead.bus._handlers.clear()
            await door.call(dead.bus.client.close)
        found = await until_seen(mine, [(name, name in ("control-1", "node-2")) for name in everybody])
        assert found[1].version == "1.0", "what was last known of it"
        monkeypatch.setattr(roll_call, "REMEMBERED_SECONDS", 0.0)
        await until_seen(mine, [("control-1", True), ("node-1", False), ("node-2", True)])


async def test_a_node_that_never_said_a_word_is_known_by_its_entry(door: Door, nats_server: EmbeddedNats) -> None:
    async with processes(door, nats_server, "node-1", "control-1") as (mute, mine):
        mute.bus._handlers.clear()
        await door.call(mute.bus.client.close)
        found = await until_seen(mine, [("control-1", True), ("node-1", False)])
        assert (found[1].role, found[1].version) == ("node", "")


async def test_away_from_the_bus_a_process_knows_of_itself_and_of_those_it_has_heard_of(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with processes(door, nats_server, "node-1", "control-1") as (_, mine):
        await until_seen(mine, [("control-1", True), ("node-1", True)])
        await door.call(mine.bus.client.close)
        mine.bus._client = None
        with trio.fail_after(60):
            found = await mine.calls.look()
        assert [(each.name, each.answers) for each in found] == [("control-1", True), ("node-1", False)]


async def test_what_another_version_says_in_another_way_is_passed_over(door: Door, nats_server: EmbeddedNats) -> None:
    async with processes(door, nats_server, "control-1") as (mine,):
        assert roll_call._read(b"\xff") is None
        older = msgspec.msgpack.encode({"name": "node-0"})
        newer = msgspec.msgpack.encode({"name": "node-0", "weather": "fine", "stations": 3})
        assert roll_call._read(older) == Process("node-0")
        assert roll_call._read(newer) == Process("node-0", stations=3)
        assert [each.name for each in await mine.calls.look()] == ["control-1"]
