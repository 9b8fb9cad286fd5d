"""What stations say in the words of their version of OCPP: boots, statuses, sessions long past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid5

from loadtest.client import Json
from loadtest.demo.curves import Point, current_a
from loadtest.demo.history import Attempt, Fault, Visit
from loadtest.demo.world import Model, StationPlan
from loadtest.session import stamp

ANYBODY: Final = "0"  # what 1.6 stations say for a driver who showed no tag
TALKATIVE: Final = timedelta(days=7)  # statuses of sessions are told of the last days only
_FAMILY: Final = UUID("7d5b1a30-6d1b-4a55-9d5e-5f0d3f3a9b11")  # so that transactions of 2.x have the same ids each time


@dataclass(frozen=True, slots=True)
class Step:
    """A message about something that happened at `at`. `payload` is given the transaction's id."""

    at: datetime
    action: str
    payload: Callable[[object], Json]
    visit: int | None = None


class Speech(Protocol):
    """A version of OCPP."""

    def boot(self, plan: StationPlan, firmware: str) -> tuple[str, Json]:
        """I am."""

    def status(self, evse: int, status: str, at: datetime) -> tuple[str, Json]:
        """How an outlet is, in 1.6's words."""

    def session(self, visit: Visit, model: Model, identity: str, *, live: bool = False) -> list[Step]:
        """Start, meter values, stop. `live`: each value in a message of its own, when it was measured."""

    def transaction_id(self, visit: Visit, identity: str) -> str:
        """As the station names it; empty where the server does."""

    def fault(self, fault: Fault) -> list[Step]:
        """It broke, and was well again."""

    def attempt(self, attempt: Attempt) -> Step:
        """A tag was shown."""


def speech_of(model: Model, talkative_until: datetime | None = None) -> Speech:
    """In which a station of this model speaks."""
    if model.subprotocol == "ocpp1.6":
        return Speech16(talkative_until)
    return Speech2(model.subprotocol == "ocpp2.1", talkative_until)


def said(at: datetime, message: tuple[str, Json], visit: int | None = None) -> Step:
    """A message that is ready."""
    action, payload = message
    return Step(at, action, lambda _: payload, visit)


def _is_recent(visit: Visit, last: datetime | None) -> bool:
    return last is not None and visit.started > last - TALKATIVE


def _messages(visit: Visit, live: bool) -> list[tuple[Point, ...]]:
    """What goes into one message each."""
    points = visit.charge.points
    return [(point,) for point in points] if live else [points] if points else []


def _at(visit: Visit, point: Point) -> datetime:
    return visit.started + timedelta(seconds=point.second)


