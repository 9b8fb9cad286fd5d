"""What was proved at the door, and what was not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
import trio
from trio.testing import MockClock

from csms.cluster.local import LocalFeed
from csms.domain.facts import RegistrationStatus
from csms.domain.records import EventRecord
from csms.ports.message_log import LogFilter
from csms.ports.stores import StationRow
from csms.services.doorkeeper import MAX_IDENTITIES, Doorkeeper
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_message_log import FakeMessageLog
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WRONG = "User or password is wrong."


class World:
    def __init__(self) -> None:
        self.tables = FakeTables()
        self.stations = FakeStations(self.tables)
        self.journal = FakeJournal(self.tables)
        self.log = FakeMessageLog()
        self.feed = LocalFeed(lambda: NOW)
        self.doorkeeper = Doorkeeper(self.stations, self.journal, self.log, self.feed, now=lambda: NOW)

    @property
    def events(self) -> list[EventRecord]:
        return [record for record in self.journal.log if isinstance(record, EventRecord)]

    async def remarks(self, station_id: int) -> list[str]:
        page = await self.log.page(station_id, size=100, before=None, wanted=LogFilter())
        return [entry.content for entry in page]

    async def add(self, identity: str) -> StationRow:
        return await self.stations.create(identity, RegistrationStatus.ACCEPTED)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(world.doorkeeper.run)
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.feature("F-OCPP-7")
async def test_a_failed_attempt_is_counted_logged_and_shown(autojump_clock: MockClock) -> None:
    world = World()
    row = await world.add("CP-1")
    revision = world.feed.revision
    async with serving(world):
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(1)
        station = world.tables.station(row.id)
        assert (station.failed_attempts, station.last_failed_attempt_at) == (1, NOW)
        assert (station.last_failed_attempt_reason, station.last_failed_attempt_address) == (
            "WRONG_PASSWORD",
            "192.0.2.7",
        )
    [event] = world.events
    assert (event.station_id, event.kind, event.severity) == (row.id, "ConnectionRefused", 5)
    assert event.summary == f"A connection from 192.0.2.7 was refused: {WRONG}"
    assert await world.remarks(row.id) == [event.summary]
    assert world.feed.revision > revision


@pytest.mark.feature("F-OCPP-7")
async def test_a_flood_of_attempts_floods_nothing(autojump_clock: MockClock) -> None:
    world = World()
    row = await world.add("CP-1")
    async with serving(world):
        for second in range(60):
            for n in range(1_000):
                world.doorkeeper.refused("CP-1", f"192.0.2.{n % 200}", "WRONG_PASSWORD", WRONG)
            world.doorkeeper.refused("CP-1", "192.0.2.1", "TOO_MANY_ATTEMPTS", f"Wait {second}.")
            await trio.sleep(1)
        await trio.sleep(11)
    assert world.tables.station(row.id).failed_attempts == 60 * 1_001
    assert world.tables.station(row.id).last_failed_attempt_reason == "WRONG_PASSWORD"  # not that it had to wait
    assert len(world.events) <= 8
    assert len(await world.remarks(row.id)) <= 8
    body = msgspec.json.decode(world.events[-1].body)
    assert len(body["remoteAddresses"]) == 5
    assert body["reasons"]["WRONG_PASSWORD"] + body["reasons"]["TOO_MANY_ATTEMPTS"] == body["count"]


@pytest.mark.feature("F-OCPP-8")
async def test_refusals_while_the_database_is_away_are_noted_afterwards(autojump_clock: MockClock) -> None:
    world = World()
    row = await world.add("CP-1")
    other = await world.add("CP-2")
    async with serving(world):
        world.tables.away = True
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(25)
        world.doorkeeper.refused("CP-1", "192.0.2.8", "NO_TLS", "Come by TLS.")
        world.doorkeeper.refused("CP-2", "192.0.2.8", "NO_TLS", "Come by TLS.")
        await trio.sleep(25)
        world.tables.away = False
        await trio.sleep(11)
    station = world.tables.station(row.id)
    assert (station.failed_attempts, station.last_failed_attempt_reason) == (2, "NO_TLS")
    assert world.tables.station(other.id).failed_attempts == 1
    assert len(world.events) == 2


async def test_one_stations_flood_does_not_hold_up_what_is_told_of_another(autojump_clock: MockClock) -> None:
    world = World()
    await world.add("CP-1")
    other = await world.add("CP-2")
    async with serving(world):
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(2)
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        world.doorkeeper.refused("CP-2", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(2)
        assert world.tables.station(other.id).failed_attempts == 1
        assert len(world.events) == 2
        await trio.sleep(10)
        assert len(world.events) == 3


async def test_identities_that_do_not_exist_leave_nothing_behind(autojump_clock: MockClock) -> None:
    world = World()
    async with serving(world):
        for n in range(MAX_IDENTITIES * 3):
            world.doorkeeper.refused(f"guess-{n}", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        assert len(world.doorkeeper._waiting) == MAX_IDENTITIES
        await trio.sleep(1)
    assert world.events == []
    assert not world.doorkeeper._waiting


@pytest.mark.feature("F-OCPP-7")
async def test_more_than_before_was_proven() -> None:
    world = World()
    row = await world.add("CP-1")
    await world.stations.set_password_hash(row.id, "old")
    await world.stations.add_next_password_hash(row.id, "new")
    await world.doorkeeper.signed_in(row, 2, "new")
    station = world.tables.station(row.id)
    assert (station.password_hash, station.next_password_hashes, station.security_profile) == ("new", (), 2)
    assert [event.kind for event in world.events] == ["PasswordChanged", "SecurityProfileChanged"]
    assert "may not come with less" in world.events[1].summary
    await world.doorkeeper.signed_in(msgspec.structs.replace(row, security_profile=2), 2, None)
    assert len(world.events) == 2


async def test_a_bug_while_noting_does_not_end_it(autojump_clock: MockClock) -> None:
    world = World()
    row = await world.add("CP-1")
    put = world.journal.put
    world.journal.put = None  # type: ignore[assignment, method-assign]
    async with serving(world):
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(11)
        world.journal.put = put  # type: ignore[method-assign]
        world.doorkeeper.refused("CP-1", "192.0.2.7", "WRONG_PASSWORD", WRONG)
        await trio.sleep(11)
    assert world.tables.station(row.id).failed_attempts == 2
    assert len(world.events) == 1
