"""Days and moments from date fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from webui import days
from webui.words import DEFAULT, Manners, current

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture(autouse=True)
def in_stockholm() -> Iterator[None]:
    token = current.set(Manners(DEFAULT.locale, STOCKHOLM, "Europe/Stockholm"))
    yield
    current.reset(token)


def test_a_day_of_the_change_of_clocks_has_twenty_three_hours():
    begin, end = days.begin_of("2026-03-29"), days.end_of("2026-03-29")
    assert begin is not None
    assert end is not None
    assert (end.timestamp() - begin.timestamp()) / 3600 == 23


@pytest.mark.parametrize("typed", ["", "today", "2026-13-01", "2026-02-30"])
def test_what_is_no_day_is_none(typed: str):
    assert days.begin_of(typed) is None
    assert days.end_of(typed) is None


def test_a_moment_is_in_the_readers_zone():
    assert days.moment_of("2026-11-21T09:30") == datetime(2026, 11, 21, 9, 30, tzinfo=STOCKHOLM)
    assert days.moment_of("soon") is None
