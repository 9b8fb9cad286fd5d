"""Reservations in the words of 1.6."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.reservation import CancelReservation, ReserveNow
from csms.ocpp.v16.routes import Dialect16

pytestmark = pytest.mark.feature("F-OCPP-1")
DIALECT = Dialect16()
UNTIL = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


def test_an_evse_is_a_connector_and_none_is_connector_0() -> None:
    assert printed(ReserveNow(7, "TAG", UNTIL, evse_id=2, group_id_token="PARENT")) == (
        "ReserveNow",
        {
            "connectorId": 2,
            "expiryDate": "2026-05-04T12:30:15Z",
            "idTag": "TAG",
            "parentIdTag": "PARENT",
            "reservationId": 7,
        },
    )
    assert printed(ReserveNow(7, "TAG", UNTIL))[1]["connectorId"] == 0


def test_a_cancellation_names_its_reservation() -> None:
    assert printed(CancelReservation(7)) == ("CancelReservation", {"reservationId": 7})


@pytest.mark.parametrize("status", ["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"])
def test_the_stations_word_is_told(status: str) -> None:
    answer = DIALECT.outcome(ReserveNow(7, "TAG", UNTIL), json.dumps({"status": status}).encode())
    assert (answer.status, answer.accepted) == (status, status == "Accepted")


def test_what_1_6_cannot_say_is_refused() -> None:
    with pytest.raises(NotSupported, match="connector's type"):
        DIALECT.encode(ReserveNow(7, "TAG", UNTIL, connector_type="cCCS2"))
    for wrong in (ReserveNow(7, "T" * 21, UNTIL), ReserveNow(2**31, "TAG", UNTIL), ReserveNow(7, "TAG", UNTIL, -1)):
        with pytest.raises(InvalidArgument):
            DIALECT.encode(wrong)
