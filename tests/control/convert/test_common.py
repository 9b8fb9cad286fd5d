"""Times and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from control.convert.common import duration, moment, seconds, timestamp
from csms.domain.errors import InvalidArgument


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_a_time_comes_back(at: datetime) -> None:
    message = timestamp(at)
    assert message is not None
    assert moment(message) == at


def test_other_zones_become_utc_and_none_stays_unset() -> None:
    at = datetime(2026, 5, 4, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    message = timestamp(at)
    assert message is not None
    assert moment(message) == datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    assert timestamp(None) is None
    assert duration(None) is None


@pytest.mark.parametrize("wrong", [Timestamp(seconds=10**15), Timestamp(seconds=-(10**15)), Timestamp(nanos=-1)])
def test_what_is_no_time_is_refused(wrong: Timestamp) -> None:
    with pytest.raises(InvalidArgument):
        moment(wrong)


def test_durations_keep_microseconds() -> None:
    message = duration(1.25)
    assert message == Duration(seconds=1, nanos=250_000_000)
    assert seconds(message) == 1.25
