"""Scenarios as data: what every station will do and when, decided before the run starts.

Everything follows from the seed and the station's number, so a run can be repeated and, but for its place
in the ramp, one station's day does not depend on how many others there are. Times are seconds since the
run began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from loadtest.meter import Car

NATURAL_SESSION = (12 * 60.0, 45 * 60.0, 100 * 60.0)  # shortest, usual, longest, in seconds of real life
NATURAL_GAP = (5 * 60.0, 60 * 60.0)
SHORTEST_SESSION = 2.0  # seconds of the run; below that a session is all overhead
CARS = (
    # weight, battery in Wh, W, phases
    (3, 40_000, 7_400, 1),
    (5, 60_000, 11_000, 3),
    (2, 80_000, 22_000, 3),
)


VERSIONS = ("1.6", "2.0.1", "2.1", "1.5")
TROUBLES = (
    "offline",  # the network is gone, charging goes on, the queue grows
    "power-cut",  # the link is cut without a goodbye; the station comes back and boots
    "half-open",
    "garbage",
    "slow-reader",
    "duplicate",
    "repeat",
    "reorder",
    "wrong-clock",
)


COMMANDS = ("start", "stop", "reset", "read", "trigger")
ENGINES = ("stations", "fleet", "saturate")
GOLDEN = (5**0.5 - 1) / 2  # steps of this size, modulo 1, fall evenly over any division of the whole


@dataclass(frozen=True, slots=True)
class Trouble:
    """One mishap of a station: `at` seconds after the begin of the run, for `seconds` where it lasts."""

    at: float
    kind: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """The settings of a run.

    `time_scale` compresses life: at 60 a charge of 40 minutes takes 40 seconds of the run, with the energy
    and the power of the real one. Other times are seconds of the run. `versions` are weights of OCPP
    versions; `troubles` how often each kind befalls one station in the run, on average.
    """

    name: str = "steady"
    engine: str = "stations"  # or "fleet": see loadtest.fleet; or "saturate": see loadtest.saturate
    stations: int = 500
    minutes: float = 1.0
    ramp: float = 10.0
    meter_interval: float = 5.0
    time_scale: float = 60.0
    seed: int = 1
    prefix: str = "LT-"
    id_tag: str = ""  # of every driver; without it each connector has a tag of its own
    connectors: int = 1
    versions: Mapping[str, int] = field(default_factory=lambda: {"1.6": 1})
    heartbeat_interval: float = 0.0  # 0: what the server says
    charging_share: float = 0.0  # of the time that a connector charges; 0: visits with natural pauses
    arrival_share: float = 0.0  # of the run, in which all the first cars come; 0: any time
    fault_share: float = 0.0  # of sessions that end because the connector breaks
    repair_seconds: float = 5.0
    storms: tuple[float, ...] = ()  # shares of the run after which the power of all stations fails at once
    storm_seconds: float = 5.0
    troubles: Mapping[str, float] = field(default_factory=dict)
    trouble_seconds: float = 5.0
    commands_per_second: float = 0.0
    commands: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COMMANDS, 1))
    backlog_hours: float = 0.0  # of real life, lived offline before the run began
    backlog_meter_interval: float = 300.0  # seconds of that life
    saturation: str = "meter-values"  # or "story": whole sessions; for the engine "saturate"
    grace: float = 30.0  # wait for the last answers
    back_off: float = 1.0  # before a station connects again; doubles with each failure
    longest_back_off: float = 30.0
    retry_interval: float = 5.0  # before a message about a transaction is sent again, times its refusals
    attempts: int = 3  # at a message about a transaction that is refused
    connect_timeout: float = 30.0
    call_timeout: float = 30.0

    @property
    def run_seconds(self) -> float:
        """The length of the run."""
        return self.minutes * 60

    @property
    def tail_seconds(self) -> float:
        """Time kept free at the end, in which the last answers come in."""
        return min(5.0, self.run_seconds * 0.1)


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One visit: plugged in at `start`, gone at `start + length`; stops charging a little before."""

    start: float
    length: float
    id_tag: str
    car: Car

    @property
    def tag_shown(self) -> float:
        """When the driver holds the tag to the reader."""
        return self.start + min(2.0, self.length * 0.05)

    @property
    def suspended(self) -> float:
        """When the car stops drawing, if the battery is not full before."""
        return self.start + self.length * 0.85

    @property
    def stopped(self) -> float:
        """When the driver ends the transaction."""
        return self.start + self.length * 0.95

    @property
    def end(self) -> float:
        """When the cable is out."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class StationPlan:
    """One station's run: when it connects and, per connector, its visits in order.

    `backlog` are visits before the run, per connector, lived at the pace of real life: their times are
    negative, and what there was to say about them still waits in the station.
    """

    identity: str
    start: float
    seed: str
    connectors: tuple[tuple[SessionPlan, ...], ...]
    version: str = "1.6"
    troubles: tuple[Trouble, ...] = ()
    backlog: tuple[tuple[SessionPlan, ...], ...] = ()

    @property
    def id_tags(self) -> tuple[str, ...]:
        """The tags that its drivers carry: one per connector, and the one that remote starts use."""
        own = tuple(f"{self.identity}-{number}" for number in range(1, len(self.connectors) + 1))
        shown = {visit.id_tag for visits in (*self.connectors, *self.backlog) for visit in visits}
        return tuple(sorted({*own, *shown}))


def fitting_time_scale(run_seconds: float, ramp: float) -> float:
    """The scale at which a usual session takes two fifths of the time after the ramp; never below 1."""
    usual = NATURAL_SESSION[1]
    return max(1.0, usual / max(SHORTEST_SESSION, (run_seconds - ramp) * 0.4))


def fitting_meter_interval(time_scale: float) -> float:
    """An interval that gives a usual session about eight meter values; 1 to 60 seconds."""
    return min(60.0, max(1.0, NATURAL_SESSION[1] / time_scale / 8))


def identity(scenario: Scenario, index: int) -> str:
    """The identity of station `index`, from 0: the prefix and a number of five digits or more."""
    return f"{scenario.prefix}{index + 1:05d}"


def version_of(scenario: Scenario, index: int) -> str:
    """The OCPP version of station `index`: by weight, and evenly among any run of neighbours."""
    at = index * GOLDEN % 1.0 * sum(scenario.versions.values())
    for version, weight in scenario.versions.items():
        at -= weight
        if at < 0:
            return version
    return next(iter(scenario.versions))


def plan_station(scenario: Scenario, index: int) -> StationPlan:
    """The run of station `index`. Raises ValueError when no session fits into the run."""
    name = identity(scenario, index)
    seed = f"{scenario.seed}/{name}"
    random = Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    start = scenario.ramp * index / scenario.stations
    numbers = range(1, scenario.connectors + 1)
    tags = [scenario.id_tag or f"{name}-{number}" for number in numbers]
    return StationPlan(
        identity=name,
        start=start,
        seed=seed,
        connectors=tuple(_plan_visits(scenario, random, start + 1.0, tag) for tag in tags),
        version=version_of(scenario, index),
        troubles=_plan_troubles(scenario, start, f"{seed}/troubles"),
        backlog=tuple(plan_backlog(scenario, index, tag) for tag in tags) if scenario.backlog_hours else (),
    )


def _plan_visits(scenario: Scenario, random: Random, earliest: float, id_tag: str) -> tuple[SessionPlan, ...]:
    latest = scenario.run_seconds - scenario.tail_seconds
    if latest - earliest < SHORTEST_SESSION:
        raise ValueError(
            f"no session fits: {latest - earliest:.1f} s remain after the ramp; make --minutes longer or --ramp shorter"
        )
    if scenario.charging_share:
        return _plan_share(scenario, random, (earliest, latest), id_tag)
    visits: list[SessionPlan] = []
    at = earliest + random.uniform(0, 0.2 * (latest - earliest - SHORTEST_SESSION))
    if scenario.arrival_share:
        window = scenario.arrival_share * (latest - earliest - SHORTEST_SESSION)
        at = earliest + random.triangular(0, window, window / 2)
    while True:
        length = _session_length(scenario, random)
        if at + length > latest:
            if visits:
                return tuple(visits)
            length = latest - at  # at least one session each, if a short one
        visits.append(SessionPlan(start=at, length=length, id_tag=id_tag, car=random_car(random)))
        at += length + random.uniform(*NATURAL_GAP) / scenario.time_scale


def _session_length(scenario: Scenario, random: Random) -> float:
    shortest, usual, longest = NATURAL_SESSION
    return max(SHORTEST_SESSION, random.triangular(shortest, longest, usual) / scenario.time_scale)


def _plan_share(
    scenario: Scenario, random: Random, window: tuple[float, float], id_tag: str
) -> tuple[SessionPlan, ...]:
    """Visits with such pauses that at any moment this share of all connectors charges, from the first on.

    The day is rolled out from a random moment of some visit or pause; what lies outside of the window is cut off.
    """
    earliest, latest = window
    pauses = (1 - scenario.charging_share) / scenario.charging_share
    visits: list[SessionPlan] = []
    length = _session_length(scenario, random)
    at = earliest - random.random() * length * (1 + pauses)
    while at < latest:
        begin, end = max(at, earliest), min(at + length, latest)
        if end - begin >= SHORTEST_SESSION:
            visits.append(SessionPlan(start=begin, length=end - begin, id_tag=id_tag, car=random_car(random)))
        at += length * (1 + pauses) + 0.001
        length = _session_length(scenario, random)
    return tuple(visits)


def plan_backlog(scenario: Scenario, index: int, id_tag: str) -> tuple[SessionPlan, ...]:
    """What station `index` lived through before the run, on the connector of that tag: visits of real length one after
    the other; the last one is over a minute before the run begins."""
    random = Random(f"{scenario.seed}/{identity(scenario, index)}/backlog/{id_tag}")  # noqa: S311
    visits: list[SessionPlan] = []
    at = -scenario.backlog_hours * 3600 + random.uniform(0, NATURAL_GAP[1] / 2)
    while True:
        shortest, usual, longest = NATURAL_SESSION
        length = min(random.triangular(shortest, longest, usual), -60.0 - at)
        if length < shortest / 2:
            return tuple(visits)
        visits.append(SessionPlan(start=at, length=length, id_tag=id_tag, car=random_car(random)))
        at += length + random.uniform(*NATURAL_GAP)


def _plan_troubles(scenario: Scenario, start: float, seed: str) -> tuple[Trouble, ...]:
    """The storms that hit everybody, and this station's own mishaps; in order of time."""
    found = [Trouble(share * scenario.run_seconds, "power-cut", scenario.storm_seconds) for share in scenario.storms]
    if scenario.troubles:
        random = Random(seed)  # noqa: S311
        earliest = start + 1.0
        latest = max(earliest, scenario.run_seconds - scenario.tail_seconds - 2 * scenario.trouble_seconds)
        for kind, rate in scenario.troubles.items():
            times = int(rate) + (random.random() < rate % 1)
            for _ in range(times):
                seconds = scenario.trouble_seconds * random.uniform(0.5, 1.5)
                found.append(Trouble(random.uniform(earliest, latest), kind, seconds))
    return tuple(sorted(found, key=lambda trouble: trouble.at))


def random_car(random: Random) -> Car:
    """A car out of the usual mix, with a battery somewhere between nearly empty and half full."""
    weights = [weight for weight, *_ in CARS]
    _, capacity, power, phases = random.choices(CARS, weights)[0]
    return Car(capacity_wh=capacity, soc=random.uniform(0.1, 0.6), max_power_w=power, phases=phases)
