"""Meter values: units made one, and energy from registers.

Everything in here is in base units (Wh, varh, W, var, VA, A, V, °C, %, Hz, rpm). A register is a counter that only
grows, until
it rolls over at its last digit or the meter is swapped; `Register` follows one and says which of the two it saw.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final

import msgspec

ENERGY_REGISTER: Final = "Energy.Active.Import.Register"
ENERGY_INTERVAL: Final = "Energy.Active.Import.Interval"
POWER: Final = "Power.Active.Import"
CURRENT: Final = "Current.Import"
VOLTAGE: Final = "Voltage"
SOC: Final = "SoC"
TEMPERATURE: Final = "Temperature"

_UNITS: Final[dict[str, tuple[str, float]]] = {
    "Wh": ("Wh", 1.0),
    "kWh": ("Wh", 1000.0),
    "MWh": ("Wh", 1_000_000.0),
    "varh": ("varh", 1.0),
    "kvarh": ("varh", 1000.0),
    "W": ("W", 1.0),
    "kW": ("W", 1000.0),
    "MW": ("W", 1_000_000.0),
    "VA": ("VA", 1.0),
    "kVA": ("VA", 1000.0),
    "var": ("var", 1.0),
    "kvar": ("var", 1000.0),
    "A": ("A", 1.0),
    "V": ("V", 1.0),
    "Percent": ("Percent", 1.0),
    "Hz": ("Hz", 1.0),
    "Hertz": ("Hz", 1.0),
    "Celsius": ("Celsius", 1.0),
    "Celcius": ("Celsius", 1.0),  # the misspelling is in the 1.6 schema
}


_DEFAULT_UNITS: Final[dict[str, str]] = {
    "Energy.Active": "Wh",
    "Energy.Apparent": "VAh",
    "Energy.Reactive": "varh",
    "EnergyRequest": "Wh",
    "Power.Active": "W",
    "Power.Reactive": "var",
    "Power.Factor": "",
    "Power": "W",
    "Current": "A",
    "Voltage": "V",
    "Frequency": "Hz",
    "SoC": "Percent",
}


@cache
def default_unit(measurand: str) -> str:
    """The base unit of a measurand whose unit the station left out. OCPP names one (Wh) for energy alone."""
    parts = measurand.split(".")
    for count in range(len(parts), 0, -1):
        found = _DEFAULT_UNITS.get(".".join(parts[:count]))
        if found is not None:
            return found
    if "RemainingTime" in measurand:
        return "s"
    return "Percent" if measurand.endswith("SOC") else ""


class SampledValue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One number that a meter showed, in base units. Kept as a JSON array of its fields, in this order."""

    measurand: str
    value: float
    unit: str
    phase: str = ""
    """OCPP's phase ("L1", "L1-N", …) or empty for all phases together."""
    context: str = "Sample.Periodic"
    location: str = "Outlet"
    signed: str | None = None
    """Signed meter data as the station sent it; `value` is then 0 unless the station gave a number too."""


class MeterValue(msgspec.Struct, frozen=True, gc=False):
    """What a meter showed at one moment, by the station's clock."""

    timestamp: datetime
    sampled_values: tuple[SampledValue, ...]

    def find(self, measurand: str) -> float | None:
        """The value over all phases: the unphased one, else the sum over L1…L3 (the mean for Voltage), else None."""
        total = 0.0
        seen: set[str] = set()
        for sample in self.sampled_values:
            if sample.measurand != measurand or sample.signed is not None:
                continue
            if not sample.phase:
                return sample.value
            phase = sample.phase.removesuffix("-N")
            if phase in ("L1", "L2", "L3") and phase not in seen:
                seen.add(phase)
                total += sample.value
        if not seen:
            return None
        if measurand in (VOLTAGE, TEMPERATURE, SOC):
            return total / len(seen)
        return total


def to_base_unit(value: float, unit: str, multiplier: int = 0) -> tuple[float, str]:
    """(1.5, "kWh") → (1500.0, "Wh"). `multiplier` is OCPP 2.x's power of ten. Temperatures become Celsius; an
    unknown unit stays as it is."""
    if multiplier:
        value *= 10.0**multiplier
    known = _UNITS.get(unit)
    if known is not None:
        base, factor = known
        # Ten digits keep 0.1 kWh at 100.0 Wh and lose nothing that a meter shows.
        return (value if factor == 1.0 else round(value * factor, 6)), base
    if unit == "K":
        return round(value - 273.15, 6), "Celsius"
    if unit == "Fahrenheit":
        return round((value - 32.0) / 1.8, 6), "Celsius"
    return value, unit


class Step(StrEnum):
    """What one reading of a register was."""

    FIRST = "first"
    ADVANCE = "advance"
    LATE = "late"
    ROLLOVER = "rollover"
    SWAP = "swap"


class Register(msgspec.Struct):
    """Follows one energy register (Wh) and keeps the energy that passed since its first reading.

    Rollover: the counter was in the last tenth before a power of ten (≥ 10⁵ Wh) and is now in the first tenth. Any
    other
    step back is a swapped (or reset) meter: what passed between the two readings is unknown, so nothing is added.
    """

    energy_wh: float = 0.0
    last_wh: float | None = None
    last_at: datetime | None = None
    first_wh: float | None = None
    first_at: datetime | None = None

    def read(self, value_wh: float, at: datetime, *, earlier: bool = False) -> Step:
        """Take in a reading. Readings older than the newest one are LATE and change nothing: the newer one
        included them. `earlier`: one from before the first becomes the first (messages may come in any order)."""
        last = self.last_wh
        if last is None or self.last_at is None:
            self.last_wh, self.last_at = value_wh, at
            self.first_wh, self.first_at = value_wh, at
            return Step.FIRST
        if at < self.last_at and value_wh <= last:
            first, first_at = self.first_wh, self.first_at
            if earlier and first is not None and first_at is not None and at < first_at and value_wh <= first:
                self.energy_wh += first - value_wh
                self.first_wh, self.first_at = value_wh, at
            return Step.LATE  # the newer reading included it; a higher value at an earlier time is a clock set back
        if value_wh >= last:
            step, delta = Step.ADVANCE, value_wh - last
        else:
            span = _rollover_span(last, value_wh)
            step, delta = (Step.ROLLOVER, span - last + value_wh) if span else (Step.SWAP, 0.0)
        self.energy_wh += delta
        self.last_wh, self.last_at = value_wh, at
        return step


def _rollover_span(last: float, now: float) -> float | None:
    span = 100_000.0
    while span <= last:
        span *= 10.0
    return span if last >= 0.9 * span and now <= 0.1 * span else None
