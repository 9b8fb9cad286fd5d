"""People's own choices of stations."""

from __future__ import annotations

import pytest

from csms.domain.access import Principal, Role, ShareLevel
from csms.domain.errors import AlreadyExists, Exhausted, FailedPrecondition, InvalidArgument, NotFound, StaleVersion
from csms.services import groups as module
from tests.kit.service_world import ADMIN, ServiceWorld

pytestmark = pytest.mark.feature("F-USR-4")


async def a_world() -> tuple[ServiceWorld, Principal, Principal]:
    """With two people."""
    world = ServiceWorld()
    people = [await world.add_user(role, f"{role.value}@example.org") for role in (Role.SUPPORT, Role.EV_USER)]
    staff, driver = (Principal(f"users/{user.id}", user.email, user.role, user_id=user.id) for user in people)
    return world, staff, driver


async def test_a_group_is_made_filled_changed_and_removed() -> None:
    world, staff, _ = await a_world()
    stations = [await world.add_station(f"CP-{n}") for n in range(3)]
    made = await world.groups.create(staff, " Yard ", "")
    assert made.display_name == "Yard"
    assert (await world.groups.add(staff, made.id, stations)).station_ids == tuple(stations)
    assert (await world.groups.remove(staff, made.id, stations[1:])).station_ids == (stations[0],)
    changed = await world.groups.update(staff, made.id, {"description": "By the gate"}, version=made.version)
    assert (changed.display_name, changed.description) == ("Yard", "By the gate")
    with pytest.raises(StaleVersion):
        await world.groups.update(staff, made.id, {"display_name": "Dock"}, version=made.version)
    assert await world.groups.all(staff) == [changed]
    await world.groups.delete(staff, made.id)
    assert await world.groups.all(staff) == []


async def test_a_group_is_its_owners_alone() -> None:
    world, staff, driver = await a_world()
    made = await world.groups.create(staff, "Yard", "")
    assert await world.groups.all(driver) == []
    with pytest.raises(NotFound):
        await world.groups.delete(driver, made.id)
    with pytest.raises(NotFound):
        await world.groups.add(driver, made.id, [1])
    with pytest.raises(NotFound):
        await world.groups.update(driver, made.id, {"display_name": "Mine"})


async def test_nothing_out_of_sight_gets_in_or_stays_in_view() -> None:
    world, _, driver = await a_world()
    seen, hidden = await world.add_station("CP-1"), await world.add_station("CP-2")
    world.sharing.levels[seen, driver.user_id or 0] = ShareLevel.VIEW
    made = await world.groups.create(driver, "Mine", "")
    with pytest.raises(NotFound):
        await world.groups.add(driver, made.id, [seen, hidden])
    assert (await world.groups.add(driver, made.id, [seen])).station_ids == (seen,)
    world.sharing.levels.clear()
    assert [group.station_ids for group in await world.groups.all(driver)] == [()]


async def test_nonsense_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world, staff, _ = await a_world()
    made = await world.groups.create(staff, "Yard", "")
    for name, text in (("", ""), ("x" * 201, ""), ("a\nb", ""), ("Dock", "x" * 4_001)):
        with pytest.raises(InvalidArgument):
            await world.groups.create(staff, name, text)
    with pytest.raises(AlreadyExists):
        await world.groups.create(staff, "yard", "")
    for stations in ([], list(range(1, 1_002))):
        with pytest.raises(InvalidArgument):
            await world.groups.add(staff, made.id, stations)
    with pytest.raises(FailedPrecondition) as refused:
        await world.groups.all(ADMIN)
    assert refused.value.reason == "NOT_A_PERSON"
    monkeypatch.setattr(module, "MAX_GROUPS", 1)
    with pytest.raises(Exhausted):
        await world.groups.create(staff, "Dock", "")
