"""What Occupied means."""

from __future__ import annotations

import pytest

from csms.domain.facts import ChargingState, ConnectorStatus
from csms.domain.occupancy import OCCUPIED, availability, occupied
from tests.kit.records import T0, a_meter_value, a_transaction, after

S = ConnectorStatus


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, S.PREPARING),
        (S.AVAILABLE, S.PREPARING),
        (S.PREPARING, S.PREPARING),
        (S.CHARGING, S.FINISHING),
        (S.FINISHING, S.FINISHING),
        (S.FAULTED, S.PREPARING),
    ],
)
def test_without_a_transaction_it_was_free_or_was_charging(before: S | None, now: S) -> None:
    assert occupied(None, before) is now


def test_with_a_transaction_its_state_says_so() -> None:
    transaction = a_transaction(1, 1)
    assert occupied(transaction, S.AVAILABLE) is S.PREPARING
    assert occupied(transaction, S.FINISHING, begins=True) is S.PREPARING
    transaction.charging_state = ChargingState.SUSPENDED_EV
    assert occupied(transaction, S.PREPARING) is S.SUSPENDED_EV
    transaction.charging_state = ChargingState.EV_CONNECTED
    assert occupied(transaction, S.SUSPENDED_EV) is S.FINISHING
    transaction.read(a_meter_value(after(9), 2000.0), after(9))
    assert occupied(transaction, None) is S.FINISHING


def test_words_of_2_x() -> None:
    occupied_now = availability(1, 2, "Occupied", T0)
    assert occupied_now is not None
    assert (occupied_now.occupied, occupied_now.status in OCCUPIED) == (True, True)
    assert availability(1, 2, "Perhaps", T0) is None
