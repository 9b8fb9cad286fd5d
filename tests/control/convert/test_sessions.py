"""Sessions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from control.convert.sessions import AUTHENTICATIONS, STATES, meter_value, session, session_filter
from control.v1 import sessions_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ChargingState, TransactionExtras
from csms.domain.session_changes import Closure, Corrections, Logbook
from csms.domain.transaction import Authentication, SessionState
from csms.ports.queries import SessionFilter, SessionView
from tests.kit.records import a_meter_value, a_transaction
from tests.kit.service_world import NOW


def test_every_word_has_its_number() -> None:
    assert set(STATES) == set(SessionState)
    assert set(AUTHENTICATIONS) == set(Authentication)


def test_what_is_not_known_stays_unset() -> None:
    transaction = a_transaction(7, 1, started_at=None)
    message = session(SessionView(transaction, None, "", ""))
    for field in ("start_time", "stop_time", "meter_start_wh", "meter_stop_wh", "soc_percent", "last_meter_time"):
        assert not message.HasField(field), field
    assert (message.name, message.station, message.station_display_name) == ("sessions/7", "", "CP-1")
    assert message.HasField("server_log_time")


def test_a_meter_that_began_at_zero_is_not_unknown() -> None:
    message = session(SessionView(a_transaction(7, 1, meter_start_wh=0.0), 1, "Gate", "Red"))
    assert message.HasField("meter_start_wh")
    assert (message.station, message.id_token_alias) == ("stations/1", "Red")


def test_a_field_that_is_asked_for_alone_is_what_it_is_among_all() -> None:
    later = NOW + timedelta(hours=2)
    transaction = a_transaction(7, 1, started_at=NOW, meter_start_wh=0.0)
    transaction.stopped_at, transaction.state = later, SessionState.ENDED
    view = SessionView(
        transaction,
        1,
        "Gate",
        "Red",
        place_id=3,
        user_id=4,
        corrections=Corrections(energy_wh=5_000.0, stopped_at=later),
        closure=Closure(NOW, "users/1", "Silence"),
        logbook=Logbook(mileage_km=12, vehicle_id="ABC 123"),
        site="Harbour",
        user_email="eve@example.org",
        cost=Decimal("3.20"),
        currency="EUR",
        energy_cost=Decimal("2.50"),
        charging_profiles=("TxProfile",),
        id_token_type="RFID",
    )
    whole = session(view)
    told = [field.name for field, _ in whole.ListFields()]
    assert len(told) > 25
    for name in (field.name for field in pb.Session.DESCRIPTOR.fields):
        alone = session(view, frozenset([name]))
        assert [field.name for field, _ in alone.ListFields()] == [n for n in told if n in ("name", name)]
        assert getattr(alone, name) == getattr(whole, name)


def test_filters() -> None:
    assert session_filter(pb.SessionFilter()) == SessionFilter()
    wanted = session_filter(pb.SessionFilter(station="stations/3", id_token=" tag ", state=pb.SESSION_STATE_ACTIVE))
    assert wanted == SessionFilter(station_id=3, id_token="TAG", state=SessionState.ACTIVE)
    for wrong in (pb.SessionFilter(station="CP-1"), pb.SessionFilter(state=9)):  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument):
            session_filter(wrong)


def test_a_meter_value_keeps_its_numbers() -> None:
    message = meter_value(a_meter_value(NOW, 5.0, 7.0))
    assert [(s.value, s.unit) for s in message.sampled_values] == [(5.0, "Wh"), (7.0, "W")]


@pytest.mark.feature("F-OCPP-4")
def test_what_2_x_tells_of_a_session_is_shown() -> None:
    transaction = a_transaction(7, 1)
    transaction.charging_state, transaction.remote_start_id = ChargingState.SUSPENDED_EV, 77
    transaction.stop_id_token = "OTHER"
    transaction.extras = TransactionExtras(number_of_phases_used=10**12, time_spent_charging=90)
    message = session(SessionView(transaction, 1, "", ""))
    assert (message.charging_state, message.remote_start_id, message.stop_id_token) == ("SuspendedEV", 77, "OTHER")
    assert (message.phase_count, message.charging_time_s) == (2**31 - 1, 90)
