"""Small plots as SVG, readable in light and dark: lines with a scale of their own each, or all with the same one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 20, 20, 48, 44
TICKS: Final = 5
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#7c3aed")


@dataclass(frozen=True, slots=True)
class Line:
    """Points by their place on the horizontal axis; the vertical scale begins at nought."""

    name: str
    points: Sequence[tuple[float, float]]


def curves(title: str, axis: str, lines: Sequence[Line]) -> str:
    """Many points on one scale: the picture."""
    right = _round_up(max((x for line in lines for x, _ in line.points), default=1.0))
    top = _round_up(max((y for line in lines for _, y in line.points), default=1.0))
    left, bottom = LEFT + 50, HEIGHT - BOTTOM

    def across(x: float) -> float:
        return left + x / right * (WIDTH - RIGHT - left)

    def up(y: float) -> float:
        return bottom - y / top * (bottom - TOP - 12)

    parts = _head(title, axis)
    for step in range(TICKS + 1):
        x, y = right * step / TICKS, top * step / TICKS
        parts.append(f'<text x="{across(x):.1f}" y="{bottom + 18}" text-anchor="middle">{x:,.3g}</text>')
        parts.append(f'<text x="{left - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{y:,.0f}</text>')
        parts.append(f'<line class="grid" x1="{left}" x2="{WIDTH - RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}"/>')
    for number, line in enumerate(lines):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "\n".join([*parts, *_legend(lines), "</svg>", ""])


def _round_up(value: float) -> float:
    """To 1, 2, 2.5 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= value)


def _head(title: str, axis: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        f' font-family="system-ui, sans-serif" font-size="12"><title>{escape(title)}</title>',
        "<style>text{fill:#334155}.axis{stroke:#94a3b8}.grid{stroke:#94a3b8;stroke-opacity:.3}",
        "@media(prefers-color-scheme:dark){text{fill:#e2e8f0}}</style>",
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(axis)}</text>',
    ]


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    at = float(LEFT)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        yield f'<rect x="{at:.0f}" y="28" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{at + 14:.0f}" y="37">{escape(line.name)}</text>'
        at += 30 + 7 * len(line.name)


def plot(title: str, axis: str, lines: Sequence[Line]) -> str:
    """The picture. Each point carries its value, since every line has its own scale."""
    places = [x for line in lines for x, _ in line.points]
    low, high = 0.0, max(places, default=1.0)

    def across(x: float) -> float:
        return LEFT + (x - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT - 40) + 20

    parts = _head(title, axis)
    for x in sorted(set(places)):
        parts.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>')
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        top = max((y for _, y in line.points), default=1.0) or 1.0
        points = [(across(x), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM - 24), y) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y, value in points:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            parts.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{value:,.3g}</text>')
    return "\n".join([*parts, *_legend(lines), "</svg>", ""])
