"""Load groups for people: made and changed, and how each stands at this moment, outlet by outlet, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.access import Action, Principal, Reach, denied, reach
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.load_balancing import OutletKey, Why, used
from csms.domain.load_group import GridReading, LimitUnit, LoadGroup, check_reading, checked_group
from csms.domain.load_hold import UNLIMITED
from csms.ports.load_groups import LoadGroupStore
from csms.services.audit import note_change
from csms.services.load_survey import GroupState, LoadSurvey, Site, Situation
from csms.services.scopes import Scopes

POLICY_FIELDS = frozenset({"unit", "limit", "voltage", "fail_safe_current_a", "max_current_a", "sharing", "meter"}) | {
    "meter_max_age_s",
    "fallback_limit",
    "station_ids",
    "stations",
}
OWN_FIELDS = frozenset({"place_id", "display_name", "enabled"})


class Standing(StrEnum):
    """Why an outlet may draw what it may."""

    FULL = "FULL"
    SHARED = "SHARED"
    DRAWS_LESS = "DRAWS_LESS"
    WAITS = "WAITS"
    READY = "READY"
    CLOSED = "CLOSED"
    OFFLINE = "OFFLINE"
    """Nothing can be told to its station; so much is kept free for it."""
    UNCONTROLLED = "UNCONTROLLED"
    """Its station never took a limit: it counts with all that it can give."""
    REFUSED = "REFUSED"
    """Its station refused the last limit, and counts with what it had."""
    SILENT = "SILENT"
    """Its station did not answer; the greater of the old and the new counts."""


class MeterReading(msgspec.Struct, frozen=True):
    """As a meter tells it: only what is in the unit of the limit counts. Time None: now."""

    at: datetime | None
    amperes: tuple[float, float, float]
    watts: float


class OutletState(msgspec.Struct, frozen=True):
    """An outlet of a group now. Currents in tenths of amperes per phase: `given` is what its station accepted last,
    `due` what it is to have, `draws` what it may draw at most, as is reckoned with."""

    key: OutletKey
    station_identity: str
    station_display_name: str
    standing: Standing
    online: bool
    charging: bool
    given: int
    due: int
    draws: int
    power_w: float
    since: datetime
    answer: str


class LoadState(msgspec.Struct, frozen=True):
    """A group now. Sums over its outlets: amperes on each phase (tenths) and watts in all (tenths)."""

    group: LoadGroup
    at: datetime
    carries_amperes: tuple[int, int, int] | None
    carries_watts: int | None
    drawn_amperes: tuple[int, int, int]
    """What all may draw at most."""
    drawn_watts: int
    reserved_amperes: tuple[int, int, int]
    """Of it, for those that cannot be told anything."""
    reserved_watts: int
    fail_safe_amperes: tuple[int, int, int]
    """If nobody could be told anything any more."""
    fail_safe_watts: int
    reading: GridReading | None
    last_reading_at: datetime | None
    outlets: tuple[OutletState, ...]
    fail_safe_fits: bool
    """Does the limit carry it?"""


class LoadGroups:
    """Use cases. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: LoadGroupStore,
        survey: LoadSurvey,
        scopes: Scopes,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._survey = survey
        self._scopes = scopes
        self._wake = wake
        self._now = now

    async def all(self, caller: Principal, place_id: int | None = None) -> Sequence[LoadGroup]:
        """By name; `place_id`: only those there and below. Raises NotFound for a place out of sight."""
        self._check_staff(caller)
        scope, places = await self._scopes.narrowed(caller, Action.READ_STATIONS, place_id, None)
        return [
            group
            for group in await self._store.all()
            if (scope is None or scope.holds(None, group.place_id)) and (not places or group.place_id in places)
        ]

    async def get(self, caller: Principal, group_id: int) -> LoadGroup:
        """Raises NotFound."""
        return await self._seen(caller, Action.READ_STATIONS, group_id)

    async def create(self, caller: Principal, group: LoadGroup) -> LoadGroup:
        """Raises InvalidArgument, NotFound for the place, AlreadyExists."""
        await self._check(caller, group)
        made = await self._store.create(checked_group(group))
        note_change(f"loadGroups/{made.id}", None, made)
        self._wake()
        return made

    async def update(
        self, caller: Principal, wanted: LoadGroup, fields: Collection[str], *, version: int | None
    ) -> LoadGroup:
        """Change what is named: OWN_FIELDS, POLICY_FIELDS. Raises InvalidArgument, NotFound, StaleVersion,
        AlreadyExists."""
        old = await self._seen(caller, Action.EDIT_PLACES, wanted.id)
        policy = msgspec.structs.replace(
            old.policy, **{name: getattr(wanted.policy, name) for name in fields if name in POLICY_FIELDS}
        )
        own = {name: getattr(wanted, name) for name in fields if name in OWN_FIELDS}
        new = msgspec.structs.replace(old, policy=policy, **own)
        await self._check(caller, new)
        made = await self._store.update(checked_group(new), version=version)
        note_change(f"loadGroups/{made.id}", old, made)
        self._wake()
        return made

    async def delete(self, caller: Principal, group_id: int) -> None:
        """Its stations are told to forget their limits. Raises NotFound."""
        old = await self._seen(caller, Action.EDIT_PLACES, group_id)
        await self._store.delete(group_id)
        note_change(f"loadGroups/{group_id}", old)
        self._wake()

    async def report(self, caller: Principal, group_id: int, told: MeterReading) -> bool:
        """Take in what a grid meter says; False: a newer reading is known. Raises NotFound, InvalidArgument."""
        group = await self._seen(caller, Action.CONFIGURE_STATIONS, group_id)
        if not group.policy.meter:
            raise InvalidArgument(
                "This load group has no grid meter. Say in its settings that it has one.", reason="NO_METER"
            )
        now = self._now()
        in_watts = group.policy.unit is LimitUnit.WATT
        reading = GridReading(
            group_id,
            min(told.at or now, now),
            None if in_watts else told.amperes,
            told.watts if in_watts else None,
        )
        check_reading(msgspec.structs.replace(reading, at=told.at or now), group.policy, now)
        taken = await self._store.put_reading(reading)
        self._wake()
        return taken

    async def state(self, caller: Principal, group_id: int) -> LoadState:
        """How it stands, and why. Raises NotFound."""
        await self._seen(caller, Action.READ_STATIONS, group_id)
        now = self._now()
        for site in await self._survey.sites(now, of=[group_id]):
            for each in site.groups:
                if each.group.id == group_id:
                    return _load_state(site, each, now)
        raise NotFound(f"There is no load group {group_id} (any more).", reason="LOAD_GROUP_NOT_FOUND")

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _seen(self, caller: Principal, action: Action, group_id: int) -> LoadGroup:
        """Raises NotFound, PermissionDenied."""
        self._check_staff(caller)
        found = await self._store.find(group_id)
        try:
            await self._scopes.check_place(caller, action, found.place_id)
        except NotFound:
            raise NotFound(f"There is no load group {group_id} (any more).", reason="LOAD_GROUP_NOT_FOUND") from None
        return found

    async def _check(self, caller: Principal, group: LoadGroup) -> None:
        """May they write it, with these stations? Raises PermissionDenied, NotFound, InvalidArgument."""
        await self._scopes.check_place(caller, Action.EDIT_PLACES, group.place_id)
        self._scopes.check_holds_stations(group.place_id)
        named = {*group.policy.station_ids, *(share.station_id for share in group.policy.stations)}
        await self._scopes.check_stations(caller, Action.READ_STATIONS, sorted(named))

    def _check_staff(self, caller: Principal) -> None:
        """Who sees one's own stations only is not told of the others beside them. Raises PermissionDenied."""
        if reach(caller, Action.READ_STATIONS) not in (Reach.ALL, Reach.SITES):
            raise denied(caller, Action.READ_STATIONS)


