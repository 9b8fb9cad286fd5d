"""What parties are told: all of it once, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from csms.domain.facts import ConnectorStatus
from csms.domain.roaming import Outlet, Party, Plug, RoamedSession, RoamingToken, Site
from csms.domain.tariff import Element, PriceKind, Tariff
from csms.domain.tariff_book import NamedTariff, SessionCost, TariffVersion
from csms.domain.third_party import PublishedSite
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind, Tree
from csms.ocpi.charging import Cdr
from csms.ocpi.envelope import read_object
from csms.ports.roaming import PushDraft
from csms.services.roaming_release import RoamingRelease
from tests.kit.fake_roaming import FakeLease
from tests.kit.roaming_world import RoamingWorld

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PLACE = Place(12, SYSTEM_ID, PlaceKind.SITE, "Harbour", address="Quay 1", latitude=57.7, longitude=11.9)
OUTLET = Outlet(17, "CP-1", 1, True, (ConnectorStatus.AVAILABLE,), (Plug(1),), AT)
SITE = Site(PLACE, PublishedSite(12, True, "", "Göteborg", "", "SWE"), "Europe/Stockholm", (OUTLET,))


class World(RoamingWorld):
    def __init__(self) -> None:
        self.time = AT
        tree = Tree([Place(SYSTEM_ID, None, PlaceKind.SYSTEM, "System"), PLACE])
        super().__init__(lambda: tree, lambda: self.time)
        self.revision = 0
        self.release = RoamingRelease(
            self.facts,
            self.roaming,
            self.roaming,
            self.book,
            FakeLease(),
            lambda: tree,
            lambda: self.revision,
            lambda: None,
            now=lambda: self.time,
        )
        self.facts.told = [SITE]

    async def sweep(self, seconds: float = 60) -> list[PushDraft]:
        """What it puts to be sent."""
        self.time += timedelta(seconds=seconds)
        self.revision += 1
        before = {push.id for push in await self.roaming.page_pushes(None, size=1000, after=0)}
        await self.release.sweep()
        return [
            push.draft for push in await self.roaming.page_pushes(None, size=1000, after=0) if push.id not in before
        ]

    def outlet(self, **changes: object) -> None:
        self.facts.told = [msgspec.structs.replace(SITE, outlets=(msgspec.structs.replace(OUTLET, **changes),))]


@pytest.fixture
async def world() -> World:
    made = World()
    await made.switch_on()
    return made


@pytest.fixture
async def party(world: World) -> Party:
    return await world.add_party()


async def test_a_site_is_told_whole_then_only_what_changed(world: World, party: Party) -> None:
    (first,) = await world.sweep()
    assert (first.method, first.path, first.key) == ("PUT", "SE/CHA/12", "12")
    assert await world.sweep() == []
    world.outlet(statuses=(ConnectorStatus.CHARGING,))
    (second,) = await world.sweep()
    assert (second.method, second.path) == ("PATCH", "SE/CHA/12/17-1")
    assert '"CHARGING"' in second.body
    world.outlet(statuses=(ConnectorStatus.CHARGING,), tariff_id=5)
    (third,) = await world.sweep()
    assert third.method == "PUT"


async def test_a_site_that_is_withdrawn_has_no_outlets_left(world: World, party: Party) -> None:
    await world.sweep()
    world.facts.told = []
    (gone,) = await world.sweep()
    assert gone.method == "PUT"
    assert '"REMOVED"' in gone.body
    assert await world.sweep() == []
    assert (
        await world.roaming.page_objects("locations", party.id, offset=0, limit=9, changed_from=None, changed_to=None)
    )[1] == 0
    world.facts.told = [SITE]
    (back,) = await world.sweep()
    assert '"AVAILABLE"' in back.body


async def test_a_site_without_an_address_is_not_told(world: World, party: Party) -> None:
    world.facts.told = [msgspec.structs.replace(SITE, published=PublishedSite(12, True))]
    assert await world.sweep() == []


async def test_who_has_no_such_module_is_not_told(world: World) -> None:
    await world.add_party(endpoints=())
    assert await world.sweep() == []
    assert await world.roaming.object("locations", "12") is not None


async def test_a_tariff_is_told_changed_and_taken_back(world: World, party: Party) -> None:
    world.facts.told = []
    terms = Tariff("SEK", (Element(PriceKind.ENERGY, Decimal(4)),))
    world.facts.named = [NamedTariff(5, "Day", versions=(TariffVersion(1, 5, 1, AT, terms),))]
    (first,) = await world.sweep()
    assert (first.method, first.path) == ("PUT", "SE/CHA/5")
    assert await world.sweep() == []
    dearer = Tariff("SEK", (Element(PriceKind.ENERGY, Decimal(5)),))
    versions = (TariffVersion(1, 5, 1, AT, terms), TariffVersion(2, 5, 2, world.time, dearer))
    world.facts.named = [NamedTariff(5, "Day", versions=versions)]
    (second,) = await world.sweep()
    assert '"price":5' in second.body
    world.facts.named = []
    (third,) = await world.sweep()
    assert third.method == "DELETE"
    assert await world.sweep() == []


def a_session(party: Party, **changes: object) -> RoamedSession:
    token = RoamingToken(party.id, "NL", "TNM", "04AB", "RFID", "04AB", "C1", True, "ALLOWED", "{}", AT)
    made = RoamedSession(7, token, 17, "CP-1", 1, 1, 12, AT, None, AT, 1_000.0, True)
    return msgspec.structs.replace(made, **changes)


def costing(gross: str) -> SessionCost:
    amount, zero = Decimal(gross), Decimal(0)
    return SessionCost(7, 1, 1, "SEK", amount, zero, amount, zero, (), "basis")


async def test_a_session_is_told_at_its_start_now_and_then_and_at_its_end(world: World, party: Party) -> None:
    await world.sweep()
    world.facts.charged = [a_session(party)]
    (first,) = await world.sweep()
    assert (first.module, first.method, first.path) == ("sessions", "PUT", "SE/CHA/7")
    world.facts.charged = [a_session(party, energy_wh=1_500.0)]
    assert await world.sweep(10) == []  # too soon
    assert len(await world.sweep(60)) == 1
    assert await world.sweep(60) == []  # nothing is new
    world.facts.charged = [a_session(party, energy_wh=1_600.0, ended_at=world.time)]
    (last,) = await world.sweep(5)
    assert '"COMPLETED"' in last.body


async def test_a_correction_is_a_credit_and_a_new_record(world: World, party: Party) -> None:
    await world.sweep()
    ended = a_session(party, ended_at=AT + timedelta(hours=1), cost=costing("40.00"))
    world.facts.charged = [ended]
    told = await world.sweep()
    assert [(each.module, each.method, each.key) for each in told] == [("sessions", "PUT", "7"), ("cdrs", "POST", "7")]
    assert await world.sweep() == []  # reckoned again, and the same
    world.facts.charged = [msgspec.structs.replace(ended, cost=costing("30.00"))]
    told = await world.sweep()
    assert [each.key for each in told if each.module == "cdrs"] == ["7-C", "7-2"]
    credit, new = (read_object(Cdr, each.body.encode()) for each in told if each.module == "cdrs")
    assert (credit.credit_reference_id, credit.total_cost.incl_vat) == ("7", -40)
    assert (new.credit, new.total_cost.incl_vat) == (None, 30)
    world.facts.charged = [msgspec.structs.replace(ended, cost=costing("20.00"))]
    assert [each.key for each in await world.sweep() if each.module == "cdrs"] == ["7-2-C", "7-3"]


async def test_a_session_at_a_site_that_was_never_told_waits(world: World, party: Party) -> None:
    world.facts.told = []
    world.facts.charged = [a_session(party, ended_at=AT, cost=costing("1.00"))]
    assert await world.sweep() == []
    world.facts.told = [SITE]
    assert {each.module for each in await world.sweep()} == {"locations", "sessions", "cdrs"}
