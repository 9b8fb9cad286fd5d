"""OCPP 1.5: what is asked of stations, and what their answers mean."""

from __future__ import annotations

import pytest

from csms.domain import commands
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.ocpp.faults import Fault
from csms.ocpp.v15.routes import Dialect15

DIALECT = Dialect15()
SET = commands.SetVariable("Key", "1")


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (
            commands.RequestStartTransaction("TAG", 2),
            "RemoteStartTransaction",
            {"idTag": "TAG", "connectorId": 2},
        ),
        (commands.RequestStartTransaction("TAG"), "RemoteStartTransaction", {"idTag": "TAG"}),
        (commands.RequestStopTransaction("7"), "RemoteStopTransaction", {"transactionId": 7}),
        (commands.Reset(commands.ResetType.IMMEDIATE), "Reset", {"type": "Hard"}),
        (commands.Reset(commands.ResetType.ON_IDLE), "Reset", {"type": "Soft"}),
        (
            commands.ChangeAvailability(commands.OperationalStatus.INOPERATIVE),
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
        ),
        (commands.UnlockConnector(3), "UnlockConnector", {"connectorId": 3}),
        (commands.ClearCache(), "ClearCache", {}),
        (commands.GetVariables(), "GetConfiguration", {}),
        (commands.GetVariables(("A", "B")), "GetConfiguration", {"key": ["A", "B"]}),
        (commands.SetVariables((SET,)), "ChangeConfiguration", {"key": "Key", "value": "1"}),
        (commands.DataTransfer("V"), "DataTransfer", {"vendorId": "V"}),
        (
            commands.DataTransfer("V", "M", "d"),
            "DataTransfer",
            {"vendorId": "V", "messageId": "M", "data": "d"},
        ),
    ],
)
def test_commands(command: commands.Command, action: str, payload: dict[str, object]) -> None:
    assert DIALECT.encode(command) == (action, payload)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (commands.RequestStartTransaction("T" * 21), "VALUE_TOO_LONG"),
        (commands.RequestStartTransaction("T", -1), "INVALID_EVSE"),
        (commands.RequestStopTransaction("uuid-of-2.x"), "INVALID_TRANSACTION_ID"),
        (commands.UnlockConnector(1, 2), "INVALID_CONNECTOR"),
        (commands.UnlockConnector(0), "INVALID_EVSE"),
        (commands.SetVariables((SET, SET)), "ONE_VARIABLE_PER_CALL"),
        (commands.DataTransfer("V" * 256), "VALUE_TOO_LONG"),
        (commands.DataTransfer("V", "M" * 51), "VALUE_TOO_LONG"),
    ],
)
def test_what_1_5_cannot_say_is_refused(command: commands.Command, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        DIALECT.encode(command)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("status", "accepted"),
    [("Accepted", True), ("Scheduled", True), ("Rejected", False), ("NotSupported", False)],
)
def test_a_status_is_an_answer(status: str, accepted: bool) -> None:
    command = commands.ChangeAvailability(commands.OperationalStatus.OPERATIVE)
    assert DIALECT.outcome(command, {"status": status}) == Answer(status, accepted)


def test_configuration_comes_as_texts() -> None:
    payload: dict[str, object] = {
        "configurationKey": [{"key": "A", "readonly": "true", "value": "1"}, {"key": "B", "readonly": "0"}],
        "unknownKey": ["C"],
    }
    answer = DIALECT.outcome(commands.GetVariables(), payload)
    assert answer.variables == (commands.Variable("A", "1", True), commands.Variable("B", None, False))
    assert answer.unknown_names == ("C",)


def test_data_comes_back() -> None:
    answer = DIALECT.outcome(commands.DataTransfer("V"), {"status": "Accepted", "data": "x"})
    assert answer == Answer("Accepted", True, data="x")


def test_an_answer_without_its_status_is_not_valid() -> None:
    with pytest.raises(Fault):
        DIALECT.outcome(commands.ClearCache(), {})
