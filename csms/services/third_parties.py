"""Third-party services: what people see and decide of them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound
from csms.domain.roaming import PartyState, RoamingToken
from csms.domain.third_party import (
    LocationDataSettings,
    PublishedSite,
    RoamingSettings,
    Service,
    ServiceKind,
    check_key,
    check_settings,
    check_site,
    missing_in_site,
    missing_settings,
)
from csms.domain.topology import Place, PlaceKind, Tree
from csms.ocpi.describing import feature_collection, location_of
from csms.ocpi.envelope import read_object
from csms.ocpi.locations import Location
from csms.ocpi.values import VERSION
from csms.ports.roaming import (
    PartyClient,
    PartyStore,
    Push,
    ReleasedObject,
    ReleaseStore,
    RoamingFacts,
)
from csms.ports.third_party import ServiceStore
from csms.services.audit import note_change
from csms.services.service_book import LOCATION_DATA, ServiceBook

SITE_FIELDS = ("published", "street", "city", "postal_code", "country")
LOCATION_FIELDS = ("key_required", "new_key")
ROAMING_FIELDS = tuple(RoamingSettings.__struct_fields__)


class Findings(msgspec.Struct, frozen=True):
    """What a test found, a sentence each."""

    ok: bool
    sentences: tuple[str, ...]


class ShownSite(msgspec.Struct, frozen=True):
    """A site, how it is told to others, and what is missing for that."""

    place: Place
    site: PublishedSite
    missing: tuple[str, ...]


class ThirdParties:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: ServiceStore,
        parties: PartyStore,
        releases: ReleaseStore,
        facts: RoamingFacts,
        client: PartyClient,
        book: ServiceBook,
        tree: Callable[[], Tree],
        look_again: Callable[[], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._parties = parties
        self._releases = releases
        self._facts = facts
        self._client = client
        self._book = book
        self._tree = tree
        self._look_again = look_again
        self._now = now

    # -- services ----------------------------------------------------------------------------------------------------

    async def all(self, caller: Principal) -> Sequence[Service]:
        """In the order of their keys."""
        check(caller, Action.READ_SYSTEM)
        return await self._store.all()

    async def get(self, caller: Principal, key: str) -> Service:
        """Raises NotFound."""
        check(caller, Action.READ_SYSTEM)
        return await self._store.get(key)

    async def update(
        self,
        caller: Principal,
        key: str,
        wanted: LocationDataSettings | RoamingSettings,
        fields: Iterable[str],
        *,
        new_key: str = "",
        version: int | None = None,
    ) -> Service:
        """The fields named; `new_key` of location data. Raises NotFound, InvalidArgument, StaleVersion, and
        FailedPrecondition/SETTINGS_MISSING when a service that is on would lack something."""
        check(caller, Action.MANAGE_SERVICES)
        old = await self._store.get(key)
        if type(wanted) is not type(old.settings):
            raise InvalidArgument(f"These are not settings of {key}.", reason="INVALID_SETTINGS")
        names = set(fields)
        changes = {name: getattr(wanted, name) for name in names if name in wanted.__struct_fields__}
        changes.pop("key_digest", None)
        if "new_key" in names and new_key:
            check_key(new_key)
            changes["key_digest"] = _digest(new_key)
        settings = msgspec.structs.replace(old.settings, **changes)
        check_settings(settings)
        if old.enabled:
            _must_be_complete(settings)
        kept = await self._store.change(key, settings=settings, version=version)
        note_change(f"services/{key}", old.settings, kept.settings)
        await self._book.load()
        self._look_again()
        return kept

    async def enable(self, caller: Principal, key: str) -> Service:
        """Raises NotFound, FailedPrecondition/SETTINGS_MISSING."""
        check(caller, Action.MANAGE_SERVICES)
        old = await self._store.get(key)
        _must_be_complete(old.settings)
        return await self._switch(key, enabled=True)

    async def disable(self, caller: Principal, key: str) -> Service:
        """Raises NotFound."""
        check(caller, Action.MANAGE_SERVICES)
        return await self._switch(key, enabled=False)

    async def _switch(self, key: str, *, enabled: bool) -> Service:
        kept = await self._store.change(key, enabled=enabled)
        note_change(f"services/{key}", {"enabled": not enabled}, _Switched(enabled))
        await self._book.load()
        self._look_again()
        return kept

    def addresses(self, service: Service) -> Mapping[str, str]:
        """What others use, by what is there; empty while nobody has said where this system is reached."""
        base = self._book.roaming.public_url.rstrip("/")
        if not base:
            return {}
        if service.kind is ServiceKind.ROAMING:
            return {"versions": f"{base}/ocpi/versions"}
        return {"geojson": f"{base}/map/locations.geojson", "locations": f"{base}/map/locations"}

    async def test(self, caller: Principal, key: str) -> Findings:
        """Raises NotFound."""
        check(caller, Action.MANAGE_SERVICES)
        service = await self._store.get(key)
        missing = missing_settings(service.settings)
        if missing:
            return Findings(False, missing)
        good, sentences = await self._test_sites()
        if service.kind is ServiceKind.ROAMING:
            reached, told = await self._test_parties()
            good, sentences = good and reached, (*sentences, *told)
        await self._store.note(key, self._now(), "" if good else " ".join(sentences))
        return Findings(good, sentences)

    async def _test_sites(self) -> tuple[bool, tuple[str, ...]]:
        sites = await self._facts.sites()
        found = [f"{len(sites)} sites are published."]
        good = bool(sites)
        for site in sites:
            missing = missing_in_site(site.published, site.place.address, placed=site.place.latitude is not None)
            if missing:
                good = False
                found.append(f"{site.place.name} cannot be told: {' '.join(missing)}")
        return good, tuple(found)

    async def _test_parties(self) -> tuple[bool, tuple[str, ...]]:
        good, found = True, []
        for party in await self._parties.parties():
            if party.state is not PartyState.REGISTERED:
                continue
            try:
                await self._client.call("GET", party.versions_url, party.token_to_send)
            except DomainError as error:
                good = False
                found.append(f"{party.display_name}: {error.message}")
            else:
                found.append(f"{party.display_name} answers.")
        return good, tuple(found)

    # -- sites -------------------------------------------------------------------------------------------------------

    async def sites(self, caller: Principal) -> Sequence[ShownSite]:
        """All of the system's, by name."""
        check(caller, Action.READ_SYSTEM)
        known = {site.place_id: site for site in await self._store.sites()}
        places = [place for place in self._tree().in_order() if place.kind is PlaceKind.SITE]
        return [_shown(place, known.get(place.id, PublishedSite(place.id))) for place in places]

    async def update_site(self, caller: Principal, wanted: PublishedSite, fields: Iterable[str]) -> ShownSite:
        """The fields named. Raises NotFound, InvalidArgument, FailedPrecondition/ADDRESS_MISSING when a site that is to
        be published lacks something."""
        check(caller, Action.MANAGE_SERVICES)
        place = self._tree().get(wanted.place_id)
        if place.kind is not PlaceKind.SITE:
            raise InvalidArgument("Only sites are published.", reason="INVALID_KIND")
        known = {site.place_id: site for site in await self._store.sites()}
        old = known.get(place.id, PublishedSite(place.id))
        new = msgspec.structs.replace(old, **{name: getattr(wanted, name) for name in fields if name in SITE_FIELDS})
        check_site(new)
        shown = _shown(place, new)
        if new.published and shown.missing:
            raise FailedPrecondition(
                f"{place.name} cannot be told yet. {' '.join(shown.missing)}", reason="ADDRESS_MISSING"
            )
        await self._store.put_site(new)
        note_change(f"places/{place.id}", old, new)
        self._look_again()
        return shown

    # -- what parties have and get -----------------------------------------------------------------------------------

    async def tokens(
        self, caller: Principal, party_id: int, *, query: str, size: int, after: tuple[str, str] | None
    ) -> tuple[Sequence[RoamingToken], int]:
        """Raises NotFound."""
        check(caller, Action.READ_SYSTEM)
        await self._parties.party(party_id)
        return await self._parties.page_tokens(party_id, query=query, size=size, after=after)

    async def pushes(self, caller: Principal, party_id: int | None, *, size: int, after: int) -> Sequence[Push]:
        """Raises NotFound."""
        check(caller, Action.READ_SYSTEM)
        if party_id is not None:
            await self._parties.party(party_id)
        return await self._releases.page_pushes(party_id, size=size, after=after)

    async def cdrs(
        self, caller: Principal, party_id: int | None, *, size: int, before: tuple[datetime, str] | None
    ) -> Sequence[tuple[ReleasedObject, bool]]:
        """Raises NotFound."""
        check(caller, Action.READ_SYSTEM)
        if party_id is not None:
            await self._parties.party(party_id)
        return await self._releases.page_cdrs(party_id, size=size, before=before)

    # -- maps (csms.transport.ocpi) ----------------------------------------------------------------------------------

    def may_read_map(self, key: str) -> bool:
        """Whether location data is on, and the key is right where one is needed. Raises NotFound while it is off."""
        if not self._book.enabled(LOCATION_DATA):
            raise NotFound("There is nothing here.")
        settings = self._book.location_data
        return not settings.key_required or hmac.compare_digest(settings.key_digest, _digest(key))

    async def map_locations(self) -> Sequence[Location]:
        """Raises Unavailable."""
        now, settings = self._now(), self._book.roaming
        told = await self._releases.objects("locations")
        kept = [read_object(Location, each.body.encode()) for each in told.values() if not each.withdrawn]
        if not settings.country_code:  # nobody has said who we are: nothing is kept, so it is made on the spot
            anonymous = msgspec.structs.replace(
                settings, country_code="XX", party_id="XXX", business_name=settings.business_name or "Chargehouse"
            )
            sites = [
                site
                for site in await self._facts.sites()
                if not missing_in_site(site.published, site.place.address, placed=site.place.latitude is not None)
            ]
            kept = [location_of(site, anonymous, now) for site in sites]
        await self._store.note(LOCATION_DATA, now)
        return sorted(kept, key=lambda location: location.id)

    async def map_features(self) -> dict[str, object]:
        """As GeoJSON. Raises Unavailable."""
        return {**feature_collection(await self.map_locations()), "ocpi_version": VERSION}


class _Switched(msgspec.Struct, frozen=True):
    enabled: bool


def _shown(place: Place, site: PublishedSite) -> ShownSite:
    return ShownSite(place, site, missing_in_site(site, place.address, placed=place.latitude is not None))


def _must_be_complete(settings: LocationDataSettings | RoamingSettings) -> None:
    missing = missing_settings(settings)
    if missing:
        raise FailedPrecondition(" ".join(missing), reason="SETTINGS_MISSING")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
