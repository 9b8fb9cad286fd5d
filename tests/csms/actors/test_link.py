"""Calls of ours on a link; the rest is shown in tests/scenarios."""

from __future__ import annotations

import msgspec
import pytest
import trio

from csms.actors.link import Link, LinkLimits
from csms.actors.station import StationActor
from csms.actors.world import ActorSettings, LinkLost
from csms.domain.commands import ClearCache, Reset, ResetType, TriggerMessage
from csms.domain.errors import NotSupported
from csms.ocpp.v21.routes import Dialect21
from csms.ports.directory import Settled
from csms.ports.message_log import Direction
from tests.kit.actor_world import DIALECT, Node, running_node
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


async def test_calls_on_a_connection_that_broke_are_lost_before_the_reader_has_noticed(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    wire = MemoryWire()
    link = _link(Node(nursery), wire)
    prepared = link.prepare(ClearCache())
    wire.hang_up()
    for _ in range(2):  # the second one found the first still in flight
        with pytest.raises(LinkLost):
            await link.call(prepared, 100.0)


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


@pytest.mark.feature("F-OCPP-5")
async def test_an_answer_that_is_not_valid_is_refused_in_2_1(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect(dialect=Dialect21())
        ends: list[Settled] = []

        async def reset() -> None:
            ends.append(await node.directory.send(1, Reset(ResetType.ON_IDLE), timeout=30, wait_for_station=True))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reset)
            _, message_id, _, _ = await wire.hear()
            wire.say(msgspec.json.encode([3, message_id, {"status": "Perhaps"}]))
            refused = await wire.hear()
        assert refused[:3] == [5, message_id, "PropertyConstraintViolation"]
        assert ends[0].answer is not None
        assert ends[0].answer.error_code == "PropertyConstraintViolation"
        assert any(entry.message_type == "CALLRESULTERROR" for entry in node.log.entries)


@pytest.mark.feature("F-OCPP-5")
async def test_a_station_that_refuses_our_answer_is_noted(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect(dialect=Dialect21())
        wire.say(b'[5,"s1","FormatViolation","currentTime?",{}]')
        await node.rest()
        assert "The station refused our answer 's1': FormatViolation: currentTime?" in node.log.remarks()
        assert [e.message_type for e in node.log.entries if e.direction is Direction.RECEIVED] == ["CALLRESULTERROR"]


@pytest.mark.feature("F-OCPP-5")
async def test_what_wants_no_answer_is_taken_in_by_send_and_refused_as_a_call(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect(dialect=Dialect21())
        payload = {"id": 1, "pending": 0, "basetime": "2026-03-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}
        wire.say(msgspec.json.encode([6, "s1", "NotifyPeriodicEventStream", payload]))
        await node.rest()
        assert wire.hear_nowait() == []
        assert node.journal.disk[-1:] != []
        answer = await wire.call("NotifyPeriodicEventStream", payload)
        assert answer[:3] == [4, "s1", "ProtocolError"]
        assert node.crashes == []
