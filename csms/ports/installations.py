"""Stations as pieces of equipment. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.installation import Installation, Secrets
from csms.ports.queries import StationView


class InventoryFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. Texts: part of it, case does not matter."""

    identity: str = ""
    serial_number: str = ""
    """Any of its serial numbers."""
    model: str = ""
    material_number: str = ""
    query: str = ""
    """Any of these, the part number, the vendor's code and the display name."""
    place_ids: frozenset[int] = frozenset()
    scope: Scope | None = None


class InventoryRow(msgspec.Struct, frozen=True):
    """A line of the inventory."""

    station: StationView
    installation: Installation


class SecretCipher(Protocol):
    """Makes secrets unreadable for who has the database and not the key."""

    def seal(self, text: str) -> str:
        """What may be kept; empty for an empty text."""

    def open(self, sealed: str) -> str:
        """The text. Raises FailedPrecondition/KEY_LOST when it was sealed with another key."""


class InstallationStore(Protocol):
    """One record for each station, as soon as somebody wrote one."""

    async def find(self, station_id: int) -> Installation:
        """An empty one when there is none yet. Raises NotFound when there is no such station."""

    async def write(self, installation: Installation, *, version: int | None) -> Installation:
        """All that people edit. Raises NotFound, StaleVersion."""

    async def secrets(self, station_id: int) -> Secrets:
        """In the clear. Raises NotFound, FailedPrecondition/KEY_LOST."""

    async def write_secrets(self, station_id: int, secrets: Secrets) -> Installation:
        """Both of them. Raises NotFound."""

    async def page(
        self, wanted: InventoryFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[InventoryRow], int]:
        """In the order of (identity, id), after a place; and how many match in all."""
