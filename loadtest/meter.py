"""The meter of a connector and the car behind it: a charge curve with taper and noise.

Energy is in Wh, power in W, current in A. The register never runs backwards, and what a station reports
is its whole-number reading, so that the ledger and the server can be compared to the Wh.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

NOMINAL_VOLTAGE = 230.0
TAPER_FROM = 0.80  # state of charge from which a car takes less and less
FULL = 0.999
_LOWEST_SHARE = 0.08
_STEP = 20.0  # simulated seconds per step of the integration


@dataclass(frozen=True, slots=True)
class Car:
    """What is plugged in: battery size in Wh, state of charge 0 to 1, the most it draws in W, its phases."""

    capacity_wh: int
    soc: float
    max_power_w: int
    phases: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the meter."""

    energy_wh: int
    power_w: int
    current_a: tuple[float, ...]
    voltage_v: tuple[float, ...]
    soc_percent: int


def share_of_power(soc: float) -> float:
    """The share of its greatest power that a car takes at this state of charge: whole, then a taper."""
    if soc >= FULL:
        return 0.0
    if soc <= TAPER_FROM:
        return 1.0
    return max(_LOWEST_SHARE, 1.0 - (soc - TAPER_FROM) / (1.0 - TAPER_FROM))


class Meter:
    """A connector's register. It keeps counting over sessions, as the real ones do."""

    __slots__ = ("_car", "_power", "_random", "_register", "_soc", "limit_w")

    def __init__(self, random: Random, register_wh: int) -> None:
        self._random = random
        self._register = float(register_wh)
        self._car: Car | None = None
        self._soc = 0.0
        self._power = 0.0
        self.limit_w: float | None = None
        """The most that smart charging leaves to the car, in W; None: whatever it takes."""

    @property
    def phases(self) -> int:
        """Of the car; 1 without one."""
        return 1 if self._car is None else self._car.phases

    @property
    def energy_wh(self) -> int:
        """The register's whole Wh."""
        return int(self._register)

    @property
    def full(self) -> bool:
        """True when the car wants nothing more."""
        return self._soc >= FULL

    def plug_in(self, car: Car) -> None:
        """A car arrives."""
        self._car, self._soc, self._power, self.limit_w = car, car.soc, 0.0, None

    def unplug(self) -> None:
        """The car leaves."""
        self._car, self._power = None, 0.0

    def advance(self, seconds: float, *, charging: bool) -> None:
        """Let this many simulated seconds pass."""
        car = self._car
        if car is None or not charging:
            self._power = 0.0
            return
        while seconds > 0:
            step = min(seconds, _STEP)
            seconds -= step
            noise = 1.0 + self._random.uniform(-0.02, 0.0)
            power = car.max_power_w * share_of_power(self._soc)
            self._power = noise * (power if self.limit_w is None else min(power, max(self.limit_w, 0.0)))
            energy = self._power * step / 3600
            room = max(0.0, (1.0 - self._soc) * car.capacity_wh)
            self._register += min(energy, room)
            self._soc = min(1.0, self._soc + energy / car.capacity_wh)

    def read(self) -> Reading:
        """What the meter shows now."""
        phases = self._car.phases if self._car is not None else 1
        voltages = tuple(NOMINAL_VOLTAGE + self._random.uniform(-3.0, 3.0) for _ in range(phases))
        currents = tuple(self._power / phases / voltage for voltage in voltages)
        return Reading(
            energy_wh=self.energy_wh,
            power_w=round(self._power),
            current_a=currents,
            voltage_v=voltages,
            soc_percent=int(self._soc * 100),
        )
