"""Block B: variables, reports, network profiles, word by word, in both versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from csms.domain import commands, device_model
from csms.domain.commands import Command, SetVariable, Variable
from csms.domain.device_model import (
    Apn,
    Component,
    ComponentCriterion,
    ComponentVariable,
    GetBaseReport,
    GetReport,
    NetworkConnectionProfile,
    ReportBase,
    SetNetworkProfile,
    VariableAttribute,
    VariableCharacteristics,
    VariableName,
)
from csms.domain.errors import InvalidArgument
from csms.domain.values import Evse
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import D21, D201, answer, both, decode, printed

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


REPORT: dict[str, Any] = {
    "requestId": 7,
    "generatedAt": "2026-05-01T12:00:00+02:00",
    "seqNo": 0,
    "tbc": True,
    "reportData": [
        {
            "component": {"name": "EVSE", "evse": {"id": 1}},
            "variable": {"name": "Power", "instance": "x"},
            "variableAttribute": [{"value": "7200"}, {"type": "MaxSet", "mutability": "ReadOnly", "constant": True}],
            "variableCharacteristics": {
                "dataType": "decimal",
                "unit": "W",
                "maxLimit": 22000,
                "supportsMonitoring": True,
            },
        }
    ],
}


@both
def test_a_part_of_a_report(dialect: RoutedDialect) -> None:
    data = device_model.ReportData(
        Component("EVSE", evse=Evse(1)),
        VariableName("Power", "x"),
        (VariableAttribute(value="7200"), VariableAttribute("MaxSet", mutability="ReadOnly", constant=True)),
        VariableCharacteristics("decimal", True, "W", max_limit=22000.0),
    )
    assert decode(dialect, "NotifyReport", REPORT) == device_model.ReportReceived(7, AT, 0, False, (data,))
    bare = {"requestId": 7, "generatedAt": "2026-05-01T10:00:00Z", "seqNo": 3}
    assert decode(dialect, "NotifyReport", bare) == device_model.ReportReceived(7, AT, 3, True)


def test_the_elements_of_a_list_in_2_1() -> None:
    payload = json.loads(json.dumps(REPORT))
    payload["reportData"][0]["variableCharacteristics"]["maxElements"] = 4
    fact = decode(D21, "NotifyReport", payload)
    assert isinstance(fact, device_model.ReportReceived)
    told = fact.report_data[0].variable_characteristics
    assert told is not None
    assert told.max_elements == 4
    with pytest.raises(Fault):
        decode(D201, "NotifyReport", payload)


@pytest.mark.parametrize(("field", "value"), [("seqNo", -1), ("seqNo", 2**40), ("requestId", 2**70)])
def test_a_number_past_what_can_be_kept_is_refused(field: str, value: int) -> None:
    with pytest.raises(Fault) as raised:
        decode(D201, "NotifyReport", {**REPORT, field: value})
    assert raised.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


@both
def test_reports_are_asked_for(dialect: RoutedDialect) -> None:
    assert printed(dialect, GetBaseReport(7, ReportBase.FULL)) == (
        "GetBaseReport",
        {"requestId": 7, "reportBase": "FullInventory"},
    )
    wanted = (
        ComponentVariable(Component("EVSE", evse=Evse(1)), VariableName("Power")),
        ComponentVariable(Component("Fan", "left")),
    )
    assert printed(dialect, GetReport(8, wanted, (ComponentCriterion.PROBLEM,))) == (
        "GetReport",
        {
            "requestId": 8,
            "componentVariable": [
                {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}},
                {"component": {"name": "Fan", "instance": "left"}},
            ],
            "componentCriteria": ["Problem"],
        },
    )
    assert printed(dialect, GetReport(8)) == ("GetReport", {"requestId": 8})
    told = answer(dialect, GetReport(8), {"status": "EmptyResultSet", "statusInfo": {"reasonCode": "None"}})
    assert (told.status, told.accepted, told.reason_code) == ("EmptyResultSet", False, "None")


@both
def test_variables_are_read_by_name(dialect: RoutedDialect) -> None:
    command = commands.GetVariables(("OCPPCommCtrlr.HeartbeatInterval", "EVSE@1.Power(x)#MaxSet", "Fan.Speed"))
    assert printed(dialect, command) == (
        "GetVariables",
        {
            "getVariableData": [
                {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}},
                {
                    "component": {"name": "EVSE", "evse": {"id": 1}},
                    "variable": {"name": "Power", "instance": "x"},
                    "attributeType": "MaxSet",
                },
                {"component": {"name": "Fan"}, "variable": {"name": "Speed"}},
            ]
        },
    )
    told = answer(
        dialect,
        command,
        {
            "getVariableResult": [
                {
                    "component": {"name": "OCPPCommCtrlr"},
                    "variable": {"name": "HeartbeatInterval"},
                    "attributeStatus": "Accepted",
                    "attributeValue": "300",
                },
                {
                    "component": {"name": "EVSE", "evse": {"id": 1}},
                    "variable": {"name": "Power", "instance": "x"},
                    "attributeType": "MaxSet",
                    "attributeStatus": "Rejected",
                    "attributeStatusInfo": {"reasonCode": "WriteOnly", "additionalInfo": "No."},
                },
                {
                    "component": {"name": "Fan"},
                    "variable": {"name": "Speed"},
                    "attributeStatus": "UnknownComponent",
                },
            ]
        },
    )
    assert told.variables == (
        Variable("OCPPCommCtrlr.HeartbeatInterval", "300", False, "Accepted"),
        Variable("EVSE@1.Power(x)#MaxSet", None, False, "Rejected", "WriteOnly", "No."),
        Variable("Fan.Speed", None, False, "UnknownComponent"),
    )
    assert told.unknown_names == ("Fan.Speed",)
    assert (told.status, told.accepted, told.reason_code) == ("Rejected", False, "WriteOnly")


@both
def test_variables_are_written_each_with_its_result(dialect: RoutedDialect) -> None:
    command = commands.SetVariables((SetVariable("A.B", "1"), SetVariable("C.D", "")))
    assert printed(dialect, command) == (
        "SetVariables",
        {
            "setVariableData": [
                {"component": {"name": "A"}, "variable": {"name": "B"}, "attributeValue": "1"},
                {"component": {"name": "C"}, "variable": {"name": "D"}, "attributeValue": ""},
            ]
        },
    )
    result = {
        "component": {"name": "A"},
        "variable": {"name": "B"},
        "attributeStatus": "Accepted",
    }
    other = {"component": {"name": "C"}, "variable": {"name": "D"}, "attributeStatus": "RebootRequired"}
    told = answer(dialect, command, {"setVariableResult": [result, other]})
    assert (told.status, told.accepted) == ("RebootRequired", True)
    assert [(v.name, v.status) for v in told.variables] == [("A.B", "Accepted"), ("C.D", "RebootRequired")]


@both
def test_what_2_x_cannot_say_is_refused_with_a_sentence(dialect: RoutedDialect) -> None:
    cases: list[tuple[Command, str]] = [
        (commands.GetVariables(), "NAMES_MISSING"),
        (commands.SetVariables(()), "NAMES_MISSING"),
        (commands.GetVariables(("HeartbeatInterval",)), "INVALID_VARIABLE_NAME"),
        (commands.SetVariables((SetVariable("A.B", "x" * 2501),)), "NOT_IN_THIS_VERSION"),
        (GetReport(8, (ComponentVariable(Component("x" * 51)),)), "NOT_IN_THIS_VERSION"),
        (SetNetworkProfile(1, NetworkConnectionProfile("u", "FAX", "Wired0", 30, 1)), "NOT_IN_THIS_VERSION"),
    ]
    for command, reason in cases:
        with pytest.raises(InvalidArgument) as raised:
            dialect.encode(command)
        assert raised.value.reason == reason
        assert raised.value.message.endswith(".")


def test_a_long_value_fits_2_1_alone() -> None:
    command = commands.SetVariables((SetVariable("A.B", "x" * 1001),))
    with pytest.raises(InvalidArgument):
        D201.encode(command)
    assert printed(D21, command)[0] == "SetVariables"


PROFILE = NetworkConnectionProfile(
    "wss://csms.example.org/ocpp", "JSON", "Wireless0", 30, 2, apn=Apn("internet", "PAP", apn_password="word")
)


def test_a_network_profile_has_a_version_in_2_0_1() -> None:
    action, payload = printed(D201, SetNetworkProfile(1, PROFILE))
    assert (action, payload["configurationSlot"]) == ("SetNetworkProfile", 1)
    assert payload["connectionData"] == {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://csms.example.org/ocpp",
        "ocppInterface": "Wireless0",
        "messageTimeout": 30,
        "securityProfile": 2,
        "apn": {"apn": "internet", "apnAuthentication": "PAP", "apnPassword": "word"},
    }
    assert "ocppVersion" not in printed(D21, SetNetworkProfile(1, PROFILE))[1]["connectionData"]


def test_an_identity_and_a_password_are_for_2_1() -> None:
    profile = msgspec.structs.replace(PROFILE, identity="CP-1", basic_auth_password="p" * 40, ocpp_interface="Any")
    data = printed(D21, SetNetworkProfile(1, profile))[1]["connectionData"]
    assert (data["identity"], data["basicAuthPassword"], data["ocppInterface"]) == ("CP-1", "p" * 40, "Any")
    with pytest.raises(InvalidArgument):
        D201.encode(SetNetworkProfile(1, profile))
