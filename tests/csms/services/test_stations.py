"""Stations as people keep them, and strangers at the door."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.ports.feed import Subject
from csms.ports.queries import StationFilter
from csms.ports.stores import StationRow
from csms.services.stations import Onboarding, UnknownStationPolicy
from tests.kit.service_world import ADMIN, NOW, STRANGER, SUPPORT, ServiceWorld


def told(world: ServiceWorld, since: int) -> list[tuple[Subject, int]]:
    return [(event.subject, event.station_id) for event in world.feed.since(since)]


async def test_a_station_made_by_hand_is_accepted_and_told() -> None:
    world = ServiceWorld()
    since = world.feed.revision
    view = await world.stations.create(ADMIN, "CP-1", display_name="  Gate ")
    assert (view.registration, view.display_name) == (RegistrationStatus.ACCEPTED, "Gate")
    assert told(world, since) == [(Subject.STATION, view.id)]


@pytest.mark.parametrize(
    "changes", [{"identity": "a/b"}, {"display_name": "x" * 201}, {"version": "1"}, {"description": "a\0b"}]
)
async def test_what_cannot_be_kept_is_refused(changes: dict[str, str]) -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    with pytest.raises(InvalidArgument):
        await world.stations.update(ADMIN, number, changes)


async def test_a_swapped_identity_closes_the_link_of_the_old_one() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    await world.stations.update(ADMIN, number, {"display_name": "Gate"})
    assert world.directory.disconnected == []
    view = await world.stations.update(ADMIN, number, {"identity": "CP-2"})
    assert (view.identity, world.directory.disconnected) == ("CP-2", [number])
    assert world.directory.refreshed == [number, number]


async def test_a_deleted_station_is_cut_off() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    since = world.feed.revision
    await world.stations.delete(ADMIN, number)
    assert told(world, since) == [(Subject.STATION_DELETED, number)]
    assert (world.directory.refreshed, world.directory.disconnected) == ([number], [number])
    with pytest.raises(NotFound):
        await world.stations.get(ADMIN, number)


async def test_acceptance_is_for_administrators() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1", RegistrationStatus.PENDING)
    with pytest.raises(PermissionDenied):
        await world.stations.accept(SUPPORT, number)
    assert (await world.stations.accept(ADMIN, number)).registration is RegistrationStatus.ACCEPTED
    assert world.directory.refreshed == [number]
    with pytest.raises(NotFound):
        await world.stations.accept(ADMIN, 99)


@pytest.mark.parametrize("password", ["x" * 15, "x" * 41, "sixteen-chars-\u00e9\u00e9", "with\nnewline-12345"])
async def test_a_password_that_ocpp_cannot_carry_is_refused_with_a_sentence(password: str) -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    with pytest.raises(InvalidArgument, match="16 to 40"):
        await world.stations.set_password(ADMIN, number, password)


async def test_passwords_are_set_made_and_removed() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    await world.stations.set_password(ADMIN, number, "sixteen-chars-ok")
    assert world.tables.stations[number].password_hash == "chosen:sixteen-chars-ok"
    assert await world.stations.set_password(ADMIN, number) == "generated-password-1"
    assert world.tables.stations[number].password_hash == "generated:generated-password-1"
    await world.stations.remove_password(ADMIN, number)
    assert world.tables.stations[number].password_hash is None


async def test_disconnecting_what_is_offline_or_unknown_says_which() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1", online=False)
    with pytest.raises(FailedPrecondition):
        await world.stations.disconnect(SUPPORT, number)
    with pytest.raises(NotFound):
        await world.stations.disconnect(SUPPORT, 99)


async def test_the_revision_is_read_before_the_page() -> None:
    world = ServiceWorld()
    await world.add_station("CP-1")
    before = world.feed.revision
    ask = world.station_queries.page_stations

    async def slow(*args: object, **options: object) -> object:
        page = await ask(*args, **options)  # type: ignore[arg-type]
        world.feed.publish(Subject.STATION, 1)
        return page

    world.station_queries.page_stations = slow  # type: ignore[assignment, method-assign]
    page = await world.stations.page(SUPPORT, StationFilter(), size=10, after=None)
    assert page.revision == before
    with pytest.raises(PermissionDenied):
        await world.stations.page(STRANGER, StationFilter(), size=10, after=None)


# -- strangers -------------------------------------------------------------------------------------------------------


def a_door(world: ServiceWorld, policy: UnknownStationPolicy, max_pending: int = 1_000) -> Onboarding:
    return Onboarding(world.station_store, world.station_queries, world.feed, policy=policy, max_pending=max_pending)


async def test_a_stranger_is_refused_pending_or_accepted_by_policy() -> None:
    world = ServiceWorld()
    refuse = a_door(world, UnknownStationPolicy.REFUSE)
    assert await refuse.admit("CP-1", "192.0.2.1", NOW) is None
    assert refuse.refused == {"UNKNOWN_STATION": 1}
    pending = await a_door(world, UnknownStationPolicy.PENDING).admit("CP-1", "192.0.2.1", NOW)
    accepted = await a_door(world, UnknownStationPolicy.ACCEPT).admit("CP-2", "192.0.2.1", NOW)
    assert pending is not None
    assert accepted is not None
    assert pending.registration is RegistrationStatus.PENDING
    assert accepted.registration is RegistrationStatus.ACCEPTED
    known = await refuse.admit("CP-2", "192.0.2.1", NOW)
    assert known is not None
    assert known.id == accepted.id


async def test_attempts_of_those_who_wait_are_counted() -> None:
    world = ServiceWorld()
    door = a_door(world, UnknownStationPolicy.PENDING)
    for _ in range(3):
        row = await door.admit("CP-1", "192.0.2.1", NOW)
    assert row is not None
    assert world.tables.stations[row.id].attempts == 3
    accepted = await world.add_station("CP-2")
    await door.admit("CP-2", "192.0.2.1", NOW)
    assert world.tables.stations[accepted].attempts == 0


async def test_a_thousand_new_names_do_not_fill_the_database(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    door = a_door(world, UnknownStationPolicy.PENDING, max_pending=3)

    async def knock(number: int) -> None:
        with contextlib.suppress(Exhausted):
            await door.admit(f"CP-{number}", "192.0.2.1", NOW)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(knock, number)
    with pytest.raises(Exhausted, match="operator"):
        await door.admit("CP-one-more", "192.0.2.1", NOW)
    door.refused["TOO_MANY_PENDING"] -= 1
    assert len(world.tables.stations) == 3
    assert door.refused == {"TOO_MANY_PENDING": 17}
    await world.stations.accept(ADMIN, 1)
    await trio.sleep(door.COUNT_SECONDS)
    assert await door.admit("CP-new", "192.0.2.1", NOW) is not None


async def test_a_name_that_is_none_never_becomes_a_row() -> None:
    world = ServiceWorld()
    door = a_door(world, UnknownStationPolicy.ACCEPT)
    assert await door.admit("a/b", "192.0.2.1", NOW) is None
    assert door.refused == {"INVALID_IDENTITY": 1}


async def test_a_station_that_knocks_twice_at_once_is_one() -> None:
    world = ServiceWorld()
    door = a_door(world, UnknownStationPolicy.PENDING)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(door.admit, "CP-1", "192.0.2.1", NOW)
    assert len(world.tables.stations) == 1


@dataclass
class SlowStore:
    """Counts statements that make newcomers; each takes a second of the clock."""

    world: ServiceWorld
    batches: list[list[str]] = field(default_factory=list)
    failing: bool = False

    def __post_init__(self) -> None:
        self._create = self.world.station_store.create_newcomers
        self.world.station_store.create_newcomers = self.create_newcomers  # type: ignore[method-assign]

    async def create_newcomers(
        self, identities: Sequence[str], registration: RegistrationStatus
    ) -> Sequence[StationRow]:
        self.batches.append(list(identities))
        await trio.sleep(1)
        if self.failing:
            raise Unavailable("The database is away.")
        return await self._create(identities, registration)


async def test_who_knocks_while_others_are_made_known_is_made_with_the_next_ones(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = ServiceWorld()
    store, door = SlowStore(world), a_door(world, UnknownStationPolicy.ACCEPT)
    rows: dict[str, StationRow | None] = {}

    async def knock(number: int) -> None:
        rows[f"CP-{number}"] = await door.admit(f"CP-{number}", "192.0.2.1", NOW)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(knock, 0)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(1, 2 * door.MOST_AT_ONCE + 1):
            nursery.start_soon(knock, number)
    assert [len(batch) for batch in store.batches] == [1, door.MOST_AT_ONCE, door.MOST_AT_ONCE]
    assert {name: row.identity for name, row in rows.items() if row is not None} == {name: name for name in rows}
    assert len(world.tables.stations) == len(rows) == 2 * door.MOST_AT_ONCE + 1


async def test_a_stranger_that_goes_away_takes_nobody_with_it(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    SlowStore(world)
    door = a_door(world, UnknownStationPolicy.ACCEPT)
    rows: list[StationRow | None] = []

    async def knock(identity: str) -> None:
        rows.append(await door.admit(identity, "192.0.2.1", NOW))

    async with trio.open_nursery() as nursery, trio.open_nursery() as going:
        nursery.start_soon(knock, "CP-0")  # makes itself known alone
        await trio.testing.wait_all_tasks_blocked()
        going.start_soon(knock, "CP-1")  # is making the next ones known
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(knock, "CP-2")
        going.start_soon(knock, "CP-3")
        await trio.sleep(1.5)
        going.cancel_scope.cancel()
    assert sorted(row.identity for row in rows if row is not None) == ["CP-0", "CP-2"]


async def test_without_a_database_all_who_wait_are_told_at_once(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    store, door = SlowStore(world, failing=True), a_door(world, UnknownStationPolicy.ACCEPT)
    failed: list[str] = []

    async def knock(number: int) -> None:
        try:
            await door.admit(f"CP-{number}", "192.0.2.1", NOW)
        except Unavailable as error:
            failed.append(error.message)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(knock, number)
    assert failed == ["The database is away."] * 20
    assert len(store.batches) <= 2
    store.failing = False
    assert await door.admit("CP-1", "192.0.2.1", NOW) is not None
