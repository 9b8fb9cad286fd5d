"""Local lists in the words of 2.0.1 and 2.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import GetLocalListVersion, LocalListEntry, LocalListVersion, SendLocalList
from csms.ocpp.faults import Fault
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5", "F-OPS-4")
BOTH = [Dialect201(), Dialect21()]
UNTIL = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
dialects = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.subprotocol)


def printed(dialect: RoutedDialect, command: Any) -> tuple[str, Any]:
    action, payload = dialect.encode(command)
    return action, json.loads(payload)


@dialects
def test_entries_say_what_to_do_with_a_tag(dialect: RoutedDialect) -> None:
    entries = (
        LocalListEntry("A", AuthorizationStatus.ACCEPTED, UNTIL, "GROUP"),
        LocalListEntry("04A2B3C4", AuthorizationStatus.NO_CREDIT, token_type="ISO15693"),
        LocalListEntry("C"),
    )
    assert printed(dialect, SendLocalList(3, False, entries)) == (
        "SendLocalList",
        {
            "versionNumber": 3,
            "updateType": "Differential",
            "localAuthorizationList": [
                {
                    "idToken": {"idToken": "A", "type": "Central"},
                    "idTokenInfo": {
                        "status": "Accepted",
                        "cacheExpiryDateTime": "2026-05-04T12:30:00Z",
                        "groupIdToken": {"idToken": "GROUP", "type": "Central"},
                    },
                },
                {"idToken": {"idToken": "04A2B3C4", "type": "ISO15693"}, "idTokenInfo": {"status": "NoCredit"}},
                {"idToken": {"idToken": "C", "type": "Central"}},
            ],
        },
    )


@dialects
def test_a_full_list_without_entries_has_none_at_all(dialect: RoutedDialect) -> None:
    assert printed(dialect, SendLocalList(1, True))[1] == {"versionNumber": 1, "updateType": "Full"}


@dialects
def test_the_version_is_told(dialect: RoutedDialect) -> None:
    assert printed(dialect, GetLocalListVersion()) == ("GetLocalListVersion", {})
    assert dialect.outcome(GetLocalListVersion(), b'{"versionNumber":5}').result == LocalListVersion(5)
    for wrong in (b'{"versionNumber":-1}', b'{"versionNumber":2147483648}'):
        with pytest.raises(Fault):
            dialect.outcome(GetLocalListVersion(), wrong)


@dialects
def test_what_cannot_be_said_is_refused(dialect: RoutedDialect) -> None:
    for wrong in (SendLocalList(0, True), SendLocalList(1, True, (LocalListEntry("A"),))):
        with pytest.raises(InvalidArgument):
            dialect.encode(wrong)


def test_long_tags_are_2_1s() -> None:
    old, new = BOTH
    long = SendLocalList(1, True, (LocalListEntry("A" * 37, AuthorizationStatus.ACCEPTED),))
    assert printed(new, long)
    with pytest.raises(InvalidArgument, match=r"2\.0\.1"):
        old.encode(long)
