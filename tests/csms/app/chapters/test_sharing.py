"""Shares and groups can be managed."""

from __future__ import annotations

import trio

from csms.app.chapters import sharing
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_shares_and_groups_are_offered() -> None:
    async with trio.open_nursery() as ground:
        parts = some_parts(ServiceWorld(), ground)
        names = [servicer.service.name for servicer in sharing.build(parts)]
    assert names == ["SharingService", "GroupService"]
