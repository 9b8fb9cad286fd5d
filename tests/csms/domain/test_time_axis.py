"""Spans cut into intervals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.statistics import Bucket
from csms.domain.time_axis import axis_of, previous_span

pytestmark = pytest.mark.feature("F-SES-7")

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def test_a_day_has_23_hours_when_clocks_are_put_forward() -> None:
    axis = axis_of(NOON, NOON + timedelta(hours=1), Bucket.DAY, "Europe/Stockholm")
    assert axis.days == (date(2026, 3, 29),)
    assert axis.lengths() == (23 * 3600.0,)
    assert axis.starts == (datetime(2026, 3, 28, 23, tzinfo=UTC),)


def test_hours_begin_on_the_clock_of_the_zone() -> None:
    axis = axis_of(NOON, NOON + timedelta(hours=2), Bucket.HOUR, "Asia/Kathmandu")
    assert axis.starts[0] == datetime(2026, 3, 29, 11, 15, tzinfo=UTC)
    assert len(axis.starts) == 3


@pytest.mark.parametrize(
    ("span", "bucket"),
    [
        (timedelta(hours=24), Bucket.QUARTER_HOUR),
        (timedelta(days=3), Bucket.HOUR),
        (timedelta(days=31), Bucket.DAY),
        (timedelta(days=365), Bucket.WEEK),
        (timedelta(days=900), Bucket.MONTH),
        (timedelta(days=6_000), Bucket.YEAR),
    ],
)
def test_intervals_fit_the_span(span: timedelta, bucket: Bucket) -> None:
    axis = axis_of(NOON, NOON + span, None, "UTC")
    assert axis.bucket is bucket
    assert 10 <= len(axis.starts) <= 110


@pytest.mark.parametrize(
    ("span", "bucket", "reason"),
    [
        (timedelta(0), None, "INVALID_SPAN"),
        (timedelta(days=-1), None, "INVALID_SPAN"),
        (timedelta(days=9_000), None, "INVALID_SPAN"),
        (timedelta(days=60), Bucket.HOUR, "TOO_MANY_BUCKETS"),
        (timedelta(days=1_500), Bucket.DAY, "TOO_MANY_BUCKETS"),
    ],
)
def test_what_makes_no_sense_is_refused(span: timedelta, bucket: Bucket | None, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        axis_of(NOON, NOON + span, bucket, "UTC")
    assert caught.value.reason == reason


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    hours=st.integers(1, 20_000),
    bucket=st.none() | st.sampled_from(Bucket),
    zone=st.sampled_from(("UTC", "Europe/Stockholm", "Asia/Kathmandu", "America/St_Johns")),
)
def test_intervals_hold_the_span_without_gaps(start: datetime, hours: int, bucket: Bucket | None, zone: str) -> None:
    begin = start.replace(tzinfo=UTC)
    try:
        axis = axis_of(begin, begin + timedelta(hours=hours), bucket, zone)
    except InvalidArgument as error:
        assert error.reason == "TOO_MANY_BUCKETS"  # noqa: PT017
        return
    assert axis.starts[0] <= begin
    assert axis.end >= begin + timedelta(hours=hours)
    assert all(length > 0 for length in axis.lengths())
    before = previous_span(axis)
    assert before[1] == axis.starts[0]
    if axis.bucket is not Bucket.TOTAL:
        again = axis_of(*before, axis.bucket, zone)
        assert (again.end, len(again.starts)) == (axis.starts[0], len(axis.starts))
