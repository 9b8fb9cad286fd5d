"""The message log."""

from __future__ import annotations

from typing import Final

from control.convert.common import duration, moment, timestamp
from control.v1 import messages_pb2
from csms.domain.errors import InvalidArgument
from csms.ports.message_log import Direction, LogEntry, LogFilter

DIRECTIONS: Final[dict[Direction, messages_pb2.MessageDirection.ValueType]] = {
    Direction.RECEIVED: messages_pb2.MESSAGE_DIRECTION_RECEIVED,
    Direction.SENT: messages_pb2.MESSAGE_DIRECTION_SENT,
    Direction.REMARK: messages_pb2.MESSAGE_DIRECTION_REMARK,
}
_DIRECTIONS_BACK: Final = {0: None} | {int(number): direction for direction, number in DIRECTIONS.items()}


def entry(logged: LogEntry) -> messages_pb2.MessageLogEntry:
    """A frame or a remark."""
    return messages_pb2.MessageLogEntry(
        sequence=logged.sequence,
        log_time=timestamp(logged.at),
        direction=DIRECTIONS[logged.direction],
        message_type=logged.message_type,
        action=logged.action,
        message_id=logged.message_id,
        content=logged.content,
        latency=duration(logged.latency_s),
    )


def log_filter(message: messages_pb2.MessageFilter) -> LogFilter:
    """Raises InvalidArgument."""
    if message.direction not in _DIRECTIONS_BACK:
        raise InvalidArgument(f"There is no direction with the number {message.direction}.", reason="INVALID_FILTER")
    return LogFilter(
        action=message.action.strip(),
        direction=_DIRECTIONS_BACK[message.direction],
        query=message.query,
        at_from=moment(message.log_time_from) if message.HasField("log_time_from") else None,
        at_to=moment(message.log_time_to) if message.HasField("log_time_to") else None,
    )
