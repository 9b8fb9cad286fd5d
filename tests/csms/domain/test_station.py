"""One station's state: what facts do to it, what is kept, what is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from csms.domain.applying import Applied, Context
from csms.domain.authorization import Token, decide
from csms.domain.device_model import Component, VariableName
from csms.domain.facts import (
    ACK,
    AuthorizationAdvice,
    AuthorizationAsked,
    AuthorizationReply,
    AuthorizationStatus,
    BootReply,
    ConnectorStatus,
    DataTransferred,
    DataTransferReply,
    Fact,
    HeartbeatReply,
    HeartbeatSeen,
    IdTokenInfo,
    MeterSampled,
    RegistrationStatus,
    StationBooted,
    StatusChanged,
    TransactionEventSeen,
    TransactionEventType,
    TransactionReply,
)
from csms.domain.metering import ENERGY_REGISTER, POWER, MeterValue, SampledValue
from csms.domain.monitoring import EventData, EventsNotified
from csms.domain.records import MeterRecord, RegistrationRecord, SeenRecord, SessionRecord, StatusRecord
from csms.domain.station import FindStart, FindTransaction, NotAccepted, StationState
from csms.domain.transaction import Authentication, Flag, SessionState, Transaction
from csms.domain.values import Evse

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
START, END = TransactionEventType.STARTED, TransactionEventType.ENDED


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class World:
    """A station's state with a clock, a sequence and three tags."""

    def __init__(self, registration: RegistrationStatus = RegistrationStatus.ACCEPTED) -> None:
        self.state = StationState(1, "CP-1", registration)
        self.ids = count(100)
        self.tokens = {"AA": Token(1, "AA"), "BAD": Token(2, "BAD", blocked=True)}

    def authorize(self, token: str, starting: int | None) -> IdTokenInfo:
        return decide(self.tokens.get(token.upper()), T0)

    def tell(
        self, fact: Fact, *, now: float = 0.0, found: Transaction | None = None, orphan: Transaction | None = None
    ) -> Applied:
        new_id: Callable[[], int] = lambda: next(self.ids)  # noqa: E731
        return self.state.apply(fact, Context(at(now), self.authorize, new_id, found=found, orphan=orphan))

    def start(
        self, seconds: float = 0.0, meter: float = 1000.0, token: str = "AA", evse: int = 1, **more: object
    ) -> Applied:
        fact = TransactionEventSeen(START, at(seconds), evse_id=evse, connector_id=1, id_token=token, meter_wh=meter)
        return self.tell(fact, now=seconds, **more)  # type: ignore[arg-type]

    def end(
        self, transaction_id: str, seconds: float, meter: float, *, now: float | None = None, **more: object
    ) -> Applied:
        fact = TransactionEventSeen(END, at(seconds), transaction_id=transaction_id, meter_wh=meter, reason="Local")
        return self.tell(fact, now=seconds if now is None else now, **more)  # type: ignore[arg-type]

    def sample(
        self, seconds: float, energy: float, transaction_id: str | None = None, evse: int = 1, **more: object
    ) -> Applied:
        value = MeterValue(at(seconds), (SampledValue(ENERGY_REGISTER, energy, "Wh"), SampledValue(POWER, 7e3, "W")))
        return self.tell(MeterSampled(evse, (value,), transaction_id), now=seconds, **more)  # type: ignore[arg-type]


def sessions(applied: Applied) -> list[Transaction]:
    return [record.transaction for record in applied.records if isinstance(record, SessionRecord)]


def values(applied: Applied) -> list[MeterRecord]:
    return [record for record in applied.records if isinstance(record, MeterRecord)]


def issued(applied: Applied) -> int:
    assert isinstance(applied.reply, TransactionReply)
    return applied.reply.transaction_id


def test_a_pending_station_may_only_boot() -> None:
    world = World(RegistrationStatus.PENDING)
    applied = world.tell(StationBooted("v", "m"))
    assert applied.reply == BootReply(RegistrationStatus.PENDING, T0, 30)
    assert any(isinstance(record, RegistrationRecord) for record in applied.records)
    with pytest.raises(NotAccepted):
        world.tell(HeartbeatSeen())


