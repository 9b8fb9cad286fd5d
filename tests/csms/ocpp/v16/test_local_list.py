"""Local lists in the words of 1.6."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import GetLocalListVersion, LocalListEntry, LocalListVersion, SendLocalList
from csms.ocpp.faults import Fault
from csms.ocpp.v16.routes import Dialect16

pytestmark = pytest.mark.feature("F-OCPP-1", "F-OPS-4")
DIALECT = Dialect16()
UNTIL = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


def test_entries_say_what_to_do_with_a_tag() -> None:
    entries = (
        LocalListEntry("A", AuthorizationStatus.ACCEPTED, UNTIL, "PARENT"),
        LocalListEntry("B", AuthorizationStatus.NO_CREDIT, None, "P" * 21),
        LocalListEntry("C"),
    )
    assert printed(SendLocalList(3, False, entries)) == (
        "SendLocalList",
        {
            "listVersion": 3,
            "updateType": "Differential",
            "localAuthorizationList": [
                {
                    "idTag": "A",
                    "idTagInfo": {
                        "status": "Accepted",
                        "expiryDate": "2026-05-04T12:30:15Z",
                        "parentIdTag": "PARENT",
                    },
                },
                {"idTag": "B", "idTagInfo": {"status": "Invalid"}},
                {"idTag": "C"},
            ],
        },
    )


def test_a_full_list_without_entries_empties_it() -> None:
    assert printed(SendLocalList(1, True))[1] == {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [],
    }


@pytest.mark.parametrize("status", ["Accepted", "Failed", "NotSupported", "VersionMismatch"])
def test_the_stations_word_is_told(status: str) -> None:
    answer = DIALECT.outcome(SendLocalList(1, True), json.dumps({"status": status}).encode())
    assert (answer.status, answer.accepted) == (status, status == "Accepted")


@pytest.mark.parametrize("version", [-1, 0, 5])
def test_the_version_is_told_even_when_there_is_none(version: int) -> None:
    assert printed(GetLocalListVersion()) == ("GetLocalListVersion", {})
    answer = DIALECT.outcome(GetLocalListVersion(), b'{"listVersion":%d}' % version)
    assert answer.result == LocalListVersion(version)


def test_a_version_that_is_none_is_a_fault_or_refused() -> None:
    with pytest.raises(Fault):
        DIALECT.outcome(GetLocalListVersion(), b'{"listVersion":-2}')
    for wrong in (
        SendLocalList(0, True),
        SendLocalList(2**31, True),
        SendLocalList(1, True, (LocalListEntry("A"),)),
        SendLocalList(1, False, (LocalListEntry("A" * 21),)),
    ):
        with pytest.raises(InvalidArgument):
            DIALECT.encode(wrong)