def _load_state(site: Site, state: GroupState, now: datetime) -> LoadState:
    situations = {key: each for key, each in site.situations.items() if key in state.members}
    outlets = [each.outlet for each in situations.values()]
    fixed = {key: each.draws for key, each in situations.items() if not each.free}
    safe = {key: _fail_safe(each) for key, each in situations.items()}
    drawn = used(outlets, state.limit, {key: each.draws for key, each in situations.items()})
    reserved, fallen = used(outlets, state.limit, fixed), used(outlets, state.limit, safe)
    amperes, watts = state.limit.amperes, state.limit.watts
    fits = amperes is None or all(have <= limit for have, limit in zip(fallen[0], amperes, strict=True))
    return LoadState(
        state.group,
        now,
        amperes,
        watts,
        *drawn,
        *reserved,
        *fallen,
        state.reading,
        state.last_reading_at,
        tuple(_outlet_state(key, each, site) for key, each in sorted(situations.items())),
        fits and (watts is None or fallen[1] <= watts),
    )


def _fail_safe(each: Situation) -> int:
    if each.fail_safe is None:
        return each.terms.fail_safe if each.station.online else each.terms.most
    return min(each.terms.most, each.fail_safe.held)


def _outlet_state(key: OutletKey, each: Situation, site: Site) -> OutletState:
    share = site.shares[key]
    return OutletState(
        key,
        each.station.identity,
        each.station.display_name,
        _standing(each, share.why),
        each.station.online,
        each.outlet.charging,
        each.outlet.given,
        share.current,
        each.draws,
        each.power_w,
        each.outlet.since,
        each.hold.answer
        if each.hold is not None and each.hold.answer
        else each.fail_safe.answer
        if each.fail_safe
        else "",
    )


def _standing(each: Situation, why: Why) -> Standing:
    unheld = each.fail_safe is None or each.fail_safe.held >= UNLIMITED
    if unheld and each.draws >= each.terms.most:
        return Standing.UNCONTROLLED
    if not each.station.online:
        return Standing.OFFLINE
    if each.hold is not None and each.hold.refused:
        return Standing.REFUSED if each.hold.answered else Standing.SILENT
    return Standing.UNCONTROLLED if why is Why.FIXED else Standing(why.value)
