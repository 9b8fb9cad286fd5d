"""Times and durations."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from csms.domain.errors import InvalidArgument

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(moment: datetime | None) -> Timestamp | None:
    """None stays unset."""
    if moment is None:
        return None
    since = moment - _EPOCH  # protobuf's own way takes several times as long, and a list has hundreds of times
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def moment(message: Timestamp) -> datetime:
    """In UTC, to the microsecond. Raises InvalidArgument for a time that is none."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument("This is not a time between the years 1 and 9999.", reason="INVALID_TIME") from error


def duration(seconds: float | None) -> Duration | None:
    """None stays unset."""
    if seconds is None:
        return None
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e6) * 1000)
    return message


def seconds(message: Duration) -> float:
    """As a number."""
    return message.seconds + message.nanos / 1e9
