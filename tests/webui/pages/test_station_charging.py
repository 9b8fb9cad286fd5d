"""Periods of a charging profile as people type them."""

from __future__ import annotations

import pytest

from webui.pages.station_charging import periods
from webui.values import ApiError


def test_minutes_become_seconds_and_both_decimal_signs_are_read():
    assert periods("0: 16\n60: 8,5\n\n90: 6.0") == [
        {"start_period": 0, "limit": 16.0},
        {"start_period": 3600, "limit": 8.5},
        {"start_period": 5400, "limit": 6.0},
    ]


@pytest.mark.parametrize("typed", ["", "16", "5: 16", "0: much", "-1: 3"])
def test_what_is_no_list_of_periods_is_told_so(typed: str):
    with pytest.raises(ApiError, match="begins at 0"):
        periods(typed)
