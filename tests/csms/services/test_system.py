"""The installation."""

from __future__ import annotations

import pytest

from csms.domain.errors import PermissionDenied
from tests.kit.service_world import DRIVER, SUPPORT, ServiceWorld


async def test_the_present_state_is_asked_each_time() -> None:
    world = ServiceWorld()
    world.draining = True
    world.tables.away = True
    info = await world.system.info(SUPPORT)
    assert (info.draining, info.database_available) == (True, False)
    with pytest.raises(PermissionDenied):
        await world.system.info(DRIVER)
