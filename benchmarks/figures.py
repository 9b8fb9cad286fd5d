"""Medians with their spread, and tables of Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence


def spread(values: Iterable[float], form: str = ",.0f") -> str:
    """`12 (10–15)`: the median, the lowest and the highest; one figure alone when there is but one."""
    found = list(values)
    if not found:
        return "-"
    middle, low, high = (format(value, form) for value in (statistics.median(found), min(found), max(found)))
    return middle if len(found) == 1 else f"{middle} ({low}–{high})"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """The first `words` columns hold words, the others figures."""
    marks = ["---" if number < words else "---:" for number in range(len(columns))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows))
