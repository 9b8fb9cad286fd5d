"""Looking for an address: first among the places that the caller sees, then at the geocoder, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec
import structlog

from csms.domain.access import Action, Principal
from csms.domain.errors import InvalidArgument
from csms.domain.topology import Place
from csms.ports.geocoder import FoundAddress, Geocoder, GeocoderFailed
from csms.services.passwords import AttemptLimiter
from csms.services.places import Places

_log = structlog.get_logger("csms.addresses")

MIN_QUERY: Final = 3
MAX_QUERY: Final = 300
MAX_OWN: Final = 8
SEARCHES: Final = 30
WINDOW_SECONDS: Final = 60.0


class GeocoderState(StrEnum):
    """What became of the question to the geocoder."""

    NOT_CONFIGURED = "NOT_CONFIGURED"
    """There is none: nobody outside was asked."""
    ANSWERED = "ANSWERED"
    BUSY = "BUSY"
    """Too many questions at once; again in a moment."""
    FAILED = "FAILED"
    """It was not reached, or answered nonsense. The log says why."""


class AddressesFound(msgspec.Struct, frozen=True):
    """Places of our own with a position, and addresses that the geocoder knows."""

    own: Sequence[Place]
    addresses: Sequence[FoundAddress]
    geocoder: GeocoderState


class AddressSearch:
    """A use case of those who edit places. Raises PermissionDenied."""

    def __init__(self, places: Places, geocoder: Geocoder | None = None) -> None:
        self._places = places
        self._geocoder = geocoder
        self._searches = AttemptLimiter(limit=SEARCHES, window=WINDOW_SECONDS)

    async def find(self, caller: Principal, query: str, language: str = "") -> AddressesFound:
        """A geocoder that fails takes nothing from what is known here. Raises InvalidArgument,
        Exhausted/TOO_MANY_ATTEMPTS."""
        await self._places.scopes.of(caller, Action.EDIT_PLACES)
        words = " ".join(query.split())
        if not MIN_QUERY <= len(words) <= MAX_QUERY or not words.isprintable():
            raise InvalidArgument(f"Type {MIN_QUERY} to {MAX_QUERY} characters of an address.", reason="INVALID_QUERY")
        if len(language) > 10 or not all(part.isalnum() for part in language.split("-") if language):
            raise InvalidArgument("A language is a code such as sv or de.", reason="INVALID_LANGUAGE")
        own = matching(await self._places.all(caller), words)
        if self._geocoder is None:
            return AddressesFound(own, (), GeocoderState.NOT_CONFIGURED)
        self._searches.begin(caller.name)
        try:
            found = await self._geocoder.find(words, language)
        except GeocoderFailed as error:
            _log.warning("addresses were not found", why=error.message)
            state = GeocoderState.BUSY if error.reason == "BUSY" else GeocoderState.FAILED
            return AddressesFound(own, (), state)
        return AddressesFound(own, found, GeocoderState.ANSWERED)


def matching(places: Sequence[Place], words: str) -> list[Place]:
    """Those with a position in whose name, address or static id all the words stand."""
    wanted = words.casefold().replace(",", " ").split()
    found = []
    for place in places:
        text = f"{place.name} {place.address} {place.static_id}".casefold()
        if place.latitude is not None and place.longitude is not None and all(word in text for word in wanted):
            found.append(place)
    return found[:MAX_OWN]
