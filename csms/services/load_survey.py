"""How things stand in load groups: who charges, what every outlet may still draw, and what the limits are just now.

Groups that share stations are looked at together, as one site: a limit of one is then in force for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.load_balancing import Limit, Outlet, OutletKey, Share, Sharing, allocate
from csms.domain.load_group import GridReading, LimitUnit, LoadGroup, Policy, StationShare, tenths
from csms.domain.load_hold import SETTLED_AFTER, LoadHold, may_draw
from csms.ports.load_groups import LoadGroupStore
from csms.ports.queries import StationFilter, StationQueries, StationView
from csms.services.scopes import Scopes

PAGE: Final = 500
RETRY_SILENT: Final = timedelta(seconds=30)
"""So long after it did not answer a station is asked again."""
RETRY_REFUSED: Final = timedelta(minutes=5)
ASLEEP: Final = timedelta(minutes=10)
"""Who has current for so long and tells no more than 0 W does not want any."""


class Terms(msgspec.Struct, frozen=True):
    """What holds for a station: of the narrowest group that it is in. Currents in tenths of amperes."""

    fail_safe: int
    most: int
    voltage: int
    share: StationShare


class Situation(msgspec.Struct, frozen=True):
    """An outlet of a group, and how it stands."""

    outlet: Outlet
    station: StationView
    draws: int
    """What it may draw at most, from now on."""
    hold: LoadHold | None
    fail_safe: LoadHold | None
    terms: Terms
    power_w: float

    @property
    def free(self) -> bool:
        """Can it be told something?"""
        return self.outlet.fixed is None


class GroupState(msgspec.Struct, frozen=True):
    """A group, and its limit as it is now."""

    group: LoadGroup
    limit: Limit
    members: frozenset[OutletKey]
    reading: GridReading | None
    """None: none that counts."""
    last_reading_at: datetime | None


@dataclass(slots=True)
class Site:
    """Groups that share stations, and all that is in them."""

    groups: list[GroupState]
    situations: dict[OutletKey, Situation]
    shares: dict[OutletKey, Share]
    """What each should have."""

    @property
    def outlets(self) -> list[Outlet]:
        """For the reckoning."""
        return [each.outlet for each in self.situations.values()]

    @property
    def limits(self) -> list[Limit]:
        """Of all groups."""
        return [each.limit for each in self.groups]


@dataclass(slots=True)
class Watched:
    """What one look at an outlet cannot tell, only several: when its session began, when its power was told."""

    began: dict[OutletKey, tuple[int, datetime]] = field(default_factory=dict)
    told: dict[OutletKey, tuple[float, float, datetime, float]] = field(default_factory=dict)
    """Power, energy, since when, and the power before."""
    valued: dict[OutletKey, tuple[int, datetime]] = field(default_factory=dict)
    """What it was given, and when it was last given more."""


class LoadSurvey:
    """Reads; changes nothing. Raises Unavailable while the database is away."""

    def __init__(self, store: LoadGroupStore, stations: StationQueries, scopes: Scopes) -> None:
        self._store = store
        self._stations = stations
        self._scopes = scopes
        self._watched = Watched()

    async def sites(self, now: datetime, *, of: Iterable[int] | None = None) -> list[Site]:
        """All that are enabled; `of`: only those with one of these groups in it, enabled or not."""
        wanted = None if of is None else frozenset(of)
        groups = [each for each in await self._store.all() if each.enabled or (wanted and each.id in wanted)]
        if not groups:
            return []
        views = {group.id: await self._members(group) for group in groups}
        readings = {each.group_id: each for each in await self._store.readings()}
        holds = {(each.station_id, each.evse_id): each for each in await self._store.holds()}
        return [
            self._site(together, views, readings, holds, now)
            for together in _connected(groups, views)
            if wanted is None or any(group.id in wanted for group in together)
        ]

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _members(self, group: LoadGroup) -> list[StationView]:
        """The stations of a group."""
        wanted = StationFilter(
            place_ids=self._scopes.within(group.place_id), registrations=(RegistrationStatus.ACCEPTED,)
        )
        only, found = frozenset(group.policy.station_ids), list[StationView]()
        after: tuple[str, int] | None = None
        while True:
            page, _total = await self._stations.page_stations(wanted, size=PAGE, after=after)
            found += [view for view in page if not only or view.id in only]
            if len(page) < PAGE:
                return found
            after = page[-1].sort_key or page[-1].identity, page[-1].id

    def _site(
        self,
        groups: Sequence[LoadGroup],
        views: Mapping[int, Sequence[StationView]],
        readings: Mapping[int, GridReading],
        holds: Mapping[tuple[int, int], LoadHold],
        now: datetime,
    ) -> Site:
        narrow_first = sorted(groups, key=lambda group: (len(views[group.id]), group.id))
        situations: dict[OutletKey, Situation] = {}
        for view in {view.id: view for group in groups for view in views[group.id]}.values():
            terms = _terms(view, next(g for g in narrow_first if any(each.id == view.id for each in views[g.id])))
            for evse_id in _evses(view):
                key = OutletKey(view.id, evse_id)
                situations[key] = self._situation(key, view, terms, holds, now)
        states = [
            _state(group, views[group.id], situations, readings.get(group.id), self._watched, now) for group in groups
        ]
        by_priority = any(group.policy.sharing is Sharing.PRIORITY for group in groups)
        shares = allocate(
            [each.outlet for each in situations.values()],
            [state.limit for state in states],
            now,
            Sharing.PRIORITY if by_priority else Sharing.FAIR,
        )
        return Site(states, situations, shares)

    def _situation(
        self,
        key: OutletKey,
        view: StationView,
        terms: Terms,
        holds: Mapping[tuple[int, int], LoadHold],
        now: datetime,
    ) -> Situation:
        hold, fail_safe = holds.get(key), holds.get((view.id, 0))
        session = next((each for each in view.sessions if each.evse_id == key.evse_id), None)
        told = view.online and fail_safe is not None and ready(hold, view.connected_at, now)
        draws = may_draw(hold, fail_safe, most=terms.most, told=told, now=now)
        given = hold.given if hold is not None else 0
        power = 0.0 if session is None else session.power_w
        self._watch(key, session.session_id if session else 0, power, session.energy_wh if session else 0.0, given, now)
        since = hold.changed_at if hold is not None else now
        if session is not None and (began := self._watched.began.get(key)) is not None:
            since = max(since, began[1])
        outlet = Outlet(
            key,
            since,
            charging=session is not None,
            most=terms.most,
            phases=terms.share.phases.numbers,
            given=given,
            drawn=self._drawn(key, view, terms, now) if session is not None and given else None,
            priority=terms.share.priority,
            fixed=None if told else draws,
        )
        return Situation(outlet, view, draws, hold, fail_safe, terms, power)

    def _watch(self, key: OutletKey, session_id: int, power: float, energy: float, given: int, now: datetime) -> None:
        watched = self._watched
        if session_id == 0:
            watched.began.pop(key, None)
            watched.told.pop(key, None)
        elif key not in watched.began or watched.began[key][0] != session_id:
            watched.began[key] = session_id, now
            watched.told.pop(key, None)
        if session_id:
            last = watched.told.get(key)
            if last is None or last[:2] != (power, energy):
                watched.told[key] = power, energy, now, power if last is None else last[0]
        before, since = watched.valued.get(key, (0, now))
        watched.valued[key] = given, now if given > before else since

    def _drawn(self, key: OutletKey, view: StationView, terms: Terms, now: datetime) -> int | None:
        """The current that its vehicle takes, once it had the time to; in doubt more rather than less."""
        given, since = self._watched.valued[key]
        if now - since < SETTLED_AFTER:
            return None
        statuses = {each.status for each in view.connectors if each.evse_id == key.evse_id}
        if statuses == {ConnectorStatus.SUSPENDED_EV}:
            return 0
        power, _energy, at, _before = self._watched.told[key]
        if power <= 0 and now - since >= ASLEEP:
            return 0
        if power <= 0 or at - since < SETTLED_AFTER:
            return None
        one_phase = tenths(power / terms.voltage)
        if len(terms.share.phases.numbers) == 3 and one_phase > given * 1.15:  # so it must be on several
            return tenths(power / (3 * terms.voltage))
        return one_phase


def ready(hold: LoadHold | None, connected_at: datetime | None, now: datetime) -> bool:
    """May it be told something (again)?"""
    if hold is None or not hold.refused or (connected_at is not None and connected_at > hold.sent_at):
        return True
    return now - hold.sent_at >= (RETRY_REFUSED if hold.answered else RETRY_SILENT)


def _evses(view: StationView) -> list[int]:
    """Those that the station told of; one until then."""
    told = {each.evse_id for each in view.connectors} | {each.evse_id for each in view.sessions}
    return sorted(told - {0}) or [1]


def _terms(view: StationView, group: LoadGroup) -> Terms:
    policy = group.policy
    share = next((each for each in policy.stations if each.station_id == view.id), StationShare(view.id))
    most = tenths(policy.max_current_a if share.max_current_a is None else share.max_current_a)
    return Terms(min(most, tenths(policy.fail_safe_current_a)), most, policy.voltage, share)


def _state(
    group: LoadGroup,
    views: Sequence[StationView],
    situations: Mapping[OutletKey, Situation],
    reading: GridReading | None,
    watched: Watched,
    now: datetime,
) -> GroupState:
    """The limit as it is now: with a meter, what the building leaves of it."""
    policy, stations = group.policy, {view.id for view in views}
    members = frozenset(key for key in situations if key.station_id in stations)
    fresh = reading if policy.meter and reading is not None and reading.is_fresh(policy, now) else None
    if not policy.meter:
        carries = [policy.limit] * 3
    elif fresh is None:
        carries = [policy.fallback_limit] * 3
    else:
        drawn = _drawn_by_ours(members, situations, watched, policy)
        values = fresh.amperes if fresh.amperes is not None else (fresh.watts or 0.0,) * 3
        carries = [policy.limit - max(0.0, value - own) for value, own in zip(values, drawn, strict=True)]
    if policy.unit is LimitUnit.AMPERE:
        amperes = (tenths(carries[0]), tenths(carries[1]), tenths(carries[2]))
        limit = Limit(members, amperes=amperes, voltage=policy.voltage)
    else:
        limit = Limit(members, watts=tenths(carries[0]), voltage=policy.voltage)
    return GroupState(group, limit, members, fresh, None if reading is None else reading.at)


def _drawn_by_ours(
    members: frozenset[OutletKey], situations: Mapping[OutletKey, Situation], watched: Watched, policy: Policy
) -> list[float]:
    """What of a meter's reading is the outlets' own: amperes on each phase, or the watts of all (three times). In doubt
    less rather than more, for the rest is taken to be the building's."""
    drawn = [0.0, 0.0, 0.0]
    for key in members & watched.told.keys():
        power, _energy, _at, before = watched.told[key]
        phases = situations[key].outlet.phases
        own = min(power, before)
        if policy.unit is LimitUnit.WATT:
            drawn = [sum_ + own for sum_ in drawn]
        else:
            for phase in phases:
                drawn[phase - 1] += own / (policy.voltage * len(phases))
    return drawn


def _connected(groups: Sequence[LoadGroup], views: Mapping[int, Sequence[StationView]]) -> list[list[LoadGroup]]:
    """Groups that share a station, directly or over others, together."""
    found: list[tuple[list[LoadGroup], set[int]]] = []
    for group in groups:
        mine, stations = [group], {view.id for view in views[group.id]}
        apart = []
        for others, theirs in found:
            if theirs & stations:
                mine, stations = others + mine, theirs | stations
            else:
                apart.append((others, theirs))
        found = [*apart, (mine, stations)]
    return [together for together, _stations in found]