class Speech16:
    """OCPP 1.6. `talkative_until`: statuses are told of sessions in the week before it."""

    def __init__(self, talkative_until: datetime | None = None) -> None:
        self._until = talkative_until

    def boot(self, plan: StationPlan, firmware: str) -> tuple[str, Json]:
        return "BootNotification", {
            "chargePointVendor": plan.model.vendor,
            "chargePointModel": plan.model.name,
            "chargePointSerialNumber": plan.serial,
            "firmwareVersion": firmware,
            "meterType": "MID class B",
        }

    def status(
        self, evse: int, status: str, at: datetime, error: str = "NoError", vendor_error: str = "", info: str = ""
    ) -> tuple[str, Json]:
        payload: Json = {"connectorId": evse, "errorCode": error, "status": status, "timestamp": stamp(at)}
        if vendor_error:
            payload |= {"vendorErrorCode": vendor_error, "info": info}
        return "StatusNotification", payload

    def session(self, visit: Visit, model: Model, identity: str, *, live: bool = False) -> list[Step]:
        id_tag = visit.id_token or ANYBODY
        start: Json = {
            "connectorId": visit.evse,
            "idTag": id_tag,
            "meterStart": visit.meter_start_wh,
            "timestamp": stamp(visit.started),
        }
        steps = [Step(visit.started, "StartTransaction", lambda _: start, visit.number)]
        for points in _messages(visit, live):
            values = [self._meter_value(visit, model, point) for point in points]
            steps.append(self._sampled(visit, values, min(_at(visit, points[-1]), visit.stopped)))

        def stop(transaction: object) -> Json:
            return {
                "transactionId": transaction,
                "idTag": id_tag,
                "meterStop": visit.meter_stop_wh,
                "timestamp": stamp(visit.stopped),
                "reason": visit.reason,
            }

        steps.append(Step(visit.stopped, "StopTransaction", stop, visit.number))
        return self._statuses(visit, steps) if live or _is_recent(visit, self._until) else steps

    def _sampled(self, visit: Visit, values: list[Json], at: datetime) -> Step:
        def payload(transaction: object) -> Json:
            return {"connectorId": visit.evse, "transactionId": transaction, "meterValue": values}

        return Step(at, "MeterValues", payload, visit.number)

    def _statuses(self, visit: Visit, steps: list[Step]) -> list[Step]:
        """Those that people see in the station's history, too."""
        evse, started, stopped = visit.evse, visit.started, visit.stopped
        told = [(started - timedelta(seconds=20), "Preparing"), (started + timedelta(seconds=2), "Charging")]
        if visit.charge.full_after is not None:
            told.append((started + timedelta(seconds=visit.charge.full_after), "SuspendedEV"))
        told += [(stopped, "Finishing"), (stopped + timedelta(minutes=2), "Available")]
        statuses = [said(at, self.status(evse, status, at)) for at, status in told]
        return sorted([*steps, *statuses], key=lambda step: step.at)

    def _meter_value(self, visit: Visit, model: Model, point: Point) -> Json:
        sampled: list[Json] = [
            {"value": str(visit.meter_start_wh + point.energy_wh), "unit": "Wh"},
            {"value": str(point.power_w), "measurand": "Power.Active.Import", "unit": "W"},
        ]
        if model.direct_current:
            sampled.append({"value": str(point.soc_percent), "measurand": "SoC", "unit": "Percent", "location": "EV"})
        else:
            current = str(current_a(point.power_w, visit.car.phases))
            sampled += [
                {"value": current, "measurand": "Current.Import", "unit": "A", "phase": f"L{phase}"}
                for phase in range(1, visit.car.phases + 1)
            ]
        return {"timestamp": stamp(_at(visit, point)), "sampledValue": sampled}

    def transaction_id(self, visit: Visit, identity: str) -> str:
        return ""

    def fault(self, fault: Fault) -> list[Step]:
        status = self.status(fault.evse, "Faulted", fault.began, fault.code, fault.vendor_code, fault.info)
        steps = [said(fault.began, status)]
        if fault.cleared is not None:
            steps.append(said(fault.cleared, self.status(fault.evse, "Available", fault.cleared)))
        return steps

    def attempt(self, attempt: Attempt) -> Step:
        return said(attempt.at, ("Authorize", {"idTag": attempt.id_token}))


