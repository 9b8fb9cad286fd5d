"""A small plot as SVG, readable in light and dark: lines over one horizontal axis, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 20, 20, 48, 44
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#7c3aed")


@dataclass(frozen=True, slots=True)
class Line:
    """Points by their place on the horizontal axis; the vertical scale begins at nought."""

    name: str
    points: Sequence[tuple[float, float]]


def plot(title: str, axis: str, lines: Sequence[Line]) -> str:
    """The picture. Each point carries its value, since every line has its own scale."""
    places = [x for line in lines for x, _ in line.points]
    low, high = 0.0, max(places, default=1.0)

    def across(x: float) -> float:
        return LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT - 40) + 20

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        f' font-family="system-ui, sans-serif" font-size="12"><title>{escape(title)}</title>',
        "<style>text{fill:#334155}.axis{stroke:#94a3b8}@media(prefers-color-scheme:dark){text{fill:#e2e8f0}}</style>",
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(axis)}</text>',
    ]
    for x in sorted(set(places)):
        parts.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>')
    at = float(LEFT)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        top = max((y for _, y in line.points), default=1.0) or 1.0
        points = [(across(x), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM - 24), y) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y, value in points:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            parts.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{value:,.3g}</text>')
        parts.append(f'<rect x="{at:.0f}" y="28" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{at + 14:.0f}" y="37">{escape(line.name)}</text>')
        at += 30 + 7 * len(line.name)
    return "\n".join([*parts, "</svg>", ""])
