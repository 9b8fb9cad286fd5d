"""Which rules for deviating stations are switched on. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class RuleSet(msgspec.Struct, frozen=True):
    """Rules for one kind of station. The patterns know * and ?; an empty one fits all. `time_zone`: of local times, an
    IANA name or an offset as +02:00."""

    id: int
    title: str
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    rules: tuple[str, ...] = ()
    time_zone: str = ""
    enabled: bool = True
    note: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class StationKind(msgspec.Struct, frozen=True):
    """What a station said that it is."""

    station_id: int
    vendor: str
    model: str
    firmware: str


class ToleranceStore(Protocol):
    """Rule sets, and the stations that they are for."""

    async def load_all(self) -> Sequence[RuleSet]:
        """In the order of their titles."""

    async def find(self, rule_set_id: int) -> RuleSet | None:
        """By our id."""

    async def create(self, rule_set: RuleSet) -> RuleSet:
        """`rule_set.id` is ignored. Raises AlreadyExists/RULE_SET_TAKEN."""

    async def update(self, rule_set: RuleSet, *, version: int | None) -> RuleSet:
        """All of it. Raises NotFound, StaleVersion, AlreadyExists."""

    async def delete(self, rule_set_id: int) -> None:
        """Raises NotFound."""

    async def station_kinds(self) -> Sequence[StationKind]:
        """All stations that ever booted."""
