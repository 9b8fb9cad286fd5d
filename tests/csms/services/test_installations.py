"""The inventory, and who may see the secrets of a station."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied, StaleVersion
from csms.domain.installation import EDITABLE, Installation, Secrets
from csms.ports.installations import InventoryFilter
from csms.services.audit import following
from tests.kit.service_world import ADMIN, DRIVER, SUPPORT, ServiceWorld


@pytest.mark.feature("F-STA-12")
async def test_secrets_are_shown_to_administrators_only_and_changed_one_at_a_time() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    with following() as trail:
        told = await world.installations.set_secrets(ADMIN, station, "master-1", "1234")
    assert (told.has_master_password, told.has_access_code) == (True, True)
    assert "master-1" not in trail.after
    await world.installations.set_secrets(ADMIN, station, None, "")
    assert await world.installations.reveal(ADMIN, station) == (Secrets("master-1", ""), False)
    with pytest.raises(PermissionDenied):
        await world.installations.reveal(SUPPORT, station)
    with pytest.raises(NotFound):
        await world.installations.reveal(DRIVER, station)
    with pytest.raises(InvalidArgument):
        await world.installations.set_secrets(ADMIN, station, "a\nb", None)


async def test_an_installation_is_changed_field_by_field() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    wanted = Installation(station, part_number=" P-1 ", installer="nobody")
    kept = await world.installations.update(ADMIN, wanted, ["part_number"], version=0)
    assert (kept.part_number, kept.installer) == ("P-1", "")
    with pytest.raises(StaleVersion):
        await world.installations.update(ADMIN, wanted, ["installer"], version=0)
    for name in ("station_id", "has_access_code"):
        with pytest.raises(InvalidArgument):
            await world.installations.update(ADMIN, wanted, [name])
    with pytest.raises(PermissionDenied):
        await world.installations.update(SUPPORT, wanted, EDITABLE)
    assert (await world.installations.get(SUPPORT, station)).part_number == "P-1"


@pytest.mark.parametrize(("field", "value"), [("fuse_amperes", 0), ("phases", 4), ("installer", "x" * 201)])
async def test_what_no_feed_has_is_refused(field: str, value: object) -> None:
    world = ServiceWorld()
    wanted = msgspec.structs.replace(Installation(await world.add_station("CP-1")), **{field: value})
    with pytest.raises(InvalidArgument):
        await world.installations.update(ADMIN, wanted, [field])


@pytest.mark.feature("F-STA-12")
async def test_the_inventory_holds_what_the_caller_may_configure() -> None:
    world = ServiceWorld()
    await world.add_station("CP-1")
    rows, total = await world.installations.page(SUPPORT, InventoryFilter(), size=5, after=None)
    assert ([row.station.identity for row in rows], total) == (["CP-1"], 1)
    assert await world.installations.page(DRIVER, InventoryFilter(), size=5, after=None) == ([], 0)
