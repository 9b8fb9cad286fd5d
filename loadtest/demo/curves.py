"""What flows while a car charges: full power, a taper, noise; looked at as seldom as a station's memory is small.

Pure. Energy in Wh, power in W, times in seconds since the cable went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from loadtest.meter import FULL, NOMINAL_VOLTAGE, Car, share_of_power

STEP: Final = 60.0
INTERVALS: Final = (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
MOST_SAMPLES: Final = 18


@dataclass(frozen=True, slots=True)
class Point:
    """One look at the meter: `second` after the start, Wh since the start, and what flows."""

    second: float
    energy_wh: int
    power_w: int
    soc_percent: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A whole charge. `full_after` is when the car wanted no more, None when it left before."""

    points: tuple[Point, ...]
    energy_wh: int
    full_after: float | None


def interval_for(seconds: float) -> float:
    """How far apart the samples of a session of this length are, so that they are few."""
    return next((each for each in INTERVALS if seconds / each <= MOST_SAMPLES), INTERVALS[-1])


def charge(
    random: Random,
    car: Car,
    *,
    soc: float,
    power_w: float,
    seconds: float,
    target: float = FULL,
    every: float | None = None,
) -> Charge:
    """Charge for `seconds`, from `soc` (0 to 1) at most up to `target`, with at most `power_w`, looked at `every`
    so many seconds (None: as fits the length)."""
    every = interval_for(seconds) if every is None else every
    points: list[Point] = []
    energy = at = 0.0
    due, full_after = every, None
    limit = power_w * random.uniform(0.94, 0.995)  # what is on the label is never quite what comes out
    while at < seconds:
        step = min(STEP, seconds - at, due - at)
        power = 0.0
        if soc < target:
            power = limit * share_of_power(soc) * random.uniform(0.97, 1.0)
            room = (target - soc) * car.capacity_wh
            used = min(power * step / 3600, room)
            energy += used
            soc += used / car.capacity_wh
            if used >= room:
                full_after = at + step
                soc = target
        at += step
        if at >= due:
            points.append(Point(at, int(energy), round(power), min(100, round(soc * 100))))
            due += every
    return Charge(tuple(points), int(energy), full_after)


def current_a(power_w: float, phases: int) -> float:
    """In each phase."""
    return round(power_w / phases / NOMINAL_VOLTAGE, 2)
