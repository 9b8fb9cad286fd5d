"""The RPC state machine, one mishap at a time."""

from __future__ import annotations

import json
from itertools import count

import pytest

from csms.ocpp import exchange as x
from csms.ocpp import faults
from csms.ocpp.exchange import Exchange
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError
from csms.ocpp.frame import Call


@pytest.fixture
def exchange() -> Exchange:
    ids = count(1)
    return Exchange(faults.V16, lambda: f"ours-{next(ids)}")


def call(message_id: str, action: str = "Authorize", tag: str = "A") -> bytes:
    return json.dumps([2, message_id, action, {"idTag": tag}]).encode()


def incoming(events: list[x.Event]) -> Call:
    (event,) = events
    assert isinstance(event, x.IncomingCall)
    return event.call


def dropped(events: list[x.Event]) -> str:
    (event,) = events
    assert isinstance(event, x.Dropped)
    return event.reason


@pytest.mark.feature("F-OCPP-11")
def test_our_call_is_answered(exchange: Exchange) -> None:
    assert exchange.start_call("Reset", b'{"type":"Soft"}', 10.0, 40.0) == b'[2,"ours-1","Reset",{"type":"Soft"}]'
    assert not exchange.idle
    assert exchange.deadline == 40.0
    (event,) = exchange.receive(b'[3,"ours-1",{"status":"Accepted"}]', 12.5)
    assert isinstance(event, x.Answered)
    assert (event.message_id, event.action, event.elapsed) == ("ours-1", "Reset", 2.5)
    assert bytes(event.payload) == b'{"status":"Accepted"}'
    assert exchange.idle
    assert exchange.deadline is None


