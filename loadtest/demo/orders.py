"""What a station of the demonstration answers when the server wants something, in 1.6's and in 2.x's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import trio

from loadtest.client import Answer, Json, Refusal
from loadtest.demo.speech import Speech
from loadtest.demo.world import CARS, StationPlan
from loadtest.meter import Car

_VISITOR: Final = Car(CARS[1][1], 0.3, CARS[1][2], CARS[1][4])
_WELCOME: Final = frozenset(
    {
        "CancelReservation", "ChangeAvailability", "ClearCache", "ClearChargingProfile", "ReserveNow", "SendLocalList",
        "SetChargingProfile",
    }
)  # fmt: skip
"""Accepted, and nothing comes of it that anybody would see."""
_HOMES: Final = {
    "HeartbeatInterval": ("OCPPCommCtrlr", "integer"),
    "SampledDataTxUpdatedInterval": ("SampledDataCtrlr", "integer"),
    "AuthorizeRemoteStart": ("AuthCtrlr", "boolean"),
    "LocalPreAuthorize": ("AuthCtrlr", "boolean"),
}
"""Where 2.x's variables are, and of which type."""
UPDATE: Final = ((0.3, "Downloading"), (1.0, "Downloaded"), (1.5, "Installing"), (3.0, "Installed"))
"""How a firmware update goes: seconds after the order, and what is told."""


class Ordered(Protocol):
    """What orders reach of a station."""

    plan: StationPlan
    speech: Speech
    firmware: str
    next_firmware: str
    charging: dict[int, trio.Event]
    transactions: dict[int, object]

    def state_of(self, evse: int) -> str: ...
    def plug_in(
        self,
        evse: int,
        id_token: str,
        car: Car,
        *,
        hours: float,
        ago: float = 0.0,
        soc: float = 0.3,
        remote_start_id: int | None = None,
    ) -> bool: ...
    def later(self, seconds: float, what: Callable[[], tuple[str, Json]]) -> None: ...
    def reboot(self) -> None: ...
    def at_evse(self, transaction: object) -> int | None: ...


