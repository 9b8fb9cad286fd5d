"""Sharing what a fuse carries among outlets: who gets how much, so that no limit is ever exceeded.

All currents are whole tenths of amperes per phase (what every version of OCPP can say), powers tenths of watts, so sums
are exact. An outlet whose phases are not known counts on all three: a vehicle that uses one of them can then never be
on the one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

LEAST: Final = 60
"""6 A: below it a vehicle does not charge (IEC 61851-1)."""
HEADROOM: Final = 20
"""So much more than it draws is left to a vehicle that draws less than it may."""
NEAR: Final = 10
"""Who draws so near to what it may is taken to want more."""
STEP: Final = 10
"""Smaller changes are not worth a message."""
TURN: Final = timedelta(minutes=15)
"""How long those who charge keep their place, where not all can."""
PATIENCE: Final = timedelta(hours=1)
"""Who waited so long comes next, whatever the priorities."""


class Sharing(StrEnum):
    """What is shared how, beyond the least current of each."""

    FAIR = "FAIR"
    """The same to each; what one cannot take goes to the others."""
    PRIORITY = "PRIORITY"
    """To the highest priority first."""


class OutletKey(NamedTuple):
    """An EVSE of a station."""

    station_id: int
    evse_id: int


class Outlet(msgspec.Struct, frozen=True):
    """Somebody who may want current. `given`: what it has now. `since`: when it began to charge, or to wait.

    `drawn`: what its vehicle takes, once it had the time to take what it was given; None: not known. `fixed`: it cannot
    be told anything (now), and may draw so much."""

    key: OutletKey
    since: datetime
    charging: bool = True
    most: int = 320
    least: int = LEAST
    phases: tuple[int, ...] = (1, 2, 3)
    given: int = 0
    drawn: int | None = None
    priority: int = 0
    """Greater goes first."""
    fixed: int | None = None

    @property
    def rests(self) -> bool:
        """Its vehicle has current and takes none."""
        return self.drawn is not None and self.given > 0 and self.drawn < NEAR


class Limit(msgspec.Struct, frozen=True):
    """What these outlets may draw together: tenths of amperes on each phase, or tenths of watts in all."""

    members: frozenset[OutletKey]
    amperes: tuple[int, int, int] | None = None
    watts: int | None = None
    voltage: int = 230


class Why(StrEnum):
    """The reason for a share."""

    FULL = "FULL"
    """As much as the outlet can give."""
    SHARED = "SHARED"
    """Its part of what there is."""
    DRAWS_LESS = "DRAWS_LESS"
    """What its vehicle takes, and a little more."""
    WAITS = "WAITS"
    """Not all can charge at the least current; its turn comes."""
    READY = "READY"
    """No vehicle charges; one could begin at once."""
    CLOSED = "CLOSED"
    """No vehicle charges; one that comes is let in after a moment."""
    FIXED = "FIXED"
    """It cannot be told anything; so much is kept free for it."""


class Share(msgspec.Struct, frozen=True):
    """What an outlet may draw, in tenths of amperes."""

    current: int
    why: Why


class _Row(msgspec.Struct):
    """One thing that runs out: a phase of a limit, or its watts. `costs`: of a tenth of an ampere at each outlet."""

    left: int
    costs: dict[OutletKey, int]

    def carries(self, key: OutletKey, more: int) -> bool:
        """Is there room for it?"""
        return more <= 0 or self.left >= self.costs.get(key, 0) * more or key not in self.costs

    def take(self, key: OutletKey, more: int) -> None:
        """It is gone."""
        self.left -= self.costs.get(key, 0) * more


class _Sheet:
    """All rows, and what was given of them."""

    def __init__(self, outlets: Sequence[Outlet], limits: Sequence[Limit]) -> None:
        self.given: dict[OutletKey, int] = {}
        self.rows: list[_Row] = []
        for limit in limits:
            members = [outlet for outlet in outlets if outlet.key in limit.members]
            if limit.amperes is not None:
                for phase, amperes in enumerate(limit.amperes, 1):
                    costs = {outlet.key: 1 for outlet in members if phase in outlet.phases}
                    self.rows.append(_Row(amperes, costs))
            if limit.watts is not None:
                costs = {outlet.key: limit.voltage * len(outlet.phases) for outlet in members}
                self.rows.append(_Row(limit.watts, costs))

    def carries(self, key: OutletKey, more: int) -> bool:
        """Do all rows?"""
        return all(row.carries(key, more) for row in self.rows)

    def give(self, key: OutletKey, more: int) -> None:
        """More of it, or (less than 0) less."""
        self.given[key] = self.given.get(key, 0) + more
        for row in self.rows:
            row.take(key, more)

    def room(self, key: OutletKey, most: int) -> int:
        """How much more it could get, at most `most`."""
        for row in self.rows:
            cost = row.costs.get(key, 0)
            if cost:
                most = min(most, row.left // cost)
        return max(0, most)

    def fill(self, caps: Mapping[OutletKey, int]) -> None:
        """Raise all alike, until each has its cap or a row of it is used up."""
        rising = {key for key, cap in caps.items() if self.given.get(key, 0) < cap}
        while rising:
            step = min(caps[key] - self.given.get(key, 0) for key in rising)
            for row in self.rows:
                cost = sum(row.costs.get(key, 0) for key in rising)
                if cost:
                    step = min(step, max(0, row.left // cost))
            for key in rising if step else ():
                self.give(key, step)
            full = {key for key in rising if self.given.get(key, 0) >= caps[key]}
            for row in self.rows:
                cost = sum(row.costs.get(key, 0) for key in rising)
                if cost and row.left < cost:
                    full |= rising & row.costs.keys()
            rising -= full


def allocate(
    outlets: Sequence[Outlet], limits: Sequence[Limit], now: datetime, sharing: Sharing = Sharing.FAIR
) -> dict[OutletKey, Share]:
    """The share of each outlet. What those that are fixed may draw is taken off first, whether or not it fits; the
    others never get more than the limits leave.

    First everyone who charges gets the least current, as far as it goes (else they take turns). Then what is left is
    shared, each getting no more than its vehicle takes. Then outlets at which nobody charges are opened, so that a
    vehicle can begin at once; and what still is left goes to those who charge.
    """
    sheet = _Sheet(outlets, limits)
    for outlet in outlets:
        if outlet.fixed is not None:
            sheet.give(outlet.key, outlet.fixed)
    free = [outlet for outlet in outlets if outlet.fixed is None]
    charging = [outlet for outlet in free if outlet.charging]
    admitted = _admit(sheet, charging, now, sharing)
    wanted = {outlet.key: _wanted(outlet) for outlet in admitted}
    classes = [admitted] if sharing is Sharing.FAIR else _classes(admitted)
    for members in classes:
        sheet.fill({outlet.key: wanted[outlet.key] for outlet in members})
    for outlet in sorted((each for each in free if not each.charging), key=lambda each: (-each.given, each.key)):
        least = min(outlet.least, outlet.most)
        if sheet.carries(outlet.key, least):
            sheet.give(outlet.key, least)
    for members in classes:
        sheet.fill({outlet.key: outlet.most for outlet in members})
    _calm(sheet, admitted)
    return {outlet.key: Share(given := sheet.given.get(outlet.key, 0), _why(outlet, given)) for outlet in outlets}


def fits(outlets: Sequence[Outlet], limits: Sequence[Limit], currents: Mapping[OutletKey, int]) -> bool:
    """Do the limits carry these currents?"""
    sheet = _Sheet(outlets, limits)
    for key, current in currents.items():
        sheet.give(key, current)
    return all(row.left >= 0 for row in sheet.rows)


def raises_that_fit(
    outlets: Sequence[Outlet],
    limits: Sequence[Limit],
    may_draw: Mapping[OutletKey, int],
    wanted: Mapping[OutletKey, int],
) -> dict[OutletKey, int]:
    """Who can be told a greater current now, beside what all the others may still draw: what could not be lowered is
    not given twice. Some get less than is wanted for them."""
    sheet = _Sheet(outlets, limits)
    for key, current in may_draw.items():
        sheet.give(key, current)
    found: dict[OutletKey, int] = {}
    by_key = {outlet.key: outlet for outlet in outlets}
    for key in sorted(wanted, key=lambda key: (wanted[key] - may_draw.get(key, 0), key)):
        now = may_draw.get(key, 0)
        room = sheet.room(key, wanted[key] - now)
        if room > 0 and now + room >= min(by_key[key].least, wanted[key]):
            sheet.give(key, room)
            found[key] = now + room
    return found


def used(
    outlets: Sequence[Outlet], limit: Limit, currents: Mapping[OutletKey, int]
) -> tuple[tuple[int, int, int], int]:
    """Of these currents: the sum on each phase, and the power of all (tenths of watts)."""
    phases = [0, 0, 0]
    watts = 0
    for outlet in outlets:
        if outlet.key in limit.members:
            current = currents.get(outlet.key, 0)
            watts += current * limit.voltage * len(outlet.phases)
            for phase in outlet.phases:
                phases[phase - 1] += current
    return (phases[0], phases[1], phases[2]), watts


# -- inside ------------------------------------------------------------------------------------------------------------


def _admit(sheet: _Sheet, charging: Sequence[Outlet], now: datetime, sharing: Sharing) -> list[Outlet]:
    """Those who get the least current. Who is in the middle of a turn stays; then who waits the longest; then whose
    turn is over; vehicles that take nothing at last. Where an outlet that waited for a whole turn does not fit, nobody
    goes past it to what it waits for, so it cannot be starved by smaller ones."""
    admitted: list[Outlet] = []
    awaited: set[int] = set()
    for outlet in sorted(charging, key=lambda each: _rank(each, now, sharing)):
        least = min(outlet.least, outlet.most)
        rows = {number for number, row in enumerate(sheet.rows) if row.costs.get(outlet.key)}
        in_turn = outlet.given > 0 and now - outlet.since < TURN and not outlet.rests
        if least > 0 and sheet.carries(outlet.key, least) and (in_turn or not rows & awaited):
            sheet.give(outlet.key, least)
            admitted.append(outlet)
        elif outlet.given == 0 and now - outlet.since >= TURN and _possible(sheet, admitted, outlet, least):
            awaited |= rows
    return admitted


def _possible(sheet: _Sheet, admitted: Sequence[Outlet], outlet: Outlet, least: int) -> bool:
    """Would it fit if nobody else charged?"""
    for row in sheet.rows:
        taken = sum(row.costs.get(each.key, 0) * min(each.least, each.most) for each in admitted)
        if row.left + taken < row.costs.get(outlet.key, 0) * least:
            return False
    return True


def _rank(outlet: Outlet, now: datetime, sharing: Sharing) -> tuple[int, int, int, float, OutletKey]:
    age = (now - outlet.since).total_seconds()
    first = -outlet.priority if sharing is Sharing.PRIORITY else 0
    if outlet.rests:
        return 3, first, 0, age, outlet.key
    if outlet.given > 0:
        in_turn = now - outlet.since < TURN
        return (0, 0, 0, -age, outlet.key) if in_turn else (2, first, 1, age, outlet.key)
    if now - outlet.since >= PATIENCE:
        return 1, 0, 0, -age, outlet.key
    return 2, first, 0, -age, outlet.key


def _classes(outlets: Sequence[Outlet]) -> list[list[Outlet]]:
    """By priority, the highest first."""
    found: dict[int, list[Outlet]] = {}
    for outlet in sorted(outlets, key=lambda each: (-each.priority, each.key)):
        found.setdefault(outlet.priority, []).append(outlet)
    return list(found.values())


def _wanted(outlet: Outlet) -> int:
    """What it can make use of."""
    if outlet.drawn is None or outlet.given == 0 or outlet.drawn >= outlet.given - NEAR:
        return outlet.most
    whole = -(-(outlet.drawn + HEADROOM) // 10) * 10
    return max(min(outlet.least, outlet.most), min(outlet.most, whole))


def _calm(sheet: _Sheet, admitted: Sequence[Outlet]) -> None:
    """Let small changes be. First what would rise a little stays lower; then what would sink a little stays, where
    there is room."""
    for outlet in admitted:
        rise = sheet.given[outlet.key] - outlet.given
        if outlet.given >= min(outlet.least, outlet.most) and 0 < rise < STEP:
            sheet.give(outlet.key, -rise)
    for outlet in admitted:
        fall = outlet.given - sheet.given[outlet.key]
        if outlet.given <= outlet.most and 0 < fall < STEP and sheet.carries(outlet.key, fall):
            sheet.give(outlet.key, fall)


def _why(outlet: Outlet, given: int) -> Why:
    if outlet.fixed is not None:
        return Why.FIXED
    if not outlet.charging:
        return Why.READY if given else Why.CLOSED
    if given == 0:
        return Why.WAITS
    if given >= outlet.most:
        return Why.FULL
    return Why.DRAWS_LESS if _wanted(outlet) < outlet.most and given >= _wanted(outlet) else Why.SHARED
