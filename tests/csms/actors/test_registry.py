"""Actors that come, sleep and go; see tests/machines for what must always hold."""

from __future__ import annotations

import trio

from csms.actors.world import ActorSettings
from csms.domain.commands import ClearCache, Outcome
from csms.domain.records import LinkRecord
from csms.ports.directory import Settled
from tests.kit.actor_world import DIALECT, Node, running_node
from tests.kit.fake_wire import MemoryWire


async def test_an_idle_actor_goes_to_sleep_and_epochs_go_on(autojump_clock: object) -> None:
    async with running_node(settings=ActorSettings(idle=60)) as node:
        (await node.booted()).hang_up()
        await trio.sleep(50)
        assert node.registry.counts().actors == 1
        await trio.sleep(20)
        assert node.registry.counts().actors == 0
        await node.booted()
        epochs = [record.epoch for record in node.journal.of(LinkRecord)]
        assert epochs == sorted(epochs)
        assert node.stores.loads == 2


async def test_an_actor_with_a_waiting_command_stays_awake(autojump_clock: object) -> None:
    async with running_node() as node:
        ends: list[Settled] = []

        async def send() -> None:
            ends.append(await node.directory.send(1, ClearCache(), timeout=300, wait_for_station=True))

        node.nursery.start_soon(send)
        await trio.sleep(200)
        assert node.registry.counts().actors == 1
        await trio.sleep(200)
        assert ends == [Settled(Outcome.EXPIRED)]
        assert node.registry.counts().actors == 0


async def test_a_command_for_a_station_that_does_not_exist_is_refused(autojump_clock: object) -> None:
    async with running_node() as node:
        end = await node.directory.send(99, ClearCache(), timeout=300, wait_for_station=True)
        assert end == Settled(Outcome.REFUSED, reason="STATION_DELETED")


async def test_counts_follow_the_links(autojump_clock: object) -> None:
    async with running_node() as node:
        node.stores.add(2)
        await node.booted(1)
        wire = await node.booted(2)
        assert node.registry.counts().online == 2
        wire.hang_up()
        await node.rest()
        assert node.registry.counts().online == 1
        assert node.registry.is_online(1)
        assert not node.registry.is_online(2)


async def test_closes_of_a_drain_are_spread(autojump_clock: object) -> None:
    async with running_node() as node:
        wires = []
        for station_id in range(1, 31):
            node.stores.add(station_id)
            wires.append(await node.booted(station_id))
        began = trio.current_time()
        node.nursery.start_soon(node.registry.drain)
        await trio.sleep(1.5)
        closed = sum(wire.closed is not None for wire in wires)
        assert 10 <= closed <= 20
        await trio.sleep(3)
        assert all(wire.closed is not None for wire in wires)
        assert trio.current_time() - began < 5


async def test_before_it_runs_nobody_is_let_in(autojump_clock: object, nursery: trio.Nursery) -> None:
    node, wire = Node(nursery), MemoryWire()
    await node.registry.serve_link(wire, 1, DIALECT)
    assert wire.closed is not None
    assert (await node.directory.send(1, ClearCache(), timeout=1)).outcome is Outcome.REFUSED