@pytest.mark.feature("F-OCPP-11")
def test_second_call_of_ours_is_a_bug_of_ours(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    with pytest.raises(LocalProtocolError, match="second CALL"):
        exchange.start_call("ClearCache", b"{}", 0.0, 30.0)


@pytest.mark.feature("F-OCPP-11")
def test_callerror_ends_our_call(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    (event,) = exchange.receive(b'[4,"ours-1","NotSupported","never",{"a":1}]', 1.0)
    assert isinstance(event, x.Failed)
    assert (event.code, event.description, event.details) == ("NotSupported", "never", b'{"a":1}')
    assert exchange.idle


def test_callerror_minus_one_is_taken_for_the_call_in_flight(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    (event,) = exchange.receive(b'[4,"-1","NotImplemented","",{}]', 1.0)
    assert isinstance(event, x.Failed)
    assert "no call" in dropped(exchange.receive(b'[4,"-1","NotImplemented","",{}]', 2.0))


def test_broken_answer_ends_our_call_without_waiting_for_the_deadline(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    first, second = exchange.receive(b'[3,"ours-1"]', 1.0)
    assert isinstance(first, x.Dropped)
    assert isinstance(second, x.Failed)
    assert second.code == "FormationViolation"
    assert exchange.idle


@pytest.mark.feature("F-OCPP-11")
def test_very_late_answer_is_dropped_and_called_late(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    assert exchange.expire(29.9) == []
    (event,) = exchange.expire(30.0)
    assert isinstance(event, x.Unanswered)
    assert exchange.expire(31.0) == []
    exchange.start_call("ClearCache", b"{}", 31.0, 60.0)
    assert "late" in dropped(exchange.receive(b'[3,"ours-1",{}]', 32.0))
    assert not exchange.idle  # the newer call still waits


@pytest.mark.feature("F-OCPP-11")
@pytest.mark.parametrize("data", [b'[3,"stranger",{}]', b'[4,"stranger","GenericError","",{}]'])
def test_answer_to_nothing_is_dropped(exchange: Exchange, data: bytes) -> None:
    assert "no call" in dropped(exchange.receive(data, 0.0))
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    assert "no call" in dropped(exchange.receive(data, 0.0))
    assert not exchange.idle


def test_second_answer_is_dropped(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    exchange.receive(b'[3,"ours-1",{}]', 1.0)
    assert "no call" in dropped(exchange.receive(b'[3,"ours-1",{}]', 1.0))


@pytest.mark.feature("F-OCPP-11")
def test_end_of_the_connection_ends_our_call_once(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    (event,) = exchange.close()
    assert isinstance(event, x.Unanswered)
    assert exchange.close() == []


@pytest.mark.feature("F-OCPP-11")
def test_each_direction_has_its_own_lane(exchange: Exchange) -> None:
    exchange.start_call("Reset", b"{}", 0.0, 30.0)
    theirs = incoming(exchange.receive(call("a"), 0.0))
    assert exchange.answer(theirs, b'{"idTagInfo":{}}') == b'[3,"a",{"idTagInfo":{}}]'
    assert not exchange.idle


@pytest.mark.feature("F-OCPP-11")
def test_impatient_station_is_served_in_order(exchange: Exchange) -> None:
    first = incoming(exchange.receive(call("a"), 0.0))
    assert exchange.receive(call("b"), 0.0) == []
    assert exchange.receive(call("c"), 0.0) == []
    assert exchange.next_call() is None  # one at a time
    exchange.answer(first, b"{}")
    second = exchange.next_call()
    assert second is not None
    assert second.message_id == "b"
    exchange.fault(second, Fault(ErrorCode.GENERIC_ERROR, "no"))
    third = exchange.next_call()
    assert third is not None
    assert third.message_id == "c"
    exchange.answer(third, b"{}")
    assert exchange.next_call() is None
    incoming(exchange.receive(call("d"), 0.0))


def test_new_call_does_not_overtake_the_waiting_ones(exchange: Exchange) -> None:
    first = incoming(exchange.receive(call("a"), 0.0))
    exchange.receive(call("b"), 0.0)
    exchange.answer(first, b"{}")
    assert exchange.receive(call("c"), 0.0) == []
    second = exchange.next_call()
    assert second is not None
    assert second.message_id == "b"


@pytest.mark.feature("F-OCPP-10")
def test_flood_of_calls_is_refused_and_then_called_a_flood(exchange: Exchange) -> None:
    first = incoming(exchange.receive(call("a"), 0.0))
    for number in range(x.MAX_QUEUED):
        assert exchange.receive(call(f"q{number}"), 0.0) == []
    reply, note = exchange.receive(call("over"), 0.0)
    assert isinstance(reply, x.Reply)
    assert json.loads(reply.data)[:3] == [4, "over", "GenericError"]
    assert isinstance(note, x.Dropped)
    for number in range(x.MAX_REFUSED - 2):
        assert len(exchange.receive(call(f"o{number}"), 0.0)) == 2
    assert isinstance(exchange.receive(call("last"), 0.0)[-1], x.Flood)
    exchange.answer(first, b"{}")
    assert exchange.next_call() is not None
    assert exchange.receive(call("again"), 0.0) == []  # there is room again


@pytest.mark.feature("F-OCPP-10")
def test_endless_garbage_is_a_flood_but_garbage_among_good_frames_is_not(exchange: Exchange) -> None:
    for number in range(x.MAX_REFUSED * 3):
        assert not any(isinstance(event, x.Flood) for event in exchange.receive(b"garbage", 0.0))
        if number % 10 == 0:
            exchange.answer(incoming(exchange.receive(call(f"m{number}"), 0.0)), b"{}")
    events = [event for _ in range(x.MAX_REFUSED) for event in exchange.receive(b"garbage", 0.0)]
    assert any(isinstance(event, x.Flood) for event in events)


@pytest.mark.feature("F-OCPP-10")
def test_malformed_call_is_answered_and_told(exchange: Exchange) -> None:
    reply, note = exchange.receive(b'[2,"a","Authorize"]', 0.0)
    assert isinstance(reply, x.Reply)
    assert json.loads(reply.data)[:3] == [4, "a", "FormationViolation"]
    assert isinstance(note, x.Dropped)
    incoming(exchange.receive(call("b"), 0.0))  # the connection goes on


@pytest.mark.feature("F-OCPP-9")
def test_repeated_call_gets_the_same_answer_and_is_not_applied_again(exchange: Exchange) -> None:
    sent = exchange.answer(incoming(exchange.receive(call("a"), 0.0)), b'{"transactionId":5}')
    reply, note = exchange.receive(call("a"), 30.0)
    assert reply == x.Reply(sent)
    assert isinstance(note, x.Dropped)


def test_repeated_call_gets_the_same_callerror(exchange: Exchange) -> None:
    theirs = incoming(exchange.receive(call("a"), 0.0))
    sent = exchange.fault(theirs, Fault(ErrorCode.NOT_SUPPORTED, "no"))
    assert exchange.receive(call("a"), 30.0)[0] == x.Reply(sent)


def test_call_repeated_while_being_worked_on_is_answered_once(exchange: Exchange) -> None:
    incoming(exchange.receive(call("a"), 0.0))
    assert "being worked on" in dropped(exchange.receive(call("a"), 0.0))
    exchange.receive(call("b"), 0.0)
    assert "being worked on" in dropped(exchange.receive(call("b"), 0.0))


def test_station_that_never_changes_its_ids_is_served(exchange: Exchange) -> None:
    exchange.answer(incoming(exchange.receive(call("1", tag="A"), 0.0)), b"{}")
    exchange.answer(incoming(exchange.receive(call("1", tag="B"), 1.0)), b"{}")


def test_equal_call_after_a_long_time_is_a_new_one(exchange: Exchange) -> None:
    exchange.answer(incoming(exchange.receive(call("1"), 0.0)), b"{}")
    incoming(exchange.receive(call("1"), x.REMEMBER_SECONDS))


def test_heartbeat_never_gets_an_old_time(exchange: Exchange) -> None:
    beat = b'[2,"1","Heartbeat",{}]'
    exchange.answer(incoming(exchange.receive(beat, 0.0)), b'{"currentTime":"old"}')
    incoming(exchange.receive(beat, 1.0))


def test_only_the_last_answers_are_remembered(exchange: Exchange) -> None:
    for number in range(x.REMEMBERED + 1):
        exchange.answer(incoming(exchange.receive(call(str(number)), 0.0)), b"{}")
    assert isinstance(exchange.receive(call("1"), 1.0)[0], x.Reply)
    incoming(exchange.receive(call("0"), 1.0))


def test_answering_what_nobody_asked_is_a_bug_of_ours(exchange: Exchange) -> None:
    first = incoming(exchange.receive(call("a"), 0.0))
    exchange.answer(first, b"{}")
    with pytest.raises(LocalProtocolError, match="not the call being worked on"):
        exchange.answer(first, b"{}")


def test_answer_after_the_end_of_the_connection_goes_nowhere_and_is_no_bug(exchange: Exchange) -> None:
    """A newer connection of the station can end this one while a call of its waits for the disk."""
    first = incoming(exchange.receive(call("a"), 0.0))
    exchange.close()
    assert exchange.answer(first, b"{}") == b'[3,"a",{}]'


@pytest.mark.feature("F-OCPP-5")
def test_2_1_send_and_callresulterror() -> None:
    exchange = Exchange(faults.V21, lambda: "id")
    (event,) = exchange.receive(b'[6,"17","NotifyPeriodicEventStream",{}]', 0.0)
    assert isinstance(event, x.Sent)
    (refused,) = exchange.receive(b'[5,"17","GenericError","too long",{}]', 0.0)
    assert refused == x.ResultRefused("17", "GenericError", "too long")


@pytest.mark.feature("F-OCPP-5")
def test_an_answer_that_cannot_be_read_is_refused_in_2_1_alone() -> None:
    for edition, replies in ((faults.V201, 0), (faults.V21, 1)):
        exchange = Exchange(edition, lambda: "id")
        exchange.start_call("Reset", b"{}", 0.0, 30.0)
        events = exchange.receive(b'[3,"id",7]', 1.0)
        sent = [event.data for event in events if isinstance(event, x.Reply)]
        assert len(sent) == replies
        assert all(data.startswith(b'[5,"id","FormatViolation"') for data in sent)
        assert any(isinstance(event, x.Failed) for event in events)
        assert exchange.idle


@pytest.mark.feature("F-OCPP-5")
def test_an_answer_to_nothing_is_never_refused() -> None:
    exchange = Exchange(faults.V21, lambda: "id")
    assert not any(isinstance(event, x.Reply) for event in exchange.receive(b'[3,"other",7]', 1.0))


def test_an_answer_that_breaks_its_schema_has_a_word_in_2_1() -> None:
    fault = faults.Fault(faults.ErrorCode.TYPE_CONSTRAINT_VIOLATION, "no")
    refused = Exchange(faults.V21, lambda: "id").refuse_result("id", fault)
    assert refused == b'[5,"id","TypeConstraintViolation","no",{}]'
    assert Exchange(faults.V201, lambda: "id").refuse_result("id", fault) is None
