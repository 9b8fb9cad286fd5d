"""What happened at every outlet in the last months: who came when, how much they took, what broke.

Pure, and the same for the same seed, world and time. Drivers come by the clock on the site's wall; nobody is at two
outlets at once.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from loadtest.demo.curves import Charge, charge
from loadtest.demo.world import BLOCKED, SITES, StationPlan, TagPlan, World, direct_current_w
from loadtest.meter import Car

_ANYBODY: Final = ("", Car(capacity_wh=58_000, soc=0.5, max_power_w=11_000, phases=3))


@dataclass(frozen=True, slots=True)
class Use:
    """How a kind of place is used: visits per outlet and weekday (Monday first), when they come (weight, hour, spread),
    how long they stay in hours (shortest, usual, longest), and up to which state of charge."""

    visits: tuple[float, ...]
    arrivals: tuple[tuple[float, float, float], ...]
    stay: tuple[float, float, float]
    target: tuple[float, float]


USES: Final = {
    "office": Use((1.0, 1.05, 1.1, 1.0, 0.8, 0.08, 0.05), ((5, 8.2, 0.8), (1, 13.0, 0.9)), (2.5, 8.3, 10.0), (0.8, 1)),
    "public": Use((0.9, 0.9, 0.95, 1.0, 1.2, 1.5, 0.8), ((2, 10.5, 1.5), (3, 16.5, 2.2)), (0.5, 1.8, 4.5), (0.8, 1.0)),
    "home": Use((0.7, 0.7, 0.7, 0.7, 0.75, 0.8, 0.8), ((5, 18.3, 1.4), (1, 21.5, 1.0)), (6.0, 11.5, 14.5), (0.9, 1.0)),
    "hub": Use((2.0, 1.9, 2.0, 2.2, 3.0, 2.8, 2.6), ((2, 9.5, 2.0), (3, 16.0, 3.0)), (0.25, 0.6, 1.1), (0.75, 0.9)),
}  # fmt: skip

FAULTS: Final = (
    # weight, 1.6 error code, the vendor's own, what the station says besides
    (5, "ConnectorLockFailure", "E21", "Plug is not locked"),
    (3, "HighTemperature", "E07", "Derating at 78 degrees"),
    (3, "GroundFailure", "E02", "Residual current"),
    (2, "PowerSwitchFailure", "E13", "Contactor does not open"),
    (2, "ReaderFailure", "E30", "Card reader does not answer"),
    (2, "UnderVoltage", "E04", "L2 at 191 V"),
    (1, "OtherError", "E99", "Watchdog"),
)
FAULTS_PER_MONTH: Final = 0.55
FAILED_START: Final = 0.022
REFUSED: Final = 0.006
PARKED_LONG: Final = 0.03


@dataclass(frozen=True, slots=True)
class Visit:
    """A session that is over. `meter_start_wh` counts on from the one before. `reason` is OCPP 1.6's word (7.36)."""

    station: int
    evse: int
    id_token: str
    car: Car
    started: datetime
    stopped: datetime
    meter_start_wh: int
    charge: Charge
    reason: str
    number: int = 0
    remote_start_id: int | None = None
    """The number of the order that began it (2.x)."""

    @property
    def meter_stop_wh(self) -> int:
        """The register at the end."""
        return self.meter_start_wh + self.charge.energy_wh


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broke, and was well again (`cleared`), or is broken now (None)."""

    station: int
    evse: int
    began: datetime
    cleared: datetime | None
    code: str
    vendor_code: str
    info: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody showed a tag and was sent away."""

    station: int
    at: datetime
    id_token: str


@dataclass(slots=True)
class History:
    """All that happened, each list in the order of time."""

    visits: list[Visit] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    registers: dict[tuple[int, int], int] = field(default_factory=dict)
    """The meter of (station, EVSE) at the end, in Wh."""


@dataclass(frozen=True, slots=True, order=True)
class _Arrival:
    at: datetime
    station: int
    evse: int
    hours: float


