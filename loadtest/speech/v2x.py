"""What a station says in OCPP 2.0.1 and 2.1: the station names its transactions and counts their events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from loadtest.client import Answer, Json
from loadtest.ledger import Quantities, SessionRecord
from loadtest.meter import Reading
from loadtest.speech import orders2x
from loadtest.speech.speech import (
    MAKER,
    MODEL,
    Card,
    Commanded,
    FirmwareOrder,
    Later,
    LogOrder,
    Said,
    quantities_by_phase,
    seconds,
    stamp,
)

SUBPROTOCOLS = {"2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}
_BOOT_REASONS = {
    "power-up": "PowerUp",
    "remote": "RemoteReset",
    "firmware": "FirmwareUpdate",
    "triggered": "Triggered",
}
_STATUSES = frozenset({"Available", "Reserved", "Unavailable", "Faulted"})
# The reason to stop (in 1.6's words or 2.x's): 2.x's word for it, and the trigger of the last event.
_REASONS = {
    "DeAuthorized": ("DeAuthorized", "Deauthorized"),
    "EVDisconnected": ("EVDisconnected", "EVDeparted"),
    "EmergencyStop": ("EmergencyStop", "AbnormalCondition"),
    "GroundFault": ("GroundFault", "AbnormalCondition"),
    "HardReset": ("ImmediateReset", "ResetCommand"),
    "ImmediateReset": ("ImmediateReset", "ResetCommand"),
    "Local": ("Local", "StopAuthorized"),
    "OvercurrentFault": ("OvercurrentFault", "AbnormalCondition"),
    "PowerLoss": ("PowerLoss", "AbnormalCondition"),
    "Reboot": ("Reboot", "ResetCommand"),
    "Remote": ("Remote", "RemoteStop"),
    "SoftReset": ("ImmediateReset", "ResetCommand"),
    "UnlockCommand": ("Other", "UnlockCommand"),
}
_OTHER = ("Other", "AbnormalCondition")
_WH: Json = {"unit": "Wh"}
_W: Json = {"unit": "W"}
_A: Json = {"unit": "A"}
_V: Json = {"unit": "V"}
_PERCENT: Json = {"unit": "Percent"}
_LINES = (("L1", "L1-N"), ("L2", "L2-N"), ("L3", "L3-N"))


class Speech2:
    """See `Speech`; functional blocks A to P of the specification. `version` is 2.0.1 or 2.1."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.subprotocol = SUBPROTOCOLS[version]

    def boot(self, card: Card) -> Said:
        return "BootNotification", {
            "reason": _BOOT_REASONS[card.cause],
            "chargingStation": {
                "vendorName": MAKER,
                "model": MODEL,
                "serialNumber": card.identity[-25:],
                "firmwareVersion": card.firmware,
            },
        }

    def booted(self, answer: Json) -> tuple[str, float]:
        return str(answer.get("status")), seconds(answer.get("interval"))

    def heartbeat(self) -> Said:
        return "Heartbeat", {}

    def status(self, connector: int, status: str, at: datetime, error: str) -> Said | None:
        if connector == 0:
            return None  # connectors only
        return "StatusNotification", {
            "timestamp": stamp(at),
            "connectorStatus": status if status in _STATUSES else "Occupied",
            "evseId": connector,
            "connectorId": 1,
        }

    def broken(self, connector: int, error: str, at: datetime, number: int, *, over: bool) -> Said | None:
        event: Json = {
            "eventId": number,
            "timestamp": stamp(at),
            "trigger": "Alerting",
            "actualValue": "false" if over else "true",
            "techCode": error,
            "cleared": over,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "Connector", "evse": {"id": connector, "connectorId": 1}},
            "variable": {"name": "Problem"},
        }
        if self.version == "2.1":
            event["severity"] = 3
        return "NotifyEvent", {"generatedAt": stamp(at), "seqNo": 0, "eventData": [event]}

    def authorise(self, id_tag: str) -> Said:
        return "Authorize", {"idToken": {"idToken": id_tag, "type": "ISO14443"}}

    def refuses(self, answer: Json | None) -> bool:
        match answer:
            case {"idTokenInfo": {"status": str(status)}}:
                return status != "Accepted"
            case _:
                return False

    def transaction(
        self, record: SessionRecord, *, remote_start_id: int | None, online: Callable[[], bool]
    ) -> Transaction2:
        return Transaction2(record, remote_start_id, online)

    def quantities(self, reading: Reading) -> Quantities:
        return quantities_by_phase(reading)

    def meter_values(self, connector: int, at: datetime, reading: Reading) -> Said:
        return "MeterValues", {"evseId": connector, "meterValue": [meter_value(at, reading, "Trigger")]}

    def firmware_status(self, status: str, order: FirmwareOrder | None) -> Said:
        payload: Json = {"status": status}
        if order is not None and status != "Idle":
            payload["requestId"] = order.request_id
        return "FirmwareStatusNotification", payload

    def log_status(self, status: str, order: LogOrder | None) -> Said:
        payload: Json = {"status": status}
        if order is not None and status != "Idle":
            payload["requestId"] = order.request_id
        return "LogStatusNotification", payload

    def security_event(self, kind: str, at: datetime) -> Said | None:
        return "SecurityEventNotification", {"type": kind, "timestamp": stamp(at)}

    def answer(self, station: Commanded, action: str, payload: Json) -> Answer:
        return orders2x.answer(station, action, payload, self.version)


