"""The charts page: what the address says, which charts there are, and an answer as it is drawn and written down."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final

from babel import dates
from starlette.datastructures import QueryParams

from webui import days, view
from webui.page import with_query
from webui.values_statistics import Chart, ChartSeries
from webui.words import N_, _, current

Cell = str | int | float | datetime | None
SPANS: Final = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
MOST_STATIONS: Final = 50
HEAT_STEPS: Final = 9
ALL_SPLITS: Final = ("", "SITE", "STATION", "USER", "TAG", "HOUR_OF_WEEK")


@dataclass(frozen=True, slots=True)
class Kind:
    """A ready-made chart: how it is drawn, what it can be split by."""

    key: str
    text: str
    hint: str
    style: str = "bars"
    splits: tuple[str, ...] = ALL_SPLITS

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.text)

    @property
    def explained(self) -> str:
        """What it is, in a sentence."""
        return _(self.hint)


KINDS: Final = {
    kind.key: kind
    for kind in (
        Kind("ENERGY", N_("Energy"), N_("Energy charged, when it flowed.")),
        Kind("SESSIONS", N_("Sessions"), N_("Sessions begun.")),
        Kind("OCCUPANCY", N_("Occupancy"), N_("Share of the outlets’ time in which a vehicle was there."), "line"),
        Kind("CHARGING", N_("Charging time"), N_("Share of the outlets’ time in which energy flowed."), "line"),
        Kind("PEAK_POWER", N_("Peak power"), N_("The highest power at one outlet."), "line", ALL_SPLITS[:-1]),
        Kind(
            "COMBINED_POWER",
            N_("Combined power"),
            N_("Power of all outlets together: the highest mean of a quarter of an hour."),
            "line",
            ("", "SITE"),
        ),
        Kind("CO2_SAVED", N_("CO₂ saved"), N_("CO₂ saved against driving on fuel.")),
        Kind("SESSION_ENERGY", N_("Energy of a session"), N_("Mean energy of the sessions begun."), "line"),
        Kind("SESSION_DURATION", N_("Length of a session"), N_("Mean time from plugging in to the end."), "line"),
        Kind("PLUG_IN_SUCCESS", N_("Plug-in success"), N_("Share of the sessions begun that got energy."), "line"),
        Kind(
            "RESERVATIONS", N_("Reservations"), N_("By the time from which they hold."), "bars", ("", "SITE", "STATION")
        ),
        Kind(
            "AVAILABILITY",
            N_("Availability"),
            N_("Share of the time in which stations were connected."),
            "line",
            ("", "STATION"),
        ),
    )
}
BUCKETS: Final = {
    "": N_("Automatic"),
    "QUARTER_HOUR": N_("Quarter of an hour"),
    "HOUR": N_("Hour"),
    "DAY": N_("Day"),
    "WEEK": N_("Week"),
    "MONTH": N_("Month"),
    "YEAR": N_("Year"),
}
SPLITS: Final = {
    "": N_("Nothing"),
    "SITE": N_("Site"),
    "STATION": N_("Station"),
    "USER": N_("User"),
    "TAG": N_("Tag"),
    "HOUR_OF_WEEK": N_("Hour of the week"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address says. `since` and `until` are days (the last one included) and count with span `own`."""

    kind: str = "ENERGY"
    span: str = "month"
    since: str = ""
    until: str = ""
    place: str = ""
    stations: tuple[str, ...] = ()
    split: str = ""
    bucket: str = ""
    compare: bool = False

    @classmethod
    def parse(cls, params: QueryParams) -> Wanted:
        """From the address; nonsense counts as not given, and so does a split that the chart does not have."""
        kind = params.get("kind", "") if params.get("kind", "") in KINDS else "ENERGY"
        since, until = (
            params.get(name, "") if days.begin_of(params.get(name, "")) else "" for name in ("since", "until")
        )
        span = params.get("span", "")
        if span not in (*SPANS, "own"):
            span = "own" if since else "month"
        if span != "own":
            since = until = ""
        split, bucket = params.get("split", ""), params.get("bucket", "")
        place = params.get("place", "")
        return cls(
            kind=kind,
            span=span,
            since=since,
            until=until,
            place=place if place.isdecimal() else "",
            stations=tuple(dict.fromkeys(x for x in params.getlist("station") if x.isdecimal()))[:MOST_STATIONS],
            split=split if split in KINDS[kind].splits else "",
            bucket=bucket if bucket in BUCKETS else "",
            compare=params.get("compare", "") == "1" and split != "HOUR_OF_WEEK",
        )

    def moments(self, now: datetime) -> tuple[datetime, datetime]:
        """Begin and end of the span; an end before the begin is put after it."""
        today = datetime.combine(now.date(), time(), now.tzinfo)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
        if self.span != "own":
            return datetime.combine(today.date() - timedelta(days=SPANS[self.span] - 1), time(), now.tzinfo), tomorrow
        begin = days.begin_of(self.since) or datetime.combine(today.date() - timedelta(days=29), time(), now.tzinfo)
        end = days.end_of(self.until) or tomorrow
        return begin, end if end > begin else datetime.combine(begin.date() + timedelta(days=1), time(), now.tzinfo)

    def asked(self, now: datetime) -> dict[str, object]:
        """For QueryChart."""
        begin, end = self.moments(now)
        return {
            "kind": self.kind,
            "start_time": begin,
            "end_time": end,
            "bucket": self.bucket or "UNSPECIFIED",
            "time_zone": current.get().zone_name,
            "place": f"places/{self.place}" if self.place else "",
            "stations": [f"stations/{key}" for key in self.stations],
            "split": self.split or "UNSPECIFIED",
            "compare_with_previous": self.compare,
        }

    def url(self, path: str = "/charts", **changes: str) -> str:
        """The address with some changes."""
        values = {
            "kind": self.kind,
            "span": self.span if self.span != "month" else "",
            "since": self.since,
            "until": self.until,
            "place": self.place,
            "split": self.split,
            "bucket": self.bucket,
            "compare": "1" if self.compare else "",
        }
        address = with_query(path, values | changes)
        return address + "".join(f"&station={key}" for key in self.stations)


