"""Meter values → what a chart and the table behind it show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from webui.values import MeterValue, Session

POWER = "Power.Active.Import"
ENERGY = "Energy.Active.Import.Register"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One moment: values by column, None where nothing was told."""

    time: datetime | None
    values: tuple[float | None, ...]


def columns(values: Sequence[MeterValue]) -> list[str]:
    """What was measured, as ``measurand phase [unit]``, in the order of first appearance, power and energy first."""
    found: dict[str, None] = {}
    for value in values:
        for sample in value.samples:
            found.setdefault(_column(sample.measurand, sample.phase, sample.unit))
    return sorted(found, key=lambda name: (not name.startswith(POWER), not name.startswith(ENERGY)))


def _column(measurand: str, phase: str, unit: str) -> str:
    return " ".join(part for part in (measurand, phase, f"[{unit}]" if unit else "") if part)


def rows(values: Sequence[MeterValue]) -> list[Row]:
    """A row per moment."""
    names = columns(values)
    made = []
    for value in values:
        told = {_column(s.measurand, s.phase, s.unit): s.value for s in value.samples}
        made.append(Row(value.sample_time, tuple(told.get(name) for name in names)))
    return made


def series(session: Session, values: Sequence[MeterValue]) -> dict[str, list[float | None]]:
    """Seconds since 1970, power in kW, energy of the session in kWh.

    Power is the total, or the sum of the phases where only those are told; a station that tells none gets the mean
    power between two readings of its energy register.
    """
    times: list[float | None] = []
    power: list[float | None] = []
    energy: list[float | None] = []
    base = session.meter_start_wh
    before: tuple[datetime, float] | None = None
    for value in values:
        if value.sample_time is None:
            continue
        register = _total(value, ENERGY)
        watt = _total(value, POWER)
        if base is None:
            base = register
        if watt is None and register is not None and before is not None:
            hours = (value.sample_time - before[0]).total_seconds() / 3600
            watt = max(0.0, register - before[1]) / hours if hours > 0 else None
        if register is not None:
            before = (value.sample_time, register)
        if watt is None and register is None:
            continue
        times.append(value.sample_time.timestamp())
        power.append(None if watt is None else round(watt / 1000, 3))
        energy.append(None if register is None or base is None else round((register - base) / 1000, 3))
    return {"time": times, "power": power, "energy": energy}


def point(session: Session) -> dict[str, float] | None:
    """The newest moment of a session under way, to go on with; None before its first meter value."""
    if session.last_meter_time is None:
        return None
    return {
        "time": session.last_meter_time.timestamp(),
        "power": round(session.power_w / 1000, 3),
        "energy": round(session.energy_wh / 1000, 3),
    }


def _total(value: MeterValue, measurand: str) -> float | None:
    samples = [s for s in value.samples if s.measurand == measurand and s.location in ("", "Outlet")]
    whole = [s.value for s in samples if not s.phase]
    if whole:
        return whole[0]
    phases = [s.value for s in samples if s.phase in ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N")]
    return sum(phases) if phases else None
