"""Which processes there are: alone, and among others on NATS."""

from __future__ import annotations

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.nats_server import EmbeddedNats
from csms.cluster.roll_call import OnlyThis, RollCall
from csms.ports.processes import Process, Processes
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]


@pytest.mark.parametrize("kind", ["alone", "nats"])
async def test_who_looks_finds_itself_as_it_is_at_that_moment(
    kind: str, door: Door, request: pytest.FixtureRequest, nursery: trio.Nursery
) -> None:
    stations = [3]

    def status() -> Process:
        return Process("here", "node", "1.2.3", stations=stations[-1], troubles=("The database is away.",))

    processes: Processes = OnlyThis(status)
    if kind == "nats":
        server: EmbeddedNats = request.getfixturevalue("nats_server")
        bus = Bus(door, settings_of(server, fresh_prefix()), "here")
        processes = RollCall(bus, status)
        await nursery.start(bus.run)
    assert list(await processes.look()) == [status()]
    stations.append(4)
    assert [each.stations for each in await processes.look()] == [4]
