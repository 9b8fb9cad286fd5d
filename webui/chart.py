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


def point(session: Session) -> dict[str, float] | None:
    """The newest moment of a session under way, to go on with; None before its first meter value."""
    if session.last_meter_time is None:
        return None
    return {
        "time": session.last_meter_time.timestamp(),
        "power": round(session.power_w / 1000, 3),
        "energy": round(session.energy_wh / 1000, 3),
    }
