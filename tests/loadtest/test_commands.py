"""What a simulated station answers to commands."""

from __future__ import annotations

from random import Random

import pytest

from loadtest.client import Answer, Json, Refusal
from loadtest.commands import NOT_OFFERED, VENDOR, answer, first_configuration
from loadtest.meter import Meter
from loadtest.session import Connector


class Spy:
    """A station that only remembers what was wanted of it."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []
        self.connectors = [
            Connector(number, Meter(Random(1), 0), lambda number, status: self.did.append((number, status)))
            for number in (1, 2)
        ]
        self.configuration = first_configuration(2, 5.0)
        self.accepted = True

    def begin_remote_session(self, connector: Connector, id_tag: str) -> None:
        self.did.append(("start", connector.number, id_tag))

    def reboot(self, reason: str) -> None:
        self.did.append(("reboot", reason))

    def configured(self, key: str) -> None:
        self.did.append(("configured", key))

    def send_boot(self) -> None:
        self.did.append(("boot",))

    def send_heartbeat(self) -> None:
        self.did.append(("heartbeat",))

    def send_status(self, connector: int) -> None:
        self.did.append(("status", connector))

    def send_meter_values(self, connector: int) -> None:
        self.did.append(("meter", connector))

    def ask(self, action: str, payload: Json) -> Json:
        given: Answer = answer(self, action, payload)
        assert self.did == []  # nothing happens before the answer has left
        if given.then is not None:
            given.then()
        return given.payload


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
        ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, "NotImplemented", []),
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
