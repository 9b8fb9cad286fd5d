"""Calls of ours on a link; the rest is shown in tests/scenarios."""

from __future__ import annotations

import pytest
import trio

from csms.actors.link import Link, LinkLimits
from csms.actors.station import StationActor
from csms.actors.world import ActorSettings, LinkLost
from csms.domain.commands import ClearCache, TriggerMessage
from csms.domain.errors import NotSupported
from tests.kit.actor_world import DIALECT, Node
from tests.kit.fake_wire import MemoryWire


def _link(node: Node, wire: MemoryWire) -> Link:
    actor = StationActor(1, node.registry._world, ActorSettings())
    return Link(
        wire,
        DIALECT,
        actor,
        message_log=node.log,  # type: ignore[arg-type]
        new_message_id=lambda: "c1",
        limits=LinkLimits(),
        on_bug=lambda _error: None,
    )


async def test_a_call_on_a_closed_link_is_lost_at_once(autojump_clock: object, nursery: trio.Nursery) -> None:
    link = _link(Node(nursery), MemoryWire())
    prepared = link.prepare(ClearCache())
    link.close_soon(1000, "bye")
    with pytest.raises(LinkLost):
        await link.call(prepared, 100.0)


async def test_a_call_ends_when_its_link_does(autojump_clock: object, nursery: trio.Nursery) -> None:
    wire = MemoryWire()
    link = _link(Node(nursery), wire)

    async def close() -> None:
        await trio.sleep(3)
        link.close_soon(1000, "bye")

    nursery.start_soon(close)
    with pytest.raises(LinkLost):
        await link.call(link.prepare(ClearCache()), 100.0)
    assert trio.current_time() == 3


async def test_a_station_that_reads_nothing_does_not_hold_a_call_for_ever(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    link = _link(Node(nursery), MemoryWire(capacity=0))
    with pytest.raises(trio.TooSlowError):
        await link.call(link.prepare(ClearCache()), 20.0)


async def test_what_cannot_be_said_is_found_before_anything_is_sent(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    wire = MemoryWire()
    with pytest.raises(NotSupported):
        _link(Node(nursery), wire).prepare(TriggerMessage("SecurityEventNotification"))
    assert wire.hear_nowait() == []