def test_an_accepted_station_boots() -> None:
    assert World().tell(StationBooted("v", "m")).reply == BootReply(RegistrationStatus.ACCEPTED, T0, 300)


def test_heartbeats_are_answered_at_once_and_kept_once_a_minute() -> None:
    world = World()
    first, second = world.tell(HeartbeatSeen()), world.tell(HeartbeatSeen(), now=5)
    assert (first.reply, first.wait) == (HeartbeatReply(T0), False)
    assert [type(record) for record in first.records] == [SeenRecord]
    assert second.records == []


def test_a_status_is_kept() -> None:
    applied = World().tell(StatusChanged(1, 1, ConnectorStatus.CHARGING))
    assert applied.reply is ACK
    assert isinstance(applied.records[0], StatusRecord)
    assert applied.records[0].at == T0


def test_authorize_needs_no_disk() -> None:
    applied = World().tell(AuthorizationAsked("bad"))
    assert isinstance(applied.reply, AuthorizationReply)
    assert applied.reply.info.status is AuthorizationStatus.BLOCKED
    assert applied.wait is False


def test_vendors_nobody_knows() -> None:
    assert World().tell(DataTransferred("acme")).reply == DataTransferReply("UnknownVendorId")


@pytest.mark.feature("F-SES-1")
def test_a_whole_session() -> None:
    world = World()
    number = issued(world.start())
    world.sample(60, 1100.0, str(number))
    (ended,) = sessions(world.end(str(number), 120, 1250.0))
    assert (ended.energy_wh, ended.state, ended.id_token) == (250.0, SessionState.ENDED, "AA")
    assert ended.authentication is Authentication.RFID
    assert world.state.open == {}


@pytest.mark.feature("F-OCPP-9")
def test_the_same_start_again_is_the_same_transaction() -> None:
    world = World()
    first, second = world.start(), world.start()
    assert issued(first) == issued(second)
    assert second.records == []


def test_the_same_start_again_after_it_ended_long_ago() -> None:
    world = World()
    number = issued(world.start())
    (ended,) = sessions(world.end(str(number), 120, 1250.0))
    fact = TransactionEventSeen(START, at(0), evse_id=1, connector_id=1, id_token="AA", meter_wh=1000.0)
    assert isinstance(world.state.lookup(fact), FindStart)
    again = world.start(found=ended)
    assert issued(again) == number
    assert world.state.open == {}


def test_a_tag_in_another_spelling_is_the_same_start() -> None:
    world = World()
    assert issued(world.start(token="AA")) == issued(world.start(token="aa "))


@pytest.mark.feature("F-OCPP-9")
def test_a_start_while_another_is_open_on_the_connector() -> None:
    world = World()
    first = issued(world.start(0))
    applied = world.start(500, 2000.0)
    by_id = {t.id: t for t in sessions(applied)}
    assert by_id[first].state is SessionState.ENDED  # type: ignore[index]
    assert by_id[first].flags == (Flag.STOP_MISSING,)  # type: ignore[index]
    assert list(world.state.open) == [issued(applied)]
    assert applied.ended == [("AA", first)]


def test_an_old_start_from_a_queue_does_not_end_the_newer_transaction() -> None:
    world = World()
    newer = issued(world.start(500, 2000.0))
    older = issued(world.start(0, 1000.0))
    assert set(world.state.open) == {newer, older}
    assert world.state.open[older].flags == (Flag.STOP_MISSING,)
    (ended,) = sessions(world.end(str(older), 100, 1500.0, now=501))
    assert (ended.energy_wh, ended.flags) == (500.0, ())


@pytest.mark.feature("F-OCPP-9")
def test_a_stop_whose_start_is_unknown_is_acknowledged_and_flagged() -> None:
    world = World()
    applied = world.end("-1", 120, 1250.0)
    (orphan,) = sessions(applied)
    assert isinstance(applied.reply, TransactionReply)
    assert orphan.flags == (Flag.START_MISSING,)
    joined = world.start(0, 1000.0, orphan=orphan)
    (whole,) = sessions(joined)
    assert (whole.id, whole.energy_wh, whole.flags) == (orphan.id, 250.0, ())
    assert world.state.open == {}


def test_a_stop_for_an_unknown_id_asks_the_database_first() -> None:
    fact = TransactionEventSeen(END, at(0), transaction_id="4711", meter_wh=1.0)
    assert World().state.lookup(fact) == FindTransaction("4711")