def make_history(world: World, days: int, now: datetime) -> History:
    """The last `days` days before `now` (aware); every session has ended an hour before it."""
    random = Random(f"{world.seed}/history")  # noqa: S311 - repeatable on purpose, guards nothing
    history = History()
    latest = now - timedelta(hours=1)
    drivers = _Drivers(random, world.tags)
    busy: dict[tuple[int, int], datetime] = {}
    for arrival in _arrivals(world, days, now):
        outlet = (arrival.station, arrival.evse)
        if arrival.at < busy.get(outlet, arrival.at):
            continue  # taken: this one drives on
        visit = _visit(random, world.stations[arrival.station], arrival, drivers, latest)
        if visit is None:
            continue
        register = history.registers.setdefault(outlet, random.randrange(20_000, 4_000_000))
        visit = _numbered(visit, register, len(history.visits))
        history.registers[outlet] = visit.meter_stop_wh
        history.visits.append(visit)
        busy[outlet] = visit.stopped + timedelta(minutes=random.uniform(3, 25))
    _break_things(random, world, history, days, latest)
    _turn_away(random, world, history, days, latest)
    return history


def _arrivals(world: World, days: int, now: datetime) -> Iterator[_Arrival]:
    """Of all outlets, in the order of time."""
    return heapq.merge(
        *(
            _arrivals_at(world, station, evse, days, now)
            for station, plan in enumerate(world.stations)
            for evse in range(1, plan.model.outlets + 1)
        )
    )


def _arrivals_at(world: World, station: int, evse: int, days: int, now: datetime) -> Iterator[_Arrival]:
    plan = world.stations[station]
    random = Random(f"{world.seed}/{plan.identity}/{evse}")  # noqa: S311
    site = SITES[plan.site]
    use, zone = USES[site.floors[plan.floor].use], ZoneInfo(site.time_zone)
    liked = random.uniform(0.6, 1.25)  # some outlets are by the lift
    today = now.astimezone(zone).date()
    for back in range(days, -1, -1):
        day = today - timedelta(days=back)
        growth = 1.1 - 0.3 * back / max(1, days)
        wanted = use.visits[day.weekday()] * liked * growth
        times = sorted(_clock(random, use, day, zone) for _ in range(_poisson(random, wanted)))
        for at in times:
            yield _Arrival(at, station, evse, random.triangular(use.stay[0], use.stay[2], use.stay[1]))


def _clock(random: Random, use: Use, day: date, zone: ZoneInfo) -> datetime:
    _, hour, spread = random.choices(use.arrivals, [each[0] for each in use.arrivals])[0]
    minutes = min(max(random.gauss(hour, spread), 0.1), 23.9) * 60
    at = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    return at.astimezone(ZoneInfo("UTC")).replace(microsecond=0)


def _poisson(random: Random, mean: float) -> int:
    count, left = 0, math.exp(-mean)
    drawn = random.random()
    while drawn > left:
        count += 1
        drawn *= random.random()
    return count


class _Drivers:
    """Whose turn it is: at most one outlet at a time for each tag."""

    def __init__(self, random: Random, tags: Sequence[TagPlan]) -> None:
        self._random = random
        self._busy: dict[str, datetime] = {}
        self._of_site = [[tag for tag in tags if tag.site == site and not tag.blocked] for site in range(len(SITES))]
        self._able = [[tag for tag in of_site if direct_current_w(tag.car)] for of_site in self._of_site]

    def somebody(self, site: int, at: datetime, *, direct_current: bool) -> TagPlan | None:
        """Somebody of this site who is not charging, if one is found soon."""
        those = (self._able if direct_current else self._of_site)[site]
        for _ in range(8):
            tag = self._random.choice(those)
            if self._busy.get(tag.id_token, at) <= at:
                return tag
        return None

    def goes(self, tag: TagPlan, until: datetime) -> None:
        """From now on this one charges."""
        self._busy[tag.id_token] = until + timedelta(minutes=20)


