"""What breaks: sockets, the database, our own code. Nothing acknowledged is lost, nothing is applied twice."""

from __future__ import annotations

import pytest
import trio

from csms.actors.link import LinkLimits
from csms.actors.supervise import RestartLimits
from csms.domain import station
from csms.domain.commands import ClearCache, Outcome
from csms.domain.records import LinkRecord, MeterRecord, SessionRecord
from csms.ports.directory import Settled
from csms.ports.message_log import Direction
from csms.ports.wire import BinaryMessage, ConnectionClosed
from tests.kit.actor_world import BOOT, meter_values, running_node, start_transaction, stop_transaction


@pytest.mark.feature("F-OCPP-6")
async def test_the_newer_connection_wins_and_the_older_is_told_why(autojump_clock: object) -> None:
    async with running_node() as node:
        older = await node.booted()
        newer = await node.booted()
        await node.rest()
        assert older.closed is not None
        assert older.closed.code == 1000
        assert "newer connection" in older.closed.reason
        assert (await newer.call("Heartbeat", {}))[0] == 3
        assert node.registry.counts().online == 1
        assert node.stores.links[1].online


@pytest.mark.feature("F-OCPP-6")
async def test_the_end_of_the_older_connection_does_not_take_the_newer_offline(autojump_clock: object) -> None:
    async with running_node() as node:
        older = await node.booted()
        newer = await node.booted()
        older.hang_up()
        await node.rest()
        assert node.registry.is_online(1)
        assert (await newer.call("Heartbeat", {}))[0] == 3
        newer.hang_up()
        await node.rest()
        assert not node.stores.links[1].online
        assert [record.online for record in node.journal.of(LinkRecord)] == [True, True, False]


