"""Where outlets are kept. All methods raise Unavailable while the database is away.

A row appears when a connector is first asked for: `find`, `find_by_uuid`, `page` and `open_outlets` see every connector
that a station has told of (EVSE 0 is the station itself and no outlet).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.outlet import Outlet, OutletMode


class OutletFilter(msgspec.Struct, frozen=True):
    """Which outlets. None and empty: all. `place_ids`: standing in one of these; `query`: part of the station's
    identity, the outlet id, the UUID, the connector type, the parking text or an external id."""

    station_id: int | None = None
    place_ids: frozenset[int] = frozenset()
    mode: OutletMode | None = None
    query: str = ""
    service: str = ""
    """Having an id at this service."""
    external_id: str = ""
    """This one; at `service`, where that is given."""
    scope: Scope | None = None


class OpenOutlets(msgspec.Struct, frozen=True):
    """Where anyone may charge: everywhere at these stations, and at these (station, EVSE, connector). `places`: every
    station, and the place in which it stands."""

    station_ids: frozenset[int] = frozenset()
    connectors: frozenset[tuple[int, int, int]] = frozenset()
    places: dict[int, int] = {}


class OutletStore(Protocol):
    """What people know of connectors."""

    async def find(self, outlet_id: int) -> Outlet | None:
        """By our id."""

    async def find_by_uuid(self, uuid: str) -> Outlet | None:
        """In any spelling of it; None for what is no UUID, too."""

    async def page(
        self, wanted: OutletFilter, *, size: int, after: tuple[str, int, int, int] | None = None
    ) -> tuple[Sequence[Outlet], int]:
        """In the order of (station identity, EVSE, connector, id), after one; and how many match in all."""

    async def update(self, outlet: Outlet, *, version: int | None) -> Outlet:
        """uuid, outlet id, type, parking, mode and external ids. Raises NotFound, StaleVersion, AlreadyExists with
        UUID_TAKEN, OUTLET_ID_TAKEN or EXTERNAL_ID_TAKEN."""

    async def open_outlets(self) -> OpenOutlets:
        """For the decision in memory."""

    async def set_free_vend(self, station_id: int, free: bool) -> None:
        """Raises NotFound."""

    async def free_vend(self, station_id: int) -> bool:
        """Raises NotFound."""
