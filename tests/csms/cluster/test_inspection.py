"""A node that was away finds out which of its stations are others' now, also of those that say nothing to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import trio

from csms.cluster.inspection import AT_ONCE, Inspection
from csms.domain.errors import Unavailable
from csms.ports.journal import Fence
from tests.kit.sim_bus import SimBus, SimNats


class Links:
    """What is connected here; who has it in truth; what was closed."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.held = {1: 4097, 2: 4097, 3: 4097}
        self.taken: set[int] = set()
        self.closed: list[tuple[int, int]] = []
        self.away = False
        self.asked = 0
        self.bus = SimBus(SimNats(nursery, Random(1)), "node-1")
        self.inspection = Inspection(self.bus, lambda: self.held, self.lost, self.fence)  # type: ignore[arg-type]

    async def lost(self, links: Sequence[Fence]) -> set[Fence]:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.away:
            raise Unavailable("the database is away", reason="DATABASE_UNAVAILABLE")
        return {each for each in links if each.station_id in self.taken}

    def fence(self, station_id: int, epoch: int) -> None:
        self.closed.append((station_id, epoch))
        self.held.pop(station_id, None)


async def test_a_link_that_is_anothers_is_closed_when_the_bus_is_back(
    autojump_clock: object, nursery: trio.Nursery
) -> None:
    links = Links(nursery)
    nursery.start_soon(links.inspection.run)
    await trio.sleep(1)
    links.bus.cut()
    links.taken = {2}
    links.bus.mend()
    await trio.sleep(1)
    assert links.closed == [(2, 4098)]
    assert set(links.held) == {1, 3}


async def test_it_is_found_now_and_then_also_without_any_sign(autojump_clock: object, nursery: trio.Nursery) -> None:
    links = Links(nursery)
    nursery.start_soon(links.inspection.run)
    links.taken = {3}
    await trio.sleep(40)
    assert links.closed == [(3, 4098)]


async def test_while_the_database_is_away_it_is_asked_again(autojump_clock: object, nursery: trio.Nursery) -> None:
    links = Links(nursery)
    nursery.start_soon(links.inspection.run)
    links.away, links.taken = True, {1}
    await trio.sleep(35)
    assert links.closed == []
    links.away = False
    await trio.sleep(3)
    assert links.closed == [(1, 4098)]


async def test_many_are_asked_in_parts(nursery: trio.Nursery) -> None:
    links = Links(nursery)
    links.held = dict.fromkeys(range(1, 2 * AT_ONCE + 2), 4097)
    await links.inspection.look()
    assert links.asked == 3
