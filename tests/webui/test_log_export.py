"""The message log as a file: one line per message, whatever is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from webui.log_export import json_line, text_line
from webui.values import Direction, LogEntry

AT = datetime(2026, 5, 4, 12, 0, 0, 123_456, tzinfo=UTC)


def entry(content: str, direction: Direction = Direction.RECEIVED, **more: object) -> LogEntry:
    known = {"sequence": 1, "log_time": AT, "message_type": "", "action": "", "message_id": "", "latency": None}
    return LogEntry(direction=direction, content=content, **{**known, **more})  # type: ignore[arg-type]


def test_a_frame_is_a_text_in_an_object() -> None:
    sent = entry('[3,"1",{}]', Direction.SENT, message_type="CALLRESULT", action="Heartbeat", latency=0.25)
    assert json.loads(json_line(sent)) == {
        "time": "2026-05-04T12:00:00.123+00:00",
        "direction": "SENT",
        "messageType": "CALLRESULT",
        "action": "Heartbeat",
        "latencySeconds": 0.25,
        "content": '[3,"1",{}]',
    }


def test_line_ends_in_a_frame_stay_in_its_line() -> None:
    for line in (json_line, text_line):
        assert line(entry("a\r\nb")).count(b"\n") == 1
        assert b"\r" not in line(entry("a\r\nb"))


def test_text_says_who_spoke() -> None:
    assert text_line(entry("[2]", action="Heartbeat")) == b"2026-05-04T12:00:00.123+00:00 < Heartbeat [2]\n"
    assert b" > [3]" in text_line(entry("[3]", Direction.SENT))
    assert b" # Disconnected." in text_line(entry("Disconnected.", Direction.REMARK))
    assert text_line(entry("x", log_time=None)) == b"< x\n"
