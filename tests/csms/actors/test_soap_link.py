"""A station that speaks SOAP: online by what was heard of it, its messages in order, commands to its own address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from csms.actors.mailbox import Delivery
from csms.actors.soap_link import ADDRESS_MISSING, MAX_WAITING, UNREACHABLE, SoapCall, SoapStations, Trust, trusted
from csms.actors.world import ActorSettings, LinkLost
from csms.domain.commands import ClearCache, GetVariables, Outcome, RequestStartTransaction, TriggerMessage
from csms.domain.errors import Unavailable
from csms.domain.facts import RegistrationStatus
from csms.domain.records import LinkRecord
from csms.domain.transaction import Authentication
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v15.payloads import Payload
from csms.ports.message_log import Direction
from csms.ports.soap import StationAnswer, StationSilent, StationUnreachable
from tests.kit.actor_world import START, Node, running_node
from tests.kit.fake_soap import FakeSoapAddresses, FakeSoapClient

PEER = "192.0.2.7"
OWN = f"http://{PEER}:8080/box"
BOOT: Payload = {"chargePointVendor": "V", "chargePointModel": "M"}
HEARTBEAT_S = 100.0


@dataclass
class Box:
    """A station's side: `said` are the outcomes in the order in which they were rendered."""

    node: Node
    client: FakeSoapClient
    addresses: FakeSoapAddresses
    stations: SoapStations
    said: list[Payload | Fault] = field(default_factory=list)

    async def tell(self, action: str, payload: Payload | None = None, *, own: str = OWN, peer: str = PEER) -> Payload:
        """One message; the payload of its answer. Raises the Fault that it was answered with."""

        async def render(outcome: Payload | Fault) -> bytes:
            await trio.lowlevel.checkpoint()
            self.said.append(outcome)
            return b"<answer/>"

        call = SoapCall(action, payload or {}, f"<{action}/>".encode(), "id", peer, own, render)
        assert await self.stations.take_in(1, "CP-1", call) == b"<answer/>"
        outcome = self.said[-1]
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    async def order(self, command: object, timeout: float = 10.0) -> Delivery:
        delivery = Delivery(command, trio.current_time() + timeout)  # type: ignore[arg-type]
        self.node.registry.post(1, delivery)
        await delivery.wait_settled()
        return delivery

    @property
    def online(self) -> bool:
        return self.node.registry.is_online(1)


@asynccontextmanager
async def a_box(trust: Trust = Trust.SAME_HOST, settings: ActorSettings | None = None) -> AsyncIterator[Box]:
    async with running_node(settings=settings) as node:
        client, addresses = FakeSoapClient(), FakeSoapAddresses()
        stations = SoapStations(
            node.registry,
            client=client,
            addresses=addresses,
            message_log=node.log,  # type: ignore[arg-type]  # links use `record` alone
            heartbeat_s=HEARTBEAT_S,
            trust=trust,
            now=node.now,
        )
        yield Box(node, client, addresses, stations)


def outcome_of(delivery: Delivery) -> tuple[Outcome, str]:
    assert delivery.settled is not None
    return delivery.settled.outcome, delivery.settled.reason


# -- online by age -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-3")
async def test_the_first_message_brings_it_online_and_silence_takes_it_off(autojump_clock: object) -> None:
    async with a_box() as box:
        assert not box.online
        await box.tell("BootNotification", BOOT)
        assert box.online
        await trio.sleep(2.4 * HEARTBEAT_S)
        await box.tell("Heartbeat")
        await trio.sleep(2.4 * HEARTBEAT_S)
        assert box.online
        await trio.sleep(0.2 * HEARTBEAT_S)
        assert not box.online
        links = box.node.journal.of(LinkRecord)
        assert [(link.online, link.protocol) for link in links] == [(True, "ocpp1.5"), (False, "")]
        await box.tell("Heartbeat")
        assert box.online


