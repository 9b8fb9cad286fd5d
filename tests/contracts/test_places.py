"""What every store of places promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.ports.places import PlaceStore
from csms.ports.stores import StationStore
from csms.storage.places import PostgresPlaces
from csms.storage.pool import open_database
from csms.storage.stations import PostgresStations
from tests.kit.fake_places import FakePlaces
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

Stores = tuple[PlaceStore, StationStore]
NOWHERE = 10**30


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if storage_url:
        async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
            yield PostgresPlaces(database), PostgresStations(database)
    else:
        tables = FakeTables()
        yield FakePlaces(tables), FakeStations(tables)


def a_site(name: str = "Harbour", static_id: str = "") -> Place:
    return Place(0, SYSTEM_ID, PlaceKind.SITE, name, "By the sea", static_id, "Quay 1", 59.3, 18.1, "Europe/Stockholm")


async def test_the_system_is_there_from_the_beginning(stores: Stores) -> None:
    (root,) = await stores[0].load_all()
    assert (root.id, root.parent_id, root.kind) == (SYSTEM_ID, None, PlaceKind.SYSTEM)


async def test_what_was_made_is_read_back(stores: Stores) -> None:
    places, _ = stores
    made = await places.create(a_site())
    assert made.id > SYSTEM_ID
    assert made in await places.load_all()
    wanted = a_site()
    assert msgspec.structs.replace(made, id=0, created_at=None, updated_at=None) == wanted
    bare = await places.create(Place(0, made.id, PlaceKind.FLOOR, "Level 1"))
    assert (bare.latitude, bare.time_zone) == (None, "")


async def test_whether_anything_changed_is_seen_without_reading_it(stores: Stores) -> None:
    places, _ = stores
    seen = [await places.mark()]

    async def is_new() -> bool:
        seen.append(await places.mark())
        return seen[-1] not in seen[:-1]

    made = await places.create(a_site())
    assert await is_new()
    other = await places.create(a_site("Station"))
    assert await is_new()
    changed = await places.update(msgspec.structs.replace(made, name="Quay"), version=None)
    assert await is_new()
    assert await places.mark() == seen[-1]
    await places.delete(other.id)
    assert await is_new()
    await places.create(a_site("Station"))
    assert await is_new()
    await places.update(msgspec.structs.replace(changed, name="Harbour"), version=None)
    assert await is_new()


async def test_names_and_numbers_are_taken_once(stores: Stores) -> None:
    places, _ = stores
    one = await places.create(a_site("One", "S-1"))
    two = await places.create(a_site("Two"))
    with pytest.raises(AlreadyExists) as caught:
        await places.create(a_site("oNE"))
    assert caught.value.reason == "PLACE_NAME_TAKEN"
    with pytest.raises(AlreadyExists) as caught:
        await places.update(msgspec.structs.replace(two, static_id="S-1"), version=None)
    assert caught.value.reason == "STATIC_ID_TAKEN"
    await places.create(Place(0, one.id, PlaceKind.FLOOR, "One"))


async def test_a_stale_edit_changes_nothing(stores: Stores) -> None:
    places, _ = stores
    made = await places.create(a_site())
    changed = await places.update(msgspec.structs.replace(made, name="Dock"), version=made.version)
    assert (changed.name, changed.version, changed.created_at) == ("Dock", made.version + 1, made.created_at)
    with pytest.raises(StaleVersion):
        await places.update(msgspec.structs.replace(made, name="Pier"), version=made.version)
    with pytest.raises(NotFound):
        await places.update(msgspec.structs.replace(made, id=99), version=None)


async def test_a_parent_that_is_gone_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        await stores[0].create(Place(0, 99, PlaceKind.FLOOR, "Level 1"))


async def test_stations_move_and_hold_their_place(stores: Stores) -> None:
    places, stations = stores
    site = await places.create(a_site())
    made = [(await stations.create(f"CP-{n}", RegistrationStatus.ACCEPTED)).id for n in range(3)]
    assert await places.count_stations(SYSTEM_ID) == 3
    assert await places.move_stations([made[2], made[0], 99_999, NOWHERE], site.id) == [made[0], made[2]]
    assert (await places.count_stations(SYSTEM_ID), await places.count_stations(site.id)) == (1, 2)
    with pytest.raises(FailedPrecondition):
        await places.delete(site.id)
    with pytest.raises(NotFound):
        await places.move_stations(made, 99)


async def test_only_an_empty_place_is_deleted(stores: Stores) -> None:
    places, _ = stores
    site = await places.create(a_site())
    floor = await places.create(Place(0, site.id, PlaceKind.FLOOR, "Level 1"))
    with pytest.raises(FailedPrecondition):
        await places.delete(site.id)
    await places.delete(floor.id)
    await places.delete(site.id)
    for gone in (site.id, NOWHERE):
        with pytest.raises(NotFound):
            await places.delete(gone)
