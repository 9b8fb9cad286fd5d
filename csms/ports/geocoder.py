"""Somebody outside who knows where addresses are. Nobody is asked unless the operator has set one up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from csms.domain.errors import DomainError

MAX_FOUND: Final = 8
"""As many as a person looks through."""


class FoundAddress(msgspec.Struct, frozen=True, gc=False):
    """An address in words and where it is: degrees north and east (WGS 84)."""

    text: str
    latitude: float
    longitude: float


class GeocoderFailed(DomainError):
    """It was not reached, or answered nonsense; the message says why."""

    default_reason = "GEOCODER_FAILED"


class Geocoder(Protocol):
    """Addresses → points."""

    async def find(self, query: str, language: str) -> Sequence[FoundAddress]:
        """At most MAX_FOUND, the best first. `language`: in which to answer, such as `sv`; empty: as it likes.

        Raises GeocoderFailed.
        """
