"""What stations show."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from csms.domain.applying import Context
from csms.domain.display import (
    HANDLERS,
    DisplayMessagesTold,
    MessageContent,
    MessageFormat,
    MessageInfo,
    MessagePriority,
)
from csms.domain.facts import AuthorizationStatus, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, JobState, Record

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def records_of(fact: DisplayMessagesTold) -> list[Record]:
    context = Context(NOW, lambda _tag, _starting: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)
    return HANDLERS[DisplayMessagesTold](fact, StationId(1), context).records


def a_message(number: int) -> MessageInfo:
    return MessageInfo(number, MessagePriority.IN_FRONT, MessageContent(MessageFormat.UTF8, "Hello", "en"))


def test_each_message_is_a_thing_and_the_last_part_ends_the_job() -> None:
    first = records_of(DisplayMessagesTold(9, (a_message(1), a_message(2)), more=True))
    assert [type(record) for record in first] == [EventRecord, ItemRecord, ItemRecord, JobRecord]
    item, job = first[1], first[-1]
    assert isinstance(item, ItemRecord)
    assert isinstance(job, JobRecord)
    assert (item.kind, item.key) == ("display_message", "1")
    assert json.loads(item.body or b"") == {
        "id": 1,
        "priority": "InFront",
        "message": {"format": "UTF8", "content": "Hello", "language": "en"},
    }
    assert (job.kind, job.request_id, job.state) == (JobKind.DISPLAY_MESSAGES, 9, JobState.RUNNING)
    last = records_of(DisplayMessagesTold(9))[-1]
    assert isinstance(last, JobRecord)
    assert last.state is JobState.SUCCEEDED
