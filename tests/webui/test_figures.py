"""Small drawings: a bar that is too small to see is seen, and nothing is not drawn."""

from __future__ import annotations

import math

import pytest

from webui import figures


def test_slices_are_per_cent_and_leave_out_what_is_not_there() -> None:
    made = figures.slices([("online", "Online", 3), ("offline", "Offline", 0), ("unknown", "Unknown", 1)])
    assert [(each.key, each.length, each.start) for each in made] == [("online", 75, 0), ("unknown", 25, 75)]
    assert figures.slices([("online", "Online", 0)]) == []


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (-3, 1), (math.nan, 1), (1, 1), (1.2, 1.5), (6, 6), (7, 8), (99, 100), (230, 250)]
)
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert figures.nice_ceiling(value) == top


def test_the_smallest_number_is_still_a_bar_and_a_gap_is_none() -> None:
    low, gap, nothing, high = figures.bars([0.001, math.nan, 0, 10], 10)
    assert low.height == 1.2
    assert (gap.height, nothing.height, high.height, high.y) == (0, 0, 100, 0)
    assert high.x + high.width < 100
    assert figures.bars([], 1) == []


def test_a_line_stays_in_its_box() -> None:
    assert figures.line([(0.0, 0.0), (0.5, 50.0), (1.0, 500.0)], 100) == "M0.0 100.0L50.0 50.0L100.0 0.0"
    assert figures.area([(0.0, 0.0), (0.5, 50.0)], 100).endswith("L50.0 100L0.0 100Z")
    assert (figures.line([], 1), figures.area([], 1)) == ("", "")
