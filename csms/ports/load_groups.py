"""Where load groups are kept, what their meters told, and what outlets may draw. All methods raise Unavailable while
the database is away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from csms.domain.load_group import GridReading, LoadGroup
from csms.domain.load_hold import LoadHold


class LoadGroupStore(Protocol):
    """Groups, readings, holds."""

    async def all(self) -> Sequence[LoadGroup]:
        """By name, then number."""

    async def find(self, group_id: int) -> LoadGroup:
        """Raises NotFound/LOAD_GROUP_NOT_FOUND."""

    async def create(self, group: LoadGroup) -> LoadGroup:
        """`group.id` is ignored. Raises AlreadyExists/LOAD_GROUP_NAME_TAKEN (at its place); NotFound when the place is
        gone."""

    async def update(self, group: LoadGroup, *, version: int | None) -> LoadGroup:
        """Raises NotFound, StaleVersion, AlreadyExists."""

    async def delete(self, group_id: int) -> None:
        """With its reading; holds stay until their stations are told. Raises NotFound."""

    async def put_reading(self, reading: GridReading) -> bool:
        """In the place of the one before; False: there is a newer one. Raises NotFound for the group."""

    async def readings(self) -> Sequence[GridReading]:
        """The latest of each group that has one."""

    async def holds(self) -> Sequence[LoadHold]:
        """All, by station and EVSE."""

    async def keep(self, holds: Collection[LoadHold]) -> None:
        """Each in the place of the one before; of stations that are gone none is kept."""

    async def drop(self, keys: Collection[tuple[int, int]]) -> None:
        """(station, EVSE) of those that are no more."""
