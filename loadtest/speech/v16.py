"""What a station says in OCPP 1.6J."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from loadtest.client import Answer, Json
from loadtest.ledger import Quantities, SessionRecord
from loadtest.meter import Reading
from loadtest.speech import orders16
from loadtest.speech.speech import (
    MAKER,
    MODEL,
    VENDOR,
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

_REASONS = frozenset(
    [
        "DeAuthorized",
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
    ]
)
_PHASES = (("L1", "L1-N"), ("L2", "L2-N"), ("L3", "L3-N"))


class Speech16:
    """See `Speech`; the specification's chapters 4 and 6."""

    version = "1.6"
    subprotocol = "ocpp1.6"

    def boot(self, card: Card) -> Said:
        return "BootNotification", {
            "chargePointVendor": MAKER,
            "chargePointModel": MODEL,
            "chargePointSerialNumber": card.identity[-25:],
            "firmwareVersion": card.firmware,
            "meterType": VENDOR[:25],
        }

    def booted(self, answer: Json) -> tuple[str, float]:
        return str(answer.get("status")), seconds(answer.get("interval"))

    def heartbeat(self) -> Said:
        return "Heartbeat", {}

    def status(self, connector: int, status: str, at: datetime, error: str) -> Said | None:
        return "StatusNotification", {
            "connectorId": connector,
            "errorCode": error,
            "status": status,
            "timestamp": stamp(at),
        }

    def broken(self, connector: int, error: str, at: datetime, number: int, *, over: bool) -> Said | None:
        return None  # the status has the error code

    def authorise(self, id_tag: str) -> Said:
        return "Authorize", {"idTag": id_tag}

    def refuses(self, answer: Json | None) -> bool:
        match answer:
            case {"idTagInfo": {"status": str(status)}}:
                return status != "Accepted"
            case _:
                return False

    def transaction(
        self, record: SessionRecord, *, remote_start_id: int | None, online: Callable[[], bool]
    ) -> Transaction16:
        return Transaction16(record)

    def quantities(self, reading: Reading) -> Quantities:
        return quantities_by_phase(reading)

    def meter_values(self, connector: int, at: datetime, reading: Reading) -> Said:
        value: Json = {"timestamp": stamp(at), "sampledValue": sampled_values(reading, "Trigger")}
        return "MeterValues", {"connectorId": connector, "meterValue": [value]}

    def firmware_status(self, status: str, order: FirmwareOrder | None) -> Said:
        if order is None or not order.signed:
            return "FirmwareStatusNotification", {"status": status}
        return "SignedFirmwareStatusNotification", {"status": status, "requestId": order.request_id}

    def log_status(self, status: str, order: LogOrder | None) -> Said:
        if order is None or order.request_id is None:
            return "DiagnosticsStatusNotification", {"status": _DIAGNOSTICS.get(status, status)}
        return "LogStatusNotification", {"status": status, "requestId": order.request_id}

    def security_event(self, kind: str, at: datetime) -> Said | None:
        return "SecurityEventNotification", {"type": kind, "timestamp": stamp(at)}

    def answer(self, station: Commanded, action: str, payload: Json) -> Answer:
        return orders16.answer(station, action, payload)


_DIAGNOSTICS = {"UploadFailure": "UploadFailed"}


class Transaction16:
    """See `Transaction`: the server gives the id, so what comes after the start is formed when it is sent."""

    def __init__(self, record: SessionRecord) -> None:
        self._record = record

    def started(self, reading: Reading) -> Later:
        record = self._record
        payload: Json = {
            "connectorId": record.connector,
            "idTag": record.id_tag,
            "meterStart": record.meter_start_wh,
            "timestamp": stamp(record.start_time),
        }
        if record.reservation_id is not None:
            payload["reservationId"] = record.reservation_id
        return "StartTransaction", lambda: payload

    def authorised(self, at: datetime) -> Later | None:
        return None  # no transaction without a tag

    def sampled(self, at: datetime, reading: Reading) -> Later:
        record = self._record
        meter_value: Json = {"timestamp": stamp(at), "sampledValue": sampled_values(reading)}

        def payload() -> Json:
            return {
                "connectorId": record.connector,
                "transactionId": self._number,
                "meterValue": [meter_value],
            }

        return "MeterValues", payload

    def state_changed(self, at: datetime, state: str) -> Later | None:
        return None  # StatusNotification has it

    def ended(self, reading: Reading) -> Later:
        record = self._record
        stopped_at = stamp(record.stop_time or record.start_time)
        reason = record.reason_said = record.reason if record.reason in _REASONS else "Other"

        def payload() -> Json:
            return {
                "transactionId": self._number,
                "idTag": record.id_tag,
                "meterStop": record.meter_stop_wh,
                "timestamp": stopped_at,
                "reason": reason,
            }

        return "StopTransaction", payload

    def learn(self, answer: Json) -> None:
        number = answer.get("transactionId")
        self._record.transaction_id = number if isinstance(number, int) else None

    @property
    def _number(self) -> int | str:
        """-1 for one whose start was never answered (OCPP 1.6, 4.8 has no better idea)."""
        number = self._record.transaction_id
        return -1 if number is None else number


def sampled_values(reading: Reading, context: str = "Sample.Periodic") -> list[dict[str, str]]:
    """The `sampledValue` list of OCPP 1.6 (7.43): strings, with measurand, unit and phase."""
    out = [
        {
            "value": str(reading.energy_wh),
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
            "location": "Outlet",
            "context": context,
        },
        {"value": str(reading.power_w), "measurand": "Power.Active.Import", "unit": "W", "context": context},
    ]
    for (line, to_neutral), current, voltage in zip(_PHASES, reading.current_a, reading.voltage_v, strict=False):
        out.append(
            {
                "value": f"{current:.2f}",
                "measurand": "Current.Import",
                "unit": "A",
                "phase": line,
                "context": context,
            }
        )
        out.append(
            {
                "value": f"{voltage:.1f}",
                "measurand": "Voltage",
                "unit": "V",
                "phase": to_neutral,
                "context": context,
            }
        )
    out.append(
        {
            "value": str(reading.soc_percent),
            "measurand": "SoC",
            "unit": "Percent",
            "location": "EV",
            "context": context,
        }
    )
    return out
