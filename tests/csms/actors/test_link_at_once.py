"""Messages that are brought to their answer without the reader, and those that are given back to it half-way."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.actors.link import LinkLimits
from csms.domain.records import MeterRecord, StatusRecord
from csms.ports.wire import ConnectionClosed
from tests.kit.actor_world import BOOT, Node, meter_values, running_node, start_transaction
from tests.kit.fake_wire import MemoryWire


def status(word: str) -> dict[str, Any]:
    return {"connectorId": 1, "errorCode": "NoError", "status": word}


async def settled(node: Node, wire: MemoryWire) -> int:
    """Connected, booted and charging; the transaction's id."""
    await wire.ask("BootNotification", BOOT)
    await node.rest()
    started = await wire.ask("StartTransaction", start_transaction())
    await node.rest()
    return int(started["transactionId"])


async def test_usual_messages_do_not_wake_the_reader_and_are_on_disk_when_answered(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        transaction = await settled(node, wire)
        before, kept = wire.read, len(node.journal.of(MeterRecord))
        for second in range(5):
            values = meter_values(1_100 + second, seconds=60.0 + second, transaction_id=transaction)
            await wire.ask("MeterValues", values)
            assert len(node.journal.of(MeterRecord)) == kept + second + 1
        assert "currentTime" in await wire.ask("Heartbeat", {})
        assert wire.read == (before if wire.offers else before + 6)


async def test_a_start_has_to_look_in_the_database_so_the_reader_does_it(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        received = [entry for entry in node.log.entries if entry.action == "StartTransaction"]
        assert [entry.message_type for entry in received] == ["CALL", "CALLRESULT"]  # noted once, whoever did it


async def test_while_one_is_not_answered_no_other_is_taken_in(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        node.journal.away = True
        wire.start_call("StatusNotification", status("Charging"), "first")
        wire.start_call("Heartbeat", {}, "second")
        await trio.sleep(5)
        assert wire.hear_nowait() == []
        node.journal.away = False
        assert [(await wire.hear())[1], (await wire.hear())[1]] == ["first", "second"]


async def test_a_database_that_stays_away_sends_the_station_off_unanswered(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        node.journal.away = True
        wire.start_call("StatusNotification", status("Charging"))
        with pytest.raises(ConnectionClosed) as end:
            await wire.hear()
        assert end.value.code == 1013
        assert wire.hear_nowait() == []


async def test_refused_records_are_not_answered_and_the_station_comes_back_to_a_sound_actor(
    autojump_clock: object,
) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        node.journal.refuse = lambda record: isinstance(record, StatusRecord)
        wire.start_call("StatusNotification", status("Charging"))
        with pytest.raises(ConnectionClosed):
            await wire.hear()
        node.journal.refuse = lambda _record: False
        again = node.connect()
        assert await again.ask("StatusNotification", status("Charging")) == {}


async def test_a_link_that_ends_before_the_disk_has_spoken_answers_nobody(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        node.journal.away = True
        wire.start_call("StatusNotification", status("Charging"))
        await trio.sleep(0.01)
        wire.hang_up()
        node.journal.away = False
        await node.rest()
        assert node.journal.of(StatusRecord)[-1].status == "Charging"  # it is kept; the station will say it again
        assert wire.hear_nowait() == []


async def test_a_station_that_stopped_reading_is_not_read_from_before_it_has_its_answer(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect(capacity=1)
        await wire.ask("BootNotification", BOOT)
        await node.rest()
        for number in range(4):
            wire.start_call("Heartbeat", {}, f"beat{number}")
        await trio.sleep(1)
        heard = [(await wire.hear())[1] for _ in range(4)]
        assert heard == [f"beat{number}" for number in range(4)]


async def test_who_sends_too_much_is_slowed_down_and_gets_all_answers(autojump_clock: object) -> None:
    async with running_node(link_limits=LinkLimits(rate=1.0, burst=3.0)) as node:
        wire = node.connect()
        await wire.ask("BootNotification", BOOT)
        began = trio.current_time()
        for _ in range(10):
            await wire.ask("Heartbeat", {})
        assert trio.current_time() - began >= 7


async def test_a_drain_lets_the_message_under_way_be_answered(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        await settled(node, wire)
        node.journal.away = True
        wire.start_call("StatusNotification", status("Charging"), "last")
        await trio.sleep(0.5)
        actor = node.registry._actor(1)
        actor.finish(1001, "stopping")
        await trio.sleep(0.5)
        node.journal.away = False
        assert (await wire.hear())[:2] == [3, "last"]
        with pytest.raises(ConnectionClosed):
            await wire.hear()
