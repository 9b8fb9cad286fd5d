"""Load groups for people: who sees and changes them, and the words for how each outlet stands."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.load_group import LimitUnit, LoadGroup, Policy
from csms.domain.topology import Place, PlaceKind
from csms.services.load_groups import MeterReading, Standing
from tests.kit.load_world import LoadWorld
from tests.kit.service_world import ADMIN, DRIVER, SUPPORT

pytestmark = pytest.mark.feature("F-SYS-8")
GARAGE = LoadGroup(0, 1, "Garage", Policy(limit=32.0))


@pytest.fixture
def world() -> LoadWorld:
    return LoadWorld()


async def test_who_may_what(world: LoadWorld) -> None:
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    theirs = Principal("users/7", "Site", Role.SITE_ADMINISTRATOR, user_id=7, site_ids=frozenset({site.id}))
    everywhere = await world.load_groups.create(ADMIN, GARAGE)
    here = await world.load_groups.create(theirs, msgspec.structs.replace(GARAGE, place_id=site.id))
    assert await world.load_groups.all(theirs) == [here]
    assert await world.load_groups.all(ADMIN) == [everywhere, here]
    assert await world.load_groups.all(ADMIN, site.id) == [here]
    assert await world.load_groups.get(SUPPORT, here.id) == here
    with pytest.raises(PermissionDenied):
        await world.load_groups.get(theirs, everywhere.id)
    elsewhere = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Elsewhere"))
    await world.places.load()
    hidden = await world.load_groups.create(ADMIN, msgspec.structs.replace(GARAGE, place_id=elsewhere.id))
    with pytest.raises(NotFound):
        await world.load_groups.get(theirs, hidden.id)
    for caller in (SUPPORT, DRIVER):
        with pytest.raises(PermissionDenied):
            await world.load_groups.delete(caller, here.id)
    with pytest.raises(PermissionDenied):
        await world.load_groups.state(DRIVER, here.id)
    with pytest.raises(PermissionDenied):
        await world.load_groups.update(theirs, msgspec.structs.replace(here, place_id=1), {"place_id"}, version=None)


async def test_only_what_is_named_is_changed(world: LoadWorld) -> None:
    made = await world.load_groups.create(ADMIN, GARAGE)
    other = LoadGroup(made.id, 1, "Other", Policy(limit=16.0, max_current_a=63.0), enabled=False)
    changed = await world.load_groups.update(ADMIN, other, {"limit", "enabled"}, version=made.version)
    assert (changed.display_name, changed.policy, changed.enabled) == ("Garage", Policy(limit=16.0), False)


async def test_a_reading_needs_a_meter_in_the_settings_and_its_unit(world: LoadWorld) -> None:
    made = await world.load_groups.create(ADMIN, GARAGE)
    told = MeterReading(None, (1.0, 2.0, 3.0), 700.0)
    with pytest.raises(InvalidArgument) as refused:
        await world.load_groups.report(ADMIN, made.id, told)
    assert refused.value.reason == "NO_METER"
    metered = LoadGroup(0, 1, "Contract", Policy(LimitUnit.WATT, 50_000.0, meter=True))
    contract = await world.load_groups.create(ADMIN, metered)
    assert await world.load_groups.report(ADMIN, contract.id, told)
    (reading,) = await world.load_store.readings()
    assert (reading.watts, reading.amperes, reading.at) == (700.0, None, world.time)
    ahead = msgspec.structs.replace(told, at=world.time + timedelta(seconds=100))
    assert await world.load_groups.report(ADMIN, contract.id, ahead)
    assert (await world.load_store.readings())[0].at == world.time  # it does not count for longer than others
    with pytest.raises(InvalidArgument):
        await world.load_groups.report(
            ADMIN, contract.id, msgspec.structs.replace(told, at=world.time + timedelta(days=1))
        )


async def test_each_outlet_has_its_reason(world: LoadWorld) -> None:
    first, second, third = [await world.add_station(identity) for identity in "ABC"]
    made = await world.load_groups.create(ADMIN, msgspec.structs.replace(GARAGE, policy=Policy(limit=60.0)))
    await world.settle()
    world.plug(first)
    world.plug(second)
    await world.settle()
    world.tables.stations[third].online = False
    world.garage.kept[second].manner = "refuses"
    await world.settle(241)
    state = await world.load_groups.state(ADMIN, made.id)
    found = {(each.key.station_id, each.key.evse_id): each.standing for each in state.outlets}
    assert found[first, 1] in (Standing.CLOSED, Standing.READY)
    assert found[first, 2] is Standing.SHARED
    assert (found[second, 1], found[second, 2]) == (Standing.REFUSED, Standing.REFUSED)
    assert found[third, 2] is Standing.OFFLINE
    assert state.reserved_amperes[0] >= 120
    assert state.drawn_amperes[0] <= 600
    assert state.fail_safe_amperes == (360, 360, 360)
    assert state.fail_safe_fits


async def test_a_group_whose_fail_safes_are_too_much_says_so(world: LoadWorld) -> None:
    await world.add_station("A")
    made = await world.load_groups.create(ADMIN, msgspec.structs.replace(GARAGE, policy=Policy(limit=10.0)))
    assert not (await world.load_groups.state(ADMIN, made.id)).fail_safe_fits


async def test_the_state_of_one_that_is_switched_off_can_be_seen(world: LoadWorld) -> None:
    await world.add_station("A")
    made = await world.load_groups.create(ADMIN, msgspec.structs.replace(GARAGE, enabled=False))
    state = await world.load_groups.state(ADMIN, made.id)
    assert {each.standing for each in state.outlets} == {Standing.UNCONTROLLED}
