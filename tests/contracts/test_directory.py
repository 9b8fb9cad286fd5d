"""The directory, in one process and on NATS: every command ends in one outcome, wherever the station is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from msgspec.structs import replace

from csms.aio import Door
from csms.cluster.nats_server import EmbeddedNats
from csms.domain.commands import ClearCache, Outcome, Reset, ResetType
from csms.domain.facts import RegistrationStatus
from csms.ports.directory import Directory
from tests.kit.actor_world import FakeStores, Node
from tests.kit.cluster_world import ClusterNode, SharedDatabase
from tests.kit.fake_wire import MemoryWire
from tests.kit.nats import fresh_prefix, nats_server

__all__ = ["nats_server"]


@dataclass
class Stage:
    """Where the station is, and from where it is asked: another process, if there are several."""

    node: Node
    directory: Directory
    stores: FakeStores

    async def booted(self) -> MemoryWire:
        wire = await self.node.booted()
        await wire.ask("Heartbeat", {})
        if isinstance(self.node, ClusterNode):
            await self.node.told()
        return wire


Open = Callable[[], AbstractAsyncContextManager[Stage]]


@pytest.fixture(params=["local", "nats"])
def opened(request: pytest.FixtureRequest, door: Door) -> Open:
    @asynccontextmanager
    async def local() -> AsyncIterator[Stage]:
        async with trio.open_nursery() as nursery:
            node = Node(nursery)
            node.stores.add(1)
            nursery.start_soon(node.journal.run)
            await nursery.start(node.registry.run)
            yield Stage(node, node.directory, node.stores)
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def on_nats() -> AsyncIterator[Stage]:
        server: EmbeddedNats = request.getfixturevalue("nats_server")
        prefix, database = fresh_prefix(), SharedDatabase()
        database.stores.add(1)
        async with trio.open_nursery() as nursery:
            here = ClusterNode(nursery, door, server, prefix, database, 1)
            elsewhere = ClusterNode(nursery, door, server, prefix, database, 2)
            await here.start()
            await elsewhere.start()
            yield Stage(here, elsewhere.shared, database.stores)
            nursery.cancel_scope.cancel()

    if request.param == "nats":
        request.getfixturevalue("nats_server")
    return local if request.param == "local" else on_nats


async def answer(wire: MemoryWire, payload: object) -> None:
    """The station answers the next call."""
    frame = await wire.hear()
    wire.say(json.dumps([3, frame[1], payload]))


async def test_a_command_comes_back_with_the_stations_answer(opened: Open) -> None:
    async with opened() as stage, trio.open_nursery() as nursery:
        wire = await stage.booted()
        nursery.start_soon(answer, wire, {"status": "Accepted"})
        settled = await stage.directory.send(1, Reset(ResetType.IMMEDIATE), timeout=10)
        assert (settled.outcome, settled.answer is not None and settled.answer.status) == (
            Outcome.ANSWERED,
            "Accepted",
        )
        assert settled.latency_s is not None


async def test_a_station_that_is_nowhere_is_offline_at_once(opened: Open) -> None:
    async with opened() as stage:
        with trio.fail_after(60):
            assert (await stage.directory.send(1, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE
            assert (await stage.directory.send(77, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE


async def test_a_station_that_went_is_offline_and_one_that_comes_back_is_there(opened: Open) -> None:
    async with opened() as stage, trio.open_nursery() as nursery:
        wire = await stage.booted()
        assert await stage.directory.disconnect(1, "enough")
        with trio.fail_after(60):
            while wire.closed is None:
                await trio.sleep(0.01)
        assert (await stage.directory.send(1, ClearCache(), timeout=60)).outcome is Outcome.OFFLINE
        assert not await stage.directory.disconnect(1, "enough")
        wire = await stage.booted()
        nursery.start_soon(answer, wire, {"status": "Accepted"})
        assert (await stage.directory.send(1, ClearCache(), timeout=10)).outcome is Outcome.ANSWERED


async def test_a_silent_station_is_unknown(opened: Open) -> None:
    async with opened() as stage:
        await stage.booted()
        assert (await stage.directory.send(1, ClearCache(), timeout=0.5)).outcome is Outcome.UNKNOWN


async def test_a_caller_that_waits_gets_the_station_when_it_comes(opened: Open) -> None:
    async with opened() as stage, trio.open_nursery() as nursery:
        outcomes = []

        async def ask() -> None:
            settled = await stage.directory.send(1, ClearCache(), timeout=20, wait_for_station=True)
            outcomes.append(settled.outcome)

        nursery.start_soon(ask)
        await trio.sleep(0.1)
        wire = await stage.node.booted()  # and says no more: the command follows on its heels
        await answer(wire, {"status": "Accepted"})
        with trio.fail_after(60):
            while not outcomes:
                await trio.sleep(0.01)
        assert outcomes == [Outcome.ANSWERED]


async def test_a_station_that_never_comes_is_not_waited_for_longer(opened: Open) -> None:
    async with opened() as stage:
        settled = await stage.directory.send(1, ClearCache(), timeout=0.3, wait_for_station=True)
        assert settled.outcome is Outcome.EXPIRED


async def test_what_the_dialect_cannot_say_is_refused_with_a_sentence(opened: Open) -> None:
    async with opened() as stage:
        await stage.booted()
        settled = await stage.directory.send(1, Reset(ResetType.IMMEDIATE_AND_RESUME), timeout=10)
        assert settled.outcome is Outcome.REFUSED
        assert settled.message


async def test_a_station_that_people_rejected_is_sent_away(opened: Open) -> None:
    async with opened() as stage:
        wire = await stage.booted()
        row = stage.stores.rows[1]
        stage.stores.rows[1] = replace(row, registration=RegistrationStatus.REJECTED)
        await stage.directory.refresh(1)
        with trio.fail_after(60):
            while wire.closed is None:
                await trio.sleep(0.01)


async def test_a_session_that_was_ended_by_hand_is_open_nowhere(opened: Open) -> None:
    async with opened() as stage:
        wire = await stage.booted()
        start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
        session_id = (await wire.ask("StartTransaction", start))["transactionId"]
        assert stage.node.tokens.in_use == {("TAG1", session_id)}
        await stage.directory.forget_session(1, session_id, "TAG1")
        with trio.fail_after(60):
            while stage.node.tokens.in_use:
                await trio.sleep(0.01)
