"""What a simulated station answers to commands of OCPP 1.6."""

from __future__ import annotations

from datetime import timedelta

import pytest

from loadtest.client import Json, Refusal
from loadtest.speech.orders16 import NOT_OFFERED, answer
from loadtest.speech.speech import VENDOR, stamp
from tests.kit.commanded import NOW, SpyStation


class Spy(SpyStation):
    def ask(self, action: str, payload: Json) -> Json:
        return self.consider(answer(self, action, payload))


@pytest.mark.parametrize(
    ("action", "payload", "status", "did"),
    [
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": 2}, "Accepted", [("start", 2, "A")]),
        ("RemoteStartTransaction", {"idTag": "A"}, "Accepted", [("start", 1, "A")]),
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": 3}, "Rejected", []),
        ("RemoteStopTransaction", {"transactionId": 1}, "Rejected", []),
        ("Reset", {"type": "Soft"}, "Accepted", [("reboot", "SoftReset")]),
        ("Reset", {"type": "Hard"}, "Accepted", [("reboot", "HardReset")]),
        (
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            "Accepted",
            [(1, "Unavailable"), (2, "Unavailable")],
        ),
        ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}, "Accepted", [(2, "Unavailable")]),
        ("ChangeAvailability", {"connectorId": 2, "type": "Operative"}, "Accepted", []),
        ("ChangeAvailability", {"connectorId": 9, "type": "Operative"}, "Rejected", []),
        ("UnlockConnector", {"connectorId": 1}, "Unlocked", []),
        ("UnlockConnector", {"connectorId": 7}, "NotSupported", []),
        ("ChangeConfiguration", {"key": "Nope", "value": "1"}, "NotSupported", []),
        ("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "9"}, "Rejected", []),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "soon"}, "Rejected", []),
        (
            "ChangeConfiguration",
            {"key": "HeartbeatInterval", "value": "60"},
            "Accepted",
            [("configured", "HeartbeatInterval")],
        ),
        ("ClearCache", {}, "Accepted", []),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}, "Accepted", [("boot",)]),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Accepted", [("heartbeat",)]),
        (
            "TriggerMessage",
            {"requestedMessage": "StatusNotification"},
            "Accepted",
            [("status", 1), ("status", 2)],
        ),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 2}, "Accepted", [("meter", 2)]),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 5}, "Rejected", []),
        ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, "Accepted", [("firmware status",)]),
        ("TriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"}, "Accepted", [("log status",)]),
        ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}, "NotImplemented", []),
        ("DataTransfer", {"vendorId": "acme"}, "UnknownVendorId", []),
    ],
)
def test_answers_and_what_follows(action: str, payload: Json, status: str, did: list[tuple[object, ...]]) -> None:
    spy = Spy()
    assert spy.ask(action, payload)["status"] == status
    assert spy.did == did


def test_not_yet_accepted_station_starts_nothing() -> None:
    spy = Spy()
    spy.accepted = False
    assert spy.ask("RemoteStartTransaction", {"idTag": "A"})["status"] == "Rejected"


def test_configuration_is_read_whole_or_by_key() -> None:
    spy = Spy()
    whole = spy.ask("GetConfiguration", {})
    assert whole["unknownKey"] == []
    assert len(whole["configurationKey"]) == len(spy.configuration.values)  # type: ignore[arg-type]
    some = spy.ask("GetConfiguration", {"key": ["NumberOfConnectors", "Nope"]})
    assert some == {
        "configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}],
        "unknownKey": ["Nope"],
    }


def test_data_comes_back_from_our_own_vendor() -> None:
    assert Spy().ask("DataTransfer", {"vendorId": VENDOR, "data": "x"}) == {"status": "Accepted", "data": "x"}


FUTURE, PAST = stamp(NOW + timedelta(minutes=5)), stamp(NOW - timedelta(minutes=5))
PROFILE: Json = {
    "chargingProfileId": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4000.0}],
    },
}