class Speech2:
    """OCPP 2.0.1 and (`newest`) 2.1."""

    def __init__(self, newest: bool, talkative_until: datetime | None = None) -> None:
        self._newest = newest
        self._until = talkative_until
        self._events = 0

    def boot(self, plan: StationPlan, firmware: str) -> tuple[str, Json]:
        model = plan.model
        station = {"model": model.name, "vendorName": model.vendor}
        station |= {"serialNumber": plan.serial, "firmwareVersion": firmware}
        return "BootNotification", {"reason": "PowerUp", "chargingStation": station}

    def status(self, evse: int, status: str, at: datetime) -> tuple[str, Json]:
        word = status if status in ("Available", "Reserved", "Unavailable", "Faulted") else "Occupied"
        payload: Json = {"timestamp": stamp(at), "connectorStatus": word, "evseId": evse, "connectorId": 1}
        return "StatusNotification", payload

    def session(self, visit: Visit, model: Model, identity: str, *, live: bool = False) -> list[Step]:
        transaction = self.transaction_id(visit, identity)
        token = id_token(visit.id_token)
        direct = model.direct_current

        def event(kind: str, reason: str, number: int, at: datetime, info: Json, more: Json) -> Step:
            payload: Json = {
                "eventType": kind,
                "timestamp": stamp(at),
                "triggerReason": reason,
                "seqNo": number,
                "offline": not live,
                "transactionInfo": {"transactionId": transaction, **info},
                "evse": {"id": visit.evse, "connectorId": 1},
                **more,
            }
            return Step(at, "TransactionEvent", lambda _: payload, visit.number)

        first = Point(0.0, 0, 0, visit.charge.points[0].soc_percent if visit.charge.points else 0)
        ordered = {"remoteStartId": visit.remote_start_id} if visit.remote_start_id is not None else {}
        why = "RemoteStart" if ordered else "Authorized" if visit.id_token else "CablePluggedIn"
        steps = [
            event(
                "Started", why, 0, visit.started,
                {"chargingState": "Charging", **ordered},
                {"idToken": token, "meterValue": [_meter_value2(visit, direct, first, "Transaction.Begin")]},
            )
        ]  # fmt: skip
        points = visit.charge.points
        for some in _messages(visit, live):
            values = [_meter_value2(visit, direct, point, "Sample.Periodic") for point in some]
            at = min(_at(visit, some[-1]), visit.stopped)
            full = visit.charge.full_after
            info: Json = {"chargingState": "Charging" if full is None or some[-1].second < full else "SuspendedEV"}
            steps.append(event("Updated", "MeterValuePeriodic", len(steps), at, info, {"meterValue": values}))
        seconds = (visit.stopped - visit.started).total_seconds()
        last = Point(seconds, visit.charge.energy_wh, 0, points[-1].soc_percent if points else 0)
        trigger = {"EVDisconnected": "EVDeparted", "Remote": "RemoteStop", "DeAuthorized": "Deauthorized"}
        ended: Json = {"stoppedReason": visit.reason, "chargingState": "Idle"}
        more: Json = {"meterValue": [_meter_value2(visit, direct, last, "Transaction.End")]}
        if visit.reason == "Local":
            more["idToken"] = token
        reason = trigger.get(visit.reason, "StopAuthorized")
        steps.append(event("Ended", reason, len(steps), visit.stopped, ended, more))
        if live or _is_recent(visit, self._until):
            steps.insert(0, said(visit.started, self.status(visit.evse, "Occupied", visit.started)))
            steps.append(
                said(visit.stopped, self.status(visit.evse, "Available", visit.stopped + timedelta(minutes=1)))
            )
        return steps

    def transaction_id(self, visit: Visit, identity: str) -> str:
        return str(uuid5(_FAMILY, f"{identity}/{visit.evse}/{visit.started.isoformat()}"))

    def fault(self, fault: Fault) -> list[Step]:
        steps = [
            said(fault.began, self.status(fault.evse, "Faulted", fault.began)),
            said(fault.began, self._event(fault, fault.began, over=False)),
        ]
        if fault.cleared is not None:
            steps.append(said(fault.cleared, self._event(fault, fault.cleared, over=True)))
            steps.append(said(fault.cleared, self.status(fault.evse, "Available", fault.cleared)))
        return steps

    def _event(self, fault: Fault, at: datetime, *, over: bool) -> tuple[str, Json]:
        self._events += 1
        event: Json = {
            "eventId": self._events,
            "timestamp": stamp(at),
            "trigger": "Alerting",
            "actualValue": "false" if over else "true",
            "techCode": fault.vendor_code,
            "techInfo": fault.info,
            "cleared": over,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "Connector", "evse": {"id": fault.evse, "connectorId": 1}},
            "variable": {"name": "Problem"},
        }
        if self._newest:
            event["severity"] = 3
        return "NotifyEvent", {"generatedAt": stamp(at), "seqNo": 0, "eventData": [event]}

    def attempt(self, attempt: Attempt) -> Step:
        return said(attempt.at, ("Authorize", {"idToken": id_token(attempt.id_token)}))


def id_token(text: str) -> Json:
    """A tag in 2.x's words; an empty one is nobody's."""
    return {"idToken": text, "type": "ISO14443" if text else "NoAuthorization"}


def _meter_value2(visit: Visit, direct_current: bool, point: Point, context: str) -> Json:
    register: Json = {"value": visit.meter_start_wh + point.energy_wh, "context": context}
    register |= {"measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh"}}
    power: Json = {"value": point.power_w, "context": context, "measurand": "Power.Active.Import"}
    sampled = [register, power | {"unitOfMeasure": {"unit": "W"}}]
    if direct_current:
        soc: Json = {"value": point.soc_percent, "context": context, "measurand": "SoC", "location": "EV"}
        sampled.append(soc | {"unitOfMeasure": {"unit": "Percent"}})
    return {"timestamp": stamp(_at(visit, point)), "sampledValue": sampled}
