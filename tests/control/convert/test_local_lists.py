"""Local lists as messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from control.convert import local_lists as convert
from control.v1 import local_lists_pb2 as pb
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import LocalListEntry
from csms.services.local_lists import SyncReport, SyncState
from csms.services.remote import CommandOutcome

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "entry",
    [LocalListEntry("A"), LocalListEntry("A", AuthorizationStatus.NOT_AT_THIS_TIME, NOW, "P", "KeyCode")],
)
def test_an_entry_comes_back_as_it_went(entry: LocalListEntry) -> None:
    assert convert.read_entry(convert.entry(entry)) == entry


def test_a_word_that_ocpp_lacks_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="Accepted"):
        convert.read_entry(pb.LocalListEntry(id_token="A", status="Fine"))


def test_a_report_is_told_whole() -> None:
    outcome = CommandOutcome(Answer("Failed", accepted=False), NOW, 0.5)
    told = SyncReport(SyncState.FAILED, outcome, 3, True, 2, 5, ("X",), "No.")
    message = convert.report(told)
    assert (message.state, message.result.status, message.version, message.full, message.messages) == (
        pb.LOCAL_LIST_SYNC_STATE_FAILED,
        "Failed",
        3,
        True,
        2,
    )
    assert (message.entries, list(message.left_out), message.note) == (5, ["X"], "No.")
    assert len(set(convert.STATES.values())) == len(SyncState)
