"""Outlets: what people know of connectors, and where anyone may charge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal
from csms.domain.errors import NotFound, Unavailable
from csms.domain.outlet import Outlet, checked_outlet
from csms.ports.feed import Feed, Subject
from csms.ports.outlets import OutletFilter, OutletStore
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.token_index import MemoryTokenIndex

EDITABLE: Final = ("uuid", "outlet_id", "connector_type", "parking", "mode", "external_ids")
REFRESH_SECONDS: Final = 15.0


class OutletPage(msgspec.Struct, frozen=True):
    """Outlets in the order of (station identity, EVSE, connector), and how many match in all."""

    outlets: tuple[Outlet, ...]
    total: int


class Outlets:
    """Use cases of people; and what the decision in memory must know of stations (`refresh`).

    All raise PermissionDenied, and Unavailable while the database is away.
    """

    def __init__(self, store: OutletStore, index: MemoryTokenIndex, scopes: Scopes, feed: Feed) -> None:
        self._store = store
        self._index = index
        self._scopes = scopes
        self._feed = feed

    async def get(self, caller: Principal, outlet_id: int) -> Outlet:
        """Raises NotFound."""
        return await self._seen(caller, await self._store.find(outlet_id))

    async def get_by_uuid(self, caller: Principal, uuid: str) -> Outlet:
        """Raises NotFound."""
        return await self._seen(caller, await self._store.find_by_uuid(uuid))

    async def page(
        self,
        caller: Principal,
        wanted: OutletFilter,
        *,
        place_id: int | None = None,
        size: int,
        after: tuple[str, int, int, int] | None = None,
    ) -> OutletPage:
        """Up to `size` outlets of stations that the caller sees, after a place in the list; in a place, where given.
        Raises NotFound."""
        scope, places = await self._scopes.narrowed(caller, Action.READ_STATIONS, place_id, None)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        outlets, total = await self._store.page(wanted, size=size, after=after)
        return OutletPage(tuple(outlets), total)

    async def update(
        self, caller: Principal, outlet_id: int, changes: Outlet, fields: Sequence[str], *, version: int | None
    ) -> Outlet:
        """Take the named fields (of EDITABLE) from `changes`. Raises InvalidArgument, NotFound, StaleVersion,
        AlreadyExists."""
        before = await self.get(caller, outlet_id)
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, before.station_id)
        named = {name: getattr(changes, name) for name in fields if name in EDITABLE}
        wanted = checked_outlet(msgspec.structs.replace(before, **named))
        kept = await self._store.update(wanted, version=before.version if version is None else version)
        await self._changed(before.station_id)
        note_change(f"outlets/{outlet_id}", before, kept)
        return kept

    async def free_vend(self, caller: Principal, station_id: int) -> bool:
        """May anyone charge at all outlets of the station? Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._store.free_vend(station_id)

    async def set_free_vend(self, caller: Principal, station_id: int, free: bool) -> bool:
        """Say it. Raises NotFound."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        before = await self._store.free_vend(station_id)
        await self._store.set_free_vend(station_id, free)
        await self._changed(station_id)
        note_change(f"stations/{station_id}", {"free_vend": before}, _FreeVend(free))
        return free

    # -- the decision in memory ------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Tell the index where anyone may charge, and where stations stand. Raises Unavailable."""
        found = await self._store.open_outlets()
        above = {place_id: self._scopes.places_above(place_id) for place_id in set(found.places.values())}
        self._index.set_open(found, {station_id: above[place_id] for station_id, place_id in found.places.items()})

    async def refresh_for_ever(self, *, every: float = REFRESH_SECONDS) -> None:
        """A task for the nursery of the application: stations come, move, and other processes change things, too."""
        while True:
            await trio.sleep(every)
            try:
                await self.refresh()
            except Unavailable:
                continue  # what is in memory stays good meanwhile

    async def _changed(self, station_id: int) -> None:
        self._feed.publish(Subject.STATION, station_id)
        await self.refresh()

    async def _seen(self, caller: Principal, found: Outlet | None) -> Outlet:
        if found is None:
            await self._scopes.of(caller, Action.READ_STATIONS)
            raise _no_outlet()
        try:
            await self._scopes.check_station(caller, Action.READ_STATIONS, found.station_id)
        except NotFound as error:
            raise _no_outlet() from error
        return found


class _FreeVend(msgspec.Struct, frozen=True):
    free_vend: bool


def _no_outlet() -> NotFound:
    return NotFound("There is no such outlet (any more).", reason="OUTLET_NOT_FOUND")
