"""One correct session from the TransactionEvents of 2.x, in whatever order and shape they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from csms.domain.applying import Context
from csms.domain.facts import (
    AuthorizationStatus,
    ChargingState,
    ConnectorStatus,
    MeterSampled,
    TransactionAdvice,
    TransactionExtras,
    TransactionLimit,
    TransactionReply,
)
from csms.domain.metering import MeterValue
from csms.domain.transaction import Authentication, Flag, SessionState, Transaction
from tests.kit.transactions import ENDED, STARTED, UPDATED, Desk, at, reading, told

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-9")


def begin(desk: Desk, **more: object) -> None:
    given = {"id_token": "aa", "trigger_reason": "Authorized", **more}
    desk.tell(told(STARTED, 0, 0, 1000.0, token_type="ISO14443", **given))


def test_tag_first_cable_then_and_the_same_tag_stops() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(UPDATED, 1, 60, 2000.0, charging_state=ChargingState.CHARGING))
    reply = desk.tell(
        told(ENDED, 2, 3600, 5000.0, id_token="aa", reason="Local", trigger_reason="StopAuthorized")
    ).reply
    session = desk.session
    assert isinstance(reply, TransactionReply)
    assert reply.transaction_id == session.id
    assert reply.info is not None
    assert (reply.info.status, reply.info.parent_id_token) == (AuthorizationStatus.ACCEPTED, "FAMILY")
    assert (session.state, session.energy_wh, session.flags) == (SessionState.ENDED, 4000.0, ())
    assert (session.meter_start_wh, session.meter_stop_wh) == (1000.0, 5000.0)
    assert (session.started_at, session.stopped_at) == (at(0), at(3600))
    assert (session.id_token, session.stop_id_token, session.stop_reason) == ("AA", "", "Local")
    assert session.authentication is Authentication.RFID
    assert session.transaction_id == "tx-1"
    assert desk.in_use == set()


def test_cable_first_and_the_tag_comes_later() -> None:
    desk = Desk()
    desk.tell(told(STARTED, 0, 0, 1000.0, trigger_reason="CablePluggedIn", charging_state=ChargingState.EV_CONNECTED))
    assert desk.session.id_token == ""
    reply = desk.tell(told(UPDATED, 1, 30, id_token="aa", token_type="ISO14443", trigger_reason="Authorized")).reply
    assert isinstance(reply, TransactionReply)
    assert reply.info is not None
    assert desk.session.id_token == "AA"
    assert desk.session.authorization_status is AuthorizationStatus.ACCEPTED
    assert desk.in_use == {("AA", desk.session.id)}


def test_a_tag_of_the_same_group_stops_the_session_of_another() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(UPDATED, 1, 60, id_token="bb", token_type="ISO14443", trigger_reason="StopAuthorized"))
    desk.tell(told(ENDED, 2, 70, 1500.0, reason="Local"))
    assert (desk.session.id_token, desk.session.stop_id_token) == ("AA", "BB")


def test_a_tag_that_is_blocked_marks_the_session_and_says_so() -> None:
    desk = Desk()
    reply = desk.tell(told(STARTED, 0, 0, 1000.0, id_token="BAD", token_type="ISO14443")).reply
    assert isinstance(reply, TransactionReply)
    assert reply.info is not None
    assert reply.info.status is AuthorizationStatus.BLOCKED
    assert desk.session.flags == (Flag.NOT_AUTHORIZED,)


@pytest.mark.parametrize(("token", "kind"), [("", "NoAuthorization"), ("LOCAL-7", "Local")])
def test_a_start_without_a_tag_that_could_be_known_is_accepted(token: str, kind: str) -> None:
    desk = Desk()
    reply = desk.tell(told(STARTED, 0, 0, 1000.0, id_token=token, token_type=kind)).reply
    assert isinstance(reply, TransactionReply)
    assert reply.info is not None
    assert reply.info.status is AuthorizationStatus.ACCEPTED
    assert desk.session.id_token == token
    assert (desk.session.authentication is Authentication.ANONYMOUS) == (token == "")
    assert desk.session.flags == ()


def test_a_remote_start_of_ours_is_authorised_whatever_its_token() -> None:
    desk = Desk()
    desk.state.expect_remote_start(77, "made-up", at(60))
    begin(desk, id_token="MADE-UP", remote_start_id=77)
    assert desk.session.authorization_status is AuthorizationStatus.ACCEPTED
    assert (desk.session.authentication, desk.session.remote_start_id) == (Authentication.REMOTE, 77)
    other = Desk()
    begin(other, id_token="MADE-UP", remote_start_id=78)
    assert other.session.flags == (Flag.NOT_AUTHORIZED,)


def test_a_station_that_forgets_the_number_of_our_order_is_known_by_the_tag() -> None:
    desk = Desk()
    desk.state.expect_remote_start(77, "AA", desk.now + timedelta(minutes=1))
    begin(desk, id_token="AA", trigger_reason="RemoteStart")
    assert (desk.session.authentication, desk.session.remote_start_id) == (Authentication.REMOTE, 77)


@pytest.mark.parametrize(("tag", "reason"), [("BB", "RemoteStart"), ("AA", "Authorized")])
def test_another_tag_or_another_reason_is_not_our_order(tag: str, reason: str) -> None:
    desk = Desk()
    desk.state.expect_remote_start(77, "AA", desk.now + timedelta(minutes=1))
    begin(desk, id_token=tag, trigger_reason=reason)
    assert (desk.session.authentication, desk.session.remote_start_id) == (Authentication.RFID, None)


def test_cable_first_then_a_remote_start() -> None:
    desk = Desk()
    desk.tell(told(STARTED, 0, 0, 1000.0, trigger_reason="CablePluggedIn"))
    desk.state.expect_remote_start(5, "AA", at(60))
    desk.tell(told(UPDATED, 1, 9, id_token="AA", token_type="Central", remote_start_id=5, trigger_reason="RemoteStart"))
    assert desk.session.authentication is Authentication.REMOTE
    assert desk.session.remote_start_id == 5


def test_a_message_that_comes_again_changes_nothing_and_is_answered_alike() -> None:
    desk = Desk()
    begin(desk)
    twice = told(UPDATED, 1, 60, 2000.0, charging_state=ChargingState.CHARGING)
    first, before = desk.tell(twice).reply, desk.session
    again = desk.tell(twice)
    assert (again.reply, again.records, again.wait) == (first, [], True)
    assert desk.session == before
    ended = told(ENDED, 2, 70, 2500.0)
    first = desk.tell(ended).reply
    assert desk.tell(ended).reply == first
    assert len(desk.sessions) == 1
    begin(desk)
    assert len(desk.sessions) == 1
    assert desk.session.energy_wh == 1500.0


def test_an_update_whose_start_is_late() -> None:
    desk = Desk()
    desk.tell(told(UPDATED, 1, 60, 2000.0, charging_state=ChargingState.CHARGING))
    assert desk.session.flags == (Flag.START_MISSING,)
    assert desk.session.state is SessionState.ACTIVE
    begin(desk)
    desk.tell(told(ENDED, 2, 3600, 5000.0))
    session = desk.session
    assert (session.flags, session.energy_wh, session.meter_start_wh) == ((), 4000.0, 1000.0)
    assert (session.id_token, session.started_at) == ("AA", at(0))
    assert session.charging_state is ChargingState.CHARGING


def test_an_end_whose_start_and_middle_are_late() -> None:
    desk = Desk()
    desk.tell(told(ENDED, 3, 3600, 5000.0, id_token="bb", trigger_reason="StopAuthorized"))
    assert desk.session.flags == (Flag.START_MISSING,)
    assert desk.session.id_token == "BB"
    desk.tell(told(UPDATED, 2, 1800, 3000.0))
    begin(desk)
    assert desk.session.flags == (Flag.SEQUENCE_GAP,)
    desk.tell(told(UPDATED, 1, 60, 1100.0))
    session = desk.session
    assert (session.state, session.flags, session.energy_wh) == (SessionState.ENDED, (), 4000.0)
    assert (session.id_token, session.stop_id_token) == ("AA", "BB")
    assert session.meter_value_count == 4


def test_a_gap_is_flagged_until_it_closes() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(UPDATED, 3, 180, 1300.0))
    assert desk.session.flags == (Flag.SEQUENCE_GAP,)
    assert desk.session.needs_reconciliation
    desk.tell(told(UPDATED, 1, 60, 1100.0))
    assert desk.session.flags == (Flag.SEQUENCE_GAP,)
    desk.tell(told(UPDATED, 2, 120, 1200.0, offline=True))
    assert desk.session.flags == ()
    assert desk.session.energy_wh == 300.0


def test_another_start_on_the_connector_ends_what_never_ended_until_its_own_end_comes() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(STARTED, 0, 4000, 5000.0, transaction_id="tx-2", id_token="BB", token_type="ISO14443"))
    first = next(s for s in desk.settled() if s.transaction_id == "tx-1")
    assert (first.state, first.flags) == (SessionState.ENDED, (Flag.STOP_MISSING,))
    desk.tell(told(UPDATED, 1, 1800, 3000.0))
    desk.tell(told(ENDED, 2, 3600, 5000.0, reason="EVDisconnected"))
    first = next(s for s in desk.settled() if s.transaction_id == "tx-1")
    assert (first.flags, first.energy_wh, first.stop_reason) == ((), 4000.0, "EVDisconnected")
    assert [t.transaction_id for t in desk.state.open.values()] == ["tx-2"]


def test_a_station_that_forgot_its_ids_begins_another_session() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(ENDED, 1, 60, 1500.0))
    desk.tell(told(STARTED, 0, 9000, 1500.0, id_token="bb", token_type="ISO14443"))
    desk.tell(told(ENDED, 1, 9060, 1700.0))
    assert [s.energy_wh for s in desk.settled()] == [500.0, 200.0]


def test_a_station_that_numbers_badly_still_ends_its_sessions() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(ENDED, 0, 60, 1500.0))
    assert (desk.session.state, desk.session.energy_wh) == (SessionState.ENDED, 500.0)


def test_the_registers_at_begin_and_end_are_those_with_that_context() -> None:
    desk = Desk()
    desk.tell(told(STARTED, 0, 0, meter_values=(reading(0, 1000.0, "Transaction.Begin"),), id_token="aa"))
    values = (
        reading(0, 1000.0, "Transaction.Begin"),
        reading(3600, 5000.0, "Transaction.End"),
        reading(1800, 3000.0),
    )
    desk.tell(told(ENDED, 1, 3600, meter_values=values))
    assert (desk.session.meter_start_wh, desk.session.meter_stop_wh) == (1000.0, 5000.0)
    assert desk.session.energy_wh == 4000.0


def test_energy_is_right_where_the_start_had_no_meter_value() -> None:
    desk = Desk()
    desk.tell(told(STARTED, 0, 0, id_token="aa"))
    desk.tell(told(UPDATED, 2, 120, 1200.0))
    desk.tell(told(UPDATED, 1, 60, 1100.0))
    desk.tell(told(ENDED, 3, 180, 1500.0))
    assert (desk.session.meter_start_wh, desk.session.energy_wh) == (1100.0, 400.0)


def test_periodic_events_are_written_at_once_and_the_session_row_now_and_then() -> None:
    desk = Desk()
    begin(desk)
    desk.tell(told(UPDATED, 1, 10, 1100.0))
    applied = desk.tell(told(UPDATED, 2, 11, 1110.0))
    assert [type(record).__name__ for record in applied.records] == ["MeterRecord"]
    assert desk.state.unwritten
    assert desk.session.energy_wh == 110.0
    assert desk.session.sequence is not None
    assert desk.session.sequence.spans == ((0, 2),)


def test_what_else_is_told_stays_with_the_session() -> None:
    desk = Desk()
    begin(desk, extras=TransactionExtras(number_of_phases_used=3, cable_max_current=32.0))
    costs = {"totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"inclTax": 4.2}}}
    limit = TransactionLimit(max_energy=20_000.0)
    desk.tell(told(UPDATED, 2, 60, extras=TransactionExtras(evse_sleep=True, transaction_limit=limit)))
    desk.tell(told(UPDATED, 1, 30, extras=TransactionExtras(number_of_phases_used=1, cost_details=costs)))
    extras = desk.session.extras
    assert extras is not None
    assert (extras.number_of_phases_used, extras.cable_max_current, extras.evse_sleep) == (3, 32.0, True)
    assert extras.cost_details == costs
    assert [(e.kind, e.evse_id) for e in desk.events] == [("TransactionEvent", 1)]
    assert b"inclTax" in desk.events[0].body


def test_advice_from_outside_goes_into_the_answer() -> None:
    desk = Desk()
    fact = told(STARTED, 0, 0, 1000.0, id_token="aa")
    desk.state.lookup(fact)
    context = Context(at(0), desk.authorize, lambda: 5, consulted=TransactionAdvice(4.2, "Hello"))
    reply = desk.state.apply(fact, context).reply
    assert isinstance(reply, TransactionReply)
    assert (reply.total_cost, reply.personal_message) == (4.2, "Hello")


class Till:
    """A reckoner that has seen what it was told, and takes 2 for what goes on and 9 for what has ended."""

    def __init__(self) -> None:
        self.values = 0

    def read(self, _transaction: Transaction, values: Sequence[MeterValue]) -> None:
        self.values += len(values)

    def running(self, _transaction: Transaction, _now: datetime) -> float | None:
        return 2.0

    def final(self, _transaction: Transaction, _now: datetime) -> float | None:
        return 9.0


@pytest.mark.feature("F-SES-6")
def test_what_it_costs_goes_into_the_answer_and_nothing_is_counted_twice() -> None:
    desk, till = Desk(), Till()
    desk.reckoner = till
    answers = []
    events = [(STARTED, 0, 0.0), (UPDATED, 1, 60.0), (UPDATED, 1, 60.0), (ENDED, 2, 90.0), (ENDED, 2, 90.0)]
    for kind, seq_no, seconds in events:
        answers.append(desk.tell(told(kind, seq_no, seconds, 1_000.0 + seconds)).reply)
    told_costs = [(a.running_cost, a.total_cost) for a in answers if isinstance(a, TransactionReply)]
    assert told_costs == [(2.0, None)] * 3 + [(None, 9.0)] * 2
    assert till.values == 3
    begin(desk, transaction_id="tx-2")
    desk.tell(MeterSampled(1, (reading(120, 5.0),)))
    assert till.values == 5, "a value beside the events"


@pytest.mark.feature("F-OCPP-4")
def test_an_occupied_connector_shows_what_its_transaction_does() -> None:
    desk = Desk()
    assert desk.occupy() is ConnectorStatus.PREPARING
    begin(desk, charging_state=ChargingState.EV_CONNECTED)
    seen = []
    for seq_no, state in enumerate(
        (ChargingState.CHARGING, ChargingState.SUSPENDED_EV, ChargingState.SUSPENDED_EVSE, ChargingState.EV_CONNECTED),
        start=1,
    ):
        desk.tell(told(UPDATED, seq_no, seq_no * 60.0, 1000.0 + seq_no, charging_state=state))
        seen.append(desk.statuses[1, 1])
    assert seen == [
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.FINISHING,
    ]
    desk.tell(told(ENDED, 5, 600, 1500.0, reason="EVDisconnected"))
    assert desk.statuses[1, 1] is ConnectorStatus.FINISHING
    assert desk.occupy() is ConnectorStatus.FINISHING
    assert desk.occupy("Available") is ConnectorStatus.AVAILABLE
    assert desk.occupy() is ConnectorStatus.PREPARING


def test_what_a_connector_says_is_not_painted_over() -> None:
    desk = Desk()
    assert desk.occupy("Faulted") is ConnectorStatus.FAULTED
    begin(desk, charging_state=ChargingState.CHARGING)
    assert desk.statuses[1, 1] is ConnectorStatus.FAULTED
    assert desk.occupy() is ConnectorStatus.CHARGING


def test_an_old_message_does_not_change_the_present() -> None:
    desk = Desk()
    desk.occupy()
    begin(desk)
    desk.tell(told(UPDATED, 2, 120, 1200.0, charging_state=ChargingState.SUSPENDED_EV))
    desk.tell(told(UPDATED, 1, 60, 1100.0, charging_state=ChargingState.CHARGING))
    assert desk.statuses[1, 1] is ConnectorStatus.SUSPENDED_EV
    assert desk.session.charging_state is ChargingState.SUSPENDED_EV
