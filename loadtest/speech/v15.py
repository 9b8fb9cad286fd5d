"""What a station says in OCPP 1.5: 1.6's story in fewer words, as payloads that `soap` makes elements of.

1.5 knows no reasons to stop, no Preparing, no smart charging and no triggers; its meter values are called `values`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from loadtest.client import Answer, Json, Refusal
from loadtest.ledger import Quantities, SessionRecord
from loadtest.meter import Reading
from loadtest.speech import orders16
from loadtest.speech.speech import Card, Commanded, FirmwareOrder, Later, LogOrder, Said, seconds, stamp, status
from loadtest.speech.v16 import Speech16, Transaction16

_STATUSES = frozenset({"Available", "Faulted", "Unavailable", "Reserved"})
_ERRORS = frozenset(
    [
        "ConnectorLockFailure",
        "GroundFailure",
        "HighTemperature",
        "Mode3Error",
        "NoError",
        "OtherError",
        "OverCurrentFailure",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "WeakSignal",
    ]
)
_DIAGNOSTICS = {"Uploaded": "Uploaded", "UploadFailure": "UploadFailed"}
_FIRMWARE = frozenset({"Downloaded", "DownloadFailed", "InstallationFailed", "Installed"})
# OCPP 1.5, chapter 5: what the central system may ask for.
KNOWN = frozenset(
    [
        "CancelReservation",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "DataTransfer",
        "GetConfiguration",
        "GetDiagnostics",
        "GetLocalListVersion",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "UnlockConnector",
        "UpdateFirmware",
    ]
)


class Speech15:
    """See `Speech`."""

    version = "1.5"
    subprotocol = ""

    def __init__(self) -> None:
        self._like = Speech16()

    def boot(self, card: Card) -> Said:
        return self._like.boot(card)  # in the order of the schema

    def booted(self, answer: Json) -> tuple[str, float]:
        said = str(answer.get("heartbeatInterval", ""))
        return str(answer.get("status")), seconds(int(said) if said.isdigit() else 0)

    def heartbeat(self) -> Said:
        return "Heartbeat", {}

    def status(self, connector: int, status: str, at: datetime, error: str) -> Said | None:
        return "StatusNotification", {
            "connectorId": connector,
            "status": status if status in _STATUSES else "Occupied",
            "errorCode": error if error in _ERRORS else "OtherError",
            "timestamp": stamp(at),
        }

    def broken(self, connector: int, error: str, at: datetime, number: int, *, over: bool) -> Said | None:
        return None

    def authorise(self, id_tag: str) -> Said:
        return "Authorize", {"idTag": id_tag}

    def refuses(self, answer: Json | None) -> bool:
        return self._like.refuses(answer)

    def transaction(
        self, record: SessionRecord, *, remote_start_id: int | None, online: Callable[[], bool]
    ) -> Transaction15:
        return Transaction15(record)

    def quantities(self, reading: Reading) -> Quantities:
        return {
            "Power.Active.Import": float(reading.power_w),
            "Current.Import": round(sum(reading.current_a) / len(reading.current_a), 2),
            "Voltage": round(sum(reading.voltage_v) / len(reading.voltage_v), 1),
        }

    def meter_values(self, connector: int, at: datetime, reading: Reading) -> Said:
        return "MeterValues", {"connectorId": connector, "values": [meter_value(at, reading)]}

    def firmware_status(self, status: str, order: FirmwareOrder | None) -> Said | None:
        return ("FirmwareStatusNotification", {"status": status}) if status in _FIRMWARE else None

    def log_status(self, status: str, order: LogOrder | None) -> Said | None:
        word = _DIAGNOSTICS.get(status)
        return None if word is None else ("DiagnosticsStatusNotification", {"status": word})

    def security_event(self, kind: str, at: datetime) -> Said | None:
        return None

    def answer(self, station: Commanded, action: str, payload: Json) -> Answer:
        if action not in KNOWN:
            raise Refusal("NotSupported", action)
        if action == "SendLocalList":  # another spelling of the same
            payload = {**payload, "localAuthorizationList": payload.get("localAuthorisationList", [])}
        given = orders16.answer(station, action, payload)
        if action == "UnlockConnector":
            return status("Accepted" if given.payload["status"] == "Unlocked" else "Rejected", given.then)
        return given


class Transaction15(Transaction16):
    """See `Transaction`. The elements of a message have an order."""

    def started(self, reading: Reading) -> Later:
        record = self._record
        payload: Json = {
            "connectorId": record.connector,
            "idTag": record.id_tag,
            "timestamp": stamp(record.start_time),
            "meterStart": record.meter_start_wh,
        }
        if record.reservation_id is not None:
            payload["reservationId"] = record.reservation_id
        return "StartTransaction", lambda: payload

    def sampled(self, at: datetime, reading: Reading) -> Later:
        record = self._record
        value = meter_value(at, reading)

        def payload() -> Json:
            return {"connectorId": record.connector, "transactionId": self._number, "values": [value]}

        return "MeterValues", payload

    def ended(self, reading: Reading) -> Later:
        record = self._record
        stopped_at = stamp(record.stop_time or record.start_time)

        def payload() -> Json:
            return {
                "transactionId": self._number,
                "idTag": record.id_tag,
                "timestamp": stopped_at,
                "meterStop": record.meter_stop_wh,
            }

        return "StopTransaction", payload

    def learn(self, answer: Json) -> None:
        said = str(answer.get("transactionId", ""))
        self._record.transaction_id = int(said) if said.lstrip("-").isdigit() else None


def meter_value(at: datetime, reading: Reading) -> Json:
    """A MeterValue: `(text, attributes)` for what becomes an element with attributes; 1.5 knows no phases."""
    sampled = [
        _value(reading.energy_wh, "Energy.Active.Import.Register", "Wh"),
        _value(reading.power_w, "Power.Active.Import", "W"),
        _value(f"{sum(reading.current_a) / len(reading.current_a):.2f}", "Current.Import", "Amp"),
        _value(f"{sum(reading.voltage_v) / len(reading.voltage_v):.1f}", "Voltage", "Volt"),
    ]
    return {"timestamp": stamp(at), "value": sampled}


def _value(value: object, measurand: str, unit: str) -> tuple[str, dict[str, str]]:
    attributes = {"context": "Sample.Periodic", "format": "Raw", "measurand": measurand}
    return str(value), {**attributes, "location": "Outlet", "unit": unit}
