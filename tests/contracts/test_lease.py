"""Leases, on PostgreSQL and on NATS: one holder at a time, and the next one when it lets go or dies."""

from __future__ import annotations

import pytest
import trio

from csms.aio import Door
from csms.cluster.bus import Bus
from csms.cluster.nats_lease import NatsLease
from csms.cluster.nats_server import EmbeddedNats
from csms.ports.lease import Lease
from csms.storage.lease import Lease as PostgresLease
from csms.storage.pool import Database
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]

pytestmark = pytest.mark.postgres


class Leases:
    """Makes leases, each as a process of its own would."""

    def __init__(self, kind: str, database: Database, door: Door, server: EmbeddedNats | None) -> None:
        self._kind, self._database, self._door, self._server = kind, database, door, server
        self._prefix = fresh_prefix()
        self.nursery: trio.Nursery | None = None

    async def of(self, name: str, process: str) -> Lease:
        if self._kind == "postgres":
            return PostgresLease(self._database, name)
        assert self._server is not None
        assert self.nursery is not None
        bus = Bus(self._door, settings_of(self._server, self._prefix), process)
        await self.nursery.start(bus.run)
        return NatsLease(bus, name, ttl=1.0, valid=0.7)


@pytest.fixture(params=["postgres", "nats"])
def leases(request: pytest.FixtureRequest, database: Database, door: Door) -> Leases:
    server = request.getfixturevalue("nats_server") if request.param == "nats" else None
    return Leases(request.param, database, door, server)


async def test_one_process_has_it_and_the_other_one_when_it_lets_go(leases: Leases) -> None:
    async with trio.open_nursery() as leases.nursery:
        one, other = await leases.of("alarms", "a"), await leases.of("alarms", "b")
        assert await one.holds()
        assert not await other.holds()
        assert await one.holds()
        await one.release()
        assert await other.holds()
        assert not await one.holds()
        await other.release()
        leases.nursery.cancel_scope.cancel()


async def test_leases_of_different_names_are_different(leases: Leases) -> None:
    async with trio.open_nursery() as leases.nursery:
        one, other = await leases.of("alarms", "a"), await leases.of("lost sessions", "b")
        assert await one.holds()
        assert await other.holds()
        await one.release()
        await other.release()
        leases.nursery.cancel_scope.cancel()


async def test_on_the_bus_it_is_handed_over_when_its_holder_is_silent(door: Door, nats_server: EmbeddedNats) -> None:
    leases = Leases("nats", None, door, nats_server)  # type: ignore[arg-type]
    async with trio.open_nursery() as leases.nursery:
        dead, next_one = await leases.of("work", "a"), await leases.of("work", "b")
        assert isinstance(dead, NatsLease)
        assert isinstance(next_one, NatsLease)
        assert await dead.holds()
        first = dead.token
        with trio.fail_after(60):
            while not await next_one.holds():
                await trio.sleep(0.05)
        assert not dead.valid  # it knew before the other one got it
        assert next_one.token > first
        assert not await dead.holds()
        leases.nursery.cancel_scope.cancel()
