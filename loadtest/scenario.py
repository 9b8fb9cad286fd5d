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
    stations: int = 500
    minutes: float = 1.0
    ramp: float = 10.0
    meter_interval: float = 5.0
    time_scale: float = 60.0
    seed: int = 1
    prefix: str = "LT-"
    connectors: int = 1
    versions: Mapping[str, int] = field(default_factory=lambda: {"1.6": 1})
    troubles: Mapping[str, float] = field(default_factory=dict)
    trouble_seconds: float = 5.0
    commands_per_second: float = 0.0
    heartbeat_interval: float = 0.0  # 0: what the server says
    charging_share: float = 0.0  # of the time that a station charges; 0: visits with natural pauses
    connect_rate: float = 0.0  # stations per second; 0: all over the ramp
    backlog_hours: float = 0.0

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
    """One station's run: when it connects and, per connector, its visits in order."""

    identity: str
    start: float
    seed: str
    connectors: tuple[tuple[SessionPlan, ...], ...]
    version: str = "1.6"
    troubles: tuple[Trouble, ...] = ()

    @property
    def id_tags(self) -> tuple[str, ...]:
        """The tags that its drivers carry: one per connector."""
        return tuple(f"{self.identity}-{number}" for number in range(1, len(self.connectors) + 1))


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


def plan_station(scenario: Scenario, index: int) -> StationPlan:
    """The run of station `index`. Raises ValueError when no session fits into the run."""
    name = identity(scenario, index)
    seed = f"{scenario.seed}/{name}"
    random = Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    start = scenario.ramp * index / scenario.stations
    connectors = tuple(
        _plan_visits(scenario, random, start + 1.0, f"{name}-{number}") for number in range(1, scenario.connectors + 1)
    )
    return StationPlan(identity=name, start=start, seed=seed, connectors=connectors)


def _plan_visits(scenario: Scenario, random: Random, earliest: float, id_tag: str) -> tuple[SessionPlan, ...]:
    latest = scenario.run_seconds - scenario.tail_seconds
    if latest - earliest < SHORTEST_SESSION:
        raise ValueError(
            f"no session fits: {latest - earliest:.1f} s remain after the ramp; make --minutes longer or --ramp shorter"
        )
    visits: list[SessionPlan] = []
    at = earliest + random.uniform(0, 0.2 * (latest - earliest - SHORTEST_SESSION))
    while True:
        shortest, usual, longest = NATURAL_SESSION
        length = random.triangular(shortest, longest, usual) / scenario.time_scale
        length = max(SHORTEST_SESSION, length)
        if at + length > latest:
            if visits:
                return tuple(visits)
            length = latest - at  # at least one session each, if a short one
        visits.append(SessionPlan(start=at, length=length, id_tag=id_tag, car=random_car(random)))
        at += length + random.uniform(*NATURAL_GAP) / scenario.time_scale


def random_car(random: Random) -> Car:
    """A car out of the usual mix, with a battery somewhere between nearly empty and half full."""
    weights = [weight for weight, *_ in CARS]
    _, capacity, power, phases = random.choices(CARS, weights)[0]
    return Car(capacity_wh=capacity, soc=random.uniform(0.1, 0.6), max_power_w=power, phases=phases)