@dataclass(frozen=True, slots=True)
class Unit:
    """How values are shown: what they are divided by, with how many decimals, and what stands behind."""

    divisor: float
    digits: int
    sign: str

    def of(self, value: float) -> float | None:
        """A value in this unit; None for no number."""
        return round(value / self.divisor, self.digits + 2) if math.isfinite(value) else None

    def words(self, value: float) -> str:
        """With its sign."""
        return view.DASH if not math.isfinite(value) else view.number(value / self.divisor, self.digits) + self.sign


UNITS: Final = {
    "Wh": Unit(1000, 1, "\u00a0kWh"),
    "W": Unit(1000, 1, "\u00a0kW"),
    "kg": Unit(1, 1, "\u00a0kg"),
    "s": Unit(60, 0, "\u00a0min"),
    "share": Unit(0.01, 1, "\u00a0%"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A series as the page shows it."""

    label: str
    total: str
    values: tuple[float, ...]
    previous: tuple[float, ...] = ()
    previous_total: str = ""


@dataclass(frozen=True, slots=True)
class Cell7:
    """An hour of the week: its words, and how warm it is, 0 to 9."""

    words: str
    heat: int


class Shown:
    """A chart's answer with what a page, a picture and a file want of it."""

    def __init__(self, wanted: Wanted, chart: Chart) -> None:
        self.wanted = wanted
        self.chart = chart
        self.kind = KINDS[wanted.kind]
        self.unit = UNITS.get(chart.unit, Unit(1, 0, ""))
        self.lines = self._lines()

    def _lines(self) -> list[Line]:
        before = {each.key: each for each in self.chart.previous}
        made = [self._line(each, each.display_name or each.key, before.get(each.key)) for each in self.chart.series]
        if self.chart.others is not None:
            made.append(self._line(self.chart.others, _("Others"), None))
        return made

    def _line(self, series: ChartSeries, label: str, before: ChartSeries | None) -> Line:
        name = label or (self.kind.label if not self.wanted.split else _("Without"))
        line = Line(name, self.unit.words(series.total), series.values)
        if before is None:
            return line
        return replace(line, previous=before.values, previous_total=self.unit.words(before.total))

    @property
    def heat_map(self) -> bool:
        """A table of 168 hours instead of a line."""
        return self.wanted.split == "HOUR_OF_WEEK"

    @property
    def empty(self) -> bool:
        """Nothing to see: no series, or only zeros and gaps."""
        return not any(
            math.isfinite(value) and value for line in self.lines for value in (*line.values, *line.previous)
        )

    @property
    def total(self) -> str:
        """Over all series."""
        return self.unit.words(self.chart.total)

    @property
    def previous_total(self) -> str:
        """Over all series, in the span before."""
        return self.unit.words(self.chart.previous_total)

    @property
    def change(self) -> str:
        """From the span before to this one, per cent; empty where that says nothing."""
        now, before = self.chart.total, self.chart.previous_total
        if not (self.wanted.compare and math.isfinite(now) and math.isfinite(before) and before):
            return ""
        change = 100 * (now - before) / abs(before)
        return f"{'+' if change >= 0 else '−'}{view.number(abs(change), 1)}\u00a0%"

    @property
    def span_words(self) -> str:
        """From which day to which."""
        starts = self.chart.bucket_start_times
        if not starts or self.chart.end_time is None:
            return ""
        last = self.chart.end_time - timedelta(seconds=1)
        return f"{self._day(starts[0])} – {self._day(last)}"

    def _day(self, moment: datetime) -> str:
        return str(dates.format_date(self._local(moment), "d MMM y", locale=current.get().locale))

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(dates.get_timezone(self.chart.time_zone or "UTC"))

    def label_of(self, moment: datetime) -> str:
        """An interval in words."""
        local, locale = self._local(moment), current.get().locale
        if self.chart.bucket in ("QUARTER_HOUR", "HOUR"):
            return str(dates.format_datetime(local, "EEE d MMM, HH:mm", locale=locale))
        if self.chart.bucket == "MONTH":
            return str(dates.format_date(local, "LLLL y", locale=locale))
        if self.chart.bucket == "YEAR":
            return str(dates.format_date(local, "y", locale=locale))
        return str(dates.format_date(local, "EEE d MMM y", locale=locale))

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table behind the chart: an interval and its values, those of the span before after each."""
        made = []
        for index, moment in enumerate(self.chart.bucket_start_times):
            cells = []
            for line in self.lines:
                cells.append(self.unit.words(line.values[index]))
                if line.previous:
                    cells.append(self.unit.words(line.previous[index]))
            made.append((self.label_of(moment), cells))
        return made

    @property
    def heads(self) -> list[str]:
        """The table's columns."""
        made = []
        for line in self.lines:
            made.append(line.label)
            if line.previous:
                made.append(_("%(name)s, span before") % {"name": line.label})
        return made

    @property
    def data(self) -> str:
        """For the script that draws: JSON."""
        told = {
            "times": [moment.timestamp() for moment in self.chart.bucket_start_times],
            "end": self.chart.end_time.timestamp() if self.chart.end_time else None,
            "bucket": self.chart.bucket,
            "zone": self.chart.time_zone or "UTC",
            "style": self.kind.style,
            "unit": self.unit.sign.strip(),
            "digits": self.unit.digits,
            "previous": _("Span before"),
            "series": [
                {
                    "label": line.label,
                    "values": [self.unit.of(value) for value in line.values],
                    "previous": [self.unit.of(value) for value in line.previous],
                }
                for line in self.lines
            ],
        }
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False)

    @property
    def week(self) -> list[tuple[str, list[Cell7]]]:
        """The heat map: a row for each day, from Monday, a cell for each hour."""
        values = self.lines[0].values if self.lines else ()
        top = max((value for value in values if math.isfinite(value)), default=0.0)
        names = dates.get_day_names("wide", locale=current.get().locale)
        return [
            (str(names[day]), [self._hour(value, top) for value in values[24 * day : 24 * day + 24]])
            for day in range(7 if len(values) == 7 * 24 else 0)
        ]

    def _hour(self, value: float, top: float) -> Cell7:
        if not math.isfinite(value):
            return Cell7(view.DASH, 0)
        heat = math.ceil(HEAT_STEPS * value / top) if top > 0 and value > 0 else 0
        return Cell7(view.number(value / self.unit.divisor, self.unit.digits), heat)

    def sheet(self) -> tuple[list[str], list[list[Cell]]]:
        """For a file: headings with units, and rows of plain numbers."""
        sign = self.unit.sign.strip()
        behind = f" ({sign})" if sign else ""
        if self.heat_map:
            hours: list[list[Cell]] = [
                [day, hour, self.unit.of(self.lines[0].values[24 * number + hour])]
                for number, (day, _cells) in enumerate(self.week)
                for hour in range(24)
            ]
            return [_("Day of the week"), _("Hour"), self.kind.label + behind], hours
        rows: list[list[Cell]] = []
        for index, moment in enumerate(self.chart.bucket_start_times):
            row: list[Cell] = [self._local(moment).replace(tzinfo=None)]
            for line in self.lines:
                row.append(self.unit.of(line.values[index]))
                if line.previous:
                    row.append(self.unit.of(line.previous[index]))
            rows.append(row)
        return [_("From"), *unlike([head + behind for head in self.heads])], rows


def unlike(names: Sequence[str]) -> list[str]:
    """Headings of a file must differ: the second of a name gets a number."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return made
