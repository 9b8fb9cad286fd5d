"""Block N: monitors, events, customer information, word by word, in both versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain import monitoring
from csms.domain.certificates import CertificateHashData, HashAlgorithm
from csms.domain.commands import Command
from csms.domain.customer import CustomerInformation, CustomerInformationReceived
from csms.domain.device_model import Component, ComponentVariable, VariableName
from csms.domain.errors import InvalidArgument
from csms.domain.monitoring import (
    ClearMonitoringResult,
    ClearVariableMonitoring,
    EventData,
    EventsNotified,
    GetMonitoringReport,
    Monitor,
    MonitoringBase,
    MonitoringCriterion,
    MonitoringReportReceived,
    MonitorType,
    SetMonitoringBase,
    SetMonitoringData,
    SetMonitoringLevel,
    SetMonitoringResult,
    SetVariableMonitoring,
    StreamParams,
)
from csms.domain.values import Evse
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import D21, D201, answer, both, decode, printed

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
WHAT: dict[str, Any] = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Temperature"}}
EVSE, TEMPERATURE = Component("EVSE", evse=Evse(1)), VariableName("Temperature")


def test_a_part_of_a_monitoring_report() -> None:
    told = {"id": 5, "transaction": False, "value": 70.5, "type": "UpperThreshold", "severity": 2}
    payload = {
        "requestId": 8,
        "seqNo": 1,
        "generatedAt": "2026-05-01T10:00:00Z",
        "monitor": [{**WHAT, "variableMonitoring": [told, {**told, "id": 6, "type": "Delta"}]}],
    }
    monitor = Monitor(5, EVSE, TEMPERATURE, "UpperThreshold", 70.5, 2, transaction=False)
    other = Monitor(6, EVSE, TEMPERATURE, "Delta", 70.5, 2, transaction=False)
    assert decode(D201, "NotifyMonitoringReport", payload) == MonitoringReportReceived(8, AT, 1, True, (monitor, other))
    in_2_1 = {**told, "type": "TargetDelta", "eventNotificationType": "CustomMonitor"}
    payload["monitor"] = [{**WHAT, "variableMonitoring": [in_2_1]}]
    expected = Monitor(5, EVSE, TEMPERATURE, "TargetDelta", 70.5, 2, False, "CustomMonitor")
    assert decode(D21, "NotifyMonitoringReport", payload) == MonitoringReportReceived(8, AT, 1, True, (expected,))
    payload["monitor"] = [{**WHAT, "variableMonitoring": [{**told, "severity": 10}]}]
    with pytest.raises(Fault) as raised:
        decode(D201, "NotifyMonitoringReport", payload)
    assert raised.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


@both
def test_events(dialect: RoutedDialect) -> None:
    told: dict[str, Any] = {
        **WHAT,
        "eventId": 3,
        "timestamp": "2026-05-01T10:00:00Z",
        "trigger": "Alerting",
        "actualValue": "81",
        "eventNotificationType": "CustomMonitor",
        "cause": 2,
        "techCode": "E17",
        "techInfo": "fan stuck",
        "cleared": True,
        "transactionId": "tx-1",
        "variableMonitoringId": 5,
    }
    payload = {"generatedAt": "2026-05-01T10:00:00Z", "seqNo": 0, "tbc": True, "eventData": [told]}
    data = EventData(
        3, AT, "Alerting", "81", EVSE, TEMPERATURE, "CustomMonitor", 2, "E17", "fan stuck", True, "tx-1", 5
    )
    assert decode(dialect, "NotifyEvent", payload) == EventsNotified(AT, 0, False, (data,))


def test_the_severity_of_an_event_is_told_by_2_1() -> None:
    told = {
        **WHAT,
        "eventId": 3,
        "timestamp": "2026-05-01T10:00:00Z",
        "trigger": "Delta",
        "actualValue": "",
        "eventNotificationType": "HardWiredNotification",
        "severity": 6,
    }
    payload = {"generatedAt": "2026-05-01T10:00:00Z", "seqNo": 0, "eventData": [told]}
    fact = decode(D21, "NotifyEvent", payload)
    assert isinstance(fact, EventsNotified)
    assert (fact.events[0].severity, fact.events[0].cleared, fact.last) == (6, False, True)
    told["severity"] = 11
    with pytest.raises(Fault):
        decode(D21, "NotifyEvent", payload)


@both
def test_customer_information(dialect: RoutedDialect) -> None:
    payload = {"requestId": 9, "seqNo": 0, "generatedAt": "2026-05-01T10:00:00Z", "data": "Jo", "tbc": True}
    assert decode(dialect, "NotifyCustomerInformation", payload) == CustomerInformationReceived(9, AT, 0, False, "Jo")
    assert printed(dialect, CustomerInformation(9, True, False, "04A2", "ISO14443")) == (
        "CustomerInformation",
        {"requestId": 9, "report": True, "clear": False, "idToken": {"idToken": "04A2", "type": "ISO14443"}},
    )
    certificate = CertificateHashData(HashAlgorithm.SHA256, "ab", "cd", "1f")
    assert printed(dialect, CustomerInformation(9, False, True, customer_certificate=certificate))[1] == {
        "requestId": 9,
        "report": False,
        "clear": True,
        "customerCertificate": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "ab",
            "issuerKeyHash": "cd",
            "serialNumber": "1f",
        },
    }
    named = CustomerInformation(9, False, True, customer_identifier="cust-1")
    assert printed(dialect, named)[1]["customerIdentifier"] == "cust-1"
    assert answer(dialect, named, {"status": "Invalid"}).accepted is False


def test_a_kind_of_token_that_2_0_1_lacks() -> None:
    command = CustomerInformation(9, True, False, "x", "DirectPayment")
    assert printed(D21, command)[1]["idToken"]["type"] == "DirectPayment"
    with pytest.raises(InvalidArgument):
        D201.encode(command)


MONITOR = SetMonitoringData(70.0, MonitorType.UPPER_THRESHOLD, 2, EVSE, TEMPERATURE, transaction=True)


@both
def test_monitors_are_set_each_with_its_result(dialect: RoutedDialect) -> None:
    command = SetVariableMonitoring((MONITOR,))
    assert printed(dialect, command) == (
        "SetVariableMonitoring",
        {"setMonitoringData": [{**WHAT, "value": 70.0, "type": "UpperThreshold", "severity": 2, "transaction": True}]},
    )
    result = {**WHAT, "status": "Accepted", "type": "UpperThreshold", "severity": 2, "id": 5}
    refused = {**result, "status": "Duplicate", "statusInfo": {"reasonCode": "Twice", "additionalInfo": "Again."}}
    del refused["id"]
    told = answer(dialect, command, {"setMonitoringResult": [result, refused]})
    assert (told.status, told.accepted) == ("Duplicate", False)
    assert told.result == monitoring.MonitorsSet(
        (
            SetMonitoringResult("Accepted", "UpperThreshold", 2, EVSE, TEMPERATURE, 5),
            SetMonitoringResult("Duplicate", "UpperThreshold", 2, EVSE, TEMPERATURE, None, "Twice", "Again."),
        )
    )


@both
def test_monitors_are_cleared_each_with_its_result(dialect: RoutedDialect) -> None:
    command = ClearVariableMonitoring((5, 6))
    assert printed(dialect, command) == ("ClearVariableMonitoring", {"id": [5, 6]})
    results = [{"id": 5, "status": "Accepted"}, {"id": 6, "status": "NotFound"}]
    told = answer(dialect, command, {"clearMonitoringResult": results})
    assert (told.status, told.accepted) == ("NotFound", False)
    assert told.result == monitoring.MonitorsCleared(
        (ClearMonitoringResult(5, "Accepted"), ClearMonitoringResult(6, "NotFound"))
    )


@both
def test_base_level_and_report(dialect: RoutedDialect) -> None:
    cases: list[tuple[Command, str, dict[str, Any]]] = [
        (
            SetMonitoringBase(MonitoringBase.FACTORY_DEFAULT),
            "SetMonitoringBase",
            {"monitoringBase": "FactoryDefault"},
        ),
        (SetMonitoringLevel(4), "SetMonitoringLevel", {"severity": 4}),
        (GetMonitoringReport(8), "GetMonitoringReport", {"requestId": 8}),
        (
            GetMonitoringReport(8, (ComponentVariable(EVSE),), (MonitoringCriterion.DELTA,)),
            "GetMonitoringReport",
            {
                "requestId": 8,
                "componentVariable": [{"component": WHAT["component"]}],
                "monitoringCriteria": ["DeltaMonitoring"],
            },
        ),
    ]
    for command, action, payload in cases:
        assert printed(dialect, command) == (action, payload)
        assert answer(dialect, command, {"status": "Accepted"}).accepted


def test_what_2_0_1_cannot_say() -> None:
    stream = SetMonitoringData(
        1.0, MonitorType.PERIODIC, 8, EVSE, TEMPERATURE, periodic_event_stream=StreamParams(10, 100)
    )
    target = SetMonitoringData(1.0, MonitorType.TARGET_DELTA, 8, EVSE, TEMPERATURE)
    sent = printed(D21, SetVariableMonitoring((stream, target)))[1]["setMonitoringData"]
    assert sent[0]["periodicEventStream"] == {"interval": 10, "values": 100}
    assert sent[1]["type"] == "TargetDelta"
    for command in (SetVariableMonitoring((stream,)), SetVariableMonitoring((target,))):
        with pytest.raises(InvalidArgument) as raised:
            D201.encode(command)
        assert raised.value.reason == "NOT_IN_THIS_VERSION"


@both
def test_a_severity_has_ten_steps(dialect: RoutedDialect) -> None:
    worse = SetMonitoringData(1.0, MonitorType.DELTA, 10, EVSE, TEMPERATURE)
    for command in (SetMonitoringLevel(-1), SetMonitoringLevel(10), SetVariableMonitoring((worse,))):
        with pytest.raises(InvalidArgument) as raised:
            dialect.encode(command)
        assert raised.value.reason == "INVALID_SEVERITY"
