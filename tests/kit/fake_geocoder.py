"""A geocoder that knows what a test tells it."""

from __future__ import annotations

from collections.abc import Sequence

from csms.ports.geocoder import FoundAddress, GeocoderFailed


class FakeGeocoder:
    """`Geocoder`. `fails`: with this, from now on."""

    def __init__(self) -> None:
        self.known: list[FoundAddress] = [FoundAddress("Quay 7, Gothenburg", 57.7, 11.95)]
        self.asked: list[tuple[str, str]] = []
        self.fails: GeocoderFailed | None = None

    async def find(self, query: str, language: str) -> Sequence[FoundAddress]:
        self.asked.append((query, language))
        if self.fails is not None:
            raise self.fails
        return self.known
