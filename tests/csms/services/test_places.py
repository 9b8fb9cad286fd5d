"""Places, as people make and change them."""

from __future__ import annotations

import pytest

from csms.domain.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    StaleVersion,
)
from csms.domain.facts import RegistrationStatus
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.services.places import Places
from tests.kit.fake_places import FakePlaces
from tests.kit.service_world import ADMIN, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-STA-1", "F-STA-8")


def a_site(name: str = "Harbour", **more: object) -> Place:
    return Place(0, None, PlaceKind.SITE, name, **more)  # type: ignore[arg-type]


@pytest.fixture
async def places() -> Places:
    world = ServiceWorld()
    made = Places(FakePlaces(world.tables), world.feed, world.directory, world.sharing)
    await made.load()
    return made


async def test_a_tree_is_made_and_read(places: Places) -> None:
    site = await places.create(ADMIN, a_site(" Harbour ", time_zone="Europe/Stockholm"))
    floor = await places.create(ADMIN, Place(0, site.id, PlaceKind.FLOOR, "Level 1"))
    await places.create(ADMIN, a_site("Airport"))
    assert [p.name for p in await places.all(SUPPORT)] == ["Chargehouse", "Airport", "Harbour", "Level 1"]
    assert [p.id for p in await places.all(SUPPORT, site.id)] == [site.id, floor.id]
    assert (await places.get(SUPPORT, floor.id)).parent_id == site.id
    assert places.tree.time_zone_of(floor.id) == "Europe/Stockholm"


async def test_names_are_unique_beside_each_other_only(places: Places) -> None:
    one, two = await places.create(ADMIN, a_site("One")), await places.create(ADMIN, a_site("Two"))
    for site in (one, two):
        await places.create(ADMIN, Place(0, site.id, PlaceKind.FLOOR, "Level 1"))
    with pytest.raises(AlreadyExists):
        await places.create(ADMIN, a_site("ONE"))


async def test_a_floor_moves_to_another_site(places: Places) -> None:
    one, two = await places.create(ADMIN, a_site("One")), await places.create(ADMIN, a_site("Two"))
    floor = await places.create(ADMIN, Place(0, one.id, PlaceKind.FLOOR, "Level 1"))
    changed = Place(0, two.id, PlaceKind.FLOOR, "ignored")
    moved = await places.update(ADMIN, floor.id, changed, ["parent_id"], version=1)
    assert (moved.parent_id, moved.name, moved.version) == (two.id, "Level 1", 2)
    with pytest.raises(StaleVersion):
        await places.update(ADMIN, floor.id, changed, ["name"], version=1)
    with pytest.raises(InvalidArgument):
        await places.update(ADMIN, floor.id, Place(0, SYSTEM_ID, PlaceKind.FLOOR, ""), ["parent_id"], version=None)
    with pytest.raises(InvalidArgument, match="stands in nothing"):
        await places.update(ADMIN, SYSTEM_ID, Place(0, one.id, PlaceKind.SYSTEM, "x"), ["parent_id"], version=None)


async def test_the_system_can_be_renamed(places: Places) -> None:
    named = await places.update(ADMIN, SYSTEM_ID, Place(0, None, PlaceKind.SYSTEM, "Acme"), ["name"], version=None)
    assert named.name == "Acme"


async def test_a_zone_that_there_is_not_is_refused(places: Places) -> None:
    with pytest.raises(InvalidArgument, match="Europe/Stockholm"):
        await places.create(ADMIN, a_site(time_zone="Mars/Olympus"))


async def test_only_an_empty_place_is_removed() -> None:
    world = ServiceWorld()
    store = FakePlaces(world.tables)
    places = Places(store, world.feed, world.directory, world.sharing)
    await places.load()
    site = await places.create(ADMIN, a_site())
    station = await world.station_store.create("CP-1", RegistrationStatus.ACCEPTED)
    assert await places.move_stations(ADMIN, [station.id, 99], site.id) == [station.id]
    assert world.directory.refreshed == [station.id]
    with pytest.raises(FailedPrecondition, match="1 station"):
        await places.delete(ADMIN, site.id)
    await places.move_stations(ADMIN, [station.id], SYSTEM_ID)
    await places.delete(ADMIN, site.id)
    with pytest.raises(NotFound):
        await places.get(ADMIN, site.id)


async def test_stations_stand_at_sites_and_floors_only(places: Places) -> None:
    site = await places.create(ADMIN, a_site())
    meter = await places.create(ADMIN, Place(0, site.id, PlaceKind.GRID_CONTROLLER, "Meter"))
    with pytest.raises(InvalidArgument):
        await places.move_stations(ADMIN, [1], meter.id)
    with pytest.raises(InvalidArgument):
        await places.move_stations(ADMIN, [], site.id)


async def test_what_another_process_made_is_found(places: Places) -> None:
    await places._store.create(Place(0, SYSTEM_ID, PlaceKind.SITE, "Elsewhere"))
    assert (await places.get(ADMIN, 2)).name == "Elsewhere"


async def test_who_may_not(places: Places) -> None:
    with pytest.raises(PermissionDenied):
        await places.create(SUPPORT, a_site())
    with pytest.raises(PermissionDenied):
        await places.move_stations(SUPPORT, [1], SYSTEM_ID)
    with pytest.raises(PermissionDenied):
        await places.all(STRANGER)


async def test_places_are_read_again_when_another_process_changed_them_and_else_only_looked_for() -> None:
    world = ServiceWorld()
    store = FakePlaces(world.tables)
    here, elsewhere = (Places(store, world.feed, world.directory, world.sharing) for _ in range(2))
    reads = []
    load_all = store.load_all

    async def noted() -> object:
        reads.append(True)
        return await load_all()

    await here.load()
    await elsewhere.load()
    store.load_all = noted  # type: ignore[assignment]
    await here.load()
    assert reads == []
    made = await elsewhere.create(ADMIN, a_site())
    reads.clear()
    await here.load()
    await here.load()
    assert len(reads) == 1
    assert made.id in {place.id for place in await here.all(ADMIN)}
