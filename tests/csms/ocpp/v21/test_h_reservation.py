"""2.1's rows stand in place of 2.0.1's (what they say: tests/csms/ocpp/v201/test_h_reservation.py)."""

from __future__ import annotations

import pytest

from csms.domain.reservation import CancelReservation, ReserveNow
from csms.ocpp.v21 import h_reservation
from csms.ocpp.v21.routes import Dialect21


@pytest.mark.feature("F-OCPP-5")
@pytest.mark.parametrize("kind", [ReserveNow, CancelReservation])
def test_a_reservation_is_held_against_2_1s_schemas(kind: type[ReserveNow | CancelReservation]) -> None:
    (row,) = Dialect21().outgoing[kind]
    assert row in h_reservation.OUTGOING
