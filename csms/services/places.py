"""Places: who may see and change them, and the tree in memory that every narrowing asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal
from csms.domain.errors import InvalidArgument, NotFound, Unavailable
from csms.domain.topology import (
    SYSTEM_ID,
    Place,
    PlaceKind,
    Tree,
    check_holds_stations,
    check_place,
    check_removal,
)
from csms.ports.directory import Directory
from csms.ports.feed import Feed, Subject
from csms.ports.places import PlaceStore
from csms.ports.sharing import SharingStore
from csms.services.scopes import Scopes
from csms.services.zones import known_zones

EDITABLE: Final = (
    "parent_id",
    "name",
    "description",
    "static_id",
    "address",
    "latitude",
    "longitude",
    "time_zone",
)
MAX_STATIONS: Final = 1_000
RELOAD_SECONDS: Final = 30.0


class Places:
    """Use cases of people. `tree` is what the database held when it was last read: `load` before the first question,
    after every change, and now and then (`reload_for_ever`), since other processes change places too."""

    def __init__(self, store: PlaceStore, feed: Feed, directory: Directory, sharing: SharingStore) -> None:
        self._store = store
        self._feed = feed
        self._directory = directory
        self.scopes = self._scopes = Scopes(sharing, lambda: self.tree, lambda: feed.revision)
        self._zones = known_zones()
        self.tree = Tree([Place(SYSTEM_ID, None, PlaceKind.SYSTEM, "System")])
        self._mark: tuple[int, ...] = ()

    async def load(self) -> None:
        """If there is something new. Raises Unavailable."""
        mark = await self._store.mark()
        if mark != self._mark:  # what changes from here on is read the next time
            self.tree, self._mark = Tree(await self._store.load_all()), mark

    async def reload_for_ever(self, *, every: float = RELOAD_SECONDS) -> None:
        """A task for the nursery of the application."""
        while True:
            await trio.sleep(every)
            try:
                await self.load()
            except Unavailable:
                continue  # what is in memory stays good meanwhile

    # -- reading ---------------------------------------------------------------------------------------------------

    async def get(self, caller: Principal, place_id: int) -> Place:
        """Raises NotFound, PermissionDenied."""
        await self._must_see(caller, place_id)
        return self.tree.get(place_id)

    async def all(self, caller: Principal, within: int = SYSTEM_ID) -> Sequence[Place]:
        """A place and all below it that the caller sees, each before those below it. Raises NotFound,
        PermissionDenied."""
        await self._must_see(caller, within)
        inside = self.tree.within([within]) & await self._scopes.seen_places(caller)
        return [place for place in self.tree.in_order() if place.id in inside]

    # -- changing --------------------------------------------------------------------------------------------------

    async def create(self, caller: Principal, place: Place) -> Place:
        """`place.id` is ignored; without a parent it stands in the system. Raises InvalidArgument, NotFound,
        AlreadyExists, PermissionDenied."""
        new = msgspec.structs.replace(place, id=0, parent_id=place.parent_id or SYSTEM_ID, name=place.name.strip())
        await self._may(caller, Action.EDIT_PLACES, new.parent_id or SYSTEM_ID)
        self._check(new)
        made = await self._store.create(new)
        await self.load()
        return made

    async def update(
        self, caller: Principal, place_id: int, changes: Place, fields: Iterable[str], *, version: int | None
    ) -> Place:
        """The fields named. Raises InvalidArgument, NotFound, AlreadyExists, StaleVersion, PermissionDenied."""
        await self._may(caller, Action.EDIT_PLACES, place_id)
        old = self.tree.get(place_id)
        new = msgspec.structs.replace(old, **{name: getattr(changes, name) for name in fields if name in EDITABLE})
        if old.kind is not PlaceKind.SYSTEM and new.parent_id != old.parent_id:
            await self._may(caller, Action.EDIT_PLACES, new.parent_id or 0)
        elif old.kind is PlaceKind.SYSTEM and new.parent_id is not None:
            raise InvalidArgument("The system stands in nothing.", reason="INVALID_PARENT")
        self._check(new)
        made = await self._store.update(new, version=version)
        await self.load()
        return made

    async def delete(self, caller: Principal, place_id: int) -> None:
        """Raises NotFound, FailedPrecondition/PLACE_NOT_EMPTY, PermissionDenied."""
        await self.load()
        await self._may(caller, Action.EDIT_PLACES, place_id)
        place = self.tree.get(place_id)
        await self._may(caller, Action.EDIT_PLACES, place.parent_id or SYSTEM_ID)
        check_removal(place, self.tree, await self._store.count_stations(place_id))
        await self._store.delete(place_id)
        await self.load()

    async def move_stations(self, caller: Principal, station_ids: Sequence[int], place_id: int) -> Sequence[int]:
        """Put stations somewhere; those that exist. Their history goes with them; their sessions stay where they were
        charged. Raises InvalidArgument, NotFound, PermissionDenied."""
        await self._scopes.of(caller, Action.ASSIGN_STATIONS)
        if not 0 < len(station_ids) <= MAX_STATIONS:
            raise InvalidArgument(f"Name 1 to {MAX_STATIONS} stations.", reason="INVALID_STATIONS")
        await self._may(caller, Action.ASSIGN_STATIONS, place_id)
        await self._scopes.check_stations(caller, Action.ASSIGN_STATIONS, station_ids)
        check_holds_stations(self.tree.get(place_id))
        await self._scopes.remember(station_ids)
        moved = await self._store.move_stations(station_ids, place_id)
        for station_id in moved:
            self._feed.publish(Subject.STATION, station_id)
            await self._directory.refresh(station_id)
        return moved

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _may(self, caller: Principal, action: Action, place_id: int) -> None:
        """Raises NotFound, PermissionDenied."""
        await self._scopes.of(caller, action)
        await self._must(place_id)
        await self._scopes.check_place(caller, action, place_id)

    async def _must_see(self, caller: Principal, place_id: int) -> None:
        """Raises NotFound, PermissionDenied."""
        await self._scopes.of(caller, Action.READ_STATIONS)
        await self._must(place_id)
        if place_id not in await self._scopes.seen_places(caller):
            raise NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")

    async def _must(self, place_id: int) -> None:
        """It may have been made by another process just now: then the tree is read once more. Raises NotFound."""
        try:
            self.tree.get(place_id)
        except NotFound:
            await self.load()
            self.tree.get(place_id)

    def _check(self, place: Place) -> None:
        check_place(place, self.tree)
        if place.time_zone and place.time_zone not in self._zones:
            raise InvalidArgument(
                f"There is no time zone {place.time_zone[:60]!r}. Time zones look like Europe/Stockholm.",
                reason="INVALID_TIME_ZONE",
            )
