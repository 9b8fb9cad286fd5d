"""What a simulated station answers to commands of OCPP 2.x; every answer is held against the schemas of both."""

from __future__ import annotations

from datetime import timedelta

import pytest

from loadtest.client import Json, Refusal
from loadtest.speech.orders2x import NOT_OFFERED, answer
from loadtest.speech.speech import VENDOR, stamp
from tests.kit.commanded import NOW, SpyStation
from tests.kit.schemas import check

FUTURE, PAST = stamp(NOW + timedelta(minutes=5)), stamp(NOW - timedelta(minutes=5))
TOKEN: Json = {"idToken": "A", "type": "Central"}
ADDRESS = "http://127.0.0.1:9001/x"
FIRMWARE: Json = {"location": ADDRESS, "retrieveDateTime": FUTURE}
PROFILE: Json = {
    "id": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4000.0}]}
    ],
}


class Spy(SpyStation):
    def ask(self, action: str, payload: Json) -> Json:
        for version in ("2.0.1", "2.1"):
            check(version, action, payload)
        given = answer(self, action, payload, "2.1")
        assert self.did == []
        for version in ("2.0.1", "2.1"):
            check(version, action, given.payload, "Response")
        return self.consider(given)


@pytest.mark.parametrize(
    ("action", "payload", "status", "did"),
    [
        (
            "RequestStartTransaction",
            {"idToken": TOKEN, "remoteStartId": 9, "evseId": 2},
            "Accepted",
            [("start", 2, "A", 9)],
        ),
        ("RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 9}, "Accepted", [("start", 1, "A", 9)]),
        ("RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 9, "evseId": 3}, "Rejected", []),
        ("RequestStopTransaction", {"transactionId": "x"}, "Rejected", []),
        ("Reset", {"type": "Immediate"}, "Accepted", [("reboot", "ImmediateReset")]),
        ("Reset", {"type": "OnIdle"}, "Accepted", [("reboot", "ImmediateReset")]),
        ("Reset", {"type": "OnIdle", "evseId": 1}, "Rejected", []),
        (
            "ChangeAvailability",
            {"operationalStatus": "Inoperative"},
            "Accepted",
            [(1, "Unavailable"), (2, "Unavailable")],
        ),
        (
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 2, "connectorId": 1}},
            "Accepted",
            [(2, "Unavailable")],
        ),
        ("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 9}}, "Rejected", []),
        ("UnlockConnector", {"evseId": 1, "connectorId": 1}, "Unlocked", []),
        ("UnlockConnector", {"evseId": 1, "connectorId": 2}, "UnknownConnector", []),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}, "Accepted", [("boot",)]),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Accepted", [("heartbeat",)]),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 2}}, "Accepted", [("meter", 2)]),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 5}}, "Rejected", []),
        ("TriggerMessage", {"requestedMessage": "StatusNotification"}, "Accepted", [("status", 1), ("status", 2)]),
        ("TriggerMessage", {"requestedMessage": "LogStatusNotification"}, "Accepted", [("log status",)]),
        ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, "Accepted", [("firmware status",)]),
        ("TriggerMessage", {"requestedMessage": "SignV2GCertificate"}, "NotImplemented", []),
        ("UpdateFirmware", {"requestId": 4, "firmware": FIRMWARE}, "Accepted", [("firmware", 4, False)]),
        (
            "GetLog",
            {"requestId": 5, "logType": "SecurityLog", "log": {"remoteLocation": ADDRESS}},
            "Accepted",
            [("log", 5)],
        ),
        ("ClearCache", {}, "Accepted", []),
        ("DataTransfer", {"vendorId": "acme"}, "UnknownVendorId", []),
        ("DataTransfer", {"vendorId": VENDOR, "data": "x"}, "Accepted", []),
        ("GetDisplayMessages", {"requestId": 1}, "Unknown", []),
        ("ClearDisplayMessage", {"id": 1}, "Unknown", []),
        ("SetMonitoringLevel", {"severity": 4}, "Rejected", []),
        ("CancelReservation", {"reservationId": 4}, "Rejected", []),
        ("ClearChargingProfile", {"chargingProfileId": 4}, "Unknown", [("profiles",)]),
    ],
)
def test_answers_and_what_follows(action: str, payload: Json, status: str, did: list[tuple[object, ...]]) -> None:
    spy = Spy()
    assert spy.ask(action, payload)["status"] == status
    assert spy.did == did


def test_an_answer_without_a_status() -> None:
    spy = Spy()
    assert spy.ask("CostUpdated", {"totalCost": 3.5, "transactionId": "x"}) == {}
    assert spy.ask("GetTransactionStatus", {}) == {"messagesInQueue": True}
    found = spy.ask("GetTransactionStatus", {"transactionId": "x"})
    assert found == {"ongoingIndicator": False, "messagesInQueue": False}


