"""The dashboard's widgets: which there are, which somebody sees, and the numbers that each draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from urllib.parse import urlencode

from babel import dates

from webui import figures, view
from webui.values import Role
from webui.values_statistics import Dashboard, DayFigures
from webui.words import N_, _, current

LEAST: Final = 4
SPANS: Final = (7, 14, 30, 92)
DAY: Final = timedelta(days=1)
QUARTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Widget:
    """One of them. `href` leads to the list behind it, narrowed to the same place; `{since}` is the first day shown."""

    key: str
    text: str
    href: str
    link: str
    wide: bool = False

    @property
    def title(self) -> str:
        """In the reader's language."""
        return _(self.text)

    @property
    def link_text(self) -> str:
        """Where the link leads, in the reader's language."""
        return _(self.link)


WIDGETS: Final = (
    Widget("status", N_("Stations"), "/stations", N_("All stations")),
    Widget("power", N_("Charging power now"), "/sessions?state=ACTIVE", N_("Sessions under way")),
    Widget("sessions", N_("Sessions per day"), "/sessions?since={since}", N_("These sessions")),
    Widget("combined", N_("Combined power today"), "/charts?kind=COMBINED_POWER&span=day", N_("Open as chart"), True),
    Widget("energy", N_("Energy per day"), "/charts?kind=ENERGY&since={since}", N_("Open as chart")),
    Widget("connectors", N_("Connectors"), "/connectors", N_("All connectors")),
    Widget("alarms", N_("Active alarms"), "/alarms", N_("All alarms")),
    Widget("reservations", N_("Reservations per day"), "/reservations?view=list&since={since}", N_("All reservations")),
    Widget("success", N_("Plug-in success"), "/charts?kind=PLUG_IN_SUCCESS&since={since}", N_("Open as chart")),
)
_BY_KEY: Final = {widget.key: widget for widget in WIDGETS}
_USUAL: Final = ("status", "power", "sessions", "combined", "energy", "connectors", "alarms", "success")
_USUAL_DRIVER: Final = ("power", "sessions", "energy", "combined", "success")


def chosen(keys: Sequence[str], role: Role) -> tuple[Widget, ...]:
    """What somebody picked, in their order; the usual ones for who picked fewer than four (that there still are)."""
    found = tuple(_BY_KEY[key] for key in dict.fromkeys(keys) if key in _BY_KEY)
    if len(found) >= LEAST:
        return found
    return tuple(_BY_KEY[key] for key in (_USUAL_DRIVER if role is Role.EV_USER else _USUAL))


def arranged(keys: Sequence[str]) -> tuple[Widget, ...]:
    """All of them: these first and in this order, then the others."""
    first = tuple(_BY_KEY[key] for key in dict.fromkeys(keys) if key in _BY_KEY)
    return first + tuple(widget for widget in WIDGETS if widget not in first)


