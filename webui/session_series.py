"""Series of a session → the charts of its page: one for each quantity, its lines on common times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypedDict

import msgspec

from webui.values import SampledValue
from webui.words import N_, _


class Point(msgspec.Struct, frozen=True):
    """A point of a line."""

    sample_time: datetime | None
    value: float


class Series(msgspec.Struct, frozen=True):
    """One line."""

    measurand: str
    phase: str
    location: str
    unit: str
    points: tuple[Point, ...]


class AllSeries(msgspec.Struct, frozen=True):
    """All lines of a session."""

    series: tuple[Series, ...]


class Sample(msgspec.Struct, frozen=True):
    """A meter value."""

    sample_time: datetime | None
    sampled_values: tuple[SampledValue, ...]


class Line(TypedDict):
    """A line of a chart: its name and a number for each time."""

    label: str
    values: list[float | None]


class Chart(TypedDict):
    """A chart; `key` says which, `live` whether new moments are added to it."""

    key: str
    title: str
    unit: str
    time: list[float]
    lines: list[Line]


# what is drawn: key, title, measurands, unit, factor
_GROUPS: Final = (
    ("power", N_("Power"), ("Power.Active.Import",), "kW", 0.001),
    ("energy", N_("Energy"), ("Energy.Active.Import.Register", "Energy.Active.Import.Interval"), "kWh", 0.001),
    ("current", N_("Current"), ("Current.Import", "Current.Offered"), "A", 1.0),
    ("voltage", N_("Voltage"), ("Voltage",), "V", 1.0),
    ("soc", N_("Battery"), ("SoC",), "%", 1.0),
    ("temperature", N_("Temperature"), ("Temperature",), "°C", 1.0),
    ("offered", N_("Power on offer"), ("Power.Offered",), "kW", 0.001),
)


def groups(series: Sequence[Series]) -> list[Chart]:
    """The charts for which there are numbers, in a fixed order."""
    made = []
    for key, title, measurands, unit, factor in _GROUPS:
        found = [one for one in series if one.measurand in measurands and one.points]
        if found:
            made.append(_chart(key, _(title), unit, factor, found))
    return made


def _chart(key: str, title: str, unit: str, factor: float, series: Sequence[Series]) -> Chart:
    moments = sorted({p.sample_time.timestamp() for one in series for p in one.points if p.sample_time is not None})
    lines: list[Line] = []
    several = len({(one.measurand, one.location) for one in series}) > 1
    for one in series:
        base = one.points[0].value if one.measurand == "Energy.Active.Import.Register" else 0.0
        at = {
            p.sample_time.timestamp(): round((p.value - base) * factor, 3)
            for p in one.points
            if p.sample_time is not None
        }
        lines.append({"label": _label(one, title, several), "values": [at.get(moment) for moment in moments]})
    return {"key": key, "title": f"{title} ({unit})", "unit": unit, "time": moments, "lines": lines}


def _label(one: Series, title: str, several: bool) -> str:
    place = one.location if several and one.location not in ("", "Outlet") else ""
    kind = _("offered") if one.measurand.endswith(".Offered") and several else ""
    words = " ".join(word for word in (one.phase, kind, place) if word)
    return words or title
