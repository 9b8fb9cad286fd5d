"""What a station answers when the server wants something of it (OCPP 1.6, chapter 5).

The answer is decided at once; what follows from it happens after the answer has left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from loadtest.client import Answer, Json, Refusal
from loadtest.session import Connector

VENDOR = "org.chargehouse.loadtest"

# Actions that OCPP 1.6 knows and these stations do not offer: NotSupported, where nonsense is NotImplemented.
NOT_OFFERED = frozenset(
    {
        "CancelReservation",
        "ClearChargingProfile",
        "GetCompositeSchedule",
        "GetDiagnostics",
        "GetLocalListVersion",
        "ReserveNow",
        "SendLocalList",
        "SetChargingProfile",
        "UpdateFirmware",
    }
)


@dataclass(slots=True)
class Configuration:
    """The configuration keys of OCPP 1.6, 9.1, that these stations have."""

    values: dict[str, str] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})

    def seconds(self, key: str) -> float:
        """A key's value as seconds; 0 when it is not a number."""
        value = self.values.get(key, "")
        return float(value) if value.replace(".", "", 1).isdigit() else 0.0


def first_configuration(connectors: int, meter_interval: float) -> Configuration:
    """What a station comes with from the factory; the meter interval may have a fraction of a second."""
    return Configuration(
        {
            "AuthorizeRemoteTxRequests": "false",
            "ConnectionTimeOut": "60",
            "HeartbeatInterval": "300",
            "LocalPreAuthorize": "false",
            "MeterValueSampleInterval": f"{meter_interval:g}",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC",
            "NumberOfConnectors": str(connectors),
            "SupportedFeatureProfiles": "Core,RemoteTrigger",
            "TransactionMessageAttempts": "3",
            "TransactionMessageRetryInterval": "5",
            "WebSocketPingInterval": "0",
        }
    )


class Commanded(Protocol):
    """What a station lets the server reach."""

    @property
    def connectors(self) -> Sequence[Connector]: ...
    @property
    def configuration(self) -> Configuration: ...
    @property
    def accepted(self) -> bool: ...
    def begin_remote_session(self, connector: Connector, id_tag: str) -> None: ...
    def reboot(self, reason: str) -> None: ...
    def configured(self, key: str) -> None: ...
    def send_boot(self) -> None: ...
    def send_heartbeat(self) -> None: ...
    def send_status(self, connector: int) -> None: ...
    def send_meter_values(self, connector: int) -> None: ...


def answer(station: Commanded, action: str, payload: Json) -> Answer:
    """Answer one CALL. Raises Refusal for what these stations do not know or cannot read."""
    handler = _HANDLERS.get(action)
    if handler is None:
        raise Refusal("NotSupported" if action in NOT_OFFERED else "NotImplemented", action)
    return handler(station, payload)


def _status(status: str, then: Callable[[], None] | None = None) -> Answer:
    return Answer({"status": status}, then)


def _text(payload: Json, key: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str):
        raise Refusal("FormationViolation", f"{key} must be a string")
    return value


def _number(payload: Json, key: str) -> int:
    value = payload.get(key)
    if not isinstance(value, int):
        raise Refusal("FormationViolation", f"{key} must be a whole number")
    return value


def _connector(station: Commanded, number: int) -> Connector | None:
    return next((c for c in station.connectors if c.number == number), None)


def _remote_start(station: Commanded, payload: Json) -> Answer:
    id_tag = _text(payload, "idTag")
    wanted = payload.get("connectorId")
    free = [c for c in station.connectors if c.free and wanted in (None, c.number)]
    if not station.accepted or not free:
        return _status("Rejected")
    return _status("Accepted", partial(station.begin_remote_session, free[0], id_tag))


def _remote_stop(station: Commanded, payload: Json) -> Answer:
    number = _number(payload, "transactionId")
    for connector in station.connectors:
        session = connector.session
        if session is not None and session.transaction_id == number:
            return _status("Accepted", partial(session.stop, "Remote"))
    return _status("Rejected")


def _reset(station: Commanded, payload: Json) -> Answer:
    kind = _text(payload, "type")
    if kind not in ("Soft", "Hard"):
        raise Refusal("PropertyConstraintViolation", "type must be Soft or Hard")
    return _status("Accepted", partial(station.reboot, f"{kind}Reset"))


def _change_availability(station: Commanded, payload: Json) -> Answer:
    number, kind = _number(payload, "connectorId"), _text(payload, "type")
    chosen = [c for c in station.connectors if number in (0, c.number)]
    if not chosen or kind not in ("Operative", "Inoperative"):
        return _status("Rejected")
    busy = [c for c in chosen if c.session is not None]
    for connector in chosen:
        connector.operative = kind == "Operative"

    def then() -> None:
        for connector in chosen:
            if connector.session is None:
                connector.rest()

    return _status("Scheduled" if busy and kind == "Inoperative" else "Accepted", then)


def _unlock(station: Commanded, payload: Json) -> Answer:
    connector = _connector(station, _number(payload, "connectorId"))
    if connector is None:
        return _status("NotSupported")
    session = connector.session
    return _status("Unlocked", None if session is None else partial(session.stop, "UnlockCommand"))


def _get_configuration(station: Commanded, payload: Json) -> Answer:
    configuration = station.configuration
    asked = payload.get("key")
    names = [str(name) for name in asked] if isinstance(asked, list) and asked else list(configuration.values)
    known = [
        {"key": name, "readonly": name in configuration.read_only, "value": configuration.values[name]}
        for name in names
        if name in configuration.values
    ]
    unknown = [name for name in names if name not in configuration.values]
    return Answer({"configurationKey": known, "unknownKey": unknown})


def _change_configuration(station: Commanded, payload: Json) -> Answer:
    key, value = _text(payload, "key"), _text(payload, "value")
    configuration = station.configuration
    if key not in configuration.values:
        return _status("NotSupported")
    if key in configuration.read_only or (key.endswith("Interval") and not value.isdigit()):
        return _status("Rejected")
    configuration.values[key] = value
    return _status("Accepted", partial(station.configured, key))


def _clear_cache(station: Commanded, payload: Json) -> Answer:
    return _status("Accepted")


def _trigger_message(station: Commanded, payload: Json) -> Answer:
    wanted = _text(payload, "requestedMessage")
    number = payload.get("connectorId")
    if number is not None and _connector(station, _number(payload, "connectorId")) is None:
        return _status("Rejected")
    chosen = [c.number for c in station.connectors if number in (None, c.number)]

    def each(send: Callable[[int], None]) -> Callable[[], None]:
        def then() -> None:
            for connector in chosen:
                send(connector)

        return then

    match wanted:
        case "BootNotification":
            return _status("Accepted", station.send_boot)
        case "Heartbeat":
            return _status("Accepted", station.send_heartbeat)
        case "StatusNotification":
            return _status("Accepted", each(station.send_status))
        case "MeterValues":
            return _status("Accepted", each(station.send_meter_values))
        case _:
            return _status("NotImplemented")


def _data_transfer(station: Commanded, payload: Json) -> Answer:
    if _text(payload, "vendorId") != VENDOR:
        return _status("UnknownVendorId")
    echo = payload.get("data")
    return Answer({"status": "Accepted", **({"data": echo} if isinstance(echo, str) else {})})


_HANDLERS: dict[str, Callable[[Commanded, Json], Answer]] = {
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "DataTransfer": _data_transfer,
    "GetConfiguration": _get_configuration,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock,
}
