"""Reservations in the words of 2.0.1 and 2.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.reservation import CancelReservation, ReservationStatusUpdated, ReserveNow
from csms.ocpp.faults import Fault
from csms.ocpp.frame import Call
from csms.ocpp.routing import RoutedDialect
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
BOTH = [Dialect201(), Dialect21()]
UNTIL = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
dialects = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.subprotocol)


def printed(dialect: RoutedDialect, command: Any) -> tuple[str, Any]:
    action, payload = dialect.encode(command)
    return action, json.loads(payload)


def told(dialect: RoutedDialect, status: str) -> Any:
    payload = json.dumps({"reservationId": 7, "reservationUpdateStatus": status}).encode()
    return dialect.decode(Call("1", "ReservationStatusUpdate", msgspec.Raw(payload)))


@dialects
def test_tags_have_types(dialect: RoutedDialect) -> None:
    command = ReserveNow(7, "04A2B3C4", UNTIL, evse_id=2, group_id_token="GROUP")
    assert printed(dialect, command) == (
        "ReserveNow",
        {
            "id": 7,
            "expiryDateTime": "2026-05-04T12:30:00Z",
            "idToken": {"idToken": "04A2B3C4", "type": "ISO14443"},
            "evseId": 2,
            "groupIdToken": {"idToken": "GROUP", "type": "Central"},
        },
    )
    anywhere = printed(dialect, ReserveNow(7, "A", UNTIL, connector_type="cCCS2", token_type="KeyCode"))[1]
    assert anywhere["connectorType"] == "cCCS2"
    assert anywhere["idToken"] == {"idToken": "A", "type": "KeyCode"}
    assert "evseId" not in anywhere
    assert printed(dialect, CancelReservation(7)) == ("CancelReservation", {"reservationId": 7})


@dialects
def test_the_stations_word_and_its_reason_are_told(dialect: RoutedDialect) -> None:
    payload = b'{"status":"Occupied","statusInfo":{"reasonCode":"InUse","additionalInfo":"by a bus"}}'
    answer = dialect.outcome(ReserveNow(7, "A", UNTIL), payload)
    assert (answer.status, answer.accepted, answer.reason_code, answer.additional_info) == (
        "Occupied",
        False,
        "InUse",
        "by a bus",
    )


@dialects
@pytest.mark.parametrize("status", ["Expired", "Removed"])
def test_an_end_by_the_station_is_told(dialect: RoutedDialect, status: str) -> None:
    fact = told(dialect, status)
    assert fact == ReservationStatusUpdated(7, status)


def test_no_transaction_and_free_words_are_2_1s() -> None:
    old, new = BOTH
    assert told(new, "NoTransaction") == ReservationStatusUpdated(7, "NoTransaction")
    with pytest.raises(Fault):
        told(old, "NoTransaction")
    ours = ReserveNow(7, "A", UNTIL, connector_type="sOurs")
    assert printed(new, ours)[1]["connectorType"] == "sOurs"
    with pytest.raises(InvalidArgument, match=r"2\.0\.1"):
        old.encode(ours)
