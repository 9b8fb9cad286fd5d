"""Load groups in memory; the same contract as PostgreSQL's (tests/contracts/test_load_groups.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.load_group import GridReading, LoadGroup
from csms.domain.load_hold import LoadHold
from csms.ports.queries import StationQueries
from csms.services.load_groups import LoadGroups
from csms.services.load_survey import LoadSurvey
from csms.services.scopes import Scopes
from tests.kit.fake_tables import FakeTables, clean


class FakeLoadGroups:
    """See csms.ports.load_groups.LoadGroupStore."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._groups: dict[int, LoadGroup] = {}
        self._readings: dict[int, GridReading] = {}
        self._holds: dict[tuple[int, int], LoadHold] = {}
        self._ids = itertools.count(1)

    async def all(self) -> Sequence[LoadGroup]:
        self._tables.check()
        return sorted(self._groups.values(), key=lambda each: (each.display_name.lower(), each.id))

    async def find(self, group_id: int) -> LoadGroup:
        self._tables.check()
        if group_id not in self._groups:
            raise NotFound(f"There is no load group {group_id} (any more).", reason="LOAD_GROUP_NOT_FOUND")
        return self._groups[group_id]

    async def create(self, group: LoadGroup) -> LoadGroup:
        self._check(group, 0)
        now = self._tables.now()
        new = msgspec.structs.replace(clean(group), id=next(self._ids), version=1, created_at=now, updated_at=now)
        self._groups[new.id] = new
        return new

    async def update(self, group: LoadGroup, *, version: int | None) -> LoadGroup:
        old = await self.find(group.id)
        self._check(group, old.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this load group meanwhile. Reload it and try again.")
        self._groups[old.id] = msgspec.structs.replace(
            clean(group), version=old.version + 1, created_at=old.created_at, updated_at=self._tables.now()
        )
        return self._groups[old.id]

    async def delete(self, group_id: int) -> None:
        await self.find(group_id)
        del self._groups[group_id]
        self._readings.pop(group_id, None)

    async def put_reading(self, reading: GridReading) -> bool:
        await self.find(reading.group_id)
        old = self._readings.get(reading.group_id)
        if old is not None and old.at > reading.at:
            return False
        self._readings[reading.group_id] = reading
        return True

    async def readings(self) -> Sequence[GridReading]:
        self._tables.check()
        return [self._readings[number] for number in sorted(self._readings)]

    async def holds(self) -> Sequence[LoadHold]:
        self._tables.check()
        return [self._holds[key] for key in sorted(self._holds) if key[0] in self._tables.stations]

    async def keep(self, holds: Collection[LoadHold]) -> None:
        self._tables.check()
        for hold in holds:
            if hold.station_id in self._tables.stations:
                self._holds[hold.station_id, hold.evse_id] = hold

    async def drop(self, keys: Collection[tuple[int, int]]) -> None:
        self._tables.check()
        for key in keys:
            self._holds.pop(key, None)

    def _check(self, group: LoadGroup, number: int) -> None:
        self._tables.check()
        if group.place_id not in self._tables.place_ids:
            raise NotFound(f"There is no place {group.place_id} (any more).", reason="PLACE_NOT_FOUND")
        for other in self._groups.values():
            same = other.display_name.lower() == group.display_name.lower() and other.place_id == group.place_id
            if same and other.id != number:
                raise AlreadyExists(
                    f"There is a load group {group.display_name} at this place already. Choose another name.",
                    reason="LOAD_GROUP_NAME_TAKEN",
                )


def load_groups_on(
    store: FakeLoadGroups, stations: StationQueries, scopes: Scopes, now: Callable[[], datetime]
) -> LoadGroups:
    """The use cases; nobody tells stations anything."""
    return LoadGroups(store, LoadSurvey(store, stations, scopes), scopes, wake=lambda: None, now=now)