def _visit(random: Random, plan: StationPlan, arrival: _Arrival, drivers: _Drivers, latest: datetime) -> Visit | None:
    """What comes of an arrival; None when it would not be over by now, or nobody is there to come."""
    model, use = plan.model, USES[SITES[plan.site].floors[plan.floor].use]
    tag = drivers.somebody(plan.site, arrival.at, direct_current=model.direct_current)
    if tag is None:
        return None
    id_token, car = tag.id_token, tag.car
    if plan.open_outlets and random.random() < 0.7:
        id_token, car = _ANYBODY
    hours, reason = arrival.hours, random.choices(("Local", "EVDisconnected", "Remote"), (70, 25, 5))[0]
    drawn = random.random()
    if drawn < REFUSED:
        id_token, hours, reason = random.choice(BLOCKED), random.uniform(0.01, 0.02), "DeAuthorized"
    elif drawn < REFUSED + FAILED_START:
        hours, reason = random.uniform(0.01, 0.05), random.choice(("EVDisconnected", "Other"))
    elif drawn < REFUSED + FAILED_START + PARKED_LONG:
        hours += random.uniform(6, 30)
    seconds = round(hours * 3600)
    stopped = arrival.at + timedelta(seconds=seconds)
    if stopped > latest:
        return None
    power = min(model.power_w, direct_current_w(car) if model.direct_current else car.max_power_w)
    if drawn < REFUSED + FAILED_START:
        power = 0
    soc = random.uniform(0.08, 0.45) if model.direct_current else random.uniform(0.15, 0.75)
    curve = charge(random, car, soc=soc, power_w=power, seconds=seconds, target=random.uniform(*use.target))
    if model.direct_current and curve.full_after is not None and seconds > curve.full_after + 900:
        stopped = _gone_soon(random, arrival.at, curve, stopped)
        curve = Charge(
            tuple(point for point in curve.points if arrival.at + timedelta(seconds=point.second) < stopped),
            curve.energy_wh,
            curve.full_after,
        )
    if id_token == tag.id_token:
        drivers.goes(tag, stopped)
    return Visit(arrival.station, arrival.evse, id_token, car, arrival.at, stopped, 0, curve, reason)


def _gone_soon(random: Random, started: datetime, curve: Charge, stopped: datetime) -> datetime:
    """At fast chargers most leave when they have enough; some are at their coffee."""
    after = curve.full_after or 0.0
    gone = started + timedelta(seconds=round(after + random.expovariate(1 / 400)))
    return min(gone, stopped)


def _numbered(visit: Visit, register: int, number: int) -> Visit:
    return Visit(
        visit.station, visit.evse, visit.id_token, visit.car, visit.started, visit.stopped, register, visit.charge,
        visit.reason, number,
    )  # fmt: skip


def _break_things(random: Random, world: World, history: History, days: int, latest: datetime) -> None:
    for number, plan in enumerate(world.stations):
        for _ in range(_poisson(random, FAULTS_PER_MONTH * days / 30)):
            _, code, vendor_code, info = random.choices(FAULTS, [fault[0] for fault in FAULTS])[0]
            began = latest - timedelta(seconds=random.randrange(3 * 3600, max(4 * 3600, days * 86_400)))
            cleared = min(began + timedelta(minutes=random.lognormvariate(3.6, 0.9)), latest)
            evse = random.randint(1, plan.model.outlets)
            history.faults.append(Fault(number, evse, began, cleared.replace(microsecond=0), code, vendor_code, info))
    for number in random.sample(range(len(world.stations)), len(world.stations) // 25):
        began = latest - timedelta(seconds=random.randrange(600, 7000))
        history.faults.append(Fault(number, 1, began, None, "GroundFailure", "E02", "Residual current"))
    history.faults.sort(key=lambda fault: fault.began)


def _turn_away(random: Random, world: World, history: History, days: int, latest: datetime) -> None:
    for _ in range(days):
        at = latest - timedelta(seconds=random.randrange(0, days * 86_400))
        history.attempts.append(Attempt(random.randrange(len(world.stations)), at, random.choice(BLOCKED)))
    history.attempts.sort(key=lambda attempt: attempt.at)
