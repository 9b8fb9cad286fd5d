"""The message log."""

from __future__ import annotations

import pytest

from control.convert.messages import DIRECTIONS, entry, log_filter
from control.v1 import messages_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.ports.message_log import Direction, LogEntry, LogFilter
from tests.kit.service_world import NOW


def test_every_direction_has_its_number() -> None:
    assert set(DIRECTIONS) == set(Direction)


def test_an_entry_with_and_without_latency() -> None:
    logged = LogEntry(1, 7, NOW, Direction.SENT, "CALLRESULT", "Heartbeat", "m", "[3]", 0.0)
    assert entry(logged).HasField("latency")
    assert not entry(LogEntry(1, 7, NOW, Direction.REMARK, "", "", "", "late")).HasField("latency")


def test_filters() -> None:
    assert log_filter(pb.MessageFilter()) == LogFilter()
    assert log_filter(pb.MessageFilter(direction=pb.MESSAGE_DIRECTION_SENT)).direction is Direction.SENT
    with pytest.raises(InvalidArgument):
        log_filter(pb.MessageFilter(direction=9))  # type: ignore[arg-type]
