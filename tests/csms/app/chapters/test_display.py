"""Displays hear of what stations show."""

from __future__ import annotations

import trio

from csms.app.chapters import display
from csms.domain.display import DisplayMessagesTold
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_displays_hear_of_reports() -> None:
    async with trio.open_nursery() as ground:
        parts = some_parts(ServiceWorld(), ground)
        assert [servicer.service.name for servicer in display.build(parts)] == ["DisplayService"]
        assert parts.reacting.kinds == {DisplayMessagesTold}