class Transaction2:
    """See `Transaction`. Events are formed when they happen: sequence number and the offline flag belong to then."""

    def __init__(self, record: SessionRecord, remote_start_id: int | None, online: Callable[[], bool]) -> None:
        self._record = record
        self._remote_start_id = remote_start_id
        self._online = online
        self._events = 0
        self._state = "Charging" if record.id_tag else "EVConnected"
        record.transaction_id = f"{int(record.start_time.timestamp() * 1000):x}.{record.connector}"

    def started(self, reading: Reading) -> Later:
        record = self._record
        info: Json = {"chargingState": self._state}
        if self._remote_start_id is not None:
            info["remoteStartId"] = self._remote_start_id
        more: Json = {"meterValue": [meter_value(record.start_time, reading, "Transaction.Begin")]}
        trigger = "RemoteStart" if record.remote else "Authorized"
        if record.id_tag:
            more["idToken"] = self._token
        else:
            trigger = "CablePluggedIn"
        if record.reservation_id is not None:
            more["reservationId"] = record.reservation_id
        return self._event("Started", trigger, record.start_time, info, more)

    def authorised(self, at: datetime) -> Later | None:
        self._state = "Charging"
        return self._event("Updated", "Authorized", at, {"chargingState": self._state}, {"idToken": self._token})

    def sampled(self, at: datetime, reading: Reading) -> Later:
        more: Json = {"meterValue": [meter_value(at, reading, "Sample.Periodic")]}
        return self._event("Updated", "MeterValuePeriodic", at, {"chargingState": self._state}, more)

    def state_changed(self, at: datetime, state: str) -> Later | None:
        self._state = state
        return self._event("Updated", "ChargingStateChanged", at, {"chargingState": state}, {})

    def ended(self, reading: Reading) -> Later:
        record = self._record
        at = record.stop_time or record.start_time
        reason, trigger = _REASONS.get(record.reason, _OTHER)
        record.reason_said = reason
        more: Json = {"meterValue": [meter_value(at, reading, "Transaction.End")]}
        if record.reason == "Local":
            more["idToken"] = self._token
        return self._event("Ended", trigger, at, {"stoppedReason": reason, "chargingState": "EVConnected"}, more)

    def learn(self, answer: Json) -> None:
        """The id is the station's own."""

    @property
    def _token(self) -> Json:
        return {"idToken": self._record.id_tag, "type": self._record.tag_kind}

    def _event(self, kind: str, trigger: str, at: datetime, info: Json, more: Json) -> Later:
        record = self._record
        info["transactionId"] = record.transaction_id
        payload: Json = {
            "eventType": kind,
            "timestamp": stamp(at),
            "triggerReason": trigger,
            "seqNo": self._events,
            "offline": not self._online(),
            "transactionInfo": info,
            "evse": {"id": record.connector, "connectorId": 1},
            **more,
        }
        self._events += 1
        return "TransactionEvent", lambda: payload


def meter_value(at: datetime, reading: Reading, context: str) -> Json:
    """A MeterValueType: numbers, with measurand, unit and phase."""
    sampled: list[Json] = [
        {
            "value": reading.energy_wh,
            "context": context,
            "measurand": "Energy.Active.Import.Register",
            "location": "Outlet",
            "unitOfMeasure": _WH,
        },
        {"value": reading.power_w, "context": context, "measurand": "Power.Active.Import", "unitOfMeasure": _W},
    ]
    for (line, to_neutral), current, voltage in zip(_LINES, reading.current_a, reading.voltage_v, strict=False):
        sampled.append(
            {
                "value": round(current, 2),
                "context": context,
                "measurand": "Current.Import",
                "phase": line,
                "unitOfMeasure": _A,
            }
        )
        sampled.append(
            {
                "value": round(voltage, 1),
                "context": context,
                "measurand": "Voltage",
                "phase": to_neutral,
                "unitOfMeasure": _V,
            }
        )
    sampled.append(
        {
            "value": reading.soc_percent,
            "context": context,
            "measurand": "SoC",
            "location": "EV",
            "unitOfMeasure": _PERCENT,
        }
    )
    return {"timestamp": stamp(at), "sampledValue": sampled}
