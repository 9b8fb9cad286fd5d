"""What the blocks share: bounds, times, tokens, statuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import UNSET

from csms.domain.facts import ACK, AuthorizationStatus, IdTokenInfo
from csms.ocpp.faults import Fault
from csms.ocpp.v201 import common

AT = datetime(2026, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("number", [-1, 2**31])
def test_numbers_of_evses_have_bounds(number: int) -> None:
    assert common.number("evse/id", 2**31 - 1) == 2**31 - 1
    with pytest.raises(Fault, match="evse/id"):
        common.number("evse/id", number)


def test_whole_numbers_fit_into_64_bits() -> None:
    assert common.some_integer("x", UNSET) is None
    assert common.integer("x", -(2**63) + 1) < 0
    for told, least in ((2**63, -(2**62)), (-1, 0)):
        with pytest.raises(Fault, match="x"):
            common.integer("x", told, least)


def test_times_are_printed_in_utc_without_decimals() -> None:
    east = AT.astimezone(timezone(timedelta(hours=2)))
    assert common.print_time(east) == "2026-05-01T10:00:00Z"


def test_all_that_is_known_of_a_token_is_told() -> None:
    assert common.print_info(IdTokenInfo(AuthorizationStatus.ACCEPTED)) == {"status": "Accepted"}
    info = IdTokenInfo(AuthorizationStatus.NOT_AT_THIS_TIME, AT, "FAMILY", 3, "de", "Guten Tag", (1, 2))
    assert common.print_info(info) == {
        "status": "NotAtThisTime",
        "cacheExpiryDateTime": "2026-05-01T10:00:00Z",
        "chargingPriority": 3,
        "language1": "de",
        "evseId": [1, 2],
        "groupIdToken": {"idToken": "FAMILY", "type": "Central"},
        "personalMessage": {"format": "UTF8", "content": "Guten Tag", "language": "de"},
    }


def test_a_group_that_no_station_could_hold_is_left_out_and_a_long_message_cut() -> None:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, parent_id_token="x" * 37, personal_message="m" * 600)
    printed = common.print_info(info)
    assert "groupIdToken" not in printed
    message: Any = printed["personalMessage"]
    assert len(message["content"]) == 512


@pytest.mark.parametrize(("word", "agreed"), [("Accepted", True), ("Scheduled", True), ("Rejected", False)])
def test_a_status_and_why(word: str, agreed: bool) -> None:
    why = SimpleNamespace(reasonCode="TxInProgress", additionalInfo=UNSET)
    answer = common.read_status(SimpleNamespace(status=word, statusInfo=why))
    assert (answer.status, answer.accepted, answer.reason_code) == (word, agreed, "TxInProgress")


def test_an_answer_to_something_else_is_a_bug() -> None:
    assert "does not answer" in str(common.mismatch(ACK))
