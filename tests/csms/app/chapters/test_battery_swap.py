"""Battery swaps can be ordered."""

from __future__ import annotations

import trio

from csms.app.chapters import battery_swap
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_battery_swaps_are_offered() -> None:
    async with trio.open_nursery() as ground:
        parts = some_parts(ServiceWorld(), ground)
        assert [servicer.service.name for servicer in battery_swap.build(parts)] == ["BatterySwapService"]
