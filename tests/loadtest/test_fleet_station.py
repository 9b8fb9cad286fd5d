"""What a station of a calm fleet says, and in which order. No sockets."""

from __future__ import annotations

import json

import pytest

from loadtest.fleet_station import Resident
from loadtest.saturate_wire import Json, Wire
from loadtest.saturate_words import Moment, words_of


def unmasked(data: bytes) -> bytes:
    """The text of a frame whose mask is 0."""
    return data[6:] if data[1] & 127 < 126 else data[8:]


STAMP = b"2025-01-01T12:00:00.000Z"


def resident(version: str = "1.6", *, charges: bool = True) -> Resident:
    return Resident(0, "LT-1", "LT-1-1", words_of(version), Moment(STAMP), charges)


def said(station: Resident, now: float = 0.0) -> tuple[str, Json]:
    """The next call, which is then answered with what `answer` has for it."""
    data = station.next(now)
    assert data is not None
    _, _, action, payload = json.loads(unmasked(data))
    return action, payload


def answered(station: Resident, answer: Json) -> None:
    call = station.calls.popleft()
    station.waiting = False
    if call.answered is not None:
        call.answered(call.expected + b"," + json.dumps(answer).encode() + b"]")


def charging(version: str = "1.6") -> Resident:
    station = resident(version)
    station.boot(0.0)
    said(station)
    answered(station, {"status": "Accepted"})
    station.settle_in()
    for answer in ({}, {"idTagInfo": {"status": "Accepted"}}, {"transactionId": 7}):
        said(station)
        answered(station, dict(answer))
    return station


def test_a_session_from_boot_to_stop() -> None:
    station = charging()
    station.sample(30.0, 30.0)
    action, payload = said(station)
    assert (action, payload["transactionId"]) == ("MeterValues", 7)
    answered(station, {})
    station.stop(60.0)
    action, payload = said(station)
    assert (action, payload["meterStop"]) == ("StopTransaction", 1_000_060)
    assert not station.settled
    answered(station, {})
    assert station.book is not None
    assert (station.book.finished, station.book.acknowledged, station.settled) == (True, 1, True)


def test_who_does_not_charge_has_nothing_to_sample_or_stop() -> None:
    station = resident(charges=False)
    station.settle_in()
    station.sample(1.0, 1.0)
    station.stop(2.0)
    assert [call.action for call in station.calls] == ["StatusNotification"]


def test_one_call_is_in_flight() -> None:
    station = charging()
    station.sample(30.0, 30.0)
    station.sample(60.0, 30.0)
    assert station.next(60.0) is not None
    assert station.next(60.0) is None


def test_a_lost_link_keeps_the_session_and_the_very_same_words() -> None:
    station = charging()
    station.sample(30.0, 30.0)
    first = station.next(30.0)
    station.wire = Wire.__new__(Wire)
    station.beat(31.0)
    station.lose()
    assert [call.action for call in station.calls] == ["MeterValues"]
    assert station.next(40.0) == first
    assert station.calls[0].due == 30.0


def test_without_a_link_no_heartbeat_waits() -> None:
    station = charging()
    station.beat(5.0)
    assert not station.calls


def test_what_follows_from_an_answer_is_due_then() -> None:
    station = resident()
    station.settle_in()
    said(station, now=12.5)
    assert station.calls[0].due == 12.5


def test_giving_up_keeps_the_station_but_not_the_session() -> None:
    station = charging()
    station.sample(30.0, 30.0)
    station.give_up()
    assert not station.calls
    station.sample(60.0, 30.0)
    assert not station.calls
    assert not station.settled


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("GetConfiguration", {"key": ["X"]}, {"configurationKey": [{"key": "X", "readonly": True, "value": "300"}]}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, {"status": "Accepted"}),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}, {"status": "NotImplemented"}),
        ("Reset", {"type": "Soft"}, {"status": "Rejected"}),
        (
            "GetVariables",
            {"getVariableData": [{"component": {"name": "A"}, "variable": {"name": "B"}}]},
            {
                "getVariableResult": [
                    {
                        "attributeStatus": "Accepted",
                        "attributeValue": "300",
                        "component": {"name": "A"},
                        "variable": {"name": "B"},
                    }
                ]
            },
        ),
    ],
)
def test_commands_are_answered(action: str, payload: Json, answer: Json) -> None:
    assert json.loads(unmasked(charging().answer([2, "9", action, payload], 0.0))) == [3, "9", answer]


def test_an_unknown_command_is_refused() -> None:
    assert json.loads(unmasked(charging().answer([2, "9", "DataTransfer", {}], 0.0)))[:3] == [4, "9", "NotSupported"]