def test_a_reserved_evse_waits_for_its_driver_alone() -> None:
    spy = Spy()
    order: Json = {"id": 5, "expiryDateTime": FUTURE, "idToken": TOKEN, "evseId": 1}
    assert spy.ask("ReserveNow", {**order, "expiryDateTime": PAST})["status"] == "Rejected"
    assert spy.ask("ReserveNow", {**order, "evseId": 8})["status"] == "Rejected"
    assert spy.ask("ReserveNow", order)["status"] == "Accepted"
    spy.did.clear()
    assert spy.ask("ReserveNow", {**order, "id": 6})["status"] == "Occupied"
    stranger: Json = {"idToken": {"idToken": "B", "type": "Central"}, "remoteStartId": 1, "evseId": 1}
    assert spy.ask("RequestStartTransaction", stranger)["status"] == "Rejected"
    driver: Json = {"idToken": TOKEN, "remoteStartId": 1, "evseId": 1}
    assert spy.ask("RequestStartTransaction", driver)["status"] == "Accepted"
    spy.did.clear()
    assert spy.ask("CancelReservation", {"reservationId": 5})["status"] == "Accepted"
    assert spy.connectors[0].status == "Available"


def test_any_evse_can_be_reserved() -> None:
    spy = Spy()
    order: Json = {"id": 5, "expiryDateTime": FUTURE, "idToken": TOKEN}
    assert spy.ask("ReserveNow", order)["status"] == "Accepted"
    spy.did.clear()
    assert spy.ask("ReserveNow", {**order, "id": 6})["status"] == "Accepted"
    assert [connector.status for connector in spy.connectors] == ["Reserved", "Reserved"]


def test_the_local_list_is_taken_by_version() -> None:
    spy = Spy()
    entry = {"idToken": TOKEN, "idTokenInfo": {"status": "Blocked"}}
    order: Json = {"versionNumber": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    assert spy.ask("SendLocalList", order)["status"] == "Accepted"
    assert spy.ask("GetLocalListVersion", {}) == {"versionNumber": 3}
    assert spy.local_list.refuses("a")
    older: Json = {"versionNumber": 2, "updateType": "Differential"}
    assert spy.ask("SendLocalList", older)["status"] == "VersionMismatch"


def test_profiles_are_kept_reckoned_with_and_cleared() -> None:
    spy = Spy()
    order: Json = {"evseId": 1, "chargingProfile": PROFILE}
    maximum = {**PROFILE, "chargingProfilePurpose": "ChargingStationMaxProfile"}
    of_transaction = {**PROFILE, "chargingProfilePurpose": "TxProfile", "transactionId": "x"}
    for refused in ({**order, "evseId": 9}, {**order, "chargingProfile": maximum}):
        assert spy.ask("SetChargingProfile", refused)["status"] == "Rejected"
    assert spy.ask("SetChargingProfile", {**order, "chargingProfile": of_transaction})["status"] == "Rejected"
    assert spy.ask("SetChargingProfile", order)["status"] == "Accepted"
    spy.did.clear()
    composite = spy.ask("GetCompositeSchedule", {"evseId": 1, "duration": 60})
    assert composite["schedule"]["chargingSchedulePeriod"][0]["limit"] == 4000.0  # type: ignore[index]
    assert spy.ask("GetCompositeSchedule", {"evseId": 7, "duration": 60})["status"] == "Rejected"
    other: Json = {"chargingProfileCriteria": {"chargingProfilePurpose": "TxProfile"}}
    assert spy.ask("ClearChargingProfile", other)["status"] == "Unknown"
    spy.did.clear()
    mine: Json = {"chargingProfileCriteria": {"evseId": 1, "stackLevel": 1}}
    assert spy.ask("ClearChargingProfile", mine)["status"] == "Accepted"
    assert len(spy.profiles) == 0


@pytest.mark.parametrize("action", sorted(NOT_OFFERED))
def test_what_is_not_offered_is_not_supported(action: str) -> None:
    with pytest.raises(Refusal, match="NotSupported"):
        answer(Spy(), action, {}, "2.1")


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Dance", {}, "NotImplemented"),
        ("Reset", {}, "FormationViolation"),
        ("RequestStopTransaction", {"transactionId": 1}, "FormationViolation"),
        ("SetChargingProfile", {"evseId": 1}, "FormationViolation"),
        ("SendLocalList", {"updateType": "Full", "localAuthorizationList": 7}, "FormationViolation"),
    ],
)
def test_nonsense_is_refused_with_the_right_code(action: str, payload: Json, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        answer(Spy(), action, payload, "2.0.1")
    assert caught.value.code == code
