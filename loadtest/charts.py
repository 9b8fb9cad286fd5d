"""Charts as plain values: paths, ticks and what a pointer reads off. A template makes SVG and HTML of them.

A path is drawn into a box of `WIDTH` × `HEIGHT` that is stretched to whatever room there is; lines keep their width,
and words are HTML beside it. So the same file is sharp on a desk and readable on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 1000, 300
COLOURS = 8
SMALLEST = 0.001  # less is nothing
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A line. `gap`: points further apart (in x) are not joined. `colour`: 1 to COLOURS; more begin again, dashed."""

    name: str
    points: Sequence[Point]
    colour: int = 1
    area: bool = False
    gap: float = math.inf

    @property
    def style(self) -> str:
        """The class for style sheets."""
        dashed = " dashed" if self.colour > COLOURS else ""
        return f"c{(self.colour - 1) % COLOURS + 1}{dashed}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at `at` per cent of the axis; a `minor` one goes where room is short."""

    at: float
    label: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A series, drawn."""

    name: str
    style: str
    path: str
    area: str
    last: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, drawn. `reading` is what a pointer reads off: JSON-ready, x in per cent and as words."""

    title: str
    unit: str
    summary: str
    lines: Sequence[Line]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    reading: Mapping[str, object]
    note: str = ""
    marks: Sequence[float] = ()
    """Where something went wrong, in per cent."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as long as `share` per cent."""

    label: str
    value: str
    share: float


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`, even or logarithmic."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """0 to 1."""
        if self.log:
            value = max(value, self.low)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(slots=True)
class Plan:
    """What a chart is to show; `draw` draws it."""

    title: str
    series: Sequence[Series]
    unit: str = ""
    log: bool = False
    x_high: float | None = None
    x_ticks: Sequence[tuple[float, str]] | None = None
    x_words: Callable[[float], str] | None = None
    note: str = ""
    marks: Sequence[float] = field(default_factory=tuple)

    def draw(self) -> Chart | None:
        """The chart; None when there is nothing to see."""
        drawn = [series for series in self.series if series.points]
        if not drawn:
            return None
        xs = [x for series in drawn for x, _ in series.points]
        ys = [y for series in drawn for _, y in series.points]
        x = Scale(0.0, max(self.x_high or max(xs), 1e-9))
        y, y_ticks = _log_axis(ys) if self.log else _even_axis(max(ys))
        ticks = time_ticks(x.high) if self.x_ticks is None else self.x_ticks
        return Chart(
            title=self.title,
            unit=self.unit,
            summary=self._summary(drawn),
            lines=[_line(series, x, y) for series in drawn],
            x_ticks=[
                Tick(_percent(x.at(value)), label, number % 2 == 1) for number, (value, label) in enumerate(ticks)
            ],
            y_ticks=[Tick(_percent(y.at(value)), words(value)) for value in y_ticks],
            reading=_reading(drawn, x, self.x_words or time_words),
            note=self.note,
            marks=[_percent(x.at(mark)) for mark in self.marks],
        )

    def _summary(self, drawn: Sequence[Series]) -> str:
        told = (f"{s.name} up to {words(max(y for _, y in s.points))} {self.unit}".rstrip() for s in drawn)
        return f"{self.title}: {'; '.join(told)}"


def _line(series: Series, x: Scale, y: Scale) -> Line:
    pieces: list[list[str]] = []
    before = -math.inf
    for px, py in series.points:
        if px - before > series.gap or not pieces:
            pieces.append([])
        pieces[-1].append(f"{x.at(px) * WIDTH:.1f} {HEIGHT - y.at(py) * HEIGHT:.1f}")
        before = px
    path = "".join(f"M{'L'.join(piece)}" + ("h.1" if len(piece) == 1 else "") for piece in pieces)
    area = ""
    if series.area:
        for piece in pieces:
            first, last = piece[0].split()[0], piece[-1].split()[0]
            area += f"M{first} {HEIGHT}L{'L'.join(piece)}L{last} {HEIGHT}Z"
    return Line(series.name, series.style, path, area, words(series.points[-1][1]))


def _reading(drawn: Sequence[Series], x: Scale, x_words: Callable[[float], str]) -> dict[str, object]:
    """Every x of any series, and each series' words there (empty where it has no point)."""
    values = sorted({px for series in drawn for px, _ in series.points})
    columns = [dict(series.points) for series in drawn]
    return {
        "at": [_percent(x.at(value)) for value in values],
        "x": [x_words(value) for value in values],
        "series": [
            {
                "name": series.name,
                "style": series.style,
                "y": [words(column[value]) if value in column else "" for value in values],
            }
            for series, column in zip(drawn, columns, strict=True)
        ],
    }


def _percent(share: float) -> float:
    return round(share * 100, 2)


def _even_axis(highest: float) -> tuple[Scale, list[float]]:
    """From nothing to a little above the highest, with three to six round ticks."""
    highest = highest if highest > SMALLEST else 1.0
    step = _round_step(highest / 4)
    top = math.ceil(highest * 1.02 / step) * step
    return Scale(0.0, top), [step * n for n in range(round(top / step) + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def _log_axis(values: Iterable[float]) -> tuple[Scale, list[float]]:
    """Whole tens around the values; with ticks at 2 and 5 as well when there are few."""
    positive = [value for value in values if value >= SMALLEST] or [1.0]
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive) * 1.0001))
    high = max(high, low + 1)
    factors = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [factor * 10.0**power for power in range(low, high) for factor in factors]
    return Scale(10.0**low, 10.0**high, log=True), [*ticks, 10.0**high]


def time_ticks(seconds: float) -> list[tuple[float, str]]:
    """Round times, seven at the most."""
    step = next((step for step in TIME_STEPS if seconds / step <= 6), TIME_STEPS[-1] * math.ceil(seconds / 518_400))
    return [(float(at), time_words(at)) for at in range(0, int(seconds) + 1, step)]


def time_words(seconds: float) -> str:
    """`45 s`, `2:30`, `1:05:00`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def words(value: float) -> str:
    """A figure with as many digits as say something."""
    size = abs(value)
    if size >= 10_000_000:
        return f"{value / 1e6:,.0f} M"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3g}"


def thin_out(points: Sequence[Point], most: int = 600) -> list[Point]:
    """No more than so many points: means of neighbours."""
    step = -(-len(points) // most) or 1
    if step == 1:
        return list(points)
    parts = [points[at : at + step] for at in range(0, len(points), step)]
    return [(part[0][0], sum(y for _, y in part) / len(part)) for part in parts]


def bars(values: Mapping[str, float], suffix: str = "") -> list[Bar]:
    """Bars in the order given, the longest of them across all the room."""
    longest = max(values.values(), default=0.0) or 1.0
    return [Bar(label, words(value) + suffix, _percent(value / longest)) for label, value in values.items()]
