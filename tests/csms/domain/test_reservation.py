"""What stations tell of reservations."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from csms.domain.applying import Context
from csms.domain.facts import ACK, AuthorizationStatus, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord
from csms.domain.reservation import ENDED_BY, HANDLERS, OPEN, ReservationState, ReservationStatusUpdated

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def a_context() -> Context:
    return Context(NOW, lambda _tag, _starting: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)


@pytest.mark.parametrize("status", ["Expired", "Removed", "NoTransaction"])
def test_an_update_is_in_the_event_log(status: str) -> None:
    fact = ReservationStatusUpdated(7, status)
    applied = HANDLERS[ReservationStatusUpdated](fact, StationId(1), a_context())
    assert (applied.reply, applied.wait) == (ACK, True)
    (record,) = applied.records
    assert isinstance(record, EventRecord)
    assert (record.kind, record.summary.startswith("Reservation 7 ")) == ("ReservationStatusUpdate", True)
    assert json.loads(record.body)["reservation_id"] == 7
    assert ENDED_BY[status] not in OPEN


def test_a_reservation_whose_driver_came_and_did_not_charge_was_used() -> None:
    assert ENDED_BY["NoTransaction"] is ReservationState.USED
