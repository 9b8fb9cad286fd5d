"""Where the limits of users and groups are kept, and what they have used. All methods raise Unavailable while the
database is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.limits import ChargeLimit, Used


class LimitStore(Protocol):
    """One row per user or group that has a limit."""

    async def load_all(self) -> Sequence[ChargeLimit]:
        """In the order of the targets; of users who still exist, with their time zone."""

    async def find(self, target: str) -> ChargeLimit | None:
        """None: there is no limit. Raises NotFound for a user that does not exist."""

    async def put(self, limit: ChargeLimit, *, version: int | None) -> ChargeLimit:
        """In the place of the one before; without energy and amount there is none any more. Raises NotFound,
        StaleVersion."""

    async def used(self, wanted: Sequence[tuple[ChargeLimit, datetime]]) -> Sequence[Used]:
        """What was charged by each since a moment, in the same order: the energy of sessions that began since, those
        under way included, and their cost in the limit's currency, where they have one."""