@dataclass(frozen=True, slots=True)
class Column:
    """A day of a chart: its bar, its label, its words."""

    bar: figures.Bar
    label: str
    words: str
    value: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Bars by day."""

    columns: tuple[Column, ...]
    top: float
    top_words: str
    ticks: tuple[str, ...]
    total: float

    @property
    def rows(self) -> list[tuple[str, str]]:
        """For the table: the newest day first."""
        return [(column.label, column.words) for column in reversed(self.columns)]


class Figures:
    """A dashboard's numbers as they are drawn."""

    def __init__(self, told: Dashboard) -> None:
        self.told = told

    @cached_property
    def status(self) -> list[tuple[str, str, int, str]]:
        """Stations by what is known of them: key, label, count, address of their list."""
        told = self.told
        return [
            ("online", _("Online"), told.online_count, "/stations?state=online"),
            ("offline", _("Offline"), told.offline_count, "/stations?state=offline"),
            ("unknown", _("Never connected"), told.unknown_count, "/stations?state=offline"),
        ]

    @cached_property
    def status_slices(self) -> list[figures.Slice]:
        """The ring."""
        return figures.slices([(key, label, count) for key, label, count, _href in self.status])

    @property
    def station_count(self) -> int:
        """All accepted ones."""
        return self.told.online_count + self.told.offline_count + self.told.unknown_count

    @cached_property
    def connectors(self) -> list[figures.Slice]:
        """Connectors by state; states that look alike are one."""
        found: dict[str, tuple[str, int]] = {}
        for each in self.told.connectors:
            state = view.connector_state(each.status)
            label = _("Occupied") if state.key == "occupied" else state.label
            before = found.get(state.key)
            found[state.key] = (before[0] if before else label, each.count + (before[1] if before else 0))
        return figures.slices([(key, label, count) for key, (label, count) in found.items()])

    @cached_property
    def connectors_behind(self) -> dict[str, str]:
        """Of each of those: the address of their list."""
        found: dict[str, list[tuple[str, str]]] = {}
        for each in self.told.connectors:
            found.setdefault(view.connector_state(each.status).key, []).append(("status", each.status))
        return {key: f"/connectors?{urlencode(pairs)}" for key, pairs in found.items()}

    @property
    def connector_count(self) -> int:
        """All of them."""
        return sum(each.count for each in self.told.connectors)

    @cached_property
    def sessions(self) -> Columns:
        """Sessions begun, by day."""
        return self._columns([float(day.session_count) for day in self.told.days], 0)

    @cached_property
    def energy(self) -> Columns:
        """Energy by day, kWh."""
        return self._columns([day.energy_wh / 1000 for day in self.told.days], 1, " kWh")

    @cached_property
    def reservations(self) -> Columns:
        """Reservations by day."""
        return self._columns([float(day.reservation_count) for day in self.told.days], 0)

    @cached_property
    def success(self) -> Columns:
        """Sessions in which energy flowed, per cent of those begun, by day."""
        return self._columns([_per_cent(day) for day in self.told.days], 0, " %", top=100.0)

    @property
    def success_share(self) -> float | None:
        """Over all days, per cent; None without any session."""
        share = self.told.plug_in_success
        return None if math.isnan(share) else 100 * share

    def _columns(self, values: list[float], digits: int, unit: str = "", top: float = 0.0) -> Columns:
        highest = max((value for value in values if math.isfinite(value)), default=0.0)
        ceiling = top or max(figures.nice_ceiling(highest), 2.0 if digits == 0 else 0.0)
        made = []
        for value, bar, each in zip(values, figures.bars(values, ceiling), self.told.days, strict=True):
            words = view.DASH if math.isnan(value) else view.number(value, digits) + unit
            made.append(Column(bar, day_label(each.start_time, long=True), words, value))
        total = sum(value for value in values if math.isfinite(value))
        return Columns(
            tuple(made), ceiling, view.number(ceiling, 0 if ceiling == int(ceiling) else 1) + unit, self._ticks(), total
        )

    def _ticks(self) -> tuple[str, ...]:
        days = [each.start_time for each in self.told.days]
        if len(days) <= 7:
            return tuple(day_label(day) for day in days)
        return (
            day_label(days[0], long=True),
            day_label(days[len(days) // 2], long=True),
            day_label(days[-1], long=True),
        )

    @cached_property
    def power_points(self) -> list[tuple[float, float]]:
        """Combined power since midnight: share of the day, W."""
        if not self.told.days or self.told.days[-1].start_time is None:
            return []
        midnight = self.told.days[-1].start_time
        now = datetime.now(UTC)  # the quarter of an hour under way looks like a fall, since little of it is over
        over = [p for p in self.told.power_today if p.time is not None and p.time + QUARTER <= now]
        return [((p.time - midnight) / DAY, p.power_w) for p in over if p.time is not None]

    @property
    def power_top(self) -> float:
        """Top of its axis, W."""
        return max(1000.0, 1000 * figures.nice_ceiling(self.power_highest / 1000))

    @property
    def power_highest(self) -> float:
        """The highest quarter of an hour so far, W."""
        return max((power for _x, power in self.power_points), default=0.0)

    @property
    def power_line(self) -> str:
        """Its line."""
        return figures.line(self.power_points, self.power_top)

    @property
    def power_area(self) -> str:
        """What is below its line."""
        return figures.area(self.power_points, self.power_top)

    @property
    def power_rows(self) -> list[tuple[str, str]]:
        """For the table: the mean of each hour."""
        hours: dict[str, list[float]] = {}
        for point in self.told.power_today:
            if point.time is not None:
                hours.setdefault(point.time.astimezone(current.get().zone).strftime("%H:00"), []).append(point.power_w)
        return [(hour, view.kw(sum(values) / len(values))) for hour, values in hours.items()]


def day_label(moment: datetime | None, *, long: bool = False) -> str:
    """A day on an axis: Mon, or 12 May."""
    if moment is None:
        return view.DASH
    manners = current.get()
    return str(dates.format_date(moment.astimezone(manners.zone), "d MMM" if long else "EEE", locale=manners.locale))


def _per_cent(day: DayFigures) -> float:
    return 100 * day.session_with_energy_count / day.session_count if day.session_count else math.nan
