"""Nodes are restarted one by one while stations charge: nobody who connects anew is turned away, nothing that was
answered is lost, and no command is answered wrongly or carried out twice."""

from __future__ import annotations

import sys

import pytest
import trio

from tests.kit.cluster import cluster
from tests.kit.cluster_books import used

pytestmark = [pytest.mark.system, pytest.mark.timeout(450)]

STATIONS = 90
PACE = 1.0


@pytest.mark.feature("F-SYS-7")
async def test_nodes_behind_a_balancer_are_restarted_and_nobody_is_turned_away() -> None:
    async with cluster(servers=1) as made, used(made, STATIONS, pace=PACE, seed=3) as books:
        before = [each.pid for each in made.nodes]
        for node in made.nodes:
            began = trio.current_time()
            assert await node.restart(60.0)
            took = trio.current_time() - began
            back = await books.all_answered(trio.current_time())
            sys.stderr.write(f"{node.name} was restarted in {took:.1f} s; all answered {back:.1f} s later\n")
        assert not set(before) & {each.pid for each in made.nodes}
        await books.settled()
        failures = {each.identity: each.failures for each in books.fleet if each.failures}
        assert failures == {}
        assert made.balancer.turned_away == 0
        await books.finish()
