"""What stations are told that a session has cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import trio
import trio.testing

from csms.domain.authorization import Token
from csms.domain.ids import SessionId, StationId
from csms.domain.metering import ENERGY_REGISTER, MeterValue, SampledValue
from csms.domain.tariff import Element, PriceKind, Tariff
from csms.domain.tariff_book import read_target
from csms.domain.transaction import Transaction
from csms.ports.outlets import OpenOutlets
from csms.services.cost_memory import KEPT, LONGEST, RUNNING_SECONDS, CostMemory
from tests.kit.records import a_meter_record
from tests.kit.service_world import NOW
from tests.kit.tariff_world import TariffWorld

pytestmark = pytest.mark.feature("F-SES-6")
LONG_AGO = NOW - timedelta(days=365)


class Town:
    """A tariff of the system, a cheaper one of a group, and one session at one station."""

    def __init__(self) -> None:
        self.world = TariffWorld()
        self.memory = CostMemory(self.world.index)

    async def open(self, price: str = "0.50") -> None:
        self.station = await self.world.add_station("CP-1")
        self.world.index.set_open(OpenOutlets(), {self.station: frozenset({1})})
        self.world.index.put(Token(5, "GUEST", parent_id_token="GUESTS"))
        await self.assign("places/1", price)
        await self.assign("tagGroups/GUESTS", "0.10")
        await self.load()

    async def assign(self, target: str, price: str) -> None:
        terms = Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(price)),))
        made = await self.world.tariff_store.create(f"For {target}", "", terms, LONG_AGO)
        await self.world.tariff_store.assign(read_target(target), made.id, LONG_AGO)

    async def load(self, later: timedelta = timedelta(0)) -> None:
        await self.memory.load(self.world.tariff_store, lambda: self.world.places.tree, NOW + later)

    def session(self, tag: str = "CARD", began: timedelta = timedelta(hours=1)) -> Transaction:
        at = NOW - began
        made = Transaction(SessionId(7), StationId(self.station), "CP-1", at, at, evse_id=1, transaction_id="tx")
        made.id_token = tag
        made.start(at, 0.0, at)
        return made

    def read(self, session: Transaction, wh: float, minute: float) -> None:
        at = NOW - timedelta(hours=1) + timedelta(minutes=minute)
        value = MeterValue(at, (SampledValue(ENERGY_REGISTER, wh, "Wh"),))
        session.read(value, at)
        self.memory.read(session, [value])


async def test_while_it_charges_and_when_it_has_ended() -> None:
    town = Town()
    await town.open()
    session = town.session()
    town.read(session, 2_000.0, 10)
    assert town.memory.running(session, NOW) == 1.0
    town.read(session, 4_000.0, 20)
    assert town.memory.running(session, NOW + timedelta(seconds=RUNNING_SECONDS / 2)) == 1.0, "not again so soon"
    assert town.memory.running(session, NOW + timedelta(seconds=RUNNING_SECONDS)) == 2.0
    session.end(NOW, 5_000.0, "Local", NOW)
    assert [town.memory.final(session, NOW), town.memory.final(session, NOW)] == [2.5, 2.5]


async def test_a_tag_that_comes_later_has_its_own_tariff() -> None:
    town = Town()
    await town.open()
    session = town.session("")
    town.read(session, 2_000.0, 10)
    assert town.memory.running(session, NOW) == 1.0
    session.id_token = "GUEST"
    assert town.memory.running(session, NOW) == 0.2


async def test_where_no_tariff_holds_nothing_is_told() -> None:
    town = Town()
    await town.open()
    await town.world.tariff_store.assign(read_target("places/1"), None, LONG_AGO)
    await town.load()
    session = town.session()
    town.read(session, 2_000.0, 10)
    assert (town.memory.running(session, NOW), town.memory.final(session, NOW)) == (None, None)
    await town.world.tariff_store.assign(read_target("tagGroups/GUESTS"), None, LONG_AGO)
    await town.load()
    town.read(session, 3_000.0, 11)
    assert (town.memory.running(session, NOW), town.memory.final(session, NOW)) == (None, None)


async def test_a_tariff_that_was_assigned_after_the_start_does_not_count() -> None:
    town = Town()
    await town.open()
    session = town.session()
    town.read(session, 2_000.0, 10)
    other = await town.world.tariff_store.create(
        "Dear", "", Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(9)),)), NOW
    )
    await town.world.tariff_store.assign(read_target("places/1"), other.id, NOW - timedelta(minutes=5))
    await town.load()
    assert town.memory.running(session, NOW) == 1.0


async def test_readings_from_before_the_start_of_this_process_are_fetched_first() -> None:
    town = Town()
    await town.open()
    session = town.session()
    early = a_meter_record(town.station, NOW - timedelta(minutes=50), 2_000.0, session_id=7, evse_id=1)
    town.world.tables.meter_values[7, "x"] = early  # type: ignore[index]
    session.read(MeterValue(early.measured_at, (SampledValue(ENERGY_REGISTER, 2_000.0, "Wh"),)), NOW)
    town.read(session, 4_000.0, 20)
    assert town.memory.running(session, NOW) is None, "not known yet"
    await town.memory.catch_up(town.world.cost_store)
    assert town.memory.running(session, NOW) == 2.0


async def test_a_session_that_is_older_than_what_is_remembered_is_not_guessed() -> None:
    town = Town()
    await town.open()
    session = town.session(began=LONGEST + timedelta(hours=1))
    town.read(session, 2_000.0, 10)
    assert town.memory.running(session, NOW) is None


async def test_prices_that_cannot_be_reckoned_harm_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town()
    await town.open()
    session = town.session()
    town.read(session, 2_000.0, 10)
    monkeypatch.setattr("csms.domain.tab.price", lambda *_: 1 / 0)
    assert town.memory.running(session, NOW) is None


async def test_what_has_ended_is_forgotten_in_time() -> None:
    town = Town()
    await town.open()
    session = town.session()
    town.read(session, 2_000.0, 10)
    session.end(NOW, 5_000.0, "Local", NOW)
    town.memory.final(session, NOW)
    await town.load(later=KEPT)
    assert town.memory._accounts
    await town.load(later=KEPT + timedelta(seconds=1))
    assert not town.memory._accounts


async def test_what_somebody_assigns_counts_soon_and_outages_pass(autojump_clock: trio.testing.MockClock) -> None:
    town = Town()
    await town.open()
    world = town.world
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            town.memory.run, world.tariff_store, world.cost_store, lambda: world.places.tree, lambda: NOW
        )
        await trio.sleep(1)
        world.tables.away = False
        await town.assign(f"stations/{town.station}", "2")
        town.memory.hasten()
        await trio.sleep(1)
        session = town.session()
        town.read(session, 1_000.0, 10)
        assert town.memory.running(session, NOW) == 2.0
        nursery.cancel_scope.cancel()
