"""What is due by the clock on a wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.timetable import Timetable, check_timetable, is_open, next_run, opens_at

ZONE = "Europe/Stockholm"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(timetable: Timetable, after: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        due = next_run(timetable, after)
        assert due is not None
        found.append(f"{due:%m-%d %H:%M}")
        after = due
    return found


def test_the_hour_on_the_wall_stays_when_the_clock_is_put() -> None:
    daily = Timetable(3 * 60 + 30, time_zone=ZONE)
    assert runs(daily, at("2026-03-27T12:00"), 3) == ["03-28 02:30", "03-29 01:30", "03-30 01:30"]
    assert runs(daily, at("2026-10-23T12:00"), 3) == ["10-24 01:30", "10-25 02:30", "10-26 02:30"]


def test_an_hour_that_is_left_out_or_comes_twice_is_run_once() -> None:
    daily = Timetable(2 * 60 + 30, time_zone=ZONE)
    assert runs(daily, at("2026-03-28T12:00"), 2) == ["03-29 01:30", "03-30 00:30"]  # at 03:30 by the wall
    assert runs(daily, at("2026-10-24T12:00"), 2) == ["10-25 00:30", "10-26 01:30"]  # the first of the two


def test_days_of_the_week_and_a_date() -> None:
    weekly = Timetable(60, frozenset({0, 4}), time_zone="UTC")
    assert runs(weekly, at("2026-05-04T01:00"), 3) == ["05-08 01:00", "05-11 01:00", "05-15 01:00"]
    once = Timetable(60, on_date=date(2026, 5, 9), time_zone=ZONE)
    assert runs(once, at("2026-05-04T01:00"), 1) == ["05-08 23:00"]
    assert next_run(once, at("2026-05-08T23:00")) is None


@given(
    st.integers(0, 1439),
    st.integers(1_577_836_800, 1_893_456_000),
    st.sampled_from([ZONE, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_a_daily_run_comes_about_every_day(minute: int, moment: int, zone: str) -> None:
    after = datetime.fromtimestamp(moment, UTC)
    first = next_run(Timetable(minute, time_zone=zone), after)
    assert first is not None
    assert timedelta() < first - after <= timedelta(hours=26)
    second = next_run(Timetable(minute, time_zone=zone), first)
    assert second is not None
    assert timedelta(hours=22) <= second - first <= timedelta(hours=26)


def test_hours_may_go_past_midnight() -> None:
    night = (22 * 60, 4 * 60)
    assert is_open(*night, at("2026-05-04T21:00"), ZONE)
    assert not is_open(*night, at("2026-05-04T12:00"), ZONE)
    assert opens_at(*night, at("2026-05-04T12:00"), ZONE) == at("2026-05-04T20:00")
    assert opens_at(*night, at("2026-05-04T23:00"), ZONE) == at("2026-05-04T23:00")
    assert is_open(0, 0, at("2026-05-04T12:00"), ZONE)
    assert not is_open(60, 120, at("2026-05-04T02:00"), "UTC")


@pytest.mark.parametrize(
    "wrong", [Timetable(1440), Timetable(-1), Timetable(1, frozenset()), Timetable(1, frozenset({7}))]
)
def test_what_is_no_time_is_refused(wrong: Timetable) -> None:
    with pytest.raises(InvalidArgument):
        check_timetable(wrong)
