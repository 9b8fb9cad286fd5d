"""Where places are kept. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from csms.domain.topology import Place


class PlaceStore(Protocol):
    """The tree, row by row."""

    async def load_all(self) -> Sequence[Place]:
        """Every place."""

    async def mark(self) -> tuple[int, ...]:
        """Another one whenever a place was made, changed or taken away."""

    async def create(self, place: Place) -> Place:
        """`place.id` is ignored. Raises AlreadyExists/PLACE_NAME_TAKEN (among its siblings) and
        AlreadyExists/STATIC_ID_TAKEN; NotFound when the parent is gone."""

    async def update(self, place: Place, *, version: int | None) -> Place:
        """All but id and kind. Raises NotFound, StaleVersion, AlreadyExists as `create`."""

    async def delete(self, place_id: int) -> None:
        """Raises NotFound, and FailedPrecondition/PLACE_NOT_EMPTY while something stands in it."""

    async def count_stations(self, place_id: int) -> int:
        """How many stand right in it, not below."""

    async def move_stations(self, station_ids: Sequence[int], place_id: int) -> Sequence[int]:
        """Put them there; those that exist. Raises NotFound for the place."""
