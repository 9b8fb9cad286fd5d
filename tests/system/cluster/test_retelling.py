"""A node dies with news that nobody has heard: what it had answered is stored, and the bus was out of its reach."""

from __future__ import annotations

import os
import signal

import pytest
import trio

from tests.kit.balancer import Balancer
from tests.kit.cluster import cluster
from tests.kit.cluster_books import add_tags
from tests.kit.cluster_callers import Watcher, in_thread
from tests.kit.fleet import FleetStation
from tests.kit.patience import PATIENCE_S

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


async def begin_a_session_and_fall_silent(station: FleetStation) -> None:
    """An ended session would be told of once more anyhow, when its costs are computed; one that goes on is not."""
    station.busy = True
    with trio.fail_after(2 * PATIENCE_S):
        while not station.sessions or station.sessions[-1].stopped:
            await trio.sleep(0.01)
    station.busy = False
    before = station.answered_sent_at
    with trio.fail_after(PATIENCE_S):
        while station.answered_sent_at == before or station._pending is not None:
            await trio.sleep(0.05)
    assert not station.sessions[-1].stopped


@pytest.mark.feature("F-SYS-7")
async def test_what_a_dead_node_could_not_tell_is_told_by_those_that_take_its_stations_over() -> None:
    """One station comes to the other node; the other one is never seen again, and the undertaker finds it."""
    async with cluster(nodes=2, controls=1, servers=1) as made, trio.open_nursery() as nursery:
        await trio.to_thread.run_sync(add_tags, made, 2)
        first, second = made.places
        way = Balancer([first.ocpp])
        await nursery.start(way.run)
        moves, stays_away = (FleetStation(f"TOLD-{n}", way.port, f"TAG{n}", seed=n, pace=0.5) for n in range(2))
        life_of_the_other = trio.CancelScope()

        async def live_once() -> None:
            with life_of_the_other:
                await stays_away.run()

        watcher = Watcher(made.control_ports, made.key)
        for each in (moves, stays_away):
            each.busy = False
        nursery.start_soon(in_thread(watcher.run))
        nursery.start_soon(moves.run)
        nursery.start_soon(live_once)
        with trio.fail_after(PATIENCE_S):
            while not (moves.connected and stays_away.connected and watcher.lists and len(watcher.online) == 2):
                await trio.sleep(0.05)
        first.cut()
        async with trio.open_nursery() as both:
            for each in (moves, stays_away):
                both.start_soon(begin_a_session_and_fall_silent, each)
        answered = {session.number for each in (moves, stays_away) for session in each.sessions}
        assert not watcher.began & answered, "the node was not cut off, so this shows nothing"
        life_of_the_other.cancel()
        way.doors = [second.ocpp]
        os.kill(made.nodes[0].pid or 0, signal.SIGKILL)
        first.mend()
        with trio.fail_after(3 * PATIENCE_S):
            while not answered <= watcher.began:
                await trio.sleep(0.1)
        assert watcher.relists == 0
        assert watcher.wrong == []
        watcher.enough = True
        nursery.cancel_scope.cancel()
