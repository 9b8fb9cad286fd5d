"""Stations that move between nodes, nodes that die, and a bus that goes away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
import trio

from csms.actors.mailbox import Delivery
from csms.aio import Door
from csms.cluster import nats_directory
from csms.cluster.bus import DOUBT_SECONDS
from csms.cluster.codec import Done, Gone, Holder, Send, TakeBack, decode_report, encode, encode_command
from csms.cluster.nats_directory import NatsDirectory, NodeDesk
from csms.cluster.nats_server import EmbeddedNats
from csms.domain.commands import ClearCache, Outcome
from csms.domain.errors import Unavailable
from csms.domain.facts import RegistrationStatus
from csms.ports.directory import Settled
from tests.kit.cluster_world import ClusterNode, SharedDatabase
from tests.kit.database import temporary_folder
from tests.kit.fake_wire import MemoryWire
from tests.kit.nats import fresh_prefix, nats_server

__all__ = ["nats_server"]


@asynccontextmanager
async def nodes(door: Door, server: EmbeddedNats, count: int) -> AsyncIterator[list[ClusterNode]]:
    prefix, database = fresh_prefix(), SharedDatabase()
    database.stores.add(1)
    async with trio.open_nursery() as nursery:
        made = [ClusterNode(nursery, door, server, prefix, database, number) for number in range(1, count + 1)]
        for node in made:
            await node.start()
        yield made
        nursery.cancel_scope.cancel()


async def here(node: ClusterNode) -> MemoryWire:
    wire = await node.booted()
    await wire.ask("Heartbeat", {})
    await node.told()
    return wire


async def answer(wire: MemoryWire) -> None:
    frame = await wire.hear()
    wire.say(json.dumps([3, frame[1], {"status": "Accepted"}]))


async def test_a_station_that_connects_to_another_node_is_let_go_by_the_first_one(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 3) as (first, second, third), trio.open_nursery() as nursery:
        old = await here(first)
        new = await here(second)
        with trio.fail_after(60):
            while old.closed is None:
                await trio.sleep(0.01)
        assert new.closed is None
        nursery.start_soon(answer, new)
        assert (await third.shared.send(1, ClearCache(), timeout=10)).outcome is Outcome.ANSWERED
        assert first.crashes == second.crashes == []
        assert second.stores.links[1].online


async def test_what_an_older_node_still_hears_is_never_kept(door: Door, nats_server: EmbeddedNats) -> None:
    """Its news of the takeover are lost: the fence alone holds it."""
    async with nodes(door, nats_server, 2) as (first, second):
        first.keys.serve(second.registry)  # nobody tells the first
        first.registry.fence = lambda *_: None  # type: ignore[method-assign]
        old = await here(first)
        new = await here(second)
        start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
        old.start_call("StartTransaction", start)
        with trio.fail_after(60):
            while old.closed is None:
                await trio.sleep(0.01)
        assert second.stores.sessions == {}
        assert (await new.ask("StartTransaction", start))["transactionId"]
        assert len(second.stores.sessions) == 1
        assert first.crashes == []


async def test_a_command_for_a_dead_nodes_station_is_offline_at_once(door: Door, nats_server: EmbeddedNats) -> None:
    async with nodes(door, nats_server, 2) as (first, second):
        await here(first)
        first.bus._handlers.clear()
        await door.call(first.bus.client.close)  # as a crash: nothing is taken back, and nobody listens there
        with trio.fail_after(60):
            assert (await second.shared.send(1, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE


async def test_a_station_back_on_a_node_that_knew_it_is_read_anew(door: Door, nats_server: EmbeddedNats) -> None:
    async with nodes(door, nats_server, 2) as (first, second):
        await here(first)
        moved = await here(second)
        start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
        session = (await moved.ask("StartTransaction", start))["transactionId"]
        back = await here(first)
        stop = {"transactionId": session, "meterStop": 5000, "timestamp": "2026-03-01T12:30:00Z"}
        await back.ask("StopTransaction", stop)
        assert first.stores.sessions[session].flags == ()
        assert first.stores.sessions[session].register.energy_wh == 5000


async def test_without_the_bus_a_command_is_refused_with_a_sentence(door: Door, nats_server: EmbeddedNats) -> None:
    async with nodes(door, nats_server, 2) as (first, second):
        await here(first)
        client, second.bus._client = second.bus._client, None  # as while it is made anew
        settled = await second.shared.send(1, ClearCache(), timeout=0.5)
        second.bus._client = client
        assert (settled.outcome, settled.reason) == (Outcome.REFUSED, "BUS_UNAVAILABLE")
        assert "NATS" in settled.message


async def cancelled_after(node: ClusterNode, happy: Callable[[], bool]) -> None:
    """A caller at another node, who goes away when `happy`."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(node.shared.send, 1, ClearCache(), timeout=60))
        with trio.fail_after(60):
            while not happy():
                await trio.sleep(0.005)
        nursery.cancel_scope.cancel()


