"""Third-party services: what they are, their settings, and the rules for those.

location-data   map services read where charging is possible
roaming         OCPI 2.2.1 as a charge point operator: customers of other companies charge here
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument

MIN_KEY, MAX_KEY = 16, 200
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_COUNTRY_3: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_PARTY: Final = re.compile(r"[A-Z0-9]{3}", re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


class ServiceKind(StrEnum):
    """What a service does."""

    LOCATION_DATA = "location-data"
    ROAMING = "roaming"


class ServiceState(StrEnum):
    """How it goes."""

    OFF = "OFF"
    WORKING = "WORKING"
    FAILING = "FAILING"


class LocationDataSettings(msgspec.Struct, frozen=True):
    """`key_digest`: SHA-256 of the key, in hex; the key itself is never kept."""

    key_required: bool = False
    key_digest: str = ""


class RoamingSettings(msgspec.Struct, frozen=True):
    """Who we are to other parties, and where they find us. `currency`: of sessions that no tariff priced."""

    country_code: str = ""
    party_id: str = ""
    business_name: str = ""
    website: str = ""
    public_url: str = ""
    token_pull_hours: int = 24
    authorize_seconds: int = 8
    currency: str = "EUR"

    @property
    def base_url(self) -> str:
        """Where OCPI begins."""
        return self.public_url.rstrip("/") + "/ocpi"


ServiceSettings = LocationDataSettings | RoamingSettings
SHAPES: Final[dict[ServiceKind, type[ServiceSettings]]] = {
    ServiceKind.LOCATION_DATA: LocationDataSettings,
    ServiceKind.ROAMING: RoamingSettings,
}


class Service(msgspec.Struct, frozen=True):
    """A service as it is kept."""

    key: str
    kind: ServiceKind
    enabled: bool
    settings: ServiceSettings
    last_error: str = ""
    last_error_at: datetime | None = None
    last_success_at: datetime | None = None
    version: int = 1

    @property
    def state(self) -> ServiceState:
        """How it goes: an error counts until something went well."""
        if not self.enabled:
            return ServiceState.OFF
        failed, went_well = self.last_error_at, self.last_success_at
        if failed is not None and (went_well is None or went_well < failed):
            return ServiceState.FAILING
        return ServiceState.WORKING


def check_settings(settings: ServiceSettings) -> None:
    """What is there must be well formed; what is missing only keeps the service from being switched on. Raises
    InvalidArgument/INVALID_SETTINGS."""
    if isinstance(settings, LocationDataSettings):
        return
    if settings.country_code and not _COUNTRY.fullmatch(settings.country_code):
        raise _invalid("The country has two capital letters (ISO 3166-1), for example SE.")
    if settings.party_id and not _PARTY.fullmatch(settings.party_id):
        raise _invalid("The party id has three capital letters or digits, for example CHA.")
    if len(settings.business_name) > 100 or not settings.business_name.isprintable():
        raise _invalid("The business name has at most 100 characters.")
    for name, url in (("public address", settings.public_url), ("web site", settings.website)):
        if url and (len(url) > 200 or not _URL.fullmatch(url)):
            raise _invalid(f"The {name} looks like https://csms.example.org.")
    if not 0 <= settings.token_pull_hours <= 168:
        raise _invalid("Tokens are read every 1 to 168 hours; 0: only when asked.")
    if not 1 <= settings.authorize_seconds <= 20:
        raise _invalid("Drivers wait 1 to 20 seconds for a party's answer.")
    if not _COUNTRY_3.fullmatch(settings.currency):
        raise _invalid("A currency has three capital letters, for example EUR (ISO 4217).")


def missing_settings(settings: ServiceSettings) -> tuple[str, ...]:
    """What keeps it from being switched on, in sentences."""
    if isinstance(settings, LocationDataSettings):
        needs_key = settings.key_required and not settings.key_digest
        return ("Give a key, or let everybody read.",) if needs_key else ()
    wanted = (
        (settings.country_code, "Say our country."),
        (settings.party_id, "Say our party id."),
        (settings.business_name.strip(), "Say who we are (business name)."),
        (settings.public_url, "Say where other parties reach this system (public address)."),
    )
    return tuple(sentence for value, sentence in wanted if not value)


def check_key(key: str) -> None:
    """Raises InvalidArgument/INVALID_SETTINGS."""
    if not MIN_KEY <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise _invalid(f"A key has {MIN_KEY} to {MAX_KEY} letters, digits and signs, and no blanks.")


class PublishedSite(msgspec.Struct, frozen=True):
    """How a site is told to others, beside what the place itself knows. An empty street is the place's address."""

    place_id: int
    published: bool = False
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""


def check_site(site: PublishedSite) -> None:
    """Raises InvalidArgument/INVALID_ADDRESS."""
    if max(len(site.street), len(site.city)) > 45 or len(site.postal_code) > 10:
        raise InvalidArgument(
            "Street and city have at most 45 characters, a postal code at most 10.", reason="INVALID_ADDRESS"
        )
    if not (site.street + site.city + site.postal_code).isprintable():
        raise InvalidArgument("An address has printable characters only.", reason="INVALID_ADDRESS")
    if site.country and not _COUNTRY_3.fullmatch(site.country):
        raise InvalidArgument(
            "The country has three capital letters (ISO 3166-1 alpha-3), for example SWE.", reason="INVALID_ADDRESS"
        )


def street_of(site: PublishedSite, address: str) -> str:
    """What is told as its street."""
    first = next((line.strip() for line in address.splitlines() if line.strip()), "")
    return site.street or first[:45]


def missing_in_site(site: PublishedSite, address: str, *, placed: bool) -> tuple[str, ...]:
    """What keeps a site from being told, in sentences. `placed`: its position is known."""
    wanted = (
        (street_of(site, address), "Give the street."),
        (site.city, "Give the city."),
        (site.country, "Give the country."),
        (placed, "Give the position of the site."),
    )
    return tuple(sentence for value, sentence in wanted if not value)


def _invalid(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason="INVALID_SETTINGS")