class Orders:
    """Answers for one station."""

    def __init__(self, station: Ordered) -> None:
        self._station = station
        self._is_16 = station.plan.model.subprotocol == "ocpp1.6"
        self._values: dict[str, str] = {
            "HeartbeatInterval": "240",
            "MeterValueSampleInterval": "30",
            "NumberOfConnectors": str(station.plan.model.outlets),
            "SupportedFeatureProfiles": "Core,FirmwareManagement,Reservation,RemoteTrigger",
            "AuthorizeRemoteTxRequests": "true",
            "LocalPreAuthorize": "false",
        }
        if not self._is_16:
            self._values |= {"SampledDataTxUpdatedInterval": "30", "AuthorizeRemoteStart": "true"}
        self._handlers: dict[str, Callable[[Json], Answer]] = {
            "RemoteStartTransaction": self._start,
            "RequestStartTransaction": self._start,
            "RemoteStopTransaction": self._stop,
            "RequestStopTransaction": self._stop,
            "Reset": self._reset,
            "UnlockConnector": lambda _: _status("Unlocked"),
            "GetConfiguration": self._configuration,
            "ChangeConfiguration": self._change,
            "GetVariables": self._variables,
            "SetVariables": self._set_variables,
            "TriggerMessage": self._trigger,
            "UpdateFirmware": self._update,
            "DataTransfer": lambda _: _status("UnknownVendorId"),
            "GetBaseReport": self._report,
            "GetLocalListVersion": lambda _: Answer({"listVersion": 0} if self._is_16 else {"versionNumber": 0}),
        }

    def answer(self, action: str, payload: Json) -> Answer:
        """Raises Refusal for what these stations do not know."""
        if action in _WELCOME:
            return _status("Accepted")
        handler = self._handlers.get(action)
        if handler is None:
            raise Refusal("NotSupported", action)
        return handler(payload)

    def _start(self, payload: Json) -> Answer:
        station = self._station
        wanted = payload.get("connectorId" if self._is_16 else "evseId")
        evses = [wanted] if isinstance(wanted, int) else range(1, station.plan.model.outlets + 1)
        free = [evse for evse in evses if station.state_of(evse) == "Available"]
        token = payload.get("idTag" if self._is_16 else "idToken")
        text = str(token.get("idToken", "")) if isinstance(token, dict) else str(token or "")
        if not free:
            return _status("Rejected")
        order = payload.get("remoteStartId")
        told = order if isinstance(order, int) else None
        begin = partial(station.plug_in, free[0], text, _VISITOR, hours=1.0, remote_start_id=told)
        return Answer({"status": "Accepted"}, lambda: _ignored(begin()))

    def _stop(self, payload: Json) -> Answer:
        evse = self._station.at_evse(payload.get("transactionId"))
        if evse is None:
            return _status("Rejected")
        return Answer({"status": "Accepted"}, self._station.charging[evse].set)

    def _reset(self, _: Json) -> Answer:
        return Answer({"status": "Accepted"}, self._station.reboot)

    def _configuration(self, payload: Json) -> Answer:
        asked = payload.get("key")
        names = [str(name) for name in asked] if isinstance(asked, list) and asked else list(self._values)
        known = [
            {"key": name, "readonly": False, "value": self._values[name]} for name in names if name in self._values
        ]
        return Answer({"configurationKey": known, "unknownKey": [name for name in names if name not in self._values]})

    def _change(self, payload: Json) -> Answer:
        key = str(payload.get("key", ""))
        if key not in self._values:
            return _status("NotSupported")
        self._values[key] = str(payload.get("value", ""))
        return _status("Accepted")

    def _variables(self, payload: Json) -> Answer:
        results: list[Json] = []
        for asked in _dicts(payload.get("getVariableData")):
            name = _variable(asked)
            found = self._values.get(name)
            result: Json = {"component": asked.get("component"), "variable": asked.get("variable")}
            status = "UnknownVariable" if found is None else "Accepted"
            results.append(result | {"attributeStatus": status} | ({} if found is None else {"attributeValue": found}))
        return Answer({"getVariableResult": results})

    def _set_variables(self, payload: Json) -> Answer:
        results: list[Json] = []
        for asked in _dicts(payload.get("setVariableData")):
            name = _variable(asked)
            status = "Accepted" if name in self._values else "UnknownVariable"
            if status == "Accepted":
                self._values[name] = str(asked.get("attributeValue", ""))
            result: Json = {"component": asked.get("component"), "variable": asked.get("variable")}
            results.append(result | {"attributeStatus": status})
        return Answer({"setVariableResult": results})

    def _report(self, payload: Json) -> Answer:
        """All variables, in one message."""
        told: list[Json] = [
            {
                "component": {"name": component},
                "variable": {"name": name},
                "variableAttribute": [{"type": "Actual", "value": self._values[name], "mutability": "ReadWrite"}],
                "variableCharacteristics": {"dataType": kind, "supportsMonitoring": False},
            }
            for name, (component, kind) in _HOMES.items()
        ]

        def report() -> tuple[str, Json]:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            about: Json = {"requestId": payload.get("requestId"), "generatedAt": now, "seqNo": 0, "tbc": False}
            return "NotifyReport", about | {"reportData": told}

        return Answer({"status": "Accepted"}, lambda: self._station.later(0.2, report))

    def _trigger(self, payload: Json) -> Answer:
        station = self._station
        wanted = payload.get("requestedMessage")
        if wanted == "BootNotification":
            station.later(0.0, lambda: station.speech.boot(station.plan, station.firmware))
        elif wanted == "Heartbeat":
            station.later(0.0, lambda: ("Heartbeat", {}))
        elif wanted == "StatusNotification":
            for evse in range(1, station.plan.model.outlets + 1):
                station.later(0.0, partial(self._status_of, evse))
        else:
            return _status("NotImplemented")
        return _status("Accepted")

    def _status_of(self, evse: int) -> tuple[str, Json]:
        return self._station.speech.status(evse, self._station.state_of(evse), datetime.now(UTC))

    def _update(self, payload: Json) -> Answer:
        """It only tells that it fetches and installs; then it comes back with the new version."""
        station = self._station
        about: Json = {} if self._is_16 else {"requestId": payload.get("requestId")}

        def told(status: str) -> tuple[str, Json]:
            return "FirmwareStatusNotification", {"status": status, **about}

        def then() -> None:
            for seconds, status in UPDATE:
                station.later(seconds, partial(told, status))
            station.later(UPDATE[-1][0] + 1.0, booted)

        def booted() -> tuple[str, Json]:
            station.firmware = station.next_firmware or station.firmware
            return station.speech.boot(station.plan, station.firmware)

        return Answer({} if self._is_16 else {"status": "Accepted"}, then)


def _status(status: str) -> Answer:
    return Answer({"status": status})


def _ignored(_: object) -> None:
    return None


def _dicts(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _variable(asked: Json) -> str:
    variable = asked.get("variable")
    return str(variable.get("name", "")) if isinstance(variable, dict) else ""
