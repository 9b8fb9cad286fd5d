"""Guesses at one node count at the next one."""

from __future__ import annotations

import trio

from csms.aio import Door
from csms.cluster.bus import Bus, BusSettings
from csms.cluster.guesses import SharedGuesses
from csms.cluster.nats_server import EmbeddedNats
from csms.transport.security import AttemptLimiter, AttemptLimits
from tests.kit.nats import fresh_prefix, nats_server, settings_of

__all__ = ["nats_server"]

HOME, STRANGER = "192.0.2.1", "203.0.113.9"


async def test_a_limit_holds_for_all_nodes_and_a_stations_own_address_stays_free(
    door: Door, nats_server: EmbeddedNats
) -> None:
    prefix = fresh_prefix()
    one, other = (AttemptLimiter(AttemptLimits(pair=3, identity=4, address=9)) for _ in range(2))
    async with trio.open_nursery() as nursery:
        for name, limiter in (("a", one), ("b", other)):
            bus = Bus(door, settings_of(nats_server, prefix), name)
            nursery.start_soon(SharedGuesses(bus, "stations", limiter).run)
            await nursery.start(bus.run)
        one.succeeded("CP1", HOME)
        for _ in range(3):
            one.failed("CP1", STRANGER)
        one.failed("CP1", "203.0.113.10")
        with trio.fail_after(60):
            while other.retry_after("CP1", STRANGER) is None or other.retry_after("CP1", "203.0.113.11") is None:
                await trio.sleep(0.01)
        assert other.retry_after("CP1", HOME) is None  # heard of, too
        assert other.retry_after("CP2", STRANGER) is None
        nursery.cancel_scope.cancel()


async def test_away_from_the_bus_a_node_counts_by_itself(door: Door) -> None:
    limiter = AttemptLimiter(AttemptLimits(pair=2))
    bus = Bus(door, BusSettings(("nats://127.0.0.1:9",)), "a")
    guesses = SharedGuesses(bus, "stations", limiter)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guesses.run)
        for _ in range(2):
            limiter.failed("CP1", HOME)
        assert limiter.retry_after("CP1", HOME) is not None
        nursery.cancel_scope.cancel()
