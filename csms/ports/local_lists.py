"""What stations hold as local authorisation lists. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from csms.domain.local_list import HeldList


class LocalListStore(Protocol):
    """One list a station."""

    async def find(self, station_id: int) -> HeldList | None:
        """What we believe that it holds; None: nothing was ever sent."""

    async def sending(self, station_id: int, version: int, at: datetime) -> None:
        """Before an update goes out: its version is used up. Raises NotFound when there is no such station."""

    async def put(self, held: HeldList, at: datetime) -> None:
        """What the station holds now. `sent_version` never falls."""
