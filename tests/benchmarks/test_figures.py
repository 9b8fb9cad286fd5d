"""Figures and tables of the benchmarks."""

from __future__ import annotations

from benchmarks.figures import spread, table


def test_a_median_has_its_spread() -> None:
    assert spread([3, 1, 2000]) == "3 (1–2,000)"
    assert spread([1.25], ".1f") == "1.2"
    assert spread([]) == "-"


def test_figures_stand_on_the_right() -> None:
    assert table(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    assert table(("a", "b"), [], words=0).endswith("| ---: | ---: |")
