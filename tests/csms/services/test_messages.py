"""The message log for people."""

from __future__ import annotations

from contextlib import aclosing

import pytest
import trio

from csms.domain.errors import NotFound, PermissionDenied
from csms.ports.message_log import Direction, LogFilter
from tests.kit.service_world import STRANGER, SUPPORT, ServiceWorld


async def test_an_empty_log_and_no_station_are_told_apart() -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    assert list(await world.messages.page(SUPPORT, number, size=10, before=None, wanted=LogFilter())) == []
    with pytest.raises(NotFound):
        await world.messages.page(SUPPORT, 99, size=10, before=None, wanted=LogFilter())
    with pytest.raises(PermissionDenied):
        await world.messages.page(STRANGER, number, size=10, before=None, wanted=LogFilter())


async def test_a_follower_gets_what_fits_and_signs_of_life(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    number = await world.add_station("CP-1")
    async with aclosing(world.messages.tail(SUPPORT, number, LogFilter(action="B"), tick=5.0)) as batches:
        assert list(await anext(batches)) == []
        begin = trio.current_time()
        assert list(await anext(batches)) == []
        assert trio.current_time() == begin + 5.0
        world.log.record(number, Direction.SENT, "no", action="A")
        world.log.record(number, Direction.SENT, "yes", action="B")
        assert [entry.content for entry in await anext(batches)] == ["yes"]
