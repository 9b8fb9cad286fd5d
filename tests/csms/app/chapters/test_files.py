"""The wiring of files."""

from __future__ import annotations

import trio

from csms.app.chapters import files
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_three_services_are_served() -> None:
    world = ServiceWorld()
    async with trio.open_nursery() as ground:
        names = [each.service.name for each in files.build(some_parts(world, ground))]
        ground.cancel_scope.cancel()
    assert names == ["FileService", "FirmwareImageService", "PictureService"]
