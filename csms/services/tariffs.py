"""Tariffs: kept, assigned, looked up, tried out."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, check, may
from csms.domain.consumption import consumption_of
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.tariff import Cost, Tariff, check_tariff, price
from csms.domain.tariff_book import (
    Assignment,
    InForce,
    NamedTariff,
    Target,
    TargetKind,
    check_named,
    nearest,
    targets_of,
    version_at,
)
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.people import PeopleStore
from csms.ports.queries import StationQueries
from csms.ports.tariffs import TariffStore
from csms.services.audit import note_change
from csms.services.scopes import Scopes

EDITABLE: Final = ("name", "description", "terms")
LONGEST: Final = timedelta(days=366)
MOST_WH: Final = 1e9
LATE: Final = timedelta(minutes=1)
"""A beginning that is so little in the past is meant to be now."""


class Draft(msgspec.Struct, frozen=True):
    """A session that is imagined: energy flows evenly, then the vehicle stays."""

    start: datetime
    charging: timedelta
    parked: timedelta
    energy_wh: float


class Tariffs:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: TariffStore,
        stations: StationQueries,
        people: PeopleStore,
        scopes: Scopes,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called when other prices may hold somewhere."""
        self._changed = changed
        self._store = store
        self._stations = stations
        self._people = people
        self._scopes = scopes
        self._tree = tree
        self._now = now

    # -- the book --------------------------------------------------------------------------------------------------

    async def page(
        self, caller: Principal, *, query: str, retired: bool, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[NamedTariff], int]:
        """By name, and how many match in all."""
        check(caller, Action.READ_TARIFFS)
        return await self._store.page(query=query, retired=retired, size=size, after=after)

    async def get(self, caller: Principal, tariff_id: int) -> tuple[NamedTariff, Sequence[Assignment]]:
        """With its versions, and where it holds. Raises NotFound."""
        check(caller, Action.READ_TARIFFS)
        return await self._must(tariff_id), await self._store.assignments(tariff_id=tariff_id)

    async def create(
        self, caller: Principal, name: str, description: str, terms: Tariff, valid_from: datetime | None
    ) -> NamedTariff:
        """With its first version. Raises InvalidArgument, AlreadyExists."""
        check(caller, Action.EDIT_TARIFFS)
        check_tariff(terms)
        check_named(NamedTariff(0, name.strip(), description))
        made = await self._store.create(name.strip(), description, terms, self._beginning(valid_from))
        note_change(f"tariffs/{made.id}", None, made)
        return made

    async def update(
        self,
        caller: Principal,
        tariff_id: int,
        changes: Mapping[str, str],
        terms: Tariff | None,
        valid_from: datetime | None,
        *,
        version: int | None,
    ) -> NamedTariff:
        """Other `name` or `description`; with `terms` a new version. Raises InvalidArgument, NotFound, AlreadyExists,
        StaleVersion."""
        check(caller, Action.EDIT_TARIFFS)
        old = await self._must(tariff_id)
        new = msgspec.structs.replace(
            old, name=changes.get("name", old.name).strip(), description=changes.get("description", old.description)
        )
        check_named(new)
        if terms is not None:
            check_tariff(terms)
        made = await self._store.update(new, terms=terms, valid_from=self._beginning(valid_from), version=version)
        note_change(f"tariffs/{made.id}", old, made)
        self._changed()
        return made

    async def delete(self, caller: Principal, tariff_id: int) -> None:
        """Raises NotFound, FailedPrecondition/TARIFF_IN_USE."""
        check(caller, Action.EDIT_TARIFFS)
        old = await self._must(tariff_id)
        await self._store.delete(tariff_id)
        note_change(f"tariffs/{tariff_id}", old)

    async def retire(self, caller: Principal, tariff_id: int) -> NamedTariff:
        """Raises NotFound, FailedPrecondition/TARIFF_ASSIGNED."""
        check(caller, Action.EDIT_TARIFFS)
        old = await self._must(tariff_id)
        if held := await self._store.assignments(tariff_id=tariff_id):
            raise FailedPrecondition(
                f"This tariff still holds for {held[0].target}. Assign another one there first.",
                reason="TARIFF_ASSIGNED",
            )
        made = await self._store.update(
            msgspec.structs.replace(old, retired=True), terms=None, valid_from=self._now(), version=old.version
        )
        note_change(f"tariffs/{tariff_id}", old, made)
        return made

    # -- where it holds --------------------------------------------------------------------------------------------

    async def assign(self, caller: Principal, target: Target, tariff_id: int | None) -> Assignment | None:
        """From now on it (None: none) holds there. Raises NotFound, InvalidArgument, FailedPrecondition."""
        await self._may_assign(caller, target)
        before = await self._store.assignments(target=target)
        made = await self._store.assign(target, tariff_id, self._now())
        note_change(str(target), before[0] if before else None, made)
        self._changed()
        return made

    async def assignments(
        self, caller: Principal, *, tariff_id: int | None, target: Target | None
    ) -> Sequence[Assignment]:
        """Those that hold now."""
        check(caller, Action.READ_TARIFFS)
        return await self._store.assignments(tariff_id=tariff_id, target=target)

    async def names(self, tariff_ids: Iterable[int]) -> Mapping[int, str]:
        """What they are called."""
        return {number: each.name for number, each in (await self._store.get(list(set(tariff_ids)))).items()}

    async def in_force(
        self,
        caller: Principal,
        station_id: int,
        evse_id: int,
        *,
        id_token: str,
        user_id: int | None,
        at: datetime | None,
    ) -> tuple[InForce | None, str]:
        """What holds at a station for a tag or a user, and the time zone in which it is read. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        found = await self._stations.get_stations([station_id])
        if not found:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        group = ""
        if id_token:
            await self._scopes.check_tag(caller, Action.READ_STATIONS, id_token)
            user_id, group = await self._store.driver(id_token)
        elif user_id is not None and user_id != caller.user_id and not may(caller, Action.READ_TARIFFS):
            raise PermissionDenied("This is for your own account only.", reason="NOT_YOURS")
        tree, place_id = self._tree(), found[0].place_id
        above = [place.id for place in tree.upwards(place_id)]
        targets = targets_of(above, station_id, evse_id, user_id, group)
        held = nearest(targets, await self._store.in_force(targets, at or self._now()))
        return held, tree.time_zone_of(place_id)

    # -- what it means ---------------------------------------------------------------------------------------------

    async def preview(
        self, caller: Principal, terms: Tariff | int, draft: Draft, *, zone: str, place_id: int | None
    ) -> tuple[Tariff, Cost]:
        """What an imagined session costs, by a draft or by the tariff of that number. Raises InvalidArgument,
        NotFound."""
        check(caller, Action.READ_TARIFFS)
        if isinstance(terms, int):
            known = await self._must(terms)
            terms = (version_at(known.versions, draft.start) or known.versions[0]).terms
        check_tariff(terms)
        span = draft.charging + draft.parked
        if min(draft.charging, draft.parked) < timedelta(0) or span > LONGEST:
            raise InvalidArgument("A session lasts up to a year.", reason="INVALID_DURATION")
        if not 0 <= draft.energy_wh <= MOST_WH:
            raise InvalidArgument("Energy is 0 to 1 000 000 000 Wh.", reason="INVALID_ENERGY")
        name = zone or self._tree().time_zone_of(place_id or SYSTEM_ID)
        try:
            clock = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidArgument(
                f"There is no time zone {name[:60]!r}. Time zones look like Europe/Stockholm.",
                reason="INVALID_TIME_ZONE",
            ) from error
        ended = draft.start + draft.charging
        used = consumption_of(draft.start, ended, draft.energy_wh, (), ended + draft.parked)
        return terms, price(used, terms, clock)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _beginning(self, wanted: datetime | None) -> datetime:
        now = self._now()
        if wanted is None or now - LATE <= wanted <= now:
            return now
        if wanted < now:
            raise InvalidArgument(
                "A version cannot begin in the past: sessions of then have been priced.", reason="VALID_FROM_PAST"
            )
        return wanted

    async def _may_assign(self, caller: Principal, target: Target) -> None:
        match target.kind:
            case TargetKind.PLACE:
                await self._scopes.of(caller, Action.ASSIGN_TARIFFS)
                self._tree().get(target.id)
                await self._scopes.check_place(caller, Action.ASSIGN_TARIFFS, target.id)
            case TargetKind.STATION | TargetKind.OUTLET:
                await self._scopes.check_station(caller, Action.ASSIGN_TARIFFS, target.id)
                if not await self._stations.get_stations([target.id]):
                    raise NotFound(f"There is no station {target.id} (any more).", reason="STATION_NOT_FOUND")
            case TargetKind.USER:
                check(caller, Action.ASSIGN_TARIFFS)
                if await self._people.find(target.id) is None:
                    raise NotFound(f"There is no user {target.id} (any more).", reason="USER_NOT_FOUND")
            case TargetKind.TAG_GROUP:
                check(caller, Action.ASSIGN_TARIFFS)

    async def _must(self, tariff_id: int) -> NamedTariff:
        found = (await self._store.get([tariff_id])).get(tariff_id)
        if found is None:
            raise NotFound(f"There is no tariff {tariff_id} (any more).", reason="TARIFF_NOT_FOUND")
        return found