async def test_the_message_log_has_both_directions(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        frames = [(e.direction, e.message_type, e.action) for e in box.node.log.entries if e.message_type]
        assert frames == [
            (Direction.RECEIVED, "CALL", "BootNotification"),
            (Direction.SENT, "CALLRESULT", "BootNotification"),
        ]


async def test_the_answer_leaves_after_the_disk(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.node.journal.away = True
        start: Payload = {"connectorId": 1, "idTag": "TAG1", "timestamp": START, "meterStart": 0}
        with pytest.raises(Unavailable):
            await box.tell("StartTransaction", start)
        assert len(box.said) == 1
        box.node.journal.away = False
        assert (await box.tell("StartTransaction", start))["transactionId"] == 1000


async def test_messages_are_worked_on_in_their_order(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(box.tell, "Heartbeat")
                await trio.testing.wait_all_tasks_blocked()
        answers = [o for o in box.said if isinstance(o, dict) and "heartbeatInterval" not in o]
        assert len(answers) == 5


async def test_too_many_at_once_are_sent_away(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        refused = 0

        async def tell() -> None:
            nonlocal refused
            try:
                await box.tell("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
            except Unavailable:
                refused += 1

        async with trio.open_nursery() as nursery:
            for _ in range(MAX_WAITING + 3):
                nursery.start_soon(tell)
        assert refused == 3


# -- what is wrong -----------------------------------------------------------------------------------------------------


async def test_bad_values_are_a_fault_and_the_link_stays(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        with pytest.raises(Fault):
            await box.tell("MeterValues", {"connectorId": -1})
        assert box.online
        assert any("MeterValues was refused" in remark for remark in box.node.log.remarks())


async def test_a_station_that_is_not_accepted_may_only_boot(autojump_clock: object) -> None:
    async with a_box() as box:
        box.node.stores.add(1, RegistrationStatus.PENDING)
        assert (await box.tell("BootNotification", BOOT))["status"] == "Rejected"
        with pytest.raises(Fault) as refused:
            await box.tell("Heartbeat")
        assert refused.value.code is ErrorCode.SECURITY_ERROR


async def test_a_bug_in_the_dialect_is_an_internal_error(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        monkeypatch.setattr(type(box.stations._dialect), "reply", lambda *_: 1 / 0)
        with pytest.raises(Fault) as refused:
            await box.tell("Heartbeat")
        assert refused.value.code is ErrorCode.INTERNAL_ERROR
        assert len(box.node.crashes) == 1
        assert box.online


async def test_a_bug_in_the_state_restarts_the_actor_and_the_next_message_is_taken(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.node.stores.broken = ZeroDivisionError("bug")
        start: Payload = {"connectorId": 1, "idTag": "TAG1", "timestamp": START, "meterStart": 0}
        with pytest.raises(Unavailable):
            await box.tell("StartTransaction", start)
        box.node.stores.broken = None
        await trio.sleep(5)
        assert (await box.tell("StartTransaction", start))["transactionId"] == 1000
        assert box.node.crashes


async def test_a_drained_node_sends_it_away(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        await box.node.registry.drain(spread_s=0.0)
        with pytest.raises(Unavailable):
            await box.tell("Heartbeat")


# -- one link per station ----------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-6")
async def test_a_websocket_takes_over_and_the_next_message_takes_back(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        wire = await box.node.booted()
        await box.node.rest()
        assert wire.closed is None
        assert box.online
        await box.tell("Heartbeat")
        await box.node.rest()
        assert wire.closed is not None
        assert box.online


async def test_a_message_that_waits_while_a_websocket_takes_over_is_not_applied(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.node.journal.full = True
        status: Payload = {"connectorId": 1, "status": "Faulted", "errorCode": "NoError"}

        async def tell() -> None:
            with pytest.raises(LinkLost):
                await box.tell("StatusNotification", status)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            await trio.sleep(0.05)
            box.node.connect()
            await trio.sleep(0.05)
            box.node.journal.full = False
        assert box.node.stores.statuses == {}


# -- commands ----------------------------------------------------------------------------------------------------------


async def test_a_command_goes_to_the_address_that_the_station_tells(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.client.answers.append({"status": "Accepted"})
        delivery = await box.order(ClearCache())
        assert outcome_of(delivery) == (Outcome.ANSWERED, "")
        assert box.client.asked == [(OWN, "ClearCache", {})]


async def test_what_an_operator_set_counts_more(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        await box.addresses.set_soap_address(1, "http://192.0.2.99/")
        box.client.answers.append({"status": "Accepted"})
        await box.order(ClearCache())
        assert box.client.asked[0][0] == "http://192.0.2.99/"


@pytest.mark.parametrize(
    ("trust", "own", "goes"),
    [
        (Trust.NONE, OWN, False),
        (Trust.SAME_HOST, OWN, True),
        (Trust.SAME_HOST, "http://192.0.2.66/", False),
        (Trust.SAME_HOST, "", False),
        (Trust.ANY, "http://192.0.2.66/", True),
        (Trust.ANY, "file:///etc/passwd", False),
    ],
)
async def test_whose_word_counts(autojump_clock: object, trust: Trust, own: str, goes: bool) -> None:
    async with a_box(trust) as box:
        await box.tell("BootNotification", BOOT, own=own)
        box.client.answers.append({"status": "Accepted"})
        delivery = await box.order(ClearCache())
        assert outcome_of(delivery) == ((Outcome.ANSWERED, "") if goes else (Outcome.REFUSED, ADDRESS_MISSING))


@pytest.mark.parametrize(
    ("address", "same_host"),
    [
        ("http://192.0.2.7/", True),
        ("https://192.0.2.7:8443/x", True),
        ("http://192.0.2.7@192.0.2.66/", False),
        ("http://user:pw@192.0.2.7/", False),
        ("http://192.0.2.7.evil.example/", False),
        ("ftp://192.0.2.7/", False),
        ("http://192.0.2.7:99999/", False),
        ("http://[192.0.2.7/", False),
        ("//192.0.2.7/", False),
        ("http://192.0.2.7/" + "x" * 500, False),
        ("", False),
    ],
)
def test_the_same_host_is_the_same_host(address: str, same_host: bool) -> None:
    assert trusted(address, PEER, Trust.SAME_HOST) is same_host


async def test_what_the_station_tells_is_kept_for_an_operator(autojump_clock: object) -> None:
    async with a_box(Trust.NONE) as box:
        await box.tell("BootNotification", BOOT, own="http://192.0.2.66/")
        await box.tell("Heartbeat", own="gopher://192.0.2.66/")
        assert box.addresses.known[1].seen_address == "http://192.0.2.66/"


async def test_commands_go_one_at_a_time_and_in_order(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.client.answers += [{"status": "Accepted"}, {"configurationKey": [{"key": "A"}]}]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.order, ClearCache())
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(box.order, GetVariables())
        assert [action for _, action, _ in box.client.asked] == ["ClearCache", "GetConfiguration"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (StationUnreachable("connection refused"), (Outcome.REFUSED, UNREACHABLE)),
        (StationSilent("reset"), (Outcome.UNKNOWN, "")),
        (None, (Outcome.UNKNOWN, "")),
    ],
)
async def test_what_was_not_sent_is_told_from_what_may_have_happened(
    autojump_clock: object, answer: Exception | None, outcome: tuple[Outcome, str]
) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.client.answers += [] if answer is None else [answer]
        assert outcome_of(await box.order(ClearCache())) == outcome
        assert box.online


async def test_a_database_that_is_away_sends_nothing(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.addresses.away = True
        assert outcome_of(await box.order(ClearCache())) == (Outcome.REFUSED, "DATABASE_UNAVAILABLE")
        assert box.client.asked == []


async def test_a_station_that_goes_within_a_command_leaves_it_unknown(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        async with trio.open_nursery() as nursery:

            async def order() -> None:
                assert outcome_of(await box.order(ClearCache(), 60)) == (Outcome.UNKNOWN, "")

            nursery.start_soon(order)
            await trio.sleep(1)
            await box.node.directory.disconnect(1, "by hand")
        assert not box.online


async def test_answers_that_are_none(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.client.answers += [StationAnswer(b"<x/>", None, "NotSupported", "no", ("odd",)), {"nothing": "here"}]
        faulted = await box.order(ClearCache())
        assert faulted.settled is not None
        assert faulted.settled.answer is not None
        assert faulted.settled.answer.error_code == "NotSupported"
        assert "odd" in box.node.log.remarks()
        invalid = await box.order(ClearCache())
        assert invalid.settled is not None
        assert invalid.settled.answer is not None
        assert invalid.settled.answer.error_code == "ProtocolError"


async def test_a_command_that_1_5_lacks_is_refused(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        assert outcome_of(await box.order(TriggerMessage("Heartbeat"))) == (Outcome.REFUSED, "NOT_SUPPORTED")


async def test_a_start_after_a_remote_start_is_remote(autojump_clock: object) -> None:
    async with a_box() as box:
        await box.tell("BootNotification", BOOT)
        box.client.answers.append({"status": "Accepted"})
        await box.order(RequestStartTransaction("TAG1", 1, 5))
        start: Payload = {"connectorId": 1, "idTag": "TAG1", "timestamp": START, "meterStart": 0}
        await box.tell("StartTransaction", start)
        assert box.node.stores.session_of(1).authentication is Authentication.REMOTE
