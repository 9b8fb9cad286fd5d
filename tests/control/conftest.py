"""A server and a client for each test that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.kit.control_world import ControlWorld, control_world


@pytest.fixture
async def world() -> AsyncIterator[ControlWorld]:
    async with control_world() as world:
        yield world
