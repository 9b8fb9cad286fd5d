"""Outlets: who sees and changes them, and that a change counts at once."""

from __future__ import annotations

import msgspec
import pytest
import trio

from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.facts import ConnectorStatus
from csms.domain.outlet import Outlet, OutletMode
from csms.domain.records import StatusRecord
from csms.ports.outlets import OutletFilter
from tests.kit.service_world import ADMIN, NOW, ServiceWorld


async def a_world(*evses: int) -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    for evse in evses:
        world.tables.connectors[number, evse, 1] = StatusRecord(
            number, evse, 1, ConnectorStatus.AVAILABLE, "NoError", "", "", "", NOW, NOW
        )
    return world, number


@pytest.mark.feature("F-STA-10")
async def test_a_mode_counts_for_the_very_next_start() -> None:
    world, number = await a_world(0, 1, 2)
    page = await world.outlets.page(ADMIN, OutletFilter(), size=9)
    assert [outlet.evse_id for outlet in page.outlets] == [1, 2]
    two = page.outlets[1]
    changed = msgspec.structs.replace(two, mode=OutletMode.OPEN, parking=" By the door ", outlet_id="ignored")
    kept = await world.outlets.update(ADMIN, two.id, changed, ["mode", "parking"], version=None)
    assert (kept.mode, kept.parking, kept.outlet_id) == (OutletMode.OPEN, "By the door", "")
    assert [world.index.anyone_may(number, evse, 1) for evse in (1, 2)] == [False, True]
    assert await world.outlets.get_by_uuid(ADMIN, two.uuid) == kept
    with pytest.raises(InvalidArgument):
        await world.outlets.update(ADMIN, two.id, Outlet(0, 0, 0, 0, "x"), ["uuid"], version=None)
    with pytest.raises(NotFound):
        await world.outlets.get(ADMIN, 99)
    with pytest.raises(NotFound):
        await world.outlets.get_by_uuid(ADMIN, "x")


@pytest.mark.feature("F-TAG-3")
async def test_free_vend_counts_at_once_and_ends_at_once() -> None:
    world, number = await a_world()
    assert await world.outlets.set_free_vend(ADMIN, number, True)
    assert await world.outlets.free_vend(ADMIN, number)
    assert world.index.anyone_may(number, 1, 1)
    await world.outlets.set_free_vend(ADMIN, number, False)
    assert not world.index.anyone_may(number, None, None)
    with pytest.raises(NotFound):
        await world.outlets.set_free_vend(ADMIN, 99, True)


async def test_what_another_process_opened_counts_soon_and_an_outage_changes_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world, number = await a_world()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.outlets.refresh_for_ever)
        world.tables.stations[number].free_vend = True
        world.tables.away = True
        await trio.sleep(16)
        assert not world.index.anyone_may(number, 1, 1)
        world.tables.away = False
        await trio.sleep(15)
        assert world.index.anyone_may(number, 1, 1)
        world.tables.stations[number].place_id = 77  # too new for the tree
        await trio.sleep(15)
        assert world.index.places_of(number) == {77, 1}
        nursery.cancel_scope.cancel()
