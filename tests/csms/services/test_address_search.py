"""Addresses, looked for by those who edit places."""

from __future__ import annotations

import pytest
import trio.testing

from csms.domain.access import Principal, Role
from csms.domain.errors import Exhausted, InvalidArgument, PermissionDenied
from csms.domain.topology import Place, PlaceKind
from csms.ports.geocoder import GeocoderFailed
from csms.services.address_search import SEARCHES, AddressSearch, GeocoderState
from tests.kit.fake_geocoder import FakeGeocoder
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-STA-8")


@pytest.fixture
def geocoder() -> FakeGeocoder:
    return FakeGeocoder()


@pytest.fixture
async def world() -> ServiceWorld:
    made = ServiceWorld()
    await made.places.load()
    harbour = Place(
        0, None, PlaceKind.SITE, "Harbour", address="Quay 7\n411 01 Gothenburg", latitude=57.7, longitude=12
    )
    await made.places.create(ADMIN, harbour)
    await made.places.create(ADMIN, Place(0, None, PlaceKind.SITE, "Nowhere yet", address="Quay 9"))
    return made


async def test_own_places_come_first_and_the_geocoder_is_asked_beside(
    world: ServiceWorld, geocoder: FakeGeocoder
) -> None:
    found = await AddressSearch(world.places, geocoder).find(ADMIN, " quay,  gothenburg ", "sv")
    assert [place.name for place in found.own] == ["Harbour"]
    assert ([each.text for each in found.addresses], found.geocoder) == (
        ["Quay 7, Gothenburg"],
        GeocoderState.ANSWERED,
    )
    assert geocoder.asked == [("quay, gothenburg", "sv")]


async def test_without_a_geocoder_only_what_is_known_here_is_searched(
    world: ServiceWorld, geocoder: FakeGeocoder
) -> None:
    found = await AddressSearch(world.places).find(ADMIN, "quay")
    assert ([place.name for place in found.own], found.addresses) == (["Harbour"], ())
    assert found.geocoder is GeocoderState.NOT_CONFIGURED


@pytest.mark.parametrize(("reason", "state"), [("BUSY", GeocoderState.BUSY), ("X", GeocoderState.FAILED)])
async def test_one_that_fails_takes_nothing_away(
    world: ServiceWorld, geocoder: FakeGeocoder, reason: str, state: GeocoderState
) -> None:
    geocoder.fails = GeocoderFailed("It is away.", reason=reason)
    found = await AddressSearch(world.places, geocoder).find(ADMIN, "quay")
    assert ([place.name for place in found.own], found.geocoder) == (["Harbour"], state)


async def test_a_site_administrator_finds_own_sites_only_and_others_nothing(
    world: ServiceWorld, geocoder: FakeGeocoder
) -> None:
    caller = Principal("users/7", "Site", Role.SITE_ADMINISTRATOR, user_id=7, site_ids=frozenset({99}))
    found = await AddressSearch(world.places, geocoder).find(caller, "quay")
    assert (found.own, len(found.addresses)) == ([], 1)
    with pytest.raises(PermissionDenied):
        await AddressSearch(world.places, geocoder).find(SUPPORT, "quay")


@pytest.mark.parametrize(("query", "language"), [("  q ", ""), ("x" * 301, ""), ("quay\x07", ""), ("quay", "sv;q=1")])
async def test_nonsense_is_not_asked_outside(
    world: ServiceWorld, geocoder: FakeGeocoder, query: str, language: str
) -> None:
    with pytest.raises(InvalidArgument):
        await AddressSearch(world.places, geocoder).find(ADMIN, query, language)
    assert geocoder.asked == []


async def test_one_caller_cannot_ask_without_end(
    world: ServiceWorld, geocoder: FakeGeocoder, autojump_clock: trio.testing.MockClock
) -> None:
    search = AddressSearch(world.places, geocoder)
    for _ in range(SEARCHES):
        await search.find(ADMIN, "quay")
    with pytest.raises(Exhausted):
        await search.find(ADMIN, "quay")
    await trio.sleep(61)
    await search.find(ADMIN, "quay")
