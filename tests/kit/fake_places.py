"""PlaceStore in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from tests.kit.fake_tables import FakeTables


class FakePlaces:
    """As PostgreSQL would; `tables.stations` says which stations exist and where they stand."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        now = tables.now()
        root = Place(SYSTEM_ID, None, PlaceKind.SYSTEM, "Chargehouse", created_at=now, updated_at=now)
        self._places = {SYSTEM_ID: root}
        self._next = 2
        tables.place_ids = {SYSTEM_ID}

    async def load_all(self) -> Sequence[Place]:
        self._tables.check()
        return list(self._places.values())

    async def mark(self) -> tuple[int, ...]:
        self._tables.check()
        return (self._next, *sorted(self._places), *(each.version for each in self._places.values()))

    async def create(self, place: Place) -> Place:
        self._tables.check()
        self._unique(place, 0)
        now = self._tables.now()
        made = msgspec.structs.replace(place, id=self._next, version=1, created_at=now, updated_at=now)
        self._places[self._next] = made
        self._tables.place_ids.add(made.id)
        self._next += 1
        return made

    async def update(self, place: Place, *, version: int | None) -> Place:
        old = self._must(place.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this place meanwhile. Reload it and try again.")
        self._unique(place, place.id)
        made = msgspec.structs.replace(
            place, kind=old.kind, version=old.version + 1, created_at=old.created_at, updated_at=self._tables.now()
        )
        self._places[place.id] = made
        return made

    async def delete(self, place_id: int) -> None:
        self._must(place_id)
        held = any(place.parent_id == place_id for place in self._places.values())
        if held or await self.count_stations(place_id):
            raise FailedPrecondition("Something still stands in this place.", reason="PLACE_NOT_EMPTY")
        above = self._places.pop(place_id).parent_id or SYSTEM_ID
        self._tables.place_ids.discard(place_id)
        for number, place in self._tables.session_places.items():
            if place == place_id:
                self._tables.session_places[number] = above

    async def count_stations(self, place_id: int) -> int:
        self._tables.check()
        return sum(station.place_id == place_id for station in self._tables.stations.values())

    async def move_stations(self, station_ids: Sequence[int], place_id: int) -> Sequence[int]:
        self._tables.check()
        moved = sorted({number for number in station_ids if number in self._tables.stations})
        if moved:
            self._must(place_id)
        for number in moved:
            self._tables.stations[number].place_id = place_id
        return moved

    def _must(self, place_id: int) -> Place:
        self._tables.check()
        if place_id not in self._places:
            raise NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
        return self._places[place_id]

    def _unique(self, place: Place, but: int) -> None:
        if place.parent_id is not None:
            self._must(place.parent_id)
        for other in self._places.values():
            if other.id == but:
                continue
            if place.static_id and other.static_id == place.static_id:
                raise AlreadyExists("There is already a place with that number.", reason="STATIC_ID_TAKEN")
            if other.parent_id == place.parent_id and other.name.lower() == place.name.lower():
                raise AlreadyExists("There is already one of that name.", reason="PLACE_NAME_TAKEN")