@pytest.mark.feature("F-OCPP-8")
async def test_no_answer_before_the_disk(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        node.journal.away = True
        wire.start_call("MeterValues", meter_values(1, seconds=0))
        await trio.sleep(15)
        assert wire.hear_nowait() == []
        node.journal.away = False
        assert (await wire.hear())[0] == 3
        assert len(node.journal.of(MeterRecord)) == 1


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_the_database_is_away_and_the_station_keeps_its_own_queue(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction())
        stop = stop_transaction(started["transactionId"])
        node.journal.away = True
        with pytest.raises(ConnectionClosed) as end:
            await wire.call("StopTransaction", stop)
        assert end.value.code == 1013
        assert node.crashes == []
        node.journal.away = False
        wire = await node.booted()
        assert await wire.ask("StopTransaction", stop) == {}
        session = node.stores.session_of(1)
        assert session.energy_wh == 4000
        assert session.flags == ()
        assert node.tokens.in_use == set()


@pytest.mark.feature("F-OCPP-8")
async def test_a_start_that_nobody_waits_for_any_more_is_not_answered_before_the_disk(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        wire.start_call("StartTransaction", start_transaction())
        await trio.sleep(0.0025)  # its look-up is through, its records are not yet on disk
        node.journal.away = True
        await trio.sleep(1)
        wire.hang_up()
        wire = node.connect()  # its link record waits for the disk too
        wire.start_call("StartTransaction", start_transaction())
        await trio.sleep(5)
        assert wire.hear_nowait() == []
        node.journal.away = False
        frame = await wire.hear()
        assert frame[2]["transactionId"] == node.stores.session_of(1).id
        assert node.tokens.in_use == {("TAG1", frame[2]["transactionId"])}


async def test_a_station_can_come_while_the_database_is_away_and_is_sent_home(autojump_clock: object) -> None:
    async with running_node() as node:
        node.journal.away = True
        wire = node.connect()
        wire.start_call("BootNotification", BOOT)
        with pytest.raises(ConnectionClosed) as end:
            await wire.hear()
        assert end.value.code == 1013
        node.journal.away = False
        await trio.sleep(10)
        assert (await node.booted()).closed is None
        assert node.crashes == []


async def test_refused_records_crash_the_actor_and_the_station_sends_again(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        node.journal.refuse = lambda record: isinstance(record, SessionRecord)
        with pytest.raises(ConnectionClosed) as end:
            await wire.call("StartTransaction", start_transaction())
        assert end.value.code == 1011
        await node.rest()
        assert len(node.crashes) == 1
        assert node.stores.loads == 2
        node.journal.refuse = lambda _record: False
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction())
        assert node.stores.session_of(1).id == started["transactionId"]


async def test_a_bug_in_one_station_is_no_other_stations_business(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node() as node:
        node.stores.add(2)
        sick, well = await node.booted(1), await node.booted(2)

        def broken(*_args: object) -> None:
            raise ZeroDivisionError("bug")

        with monkeypatch.context() as patched:
            patched.setattr(station.StationState, "_sampled", broken)
            with pytest.raises(ConnectionClosed) as end:
                await sick.call("MeterValues", meter_values(1, seconds=0))
        assert end.value.code == 1011
        assert (await well.call("Heartbeat", {}))[0] == 3
        assert [type(error) for _, error in node.crashes] == [ZeroDivisionError]
        sick = await node.booted(1)
        assert (await sick.call("MeterValues", meter_values(1, seconds=0)))[0] == 3
        assert len(node.journal.of(MeterRecord)) == 1


async def test_five_crashes_a_minute_put_a_station_down_for_a_while(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(restarts=RestartLimits(cool_down=300)) as node:

        def broken(*_args: object) -> None:
            raise ZeroDivisionError("bug")

        with monkeypatch.context() as patched:
            patched.setattr(station.StationState, "_booted", broken)
            for _ in range(5):
                wire = node.connect()
                with pytest.raises(ConnectionClosed):
                    await wire.call("BootNotification", BOOT)
                await trio.sleep(4)
        assert node.registry.counts().down == 1
        assert node.registry.counts().crashes == 5
        wire = node.connect()
        with pytest.raises(ConnectionClosed) as end:
            await wire.hear()
        assert end.value.code == 1013
        settled = await node.directory.send(1, ClearCache(), timeout=5, wait_for_station=True)
        assert settled == Settled(Outcome.REFUSED, reason="STATION_DOWN")
        await trio.sleep(300)
        assert (await node.booted()).closed is None
        assert node.registry.counts().down == 0


@pytest.mark.feature("F-OCPP-10")
async def test_a_bug_in_the_dialect_is_answered_and_the_link_stays(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node() as node:
        wire = await node.booted()

        def broken(*_args: object) -> None:
            raise KeyError("bug")

        with monkeypatch.context() as patched:
            patched.setattr("csms.ocpp.v16.routes.Dialect16.reply", broken)
            assert (await wire.call("MeterValues", meter_values(1, seconds=0)))[2] == "InternalError"
        assert (await wire.call("Heartbeat", {}))[0] == 3
        assert node.registry.counts().bugs == 1
        assert node.stores.loads == 1


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('[2,"x","NoSuchThing",{}]', "NotImplemented"),
        ('[2,"x","StartTransaction",{"connectorId":1}]', "ProtocolError"),
        ('[2,"x","Heartbeat",[]]', "FormationViolation"),
        ('[2,"x","StatusNotification",{"connectorId":"1","errorCode":"NoError","status":"Available"}]', "Type"),
    ],
)
async def test_bad_messages_are_answered_and_the_link_stays(said: str, code: str, autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        wire.say(said)
        frame = await wire.hear()
        assert frame[:2] == [4, "x"]
        assert frame[2].startswith(code)
        assert (await wire.call("Heartbeat", {}))[0] == 3
        assert any("refused" in remark or "payload" in remark for remark in node.log.remarks())


@pytest.mark.feature("F-OCPP-10")
async def test_garbage_and_binary_messages_get_no_answer_until_it_is_too_much(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        wire.say("hello")
        wire.say(BinaryMessage(b"\x00\x01"))
        assert (await wire.call("Heartbeat", {}))[0] == 3
        for _ in range(40):
            wire.say("hello")
        with pytest.raises(ConnectionClosed) as end:
            await wire.hear()
        assert end.value.code == 1008


@pytest.mark.feature("F-OCPP-10")
async def test_a_flood_is_slowed_down_and_answered_nevertheless(autojump_clock: object) -> None:
    async with running_node(link_limits=LinkLimits(rate=10, burst=20)) as node:
        wire = await node.booted()
        began = trio.current_time()
        for _ in range(120):
            wire.start_call("Heartbeat", {})
        for _ in range(120):
            assert (await wire.hear())[0] == 3
        assert trio.current_time() - began == pytest.approx(10, abs=0.5)
        assert sum("messages a second" in remark for remark in node.log.remarks()) == 1


@pytest.mark.feature("F-OCPP-10")
async def test_a_call_that_comes_again_is_answered_again_but_applied_once(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        first = await wire.call("MeterValues", meter_values(1, seconds=0), "m")
        second = await wire.call("MeterValues", meter_values(1, seconds=0), "m")
        assert first == second
        assert len(node.journal.of(MeterRecord)) == 1


async def test_the_log_has_both_directions_with_their_actions(autojump_clock: object) -> None:
    async with running_node() as node:
        await node.booted()
        received, sent = [entry for entry in node.log.entries if entry.direction is not Direction.REMARK]
        assert (received.direction, received.message_type, received.action, received.message_id) == (
            Direction.RECEIVED,
            "CALL",
            "BootNotification",
            "s1",
        )
        assert (sent.direction, sent.message_type, sent.action) == (Direction.SENT, "CALLRESULT", "BootNotification")
        assert sent.latency_s is not None


async def test_a_drain_answers_what_is_under_way_and_refuses_the_rest(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        ends: list[Settled] = []

        async def send() -> None:
            ends.append(await node.directory.send(1, ClearCache(), timeout=30))

        node.nursery.start_soon(send)
        call = await wire.hear()
        node.nursery.start_soon(node.registry.drain)
        await node.rest()
        assert await node.directory.send(1, ClearCache(), timeout=1) == Settled(Outcome.REFUSED, reason="DRAINING")
        late = node.connect()
        with pytest.raises(ConnectionClosed) as end:
            await late.hear()
        assert end.value.code == 1001
        wire.say(f'[3,"{call[1]}",{{"status":"Accepted"}}]')
        with pytest.raises(ConnectionClosed) as end:
            await wire.hear()
        assert end.value.code == 1001
        await node.rest()
        assert [settled.outcome for settled in ends] == [Outcome.ANSWERED]
        assert node.registry.counts().actors == 0
        await node.registry.drain()


async def test_a_drain_whose_time_is_up_leaves_no_command_without_outcome(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        ends: list[Settled] = []

        async def send(timeout: float) -> None:
            ends.append(await node.directory.send(1, ClearCache(), timeout=timeout))

        node.nursery.start_soon(send, 300.0)
        await wire.hear()
        node.nursery.start_soon(send, 200.0)
        await node.rest()
        with trio.move_on_after(10) as scope:
            await node.registry.drain()
        assert scope.cancelled_caught
        await node.rest()
        assert {settled.outcome for settled in ends} == {Outcome.UNKNOWN, Outcome.REFUSED}
        assert wire.closed is not None
