"""What somebody may see and do: the table of csms.domain.access, where stations stand, with whom they are shared.

Whoever may not even see a station is told that there is none; whoever may see it but not do the thing, that they may
not. A chosen group narrows everything about stations, whoever chooses it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from csms.domain.access import Action, Principal, Reach, Scope, denied, grants, reach
from csms.domain.errors import NotFound, PermissionDenied
from csms.domain.topology import SYSTEM_ID, Tree, check_holds_stations
from csms.ports.sharing import SharingStore, Standing

REMEMBERED = 10_000


class Scopes:
    """Asked by every use case that concerns stations, places or sessions. Whoever reaches everything costs no query.

    All raise Unavailable while the database is away.
    """

    def __init__(self, store: SharingStore, tree: Callable[[], Tree], revision: Callable[[], int]) -> None:
        self._store = store
        self._tree = tree
        self._revision = revision
        self._left: OrderedDict[int, tuple[int, int, frozenset[int]]] = OrderedDict()

    async def of(self, caller: Principal, action: Action) -> Scope | None:
        """The part of the system in which the caller may do it; None: everything. Raises PermissionDenied, and NotFound
        when the chosen group is gone."""
        far = reach(caller, action)
        if far is Reach.NONE:
            raise denied(caller, action)
        only = await self._chosen(caller)
        if far is Reach.ALL:
            return None if only is None else Scope(station_ids=only, only=only)
        held = [] if caller.user_id is None else await self._store.stations_of(caller.user_id)
        return Scope(
            self._tree().within(caller.site_ids) if far is Reach.SITES else frozenset(),
            frozenset(each.station_id for each in held if grants(each.level, action)),
            caller.user_id if far is Reach.OWN else None,
            only,
        )

    async def narrowed(
        self, caller: Principal, action: Action, place_id: int | None, group_id: int | None
    ) -> tuple[Scope | None, frozenset[int]]:
        """For a list narrowed to a place and a group: the scope, and the place with all in it (none: everywhere).

        Raises PermissionDenied, NotFound for a place out of sight and a group that is not the caller's.
        """
        scope = await self.of(caller, action)
        if group_id is not None:
            narrow = msgspec.structs.replace(caller, group_id=group_id)
            only = await self._chosen(narrow) or frozenset()
            if scope is None:
                scope = Scope(station_ids=only, only=only)
            else:
                scope = msgspec.structs.replace(scope, only=only if scope.only is None else scope.only & only)
        if place_id is None:
            return scope, frozenset()
        if place_id not in await self.seen_places(caller):
            raise _no_place(place_id)
        return scope, self.within(place_id)

    async def seen_stations(self, caller: Principal, station_ids: Iterable[int]) -> frozenset[int]:
        """Those of them that the caller sees. Raises PermissionDenied."""
        wanted = frozenset(station_ids)
        scope = await self.of(caller, Action.READ_STATIONS)
        if scope is None or not wanted:
            return wanted
        standings = await self._store.standings(wanted, None)
        return frozenset(number for number, each in standings.items() if scope.holds(number, each.place_id))

    async def check_station(self, caller: Principal, action: Action, station_id: int) -> None:
        """Raises PermissionDenied, and NotFound when the caller may not even see it. A station that does not exist is
        NotFound only for callers who do not reach everything; for the others whoever needs it finds out."""
        await self.check_stations(caller, action, [station_id])

    async def check_stations(self, caller: Principal, action: Action, station_ids: Iterable[int]) -> None:
        """The same for many at once. Raises PermissionDenied, NotFound."""
        far = reach(caller, action)
        if far is Reach.NONE:
            raise denied(caller, action)
        only = await self._chosen(caller)
        wanted = list(station_ids)
        for station_id in wanted:
            if only is not None and station_id not in only:
                raise _no_station(station_id)
        if far is Reach.ALL:
            return
        standings = await self._store.standings(wanted, caller.user_id)
        places = self._tree().within(caller.site_ids) if caller.site_ids else frozenset()
        for station_id in wanted:
            standing = standings.get(station_id)
            if standing is None or not self._may(caller, Action.READ_STATIONS, standing, places):
                raise _no_station(station_id)
            if not self._may(caller, action, standing, places):
                raise denied(caller, action)

    async def access(
        self, caller: Principal, station_ids: Iterable[int], actions: Iterable[Action]
    ) -> dict[int, frozenset[Action]]:
        """Which of the actions the caller may do to each of the stations; those out of sight are left out. Raises
        PermissionDenied for callers who may not see any, and NotFound when the chosen group is gone."""
        wanted, asked = list(dict.fromkeys(station_ids)), frozenset(actions)
        if reach(caller, Action.READ_STATIONS) is Reach.NONE:
            raise denied(caller, Action.READ_STATIONS)
        only = await self._chosen(caller)
        standings = await self._store.standings(wanted, caller.user_id)
        places = self._tree().within(caller.site_ids) if caller.site_ids else frozenset()
        return {
            number: frozenset(action for action in asked if self._may(caller, action, standings[number], places))
            for number in wanted
            if number in standings
            and (only is None or number in only)
            and self._may(caller, Action.READ_STATIONS, standings[number], places)
        }

    async def keeps(self, caller: Principal) -> bool:
        """Do they, whose role reaches no station by itself, own one or manage one that is shared with them?"""
        if caller.user_id is None or reach(caller, Action.CONFIGURE_STATIONS) is not Reach.OWN:
            return False
        held = await self._store.stations_of(caller.user_id)
        return any(grants(each.level, Action.CONFIGURE_STATIONS) for each in held)

    async def check_tag(self, caller: Principal, action: Action, id_token: str) -> None:
        """Whoever may do it with what is shared with them may do it on their own tags only. Raises PermissionDenied."""
        if reach(caller, action) is not Reach.OWN:
            return
        if caller.user_id is None or not await self._store.is_tag_of(caller.user_id, id_token):
            raise PermissionDenied("This is none of your tags. Charge on one of your own.", reason="NOT_YOUR_TAG")

    async def check_place(self, caller: Principal, action: Action, place_id: int) -> None:
        """May the caller do it to the place? Raises PermissionDenied, and NotFound when they may not even see it."""
        far = reach(caller, action)
        if far is Reach.NONE:
            raise denied(caller, action)
        if far is Reach.ALL or (far is Reach.SITES and place_id in self._tree().within(caller.site_ids)):
            return
        if place_id in await self.seen_places(caller):
            raise denied(caller, action)
        raise _no_place(place_id)

    def check_holds_stations(self, place_id: int) -> None:
        """Raises NotFound, and InvalidArgument for a place in which no station can stand."""
        check_holds_stations(self._tree().get(place_id))

    def within(self, place_id: int) -> frozenset[int]:
        """The place and all in it; for the whole system nothing, which stands for everywhere. Raises NotFound."""
        self._tree().get(place_id)
        return frozenset() if place_id == SYSTEM_ID else self._tree().within([place_id])

    def places_above(self, place_id: int) -> frozenset[int]:
        """The place itself and all above it, as far as is known."""
        try:
            return frozenset(place.id for place in self._tree().upwards(place_id))
        except NotFound:  # a place that is too new for the tree
            return frozenset({place_id, SYSTEM_ID})

    async def seen_places(self, caller: Principal) -> frozenset[int]:
        """The places that the caller sees: their sites and all in them, what the stations shared with them stand in,
        and what is above those. Raises PermissionDenied."""
        far = reach(caller, Action.READ_STATIONS)
        tree = self._tree()
        if far is Reach.ALL:
            return tree.within([SYSTEM_ID])
        scope = await self.of(caller, Action.READ_STATIONS)
        seen = {SYSTEM_ID} | (scope.place_ids if scope else frozenset())
        held = [] if caller.user_id is None else await self._store.stations_of(caller.user_id)
        known = tree.within([SYSTEM_ID])
        for place_id in [*caller.site_ids, *(each.place_id for each in held)]:
            if place_id in known:
                seen.update(place.id for place in tree.upwards(place_id))
        return frozenset(seen)

    # -- what is out of sight now ----------------------------------------------------------------------------------

    async def remember(self, station_ids: Iterable[int], *, user_ids: Iterable[int] = ()) -> None:
        """The stations are about to be moved, deleted or taken from these users: those who have seen them must hear
        that they are gone."""
        users = frozenset(user_ids)
        for station_id, standing in (await self._store.standings(station_ids, None)).items():
            self._left[station_id] = (self._revision(), standing.place_id, users)
            self._left.move_to_end(station_id)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)

    def left(self, caller: Principal, scope: Scope, station_id: int) -> int | None:
        """When (the feed's revision) a station that the caller saw was moved, deleted or taken from somebody; None:
        never, as far as they know."""
        revision, place_id, users = self._left.get(station_id, (0, None, frozenset()))
        if place_id is not None and (caller.user_id in users or scope.holds(station_id, place_id)):
            return revision
        return None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _may(self, caller: Principal, action: Action, standing: Standing, places: frozenset[int]) -> bool:
        far = reach(caller, action)
        if far is Reach.NONE:
            return False
        return (
            far is Reach.ALL or (far is Reach.SITES and standing.place_id in places) or grants(standing.level, action)
        )

    async def _chosen(self, caller: Principal) -> frozenset[int] | None:
        if caller.group_id is None:
            return None
        group = await self._store.find_group(caller.group_id)
        if group is None or group.owner_id != caller.user_id:
            raise NotFound(
                f"You have no group {caller.group_id} (any more). Leave the group, or choose another.",
                reason="GROUP_NOT_FOUND",
            )
        return frozenset(group.station_ids)


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def _no_place(place_id: int) -> NotFound:
    return NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
