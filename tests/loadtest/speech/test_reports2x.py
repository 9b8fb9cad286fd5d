"""Variables and reports of a 2.x station."""

from __future__ import annotations

import pytest

from loadtest.client import Json
from loadtest.speech.orders2x import answer
from loadtest.speech.variables import variables
from tests.kit.commanded import SpyStation
from tests.kit.schemas import check

BEAT: Json = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}


class Spy(SpyStation):
    def ask(self, action: str, payload: Json) -> Json:
        for version in ("2.0.1", "2.1"):
            check(version, action, payload)
        given = answer(self, action, payload, "2.0.1")
        assert self.said == []
        for version in ("2.0.1", "2.1"):
            check(version, action, given.payload, "Response")
        payload = self.consider(given)
        for action_, told in self.said:
            for version in ("2.0.1", "2.1"):
                check(version, action_, told)
        return payload


def words(answer_: Json, key: str) -> list[object]:
    found = answer_[key]
    assert isinstance(found, list)
    return [one["attributeStatus"] for one in found]


def test_variables_are_read_by_component_and_name() -> None:
    spy = Spy()
    asked: list[Json] = [
        BEAT,
        {**BEAT, "attributeType": "Target"},
        {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "Nope"}},
        {"component": {"name": "Nope"}, "variable": {"name": "HeartbeatInterval"}},
        {"component": {"name": "EVSE", "evse": {"id": 2}}, "variable": {"name": "Power"}},
        {"component": {"name": "EVSE", "evse": {"id": 3}}, "variable": {"name": "Power"}},
    ]
    found = spy.ask("GetVariables", {"getVariableData": asked})
    assert words(found, "getVariableResult") == [
        "Accepted",
        "NotSupportedAttributeType",
        "UnknownVariable",
        "UnknownComponent",
        "Accepted",
        "UnknownComponent",
    ]
    assert found["getVariableResult"][0]["attributeValue"] == "300"  # type: ignore[index]


def test_settings_are_those_of_the_station_and_take_what_fits() -> None:
    spy = Spy()
    wanted: list[Json] = [
        {**BEAT, "attributeValue": "60"},
        {**BEAT, "attributeValue": "soon"},
        {**BEAT, "attributeValue": "60", "attributeType": "MaxSet"},
        {"component": {"name": "ChargingStation"}, "variable": {"name": "Model"}, "attributeValue": "X"},
        {"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalPreAuthorize"}, "attributeValue": "yes"},
        {
            "component": {"name": "SampledDataCtrlr"},
            "variable": {"name": "TxUpdatedMeasurands"},
            "attributeValue": "Voltage,SoC",
        },
        {
            "component": {"name": "SampledDataCtrlr"},
            "variable": {"name": "TxUpdatedMeasurands"},
            "attributeValue": "Mood",
        },
    ]
    found = spy.ask("SetVariables", {"setVariableData": wanted})
    assert words(found, "setVariableResult") == [
        "Accepted",
        "Rejected",
        "NotSupportedAttributeType",
        "Rejected",
        "Rejected",
        "Accepted",
        "Rejected",
    ]
    assert spy.configuration.values["HeartbeatInterval"] == "60"
    assert spy.did == [("configured", "HeartbeatInterval"), ("configured", "MeterValuesSampledData")]


def test_a_base_report_comes_in_parts_that_count_and_end() -> None:
    spy = Spy()
    asked: Json = {"requestId": 8, "reportBase": "FullInventory"}
    assert spy.ask("GetBaseReport", asked) == {"status": "Accepted"}
    parts = [payload for action, payload in spy.said if action == "NotifyReport"]
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    told = sum(len(part["reportData"]) for part in parts)  # type: ignore[arg-type]
    assert told == len(list(variables(spy)))


@pytest.mark.parametrize(("base", "some"), [("ConfigurationInventory", 10), ("SummaryInventory", 6)])
def test_smaller_reports_have_less(base: str, some: int) -> None:
    spy = Spy()
    spy.ask("GetBaseReport", {"requestId": 8, "reportBase": base})
    assert sum(len(payload["reportData"]) for _, payload in spy.said) == some  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "status", "told"),
    [
        ({"componentVariable": [{"component": {"name": "OCPPCommCtrlr"}}]}, "Accepted", 5),
        ({"componentVariable": [BEAT]}, "Accepted", 1),
        ({"componentVariable": [{"component": {"name": "EVSE", "evse": {"id": 2}}}]}, "Accepted", 2),
        ({"componentVariable": [{"component": {"name": "Nope"}}]}, "EmptyResultSet", 0),
        ({"componentCriteria": ["Available"]}, "Accepted", 5),
    ],
)
def test_a_report_has_what_was_asked_for(wanted: Json, status: str, told: int) -> None:
    spy = Spy()
    assert spy.ask("GetReport", {"requestId": 8, **wanted})["status"] == status
    assert sum(len(payload["reportData"]) for _, payload in spy.said) == told  # type: ignore[arg-type]


def test_charging_profiles_are_reported_by_evse() -> None:
    spy = Spy()
    asked: Json = {"requestId": 3, "chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"}}
    assert spy.ask("GetChargingProfiles", asked) == {"status": "NoProfiles"}
    for evse in (1, 2):
        profile: Json = {
            "id": evse,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 1.0}]}],
        }  # fmt: skip
        spy.profiles.put(evse, profile)
    assert spy.ask("GetChargingProfiles", asked) == {"status": "Accepted"}
    assert [(payload["evseId"], payload["tbc"]) for _, payload in spy.said] == [(1, True), (2, False)]


def test_nothing_is_kept_about_customers_and_nothing_is_watched() -> None:
    spy = Spy()
    assert spy.ask("GetInstalledCertificateIds", {}) == {"status": "NotFound"}
    assert spy.ask("GetMonitoringReport", {"requestId": 1}) == {"status": "EmptyResultSet"}
    assert spy.ask("SetMonitoringBase", {"monitoringBase": "All"}) == {"status": "NotSupported"}
    monitor: Json = {"value": 1.0, "type": "UpperThreshold", "severity": 3, **BEAT}
    result = spy.ask("SetVariableMonitoring", {"setMonitoringData": [monitor, {**monitor, "id": 4}]})
    assert [one["status"] for one in result["setMonitoringResult"]] == ["UnsupportedMonitorType"] * 2  # type: ignore[attr-defined]
    cleared = spy.ask("ClearVariableMonitoring", {"id": [4]})
    assert cleared == {"clearMonitoringResult": [{"id": 4, "status": "NotFound"}]}
    about: Json = {"requestId": 1, "report": True, "clear": False}
    assert spy.ask("CustomerInformation", about) == {"status": "Accepted"}
    assert [action for action, _ in spy.said] == ["NotifyCustomerInformation"]
