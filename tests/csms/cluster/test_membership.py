"""Nodes that live, nodes that do not, and what the dead ones had."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
import trio

from csms.aio import Door
from csms.cluster import membership
from csms.cluster.bus import Bus, BusUnavailable
from csms.cluster.membership import Membership, Undertaker
from csms.cluster.nats_server import EmbeddedNats
from tests.kit.nats import fresh_prefix, nats_server, settings_of
from tests.kit.sim_bus import SimBus, SimNats

__all__ = ["nats_server"]


class Freed:
    """What the undertaker gave free."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.told: list[int] = []

    async def release(self, number: int) -> list[int]:
        await trio.lowlevel.checkpoint()
        self.numbers.append(number)
        return [17]

    async def release_all_but(self, numbers: Iterable[int]) -> list[int]:
        await trio.lowlevel.checkpoint()
        return []


async def a_bus(door: Door, nursery: trio.Nursery, server: EmbeddedNats, prefix: str, name: str) -> Bus:
    bus = Bus(door, settings_of(server, prefix), name)
    await nursery.start(bus.run)
    return bus


async def test_nodes_have_different_numbers_and_a_dead_ones_stations_are_given_free(
    door: Door, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "TTL_SECONDS", 1.0)
    monkeypatch.setattr(membership, "BEAT_SECONDS", 0.2)
    prefix, freed, numbers, buses = fresh_prefix(), Freed(), dict[str, int](), dict[str, Bus]()
    async with trio.open_nursery() as nursery:
        nodes = {}
        for name in ("a", "b"):
            bus = Bus(door, settings_of(nats_server, prefix), name)
            nodes[name] = Membership(bus, name, lambda number, name=name: numbers.update({name: number}), print)
            await nursery.start(bus.run)
            buses[name] = bus
        async with trio.open_nursery() as living:
            for node in nodes.values():
                await living.start(node.run)
            assert numbers["a"] != numbers["b"]
            bus = await a_bus(door, nursery, nats_server, prefix, "undertaker")
            undertaker = Undertaker(bus, freed.release, freed.release_all_but, freed.told.append)
            for _ in range(5):
                await undertaker.look()
            assert freed.numbers == []
            monkeypatch.setattr(nodes["a"], "_beat", trio.sleep_forever)  # its entry goes, but it answers
            await trio.sleep(2.5)
            for _ in range(5):
                await undertaker.look()
            assert freed.numbers == []
            buses["a"]._handlers.clear()
            await door.call(buses["a"].client.close)  # now it is gone
            with trio.fail_after(60):
                while not freed.numbers:
                    await trio.sleep(0.2)
                    await undertaker.look()
            assert freed.numbers == [numbers["a"]]
            assert freed.told == [17]
            living.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def test_a_node_that_was_silent_too_long_goes_on_or_lets_all_go(
    door: Door, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "TTL_SECONDS", 1.5)
    prefix, numbers, let_go = fresh_prefix(), list[int](), list[str]()
    async with trio.open_nursery() as nursery:
        bus = await a_bus(door, nursery, nats_server, prefix, "a")
        node = Membership(bus, "a", numbers.append, let_go.append)
        assert await node._draw()
        await trio.sleep(3.0)  # its entry is gone
        await node._beat()
        assert let_go == []
        other = Membership(await a_bus(door, nursery, nats_server, prefix, "b"), "b", lambda _: None, print)
        await trio.sleep(3.0)
        monkeypatch.setattr(membership.secrets, "randbelow", lambda _: numbers[0] - 1)
        assert await other._draw()
        monkeypatch.undo()
        await node._beat()
        assert len(let_go) == 1
        assert numbers[-1] != other.number
        nursery.cancel_scope.cancel()


class Entries:
    """What the undertaker finds at each look, and whether the bus is there."""

    def __init__(self, *looks: list[str] | None) -> None:
        self.looks = list(looks)

    async def keys(self) -> list[str]:
        found = self.looks.pop(0)
        if found is None:
            raise BusUnavailable("the bus is away")
        return found

    async def get(self, _: str) -> None:
        return None


@pytest.mark.parametrize(
    ("looks", "freed"),
    [
        pytest.param([["7"], [], ["7"], [], ["7"]], [], id="missing once in a while"),
        pytest.param([["7"], [], [], []], [7], id="missing twice in a row"),
        pytest.param([["7"], [], None, [], ["7"], ["7"]], [], id="nodes write theirs again after an outage"),
    ],
)
async def test_a_node_is_given_up_only_when_it_is_missing_while_the_bus_is_well(
    looks: list[list[str] | None], freed: list[int], autojump_clock: object, nursery: trio.Nursery
) -> None:
    found = Freed()
    bus = SimBus(SimNats(nursery, Random(1)), "control")
    undertaker = Undertaker(bus, found.release, found.release_all_but, found.told.append)  # type: ignore[arg-type]
    undertaker._bucket = Entries(*looks)  # type: ignore[assignment]
    with trio.CancelScope() as scope:
        scope.deadline = trio.current_time() + membership.LOOK_SECONDS * (len(looks) + 0.5)
        await undertaker.run()
    assert found.numbers == freed
