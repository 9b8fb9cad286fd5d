"""Stations that show costs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import trio
import trio.testing

from csms.domain.commands import Outcome
from csms.domain.payment import CostUpdated
from csms.domain.tariff import Element, PriceKind, Tariff
from csms.domain.tariff_book import read_target
from csms.domain.transaction import Numbering
from csms.ports.directory import Settled
from csms.services.running_costs import RunningCosts
from tests.kit.service_world import NOW
from tests.kit.tariff_world import TariffWorld

pytestmark = pytest.mark.feature("F-SES-6")


async def a_showing_station() -> tuple[TariffWorld, RunningCosts, int]:
    """With session 7 under way, at 2 a kWh."""
    world = TariffWorld()
    station = await world.add_station("CP-1")
    terms = Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(2)),))
    made = await world.tariff_store.create("Day", "", terms, NOW - timedelta(days=1))
    await world.tariff_store.assign(read_target("places/1"), made.id, NOW - timedelta(days=1))
    session = world.add_session(7, station)
    session.sequence = Numbering(((0, 1),))
    session.register.energy_wh = 500.0
    world.cost_store.showing.add(station)
    return world, RunningCosts(world.cost_store, world.costs, world.remote), station


def told(world: TariffWorld) -> list[CostUpdated]:
    return [command for _, command, _, _ in world.directory.sent if isinstance(command, CostUpdated)]


async def test_a_station_is_told_when_its_session_became_dearer() -> None:
    world, costs, station = await a_showing_station()
    await costs.sweep()
    await costs.sweep()
    assert told(world) == [CostUpdated("7", 1.0)]
    world.tables.sessions[7].register.energy_wh = 1_000.0
    await costs.sweep()
    assert told(world)[1:] == [CostUpdated("7", 2.0)]
    world.cost_store.showing.discard(station)
    world.tables.sessions[7].register.energy_wh = 2_000.0
    await costs.sweep()
    assert len(told(world)) == 2


async def test_what_a_station_did_not_take_it_is_told_again() -> None:
    world, costs, _ = await a_showing_station()
    world.directory.settled.append(Settled(Outcome.OFFLINE))
    await costs.sweep()
    await costs.sweep()
    assert told(world) == [CostUpdated("7", 1.0)] * 2


async def test_sessions_of_versions_that_show_nothing_are_left_alone() -> None:
    world, costs, _ = await a_showing_station()
    world.tables.sessions[7].sequence = None
    await costs.sweep()
    assert told(world) == []


async def test_an_outage_ends_nothing(autojump_clock: trio.testing.MockClock) -> None:
    world, costs, _ = await a_showing_station()
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(costs.run)
        await trio.sleep(61)
        world.tables.away = False
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert len(told(world)) == 1
