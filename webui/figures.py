"""Small drawings for the dashboard: numbers to coordinates; the templates draw them as SVG.

Everything stands in a box of 100 × 100 that the page stretches, so strokes are drawn with `vector-effect`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BOX = 100.0
GAP = 0.28  # of a bar's width


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a whole, in percent: how long it is, and where it begins."""

    key: str
    label: str
    count: int
    length: float
    start: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the box."""

    x: float
    y: float
    width: float
    height: float


def slices(parts: Sequence[tuple[str, str, int]]) -> list[Slice]:
    """A whole in parts (key, label, count); parts of nothing are left out."""
    whole = sum(count for _key, _label, count in parts)
    made: list[Slice] = []
    start = 0.0
    for key, label, count in parts:
        if count:
            length = 100 * count / whole
            made.append(Slice(key, label, count, round(length, 3), round(start, 3)))
            start += length
    return made


def nice_ceiling(value: float) -> float:
    """The next round number at or above: the top of an axis. 1 for nothing."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * size >= value * (1 - 1e-9))


def bars(values: Sequence[float], top: float) -> list[Bar]:
    """One bar for each value, from left to right; what is not a number has none (height 0)."""
    if not values:
        return []
    step = BOX / len(values)
    width = step * (1 - GAP)
    made = []
    for index, value in enumerate(values):
        height = 0.0 if not math.isfinite(value) or value <= 0 else max(1.2, BOX * min(1.0, value / top))
        x = index * step + (step - width) / 2
        made.append(Bar(round(x, 2), round(BOX - height, 2), round(width, 2), round(height, 2)))
    return made


def line(points: Sequence[tuple[float, float]], top: float) -> str:
    """The `d` of a path through points (x as a share of the box, value)."""
    steps = [f"{round(x * BOX, 2)} {round(BOX - BOX * min(1.0, max(0.0, value) / top), 2)}" for x, value in points]
    return "M" + "L".join(steps) if steps else ""


def area(points: Sequence[tuple[float, float]], top: float) -> str:
    """The same, closed at the bottom."""
    if not points:
        return ""
    return f"{line(points, top)}L{round(points[-1][0] * BOX, 2)} {BOX:.0f}L{round(points[0][0] * BOX, 2)} {BOX:.0f}Z"
