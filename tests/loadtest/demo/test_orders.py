"""What stations answer is valid, and known orders have their effect."""

from __future__ import annotations

import pytest
import trio
from ocpp.messages import CallResult, _validate_payload

from loadtest.client import Json, Refusal
from loadtest.demo.speech import speech_of
from loadtest.demo.station import DemoStation
from loadtest.demo.world import CITY, WALL, Model, make_world
from loadtest.tally import Tally
from loadtest.target import parse_target

ORDERS_16: list[tuple[str, Json]] = [
    ("RemoteStartTransaction", {"idTag": "A1"}),
    ("RemoteStopTransaction", {"transactionId": 1}),
    ("Reset", {"type": "Soft"}),
    ("UnlockConnector", {"connectorId": 1}),
    ("GetConfiguration", {"key": ["HeartbeatInterval", "Nonsense"]}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
    ("ChangeConfiguration", {"key": "Nonsense", "value": "60"}),
    ("TriggerMessage", {"requestedMessage": "StatusNotification"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues"}),
    ("UpdateFirmware", {"location": "http://x", "retrieveDate": "2026-01-01T00:00:00Z"}),
    ("DataTransfer", {"vendorId": "x"}),
    ("GetLocalListVersion", {}),
    ("ReserveNow", {}),
]
_VARIABLE: Json = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
ORDERS_2: list[tuple[str, Json]] = [
    ("RequestStartTransaction", {"idToken": {"idToken": "A1", "type": "Central"}, "remoteStartId": 1}),
    ("RequestStopTransaction", {"transactionId": "x"}),
    ("GetVariables", {"getVariableData": [_VARIABLE, _VARIABLE | {"variable": {"name": "Nonsense"}}]}),
    ("SetVariables", {"setVariableData": [_VARIABLE | {"attributeValue": "60"}]}),
    ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}),
    ("UpdateFirmware", {"requestId": 1, "firmware": {}}),
    ("TriggerMessage", {"requestedMessage": "BootNotification"}),
    ("GetLocalListVersion", {}),
    ("ClearCache", {}),
]


def a_station(model: Model) -> DemoStation:
    plan = next(plan for plan in make_world(1, 30).stations if plan.model is model)

    async def nowhere() -> trio.abc.Stream:
        raise OSError

    address = parse_target("ws://127.0.0.1:9/x").address(plan.identity, None)
    return DemoStation(plan, speech_of(model), nowhere, address, tally=Tally(0.0), registers={}, seed="s")


@pytest.mark.parametrize(
    ("model", "version", "action", "payload"),
    [(WALL, "1.6", *order) for order in ORDERS_16] + [(CITY, "2.0.1", *order) for order in ORDERS_2],
)
def test_answers_are_valid(model: Model, version: str, action: str, payload: Json) -> None:
    answer = a_station(model)._on_call(action, payload)
    _validate_payload(CallResult("1", answer.payload, action), version)


def test_what_is_changed_is_read_back() -> None:
    station = a_station(WALL)
    station._on_call("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})
    answer = station._on_call("GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert answer.payload["configurationKey"] == [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]


def test_what_it_does_not_know_it_refuses() -> None:
    with pytest.raises(Refusal):
        a_station(WALL)._on_call("GetDiagnostics", {"location": "ftp://x"})
