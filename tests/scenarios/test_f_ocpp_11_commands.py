"""Commands to a station, through directory, mailbox, link and frames: each ends in exactly one outcome."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.domain.commands import (
    Answer,
    ClearCache,
    Command,
    Outcome,
    RequestStartTransaction,
    RequestStopTransaction,
    Reset,
    ResetType,
    SetVariables,
    TriggerMessage,
    UnlockConnector,
)
from csms.domain.facts import RegistrationStatus
from csms.domain.transaction import Authentication
from csms.ports.directory import Settled
from tests.kit.actor_world import BOOT, Node, running_node, start_transaction
from tests.kit.fake_wire import MemoryWire


class Sender:
    """Sends commands in the background and keeps how they ended."""

    def __init__(self, node: Node, nursery: trio.Nursery) -> None:
        self._node = node
        self._nursery = nursery
        self.ends: list[Settled] = []

    def send(self, command: Command, *, timeout: float = 30.0, wait: bool = False) -> None:
        self._nursery.start_soon(self._send, command, timeout, wait)

    async def _send(self, command: Command, timeout: float, wait: bool) -> None:
        self.ends.append(await self._node.directory.send(1, command, timeout=timeout, wait_for_station=wait))


async def _answer(wire: MemoryWire, payload: Any) -> Any:
    """The station takes the next CALL and answers it; (action, payload)."""
    kind, message_id, action, asked = await wire.hear()
    assert kind == 2
    wire.say(f'[3,"{message_id}",{payload}]')
    return action, asked


@pytest.mark.feature("F-OPS-1", "F-OCPP-11")
async def test_a_remote_start_and_stop(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        sender = Sender(node, node.nursery)
        sender.send(RequestStartTransaction("TAG1", evse_id=1))
        assert await _answer(wire, '{"status":"Accepted"}') == (
            "RemoteStartTransaction",
            {"idTag": "TAG1", "connectorId": 1},
        )
        await node.rest()
        assert sender.ends[0].outcome is Outcome.ANSWERED
        assert sender.ends[0].answer == Answer("Accepted", accepted=True)
        assert sender.ends[0].latency_s is not None
        started = await wire.ask("StartTransaction", start_transaction())
        assert node.stores.session_of(1).authentication is Authentication.REMOTE
        sender.send(RequestStopTransaction(str(started["transactionId"])))
        assert await _answer(wire, '{"status":"Rejected"}') == (
            "RemoteStopTransaction",
            {"transactionId": started["transactionId"]},
        )
        await node.rest()
        assert sender.ends[1].answer == Answer("Rejected", accepted=False)


@pytest.mark.feature("F-OPS-1")
async def test_a_start_long_after_a_remote_start_was_made_with_the_card(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        Sender(node, node.nursery).send(RequestStartTransaction("TAG1"))
        await _answer(wire, '{"status":"Accepted"}')
        await trio.sleep(121)
        await wire.ask("StartTransaction", start_transaction())
        assert node.stores.session_of(1).authentication is Authentication.RFID


@pytest.mark.feature("F-OCPP-11")
async def test_an_offline_station_fails_at_once(autojump_clock: object) -> None:
    async with running_node() as node:
        began = trio.current_time()
        assert await node.directory.send(1, ClearCache(), timeout=30) == Settled(Outcome.OFFLINE)
        assert trio.current_time() == began
        assert node.registry.counts().actors == 0


@pytest.mark.feature("F-OCPP-11")
async def test_a_command_waits_for_the_station_when_asked_to(autojump_clock: object) -> None:
    async with running_node() as node:
        sender = Sender(node, node.nursery)
        sender.send(Reset(ResetType.ON_IDLE), timeout=600, wait=True)
        await trio.sleep(300)
        assert sender.ends == []
        wire = await node.booted()
        assert await _answer(wire, '{"status":"Accepted"}') == ("Reset", {"type": "Soft"})
        await node.rest()
        assert sender.ends[0].outcome is Outcome.ANSWERED


@pytest.mark.feature("F-OCPP-11")
async def test_a_command_that_waited_in_vain_has_expired_unsent(autojump_clock: object) -> None:
    async with running_node() as node:
        end = await node.directory.send(1, ClearCache(), timeout=45, wait_for_station=True)
        assert end == Settled(Outcome.EXPIRED)
        wire = await node.booted()
        await trio.sleep(5)
        assert wire.hear_nowait() == []


@pytest.mark.feature("F-OCPP-11")
async def test_a_silent_station_ends_unknown_and_its_late_answer_is_dropped(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        end = await node.directory.send(1, ClearCache(), timeout=20)
        assert end == Settled(Outcome.UNKNOWN)
        _, message_id, _, _ = await wire.hear()
        wire.say(f'[3,"{message_id}",{{"status":"Accepted"}}]')
        await node.rest()
        assert any("late" in remark for remark in node.log.remarks())
        sender = Sender(node, node.nursery)  # and it is not taken for the answer to the next one
        sender.send(ClearCache())
        await _answer(wire, '{"status":"Rejected"}')
        await node.rest()
        assert sender.ends[0].answer == Answer("Rejected", accepted=False)


@pytest.mark.feature("F-OCPP-11")
async def test_one_call_in_flight_while_the_station_calls_too(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        sender = Sender(node, node.nursery)
        sender.send(ClearCache())
        sender.send(UnlockConnector(1))
        await node.rest()
        (first,) = wire.hear_nowait()
        assert (await wire.call("Heartbeat", {}))[0] == 3
        wire.say(f'[3,"{first[1]}",{{"status":"Accepted"}}]')
        second = await _answer(wire, '{"status":"Unlocked"}')
        assert {first[2], second[0]} == {"ClearCache", "UnlockConnector"}
        await node.rest()
        assert [end.outcome for end in sender.ends] == [Outcome.ANSWERED] * 2


@pytest.mark.feature("F-OCPP-11")
async def test_commands_behind_a_silent_one_expire_in_time(autojump_clock: object) -> None:
    async with running_node() as node:
        await node.booted()
        sender = Sender(node, node.nursery)
        sender.send(ClearCache(), timeout=300)
        await node.rest()
        end = await node.directory.send(1, UnlockConnector(1), timeout=10)
        assert end == Settled(Outcome.EXPIRED)
        assert sender.ends == []


@pytest.mark.feature("F-OCPP-11")
async def test_the_mailbox_is_bounded(autojump_clock: object) -> None:
    async with running_node() as node:
        await node.booted()
        sender = Sender(node, node.nursery)
        for _ in range(18):
            sender.send(ClearCache(), timeout=60)
            await node.rest()
        assert sender.ends == [Settled(Outcome.REFUSED, reason="MAILBOX_FULL")]
        await trio.sleep(120)
        ends = [end.outcome for end in sender.ends]
        assert ends.count(Outcome.UNKNOWN) + ends.count(Outcome.EXPIRED) == 17


@pytest.mark.feature("F-OCPP-11")
async def test_a_link_that_dies_leaves_the_sent_unknown_and_the_waiting_offline(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        sender = Sender(node, node.nursery)
        sender.send(ClearCache())
        await node.rest()
        sender.send(UnlockConnector(1))
        await node.rest()
        wire.hang_up()
        await node.rest()
        assert sender.ends == [Settled(Outcome.UNKNOWN), Settled(Outcome.OFFLINE)] or sender.ends == [
            Settled(Outcome.OFFLINE),
            Settled(Outcome.UNKNOWN),
        ]


@pytest.mark.feature("F-OCPP-11")
async def test_what_the_version_cannot_say_is_refused(autojump_clock: object) -> None:
    async with running_node() as node:
        await node.booted()
        end = await node.directory.send(1, TriggerMessage("TransactionEvent"), timeout=5)
        assert (end.outcome, end.reason) == (Outcome.REFUSED, "NOT_SUPPORTED")
        end = await node.directory.send(1, SetVariables(()), timeout=5)
        assert (end.outcome, end.reason) == (Outcome.REFUSED, "ONE_VARIABLE_PER_CALL")


@pytest.mark.feature("F-OCPP-11")
async def test_a_callerror_is_an_answer(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        sender = Sender(node, node.nursery)
        sender.send(ClearCache())
        _, message_id, _, _ = await wire.hear()
        wire.say(f'[4,"{message_id}","NotImplemented","no cache",{{}}]')
        await node.rest()
        (end,) = sender.ends
        assert end.outcome is Outcome.ANSWERED
        assert end.answer == Answer("", False, error_code="NotImplemented", error_description="no cache")
        sender.send(ClearCache())
        await _answer(wire, '{"status":"Perhaps"}')
        await node.rest()
        answer = sender.ends[1].answer
        assert answer is not None
        assert answer.error_code == "PropertyConstraintViolation"


async def test_a_caller_that_gives_up_takes_back_what_was_not_sent(autojump_clock: object) -> None:
    async with running_node() as node:
        with trio.move_on_after(5):
            await node.directory.send(1, ClearCache(), timeout=600, wait_for_station=True)
        wire = await node.booted()
        await trio.sleep(5)
        assert wire.hear_nowait() == []


async def test_a_command_waits_until_the_station_has_settled(autojump_clock: object) -> None:
    async with running_node() as node:
        sender = Sender(node, node.nursery)
        sender.send(ClearCache(), timeout=60, wait=True)
        wire = node.connect()
        await trio.sleep(0.3)
        assert wire.hear_nowait() == []
        assert (await wire.call("BootNotification", BOOT))[0] == 3
        assert (await wire.hear())[2] == "ClearCache"


@pytest.mark.feature("F-OCPP-6")
async def test_a_pending_station_may_only_boot_until_somebody_accepts_it(autojump_clock: object) -> None:
    async with running_node() as node:
        node.stores.add(1, RegistrationStatus.PENDING)
        wire = node.connect()
        boot = await wire.ask("BootNotification", BOOT)
        assert (boot["status"], boot["interval"]) == ("Pending", 30)
        refused = await wire.call("StartTransaction", start_transaction())
        assert refused[0] == 4
        assert refused[2] == "GenericError"
        assert "not accepted" in refused[3]
        node.stores.add(1, RegistrationStatus.ACCEPTED)
        await node.directory.refresh(1)
        assert await _answer(wire, '{"status":"Accepted"}') == (
            "TriggerMessage",
            {"requestedMessage": "BootNotification"},
        )
        assert (await wire.ask("BootNotification", BOOT))["status"] == "Accepted"


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize("deleted", [True, False])
async def test_a_station_that_is_rejected_or_deleted_loses_its_link(deleted: bool, autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        if deleted:
            del node.stores.rows[1]
        else:
            node.stores.add(1, RegistrationStatus.REJECTED)
        await node.directory.refresh(1)
        await node.rest()
        assert wire.closed is not None
        assert wire.closed.code == 1008
        assert not node.registry.is_online(1)


async def test_an_operator_can_disconnect_a_station(autojump_clock: object) -> None:
    async with running_node() as node:
        assert not await node.directory.disconnect(1, "maintenance")
        wire = await node.booted()
        assert await node.directory.disconnect(1, "maintenance")
        assert wire.closed is not None
        assert wire.closed.reason == "maintenance"
