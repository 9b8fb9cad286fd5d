"""Block N of 2.1: streams of values, word by word."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.commands import Answer
from csms.domain.errors import NotSupported
from csms.domain.facts import ACK
from csms.domain.monitoring import (
    AdjustPeriodicEventStream,
    EventStream,
    EventStreams,
    GetPeriodicEventStream,
    StreamClosed,
    StreamOpened,
    StreamOpenedReply,
    StreamParams,
    StreamValue,
    StreamValuesReceived,
)
from csms.ocpp.faults import Fault, LocalProtocolError
from csms.ocpp.frame import Call, Send
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

DIALECT = Dialect21()
STREAM = EventStream(4, 5, StreamParams(10, 100))
WIRE = {"id": 4, "variableMonitoringId": 5, "params": {"interval": 10, "values": 100}}
pytestmark = pytest.mark.feature("F-OCPP-5")


def call(action: str, payload: object) -> Call:
    return Call("17", action, msgspec.Raw(json.dumps(payload).encode()))


@pytest.mark.parametrize(("accepted", "status"), [(True, "Accepted"), (False, "Rejected")])
def test_a_stream_is_opened(accepted: bool, status: str) -> None:
    opening = call("OpenPeriodicEventStream", {"constantStreamData": WIRE})
    assert DIALECT.decode(opening) == StreamOpened(STREAM)
    assert json.loads(DIALECT.reply(opening, StreamOpenedReply(accepted))) == {"status": status}
    with pytest.raises(LocalProtocolError):
        DIALECT.reply(opening, ACK)


def test_a_pace_past_all_counting_is_refused() -> None:
    params = {"interval": 2**40}
    with pytest.raises(Fault):
        DIALECT.decode(call("OpenPeriodicEventStream", {"constantStreamData": {**WIRE, "params": params}}))


def test_a_stream_is_closed() -> None:
    closing = call("ClosePeriodicEventStream", {"id": 4})
    assert DIALECT.decode(closing) == StreamClosed(4)
    assert DIALECT.reply(closing, ACK) == b"{}"


def test_values_come_as_a_send_without_an_answer() -> None:
    payload = {
        "id": 4,
        "pending": 2,
        "basetime": "2026-05-01T10:00:00Z",
        "data": [{"t": 0, "v": "1"}, {"t": 1.5, "v": "2"}],
    }
    sent = Send("17", "NotifyPeriodicEventStream", msgspec.Raw(json.dumps(payload).encode()))
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert DIALECT.decode(sent) == StreamValuesReceived(4, at, 2, (StreamValue(0.0, "1"), StreamValue(1.5, "2")))


def test_streams_are_asked_for_and_adjusted() -> None:
    action, payload = DIALECT.encode(GetPeriodicEventStream())
    assert (action, payload) == ("GetPeriodicEventStream", b"{}")
    told = DIALECT.outcome(GetPeriodicEventStream(), json.dumps({"constantStreamData": [WIRE]}).encode())
    assert told == Answer("Accepted", True, result=EventStreams((STREAM,)))
    assert DIALECT.outcome(GetPeriodicEventStream(), b"{}").result == EventStreams(())
    action, payload = DIALECT.encode(AdjustPeriodicEventStream(4, StreamParams(interval=60)))
    assert (action, json.loads(payload)) == ("AdjustPeriodicEventStream", {"id": 4, "params": {"interval": 60}})


def test_2_0_1_has_no_streams() -> None:
    with pytest.raises(NotSupported):
        Dialect201().encode(GetPeriodicEventStream())