@pytest.mark.parametrize("transaction_id", [None, "-1", "0"])
@pytest.mark.feature("F-OCPP-9")
def test_values_without_a_usable_id_are_linked_by_connector(transaction_id: str | None) -> None:
    world = World()
    number = issued(world.start())
    applied = world.sample(60, 1100.0, transaction_id)
    assert [value.session_id for value in values(applied)] == [number]
    assert world.state.open[number].energy_wh == 100.0


def test_values_from_before_the_start_are_not_linked() -> None:
    world = World()
    world.start(100)
    applied = world.sample(50, 900.0)
    assert [value.session_id for value in values(applied)] == [None]


def test_values_sent_twice_count_once_and_have_the_same_digest() -> None:
    world = World()
    number = issued(world.start())
    first, second = world.sample(60, 1100.0), world.sample(60, 1100.0)
    assert values(first)[0].digest == values(second)[0].digest
    assert world.state.open[number].meter_value_count == 1


def test_the_row_of_a_session_is_written_now_and_then_only() -> None:
    world = World()
    world.start()
    wrote = [bool(sessions(world.sample(seconds, 1000.0 + seconds))) for seconds in (1, 2, 5, 12, 13)]
    assert wrote == [True, False, False, True, False]


def test_a_refused_tag_still_gets_a_transaction_that_is_flagged() -> None:
    world = World()
    applied = world.start(token="BAD")
    assert isinstance(applied.reply, TransactionReply)
    assert applied.reply.info is not None
    assert applied.reply.info.status is AuthorizationStatus.BLOCKED
    assert sessions(applied)[0].flags == (Flag.NOT_AUTHORIZED,)


@pytest.mark.feature("F-OPS-1")
def test_a_start_on_a_tag_that_was_sent_from_afar_is_remote() -> None:
    world = World()
    world.state.expect_remote_start(7, "aa", at(60))
    assert sessions(world.start(30))[0].authentication is Authentication.REMOTE
    assert sessions(world.start(100, 5000.0, evse=2))[0].authentication is Authentication.RFID


def test_two_evses_charge_side_by_side() -> None:
    world = World()
    one, two = issued(world.start(evse=1)), issued(world.start(evse=2))
    assert set(world.state.open) == {one, two}
    world.sample(60, 1100.0, None, evse=2)
    assert (world.state.open[one].energy_wh, world.state.open[two].energy_wh) == (0.0, 100.0)


def test_a_row_that_is_behind_is_written_when_nothing_more_comes() -> None:
    world = World()
    number = issued(world.start())
    world.sample(1, 1001.0)
    world.sample(2, 1002.0)
    assert world.state.unwritten == {number}
    applied = world.state.progress(at(4))
    assert applied is not None
    assert [session.energy_wh for session in sessions(applied)] == [2.0]
    assert world.state.progress(at(5)) is None


@pytest.mark.feature("F-OCPP-4")
def test_what_is_known_of_a_contract_outranks_an_accepted_tag_and_makes_none() -> None:
    world = World()
    advice = AuthorizationAdvice(AuthorizationStatus.INVALID, "CertificateRevoked")
    for token, status in (("AA", AuthorizationStatus.INVALID), ("BAD", AuthorizationStatus.BLOCKED)):
        context = Context(T0, world.authorize, lambda: 1, consulted=advice)
        reply = world.state.apply(AuthorizationAsked(token, "eMAID"), context).reply
        assert isinstance(reply, AuthorizationReply)
        assert (reply.info.status, reply.certificate_status) == (status, "CertificateRevoked")


@pytest.mark.feature("F-OCPP-5")
def test_a_connector_that_tells_its_status_as_an_event_has_it() -> None:
    world = World()
    evse = Component("Connector", evse=Evse(1, 2))
    data = EventData(1, T0, "Delta", "Occupied", evse, VariableName("AvailabilityState"), "HardWiredNotification")
    applied = world.tell(EventsNotified(T0, 0, True, (data,)))
    assert world.state.statuses[1, 2].status is ConnectorStatus.PREPARING
    assert any(isinstance(record, StatusRecord) for record in applied.records)
    assert applied.changed
