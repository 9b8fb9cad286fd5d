"""The installation."""

from __future__ import annotations

import pytest

from csms.domain.errors import InvalidArgument, PermissionDenied, StaleVersion, Unavailable
from csms.domain.system import EDITABLE, SystemSettings
from csms.services.audit import following
from tests.kit.service_world import ADMIN, DRIVER, SUPPORT, ServiceWorld


async def test_the_present_state_is_asked_each_time() -> None:
    world = ServiceWorld()
    world.draining = True
    world.tables.away = True
    info = await world.system.info(SUPPORT)
    assert (info.draining, info.database_available, info.database_bytes) == (True, False, 0)
    with pytest.raises(PermissionDenied):
        await world.system.info(DRIVER)
    world.tables.away = False
    assert (await world.system.info(SUPPORT)).database_bytes > 0


@pytest.mark.feature("F-SYS-1")
async def test_what_operators_say_of_the_installation_is_changed_field_by_field() -> None:
    world = ServiceWorld()
    with following() as trail:
        written = await world.system.update(
            ADMIN, SystemSettings(title=" North ", imprint="ignored"), {"title"}, version=1
        )
    assert (written.title, written.imprint, written.version) == ("North", "", 2)
    assert trail.resource == "system"
    assert '"title":"North"' in trail.after
    assert (await world.system.settings(SUPPORT)).title == "North"
    with pytest.raises(StaleVersion):
        await world.system.update(ADMIN, SystemSettings(title="South"), {"title"}, version=1)
    for caller in (SUPPORT, DRIVER):
        with pytest.raises(PermissionDenied):
            await world.system.update(caller, SystemSettings(), EDITABLE, version=None)
    with pytest.raises(PermissionDenied):
        await world.system.settings(DRIVER)


async def test_the_sign_in_page_keeps_its_name_while_the_database_is_away() -> None:
    world = ServiceWorld()
    await world.system.update(ADMIN, SystemSettings(title="North"), {"title"}, version=None)
    assert (await world.system.public()).title == "North"
    world.tables.away = True
    assert (await world.system.public()).title == "North"
    with pytest.raises(Unavailable):
        await world.system.settings(ADMIN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "  "),
        ("title", "x" * 201),
        ("imprint", "x" * 20_001),
        ("support_email", "nobody"),
        ("language", "tlh"),
        ("time_zone", "Mars/Olympus"),
    ],
)
async def test_settings_that_would_break_pages_are_refused(field: str, value: str) -> None:
    world = ServiceWorld()
    with pytest.raises(InvalidArgument):
        await world.system.update(ADMIN, SystemSettings(**{field: value}), {field}, version=None)
    assert await world.system.public() == SystemSettings()
