"""The table of contents is complete, and what it lacks is answered as the specification says."""

from __future__ import annotations

import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain import commands, facts
from csms.domain.errors import NotSupported
from csms.ocpp import faults, frame
from csms.ocpp.exchange import Exchange, IncomingCall
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v16 import routes
from csms.ocpp.v16.routes import Dialect16
from tests.kit.effort import examples
from tests.kit.schema_strategy import mutants

DIALECT = Dialect16()
CORE_FROM_STATION = {
    *("Authorize", "BootNotification", "DataTransfer", "Heartbeat", "MeterValues", "StartTransaction"),
    *("StatusNotification", "StopTransaction"),
}
CORE_TO_STATION = {
    *("ChangeAvailability", "ChangeConfiguration", "ClearCache", "DataTransfer", "GetConfiguration"),
    *("RemoteStartTransaction", "RemoteStopTransaction", "Reset", "UnlockConnector"),
}


def decode(action: str, payload: bytes = b"{}") -> facts.Fact:
    return DIALECT.decode(frame.Call("17", action, msgspec.Raw(payload)))


@pytest.mark.feature("F-OCPP-1")
def test_core_profile_is_whole() -> None:
    assert {route.action for route in routes.INCOMING} >= CORE_FROM_STATION
    assert {route.action for route in routes.OUTGOING} >= CORE_TO_STATION | {"TriggerMessage"}


@pytest.mark.feature("F-OCPP-10")
def test_unknown_action_is_not_implemented() -> None:
    with pytest.raises(Fault, match="MakeCoffee") as caught:
        decode("MakeCoffee")
    assert caught.value.code is ErrorCode.NOT_IMPLEMENTED


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("action", ["Reset", "heartbeat", "", "x" * 10_000])
def test_action_that_we_do_not_take_in_is_refused(action: str) -> None:
    with pytest.raises(Fault) as caught:
        decode(action)
    expected = ErrorCode.NOT_SUPPORTED if action == "Reset" else ErrorCode.NOT_IMPLEMENTED
    assert caught.value.code is expected


def test_command_that_1_6_lacks_is_not_supported() -> None:
    class SetDisplayMessage:
        pass

    with pytest.raises(NotSupported, match="SetDisplayMessage"):
        DIALECT.encode(typing.cast("commands.Command", SetDisplayMessage()))


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("action", sorted(CORE_FROM_STATION))
@examples(30)
@given(data=st.data())
def test_whatever_comes_is_a_fact_or_a_fault(action: str, data: st.DataObject) -> None:
    payload = data.draw(mutants(schemas_of(faults.V16).schema(action, Direction.REQUEST)))
    try:
        fact = decode(action, msgspec.json.encode(payload))
    except Fault:
        return
    assert isinstance(fact, facts.Fact)
    timestamp = getattr(fact, "timestamp", None)
    assert timestamp is None or timestamp.utcoffset().total_seconds() == 0
    msgspec.json.encode(fact)  # it can be kept


@pytest.mark.feature("F-OCPP-1", "F-OCPP-11")
def test_meter_values_from_frame_to_answer() -> None:
    exchange = Exchange(faults.V16, lambda: "id")
    payload = (
        b'{"connectorId":1,"transactionId":77,"meterValue":[{"timestamp":"2024-05-01T10:00:00Z",'
        b'"sampledValue":[{"value":"1.5","unit":"kWh"}]}]}'
    )
    (event,) = exchange.receive(frame.print_call("17", "MeterValues", payload), 0.0)
    assert isinstance(event, IncomingCall)
    fact = DIALECT.decode(event.call)
    assert isinstance(fact, facts.MeterSampled)
    assert fact.meter_values[0].find("Energy.Active.Import.Register") == 1500.0
    assert exchange.answer(event.call, DIALECT.reply(event.call, facts.ACK)) == b'[3,"17",{}]'
