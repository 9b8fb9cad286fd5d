"""Tariffs in the book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from csms.domain.access import Principal, Role
from csms.domain.authorization import Token
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.tariff import Element, PriceKind, Tariff
from csms.domain.tariff_book import read_target
from csms.domain.topology import Place, PlaceKind
from csms.services.tariffs import Draft
from tests.kit.service_world import ADMIN, CALLERS, DRIVER, SUPPORT
from tests.kit.tariff_world import TariffWorld

pytestmark = pytest.mark.feature("F-SES-6")
TERMS = Tariff(
    "EUR",
    (Element(PriceKind.ENERGY, Decimal("0.30")), Element(PriceKind.PARKING_TIME, Decimal("0.10"), grace_s=600)),
    Decimal(21),
)
DAY = timedelta(days=1)


async def test_a_version_does_not_begin_in_the_past() -> None:
    world = TariffWorld()
    with pytest.raises(InvalidArgument, match="past"):
        await world.tariffs.create(ADMIN, "Day", "", TERMS, world.time - DAY)
    made = await world.tariffs.create(ADMIN, " Day ", "", TERMS, world.time - timedelta(seconds=10))
    assert (made.name, made.versions[0].valid_from) == ("Day", world.time)
    changed = await world.tariffs.update(
        ADMIN, made.id, {"description": "New"}, TERMS, world.time + DAY, version=made.version
    )
    assert [each.valid_from for each in changed.versions] == [world.time, world.time + DAY]


async def test_a_tariff_that_makes_no_sense_is_refused() -> None:
    world = TariffWorld()
    for name, terms in (("", TERMS), ("Day", msgspec.structs.replace(TERMS, currency="euro"))):
        with pytest.raises(InvalidArgument):
            await world.tariffs.create(ADMIN, name, "", terms, None)
    made = await world.tariffs.create(ADMIN, "Day", "", TERMS, None)
    with pytest.raises(InvalidArgument):
        await world.tariffs.update(ADMIN, made.id, {}, msgspec.structs.replace(TERMS, elements=()), None, version=None)


async def test_a_tariff_that_holds_somewhere_does_not_retire() -> None:
    world = TariffWorld()
    made = await world.tariffs.create(ADMIN, "Day", "", TERMS, None)
    await world.tariffs.assign(ADMIN, read_target("places/1"), made.id)
    with pytest.raises(FailedPrecondition, match="places/1"):
        await world.tariffs.retire(ADMIN, made.id)
    with pytest.raises(FailedPrecondition):
        await world.tariffs.delete(ADMIN, made.id)
    await world.tariffs.assign(ADMIN, read_target("places/1"), None)
    assert (await world.tariffs.retire(ADMIN, made.id)).retired
    with pytest.raises(FailedPrecondition):
        await world.tariffs.assign(ADMIN, read_target("places/1"), made.id)


async def test_site_administrators_assign_at_their_sites_only() -> None:
    world = TariffWorld()
    made = await world.tariffs.create(ADMIN, "Day", "", TERMS, None)
    mine = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Mine"))
    other = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Other"))
    await world.places.load()
    station = await world.add_station("CP-1")
    world.tables.stations[station].place_id = mine.id
    caller = msgspec.structs.replace(CALLERS[Role.SITE_ADMINISTRATOR], site_ids=frozenset({mine.id}))
    for target in (f"places/{mine.id}", f"stations/{station}", f"stations/{station}/evses/1"):
        assert await world.tariffs.assign(caller, read_target(target), made.id)
    for target in ("users/1", "tagGroups/FLEET", "places/1"):
        with pytest.raises(PermissionDenied):
            await world.tariffs.assign(caller, read_target(target), made.id)
    with pytest.raises(NotFound):
        await world.tariffs.assign(caller, read_target(f"places/{other.id}"), made.id)
    with pytest.raises(PermissionDenied):
        await world.tariffs.create(caller, "Own", "", TERMS, None)


@pytest.mark.parametrize("target", ["places/99", "stations/99", "users/99"])
async def test_what_does_not_exist_gets_no_tariff(target: str) -> None:
    world = TariffWorld()
    made = await world.tariffs.create(ADMIN, "Day", "", TERMS, None)
    with pytest.raises(NotFound):
        await world.tariffs.assign(ADMIN, read_target(target), made.id)


async def test_what_holds_for_a_tag_is_found_by_its_group() -> None:
    world = TariffWorld()
    station = await world.add_station("CP-1")
    world.tables.tokens[1] = Token(1, "TAG", parent_id_token="FLEET")
    made = await world.tariffs.create(ADMIN, "Fleet", "", TERMS, None)
    await world.tariffs.assign(ADMIN, read_target("tagGroups/FLEET"), made.id)
    ask = world.tariffs.in_force
    held, zone = await ask(SUPPORT, station, 1, id_token="TAG", user_id=None, at=None)
    assert held is not None
    assert (held.name, str(held.target), zone) == ("Fleet", "tagGroups/FLEET", "UTC")
    assert (await ask(SUPPORT, station, 1, id_token="OTHER", user_id=None, at=None))[0] is None
    assert (await ask(SUPPORT, station, 1, id_token="TAG", user_id=None, at=world.time - DAY))[0] is None
    with pytest.raises(NotFound):
        await ask(SUPPORT, 99, 1, id_token="TAG", user_id=None, at=None)
    with pytest.raises(NotFound):
        await ask(Principal("users/4", "D", Role.EV_USER, user_id=4), station, 1, id_token="", user_id=4, at=None)


async def test_a_preview_explains_what_a_session_would_cost() -> None:
    world = TariffWorld()
    draft = Draft(datetime(2026, 10, 25, tzinfo=UTC), timedelta(hours=1), timedelta(minutes=30), 10_000.0)
    terms, cost = await world.tariffs.preview(ADMIN, TERMS, draft, zone="Europe/Stockholm", place_id=None)
    assert terms == TERMS
    assert [str(line) for line in cost.lines] == ["10 kWh x 0.3 = 3.00", "20 min x 0.1 = 2.00"]
    made = await world.tariffs.create(ADMIN, "Day", "", TERMS, None)
    assert (await world.tariffs.preview(ADMIN, made.id, draft, zone="", place_id=1))[1] == cost
    for wrong in (
        msgspec.structs.replace(draft, energy_wh=float("nan")),
        msgspec.structs.replace(draft, charging=-DAY),
        msgspec.structs.replace(draft, parked=400 * DAY),
    ):
        with pytest.raises(InvalidArgument):
            await world.tariffs.preview(ADMIN, TERMS, wrong, zone="", place_id=None)
    with pytest.raises(InvalidArgument, match="time zone"):
        await world.tariffs.preview(ADMIN, TERMS, draft, zone="../etc", place_id=None)
    with pytest.raises(PermissionDenied):
        await world.tariffs.preview(DRIVER, TERMS, draft, zone="", place_id=None)