@pytest.mark.feature("F-SYS-7")
async def test_a_command_that_waits_on_another_node_is_taken_back_with_its_caller(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 2) as (first, second), trio.open_nursery() as nursery:
        wire = await here(first)
        actor = first.registry._actors[1]
        nursery.start_soon(partial(second.shared.send, 1, ClearCache(), timeout=20))
        sent = await wire.hear()  # it stands in the way of all that follow
        await cancelled_after(second, lambda: len(actor._mailbox) == 1)
        with trio.fail_after(60):
            while len(actor._mailbox):
                await trio.sleep(0.005)
        wire.say(json.dumps([3, sent[1], {"status": "Accepted"}]))
        await wire.ask("Heartbeat", {})
        with trio.move_on_after(0.2) as nothing:
            await wire.hear()
        assert nothing.cancelled_caught, "it was sent after all"


async def test_a_command_that_was_sent_is_carried_out_once_though_its_caller_goes(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 2) as (first, second):
        wire = await here(first)
        actor = first.registry._actors[1]
        await cancelled_after(second, lambda: actor._current is not None and actor._current.sent)
        frame = await wire.hear()
        assert frame[2] == "ClearCache"
        wire.say(json.dumps([3, frame[1], {"status": "Accepted"}]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, wire)
            assert (await second.shared.send(1, ClearCache(), timeout=10)).outcome is Outcome.ANSWERED


async def test_a_caller_who_is_gone_before_the_command_is_read_is_heard_all_the_same(
    door: Door, nats_server: EmbeddedNats
) -> None:
    """Handlers of the bus run side by side, in any order."""
    async with nodes(door, nats_server, 1) as (first,):
        await here(first)
        desk = NodeDesk(first.bus, first.registry, "beside")
        await desk._handle("", encode(TakeBack(1, "t-1")))
        order = Send(1, first.registry.epoch_of(1), 20.0, encode_command(ClearCache()), "t-1")
        with trio.fail_after(60):
            told = await desk._handle("", encode(order))
        report = decode_report(told or b"")
        assert isinstance(report, Done)
        assert report.outcome is Outcome.EXPIRED


async def test_a_command_for_a_newer_link_than_this_nodes_is_not_carried_out_here(
    door: Door, nats_server: EmbeddedNats
) -> None:
    """The caller has read who has the station now; this node has not heard of it."""
    async with nodes(door, nats_server, 1) as (first,):
        wire = await here(first)
        desk = NodeDesk(first.bus, first.registry, "beside")
        epoch = first.registry.epoch_of(1)
        order = Send(1, epoch + 1, 20.0, encode_command(ClearCache()), "t-1")
        with trio.fail_after(60):
            assert isinstance(decode_report(await desk._handle("", encode(order)) or b""), Gone)
        with trio.move_on_after(0.1) as nothing:
            await wire.hear()
        assert nothing.cancelled_caught, "it was sent"


async def test_what_was_sent_is_not_called_unsent_when_its_caller_goes(door: Door, nats_server: EmbeddedNats) -> None:
    async with nodes(door, nats_server, 1) as (first,), trio.open_nursery() as nursery:
        wire = await here(first)
        desk = NodeDesk(first.bus, first.registry, "beside")
        order = Send(1, first.registry.epoch_of(1), 20.0, encode_command(ClearCache()), "t-1")
        told: list[bytes | None] = []

        async def ask() -> None:
            told.append(await desk._handle("", encode(order)))

        nursery.start_soon(ask)
        frame = await wire.hear()
        await desk._handle("", encode(TakeBack(1, "t-1")))
        wire.say(json.dumps([3, frame[1], {"status": "Accepted"}]))
        with trio.fail_after(60):
            while not told:
                await trio.sleep(0.005)
        report = decode_report(told[0] or b"")
        assert isinstance(report, Done)
        assert report.outcome is Outcome.ANSWERED


@pytest.mark.feature("F-SYS-7")
async def test_a_command_to_which_nobody_says_anything_is_unknown_and_never_sent_again(
    door: Door, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its node heard it, and was cut off before it could say what became of it."""
    monkeypatch.setattr(nats_directory, "GRACE_SECONDS", 0.3)
    async with nodes(door, nats_server, 2) as (first, second):
        wire = await here(first)
        heard: list[Delivery] = []

        def send_and_never_say(station_id: int, delivery: Delivery) -> None:
            assert station_id == 1
            delivery.sent = True
            heard.append(delivery)

        first.registry.post = send_and_never_say  # type: ignore[method-assign]
        with trio.fail_after(60):
            assert (await second.shared.send(1, ClearCache(), timeout=0.5)).outcome is Outcome.UNKNOWN
        assert len(heard) == 1, "it was asked again"
        assert wire.closed is None
        heard[0].settle(Outcome.UNKNOWN)


async def test_a_command_that_waits_behind_a_silent_one_is_known_to_be_unsent_from_elsewhere_too(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 2) as (first, second), trio.open_nursery() as nursery:
        wire = await here(first)
        nursery.start_soon(partial(second.shared.send, 1, ClearCache(), timeout=20))
        await wire.hear()  # and it says nothing
        with trio.fail_after(60):
            assert (await second.shared.send(1, ClearCache(), timeout=0.5)).outcome is Outcome.EXPIRED
        nursery.cancel_scope.cancel()


class Scripted(NatsDirectory):
    """What is found at each look."""

    def __init__(self, node: ClusterNode, *found: tuple[Holder | None, Settled | None]) -> None:
        super().__init__(node.bus, node.registry)
        self.found = list(found)

    async def _ask(self, *_: object) -> tuple[Holder | None, Settled | None]:
        await trio.lowlevel.checkpoint()
        return self.found.pop(0)


async def test_a_station_that_moves_while_it_is_asked_for_is_looked_for_again_and_one_that_is_gone_is_not(
    door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 1) as (first,):
        answered = Settled(Outcome.ANSWERED)
        a, b, c = (Holder(name, epoch) for name, epoch in (("a", 1), ("b", 2), ("c", 3)))
        moving = Scripted(first, (a, None), (b, None), (c, None), (c, answered))
        assert await moving.send(1, ClearCache(), timeout=60) == answered
        gone = Scripted(first, (a, None), (a, None), (a, None), (a, None), (a, answered))
        assert (await gone.send(1, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE
        nowhere = Scripted(first, (None, None), (a, answered))
        assert (await nowhere.send(1, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE


async def test_stations_are_found_again_after_the_bus_has_forgotten_everything(door: Door) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            async with nodes(door, server, 2) as (first, second), trio.open_nursery() as nursery:
                wire = await here(first)
                server.kill()
                with trio.fail_after(60):
                    while first.bus.connected or second.bus.connected:
                        await trio.sleep(0.01)
                server.start()

                async def answer_all() -> None:
                    while True:
                        await answer(wire)

                nursery.start_soon(answer_all)
                with trio.fail_after(60):
                    while (await second.shared.send(1, ClearCache(), timeout=5)).outcome is not Outcome.ANSWERED:
                        await trio.sleep(0.05)
                nursery.cancel_scope.cancel()
        finally:
            server.stop()


class Missed:
    """The database, as nodes look into it after an outage."""

    def __init__(self, changed: set[int], ended: set[int]) -> None:
        self.changed, self.ended = changed, ended
        self.outages = 1
        self.within_s = 0.0

    async def stations_changed(self, station_ids: Sequence[int], *, within_s: float) -> Sequence[int]:
        if self.outages:
            self.outages -= 1
            raise Unavailable("the database is away")
        self.within_s = within_s
        return [each for each in station_ids if each in self.changed]

    async def sessions_ended(self, session_ids: Sequence[int]) -> Sequence[int]:
        return [each for each in session_ids if each in self.ended]


async def test_what_was_changed_while_a_node_was_off_the_bus_is_read_when_it_is_back(door: Door) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            async with nodes(door, server, 2) as (first, second):
                wire = await here(first)
                start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
                session = (await wire.ask("StartTransaction", start))["transactionId"]
                missed = first.shared._missed = Missed({1}, {session})
                server.kill()
                with trio.fail_after(60):
                    while first.bus.connected or second.bus.connected:
                        await trio.sleep(0.01)
                second.stores.rows[1] = msgspec.structs.replace(
                    second.stores.rows[1], registration=RegistrationStatus.REJECTED
                )
                await second.shared.refresh(1)  # nobody hears it
                assert list(first.registry.open_sessions()) == [session]
                second.bus._on_back = []
                server.start()
                with trio.fail_after(60):
                    while wire.closed is None or first.registry.open_sessions():
                        await trio.sleep(0.01)
                assert missed.within_s > DOUBT_SECONDS
        finally:
            server.stop()


async def test_what_a_process_told_while_it_was_off_the_bus_it_tells_again(door: Door) -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        try:
            async with nodes(door, server, 2) as (first, second):
                refreshed: list[int] = []
                forgotten: list[int] = []

                async def refresh(station_id: int) -> None:
                    refreshed.append(station_id)

                first.registry.refresh = refresh  # type: ignore[method-assign]
                first.registry.forget_session = lambda _, session, __: forgotten.append(session)  # type: ignore[method-assign]
                server.kill()
                with trio.fail_after(60):
                    while first.bus.connected or second.bus.connected:
                        await trio.sleep(0.01)
                await second.shared.refresh(1)
                await second.shared.forget_session(1, 7, "")
                server.start()
                with trio.fail_after(60):
                    while (refreshed, forgotten) != ([1], [7]):
                        await trio.sleep(0.01)
        finally:
            server.stop()


@pytest.mark.parametrize("rounds", [25])
async def test_a_station_that_jumps_between_nodes_is_served_by_one_and_loses_nothing(
    rounds: int, door: Door, nats_server: EmbeddedNats
) -> None:
    async with nodes(door, nats_server, 2) as pair:
        ends = []
        for number in range(rounds):
            wire = await pair[number % 2].booted()
            start = {
                "connectorId": 1,
                "idTag": "TAG1",
                "meterStart": number,
                "timestamp": f"2026-03-01T12:{number:02}:00Z",
            }
            ends.append((await wire.ask("StartTransaction", start))["transactionId"])
        assert len(set(ends)) == rounds
        assert set(pair[0].stores.sessions) == set(ends)
        assert sum(node.registry.is_online(1) for node in pair) <= 2
        await pair[(rounds - 1) % 2].told()
        with trio.fail_after(60):
            while sum(node.registry.is_online(1) for node in pair) != 1:
                await trio.sleep(0.01)
        assert pair[0].crashes == pair[1].crashes == []