def test_a_reserved_connector_waits_for_its_driver_alone() -> None:
    spy = Spy()
    order: Json = {"connectorId": 1, "expiryDate": FUTURE, "idTag": "VIP", "reservationId": 5}
    assert spy.ask("ReserveNow", {**order, "expiryDate": PAST})["status"] == "Rejected"
    assert spy.ask("ReserveNow", order)["status"] == "Accepted"
    assert spy.ask("ReserveNow", {**order, "reservationId": 6})["status"] == "Occupied"
    assert spy.ask("RemoteStartTransaction", {"idTag": "A", "connectorId": 1})["status"] == "Rejected"
    assert spy.ask("RemoteStartTransaction", {"idTag": "vip", "connectorId": 1})["status"] == "Accepted"
    assert spy.ask("CancelReservation", {"reservationId": 9})["status"] == "Rejected"
    assert spy.ask("CancelReservation", {"reservationId": 5})["status"] == "Accepted"
    assert spy.did == [(1, "Reserved"), ("start", 1, "vip"), (1, "Available")]


def test_the_local_list_is_taken_by_version() -> None:
    spy = Spy()
    entry = {"idTag": "BAD", "idTagInfo": {"status": "Blocked"}}
    order: Json = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    assert spy.ask("SendLocalList", order)["status"] == "Accepted"
    assert spy.ask("GetLocalListVersion", {}) == {"listVersion": 3}
    assert spy.local_list.refuses("bad")
    assert spy.ask("SendLocalList", {"listVersion": 3, "updateType": "Differential"})["status"] == "VersionMismatch"


def test_profiles_are_kept_reckoned_with_and_cleared() -> None:
    spy = Spy()
    for_one: Json = {"connectorId": 1, "csChargingProfiles": PROFILE}
    assert spy.ask("SetChargingProfile", {**for_one, "connectorId": 9})["status"] == "Rejected"
    of_transaction = {**PROFILE, "chargingProfilePurpose": "TxProfile"}
    assert spy.ask("SetChargingProfile", {**for_one, "csChargingProfiles": of_transaction})["status"] == "Rejected"
    assert spy.ask("SetChargingProfile", for_one)["status"] == "Accepted"
    composite = spy.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 60})
    assert composite["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 4000.0  # type: ignore[index]
    assert spy.ask("ClearChargingProfile", {"id": 8})["status"] == "Unknown"
    assert spy.ask("ClearChargingProfile", {"id": 7})["status"] == "Accepted"
    assert spy.did == [("profiles",), ("profiles",), ("profiles",)]


def test_files_are_fetched_and_sent_after_the_answer() -> None:
    spy = Spy()
    address = "http://127.0.0.1:9001/x"
    assert spy.ask("UpdateFirmware", {"location": address, "retrieveDate": FUTURE}) == {}
    assert spy.ask("GetDiagnostics", {"location": address}) == {"fileName": "diagnostics.log"}
    signed: Json = {"location": address, "retrieveDateTime": FUTURE, "signingCertificate": "", "signature": ""}
    assert spy.ask("SignedUpdateFirmware", {"requestId": 4, "firmware": signed}) == {"status": "Accepted"}
    log: Json = {"logType": "SecurityLog", "requestId": 5, "log": {"remoteLocation": address}}
    assert spy.ask("GetLog", log)["filename"] == "SecurityLog.log"
    assert spy.did == [("firmware", None, False), ("log", None), ("firmware", 4, True), ("log", 5)]


@pytest.mark.parametrize("action", sorted(NOT_OFFERED))
def test_what_is_not_offered_is_not_supported(action: str) -> None:
    with pytest.raises(Refusal, match="NotSupported"):
        answer(Spy(), action, {})


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Dance", {}, "NotImplemented"),
        ("Reset", {}, "FormationViolation"),
        ("Reset", {"type": "Gentle"}, "PropertyConstraintViolation"),
        ("RemoteStopTransaction", {"transactionId": "1"}, "FormationViolation"),
    ],
)
def test_nonsense_is_refused_with_the_right_code(action: str, payload: Json, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        answer(Spy(), action, payload)
    assert caught.value.code == code
