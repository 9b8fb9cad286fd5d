"""What saturating stations say, as bytes: OCPP 1.6 and 2.x.

The message that is sent thousands of times a second is a template with three gaps; all others are printed by
the json module, as rarely as they come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final, Protocol

from loadtest.saturate_wire import Json, frame

SUBPROTOCOLS: Final = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}
FIRST_REGISTER: Final = 1_000_000  # Wh
VALUES_OF_A_STORY: Final = 10
STOP_REASON: Final = "Local"
_POWER, _CURRENT, _VOLTAGE = "7212.4", "31.4", "229.7"

Request = tuple[str, bytes, bytes]
"""An action, the beginning of the CALLRESULT that answers it, and the frame to send."""

Script = Generator[Request, bytes | None, None]
"""A station's day: it yields requests and is sent the CALLRESULT, or None when a CALLERROR came."""


class Refused(Exception):
    """The server will not serve this station; the text is short and stable, to count by."""


@dataclass(slots=True)
class Moment:
    """The time of day that stations write into their messages; the loop sets it before each round."""

    stamp: bytes = b""


@dataclass(slots=True)
class Book:
    """One session in the books. Energy in Wh; times as they were said. `acknowledged` counts meter values. `offline`:
    it is told afterwards, since there was no connection. `readings` of the register by time; None: they are too many.
    """

    station: str
    id_tag: str
    meter_start_wh: int
    started: str
    transaction_id: str = ""
    sent: int = 0
    acknowledged: int = 0
    last_wh: int = 0
    stopped: str = ""
    finished: bool = False
    offline: bool = False
    readings: dict[str, int] | None = None


@dataclass(slots=True)
class Saturating:
    """A station in the loop: what it may see of the world, and its books."""

    identity: str
    id_tag: str
    moment: Moment
    story: bool = False
    ending: bool = False
    """The time is over: stop the transaction, then be silent."""
    charging: bool = False
    """It has come as far as its first meter value."""
    books: list[Book] = field(default_factory=list)


class Words(Protocol):
    """A version of OCPP. Each method gives an action and its payload."""

    values_at_the_ends: int
    """How many meter values the start carries, and the stop."""

    def boot(self) -> tuple[str, Json]: ...
    def status(self, at: str) -> tuple[str, Json]: ...
    def authorize(self, id_tag: str) -> tuple[str, Json]: ...
    def start(self, book: Book) -> tuple[str, Json]: ...
    def stop(self, book: Book) -> tuple[str, Json]: ...
    def transaction_id(self, answer: Json) -> str: ...
    def meter_values(self, book: Book) -> Callable[[int, bytes, int], bytes]: ...


class Words16:
    """OCPP 1.6J."""

    values_at_the_ends = 0

    def boot(self) -> tuple[str, Json]:
        return "BootNotification", {"chargePointVendor": "Chargehouse", "chargePointModel": "Saturation"}

    def status(self, at: str) -> tuple[str, Json]:
        payload: Json = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": at}
        return "StatusNotification", payload

    def authorize(self, id_tag: str) -> tuple[str, Json]:
        return "Authorize", {"idTag": id_tag}

    def start(self, book: Book) -> tuple[str, Json]:
        return "StartTransaction", {
            "connectorId": 1,
            "idTag": book.id_tag,
            "meterStart": book.meter_start_wh,
            "timestamp": book.started,
        }

    def stop(self, book: Book) -> tuple[str, Json]:
        return "StopTransaction", {
            "transactionId": int(book.transaction_id or -1),
            "idTag": book.id_tag,
            "meterStop": book.last_wh,
            "timestamp": book.stopped,
            "reason": STOP_REASON,
        }

    def transaction_id(self, answer: Json) -> str:
        return str(answer.get("transactionId", ""))

    def meter_values(self, book: Book) -> Callable[[int, bytes, int], bytes]:
        return meter_values_16(int(book.transaction_id or -1))


class Words2:
    """OCPP 2.0.1 and 2.1, where stations name transactions and number what belongs to them."""

    values_at_the_ends = 1

    def __init__(self) -> None:
        self._sequence = 0

    def boot(self) -> tuple[str, Json]:
        station = {"vendorName": "Chargehouse", "model": "Saturation"}
        return "BootNotification", {"reason": "PowerUp", "chargingStation": station}

    def status(self, at: str) -> tuple[str, Json]:
        payload: Json = {"timestamp": at, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        return "StatusNotification", payload

    def authorize(self, id_tag: str) -> tuple[str, Json]:
        return "Authorize", {"idToken": {"idToken": id_tag, "type": "ISO14443"}}

    def start(self, book: Book) -> tuple[str, Json]:
        self._sequence = 0
        return self._event(book, "Started", "Authorized", book.started, "Charging", book.meter_start_wh, "Begin")

    def stop(self, book: Book) -> tuple[str, Json]:
        return self._event(book, "Ended", "StopAuthorized", book.stopped, "Idle", book.last_wh, "End")

    def _event(
        self, book: Book, kind: str, trigger: str, at: str, state: str, energy_wh: int, context: str
    ) -> tuple[str, Json]:
        register: Json = {
            "value": energy_wh,
            "context": f"Transaction.{context}",
            "measurand": "Energy.Active.Import.Register",
            "location": "Outlet",
            "unitOfMeasure": {"unit": "Wh"},
        }
        info: Json = {"transactionId": book.transaction_id, "chargingState": state}
        if kind == "Ended":
            info["stoppedReason"] = STOP_REASON
        payload: Json = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": trigger,
            "seqNo": self._sequence,
            "transactionInfo": info,
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": book.id_tag, "type": "ISO14443"},
            "meterValue": [{"timestamp": at, "sampledValue": [register]}],
        }
        if book.offline:
            payload["offline"] = True
        self._sequence += 1
        return "TransactionEvent", payload

    def transaction_id(self, answer: Json) -> str:
        return ""  # ours holds

    def meter_values(self, book: Book) -> Callable[[int, bytes, int], bytes]:
        template = _template_2(book.transaction_id, offline=book.offline)

        def updated(serial: int, stamp: bytes, energy_wh: int) -> bytes:
            sequence = self._sequence
            self._sequence += 1
            return frame(template % (serial, stamp, sequence, stamp, energy_wh))

        return updated


def meter_values_16(transaction_id: int) -> Callable[[int, bytes, int], bytes]:
    """Frames of MeterValues with four samples: of a serial number, a time and the register in Wh."""
    text = (
        '[2,"m%d","MeterValues",{"connectorId":1,"transactionId":' + str(transaction_id) + ',"meterValue":'
        '[{"timestamp":"%b","sampledValue":['
        '{"value":"%d","context":"Sample.Periodic",'
        '"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
        f'{{"value":"{_POWER}","context":"Sample.Periodic","measurand":"Power.Active.Import","location":"Outlet",'
        '"unit":"W"},'
        f'{{"value":"{_CURRENT}","context":"Sample.Periodic","measurand":"Current.Import","location":"Outlet",'
        '"unit":"A","phase":"L1"},'
        f'{{"value":"{_VOLTAGE}","context":"Sample.Periodic","measurand":"Voltage","location":"Outlet",'
        '"unit":"V","phase":"L1"}]}]}]'
    ).encode()

    def meter_values(serial: int, stamp: bytes, energy_wh: int) -> bytes:
        return frame(text % (serial, stamp, energy_wh))

    return meter_values


def _template_2(transaction_id: str, *, offline: bool = False) -> bytes:
    """Gaps: serial number, time, seqNo, time, Wh."""
    return (
        '[2,"m%d","TransactionEvent",{"eventType":"Updated","timestamp":"%b","triggerReason":"MeterValuePeriodic",'
        + ('"offline":true,' if offline else "")
        + '"seqNo":%d,"transactionInfo":{"transactionId":'
        + json.dumps(transaction_id).replace("%", "%%")
        + ","
        '"chargingState":"Charging"},"evse":{"id":1,"connectorId":1},"meterValue":[{"timestamp":"%b","sampledValue":['
        '{"value":%d,"context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","location":"Outlet",'
        '"unitOfMeasure":{"unit":"Wh"}},'
        f'{{"value":{_POWER},"context":"Sample.Periodic","measurand":"Power.Active.Import","location":"Outlet",'
        '"unitOfMeasure":{"unit":"W"}},'
        f'{{"value":{_CURRENT},"context":"Sample.Periodic","measurand":"Current.Import","location":"Outlet",'
        '"phase":"L1","unitOfMeasure":{"unit":"A"}},'
        f'{{"value":{_VOLTAGE},"context":"Sample.Periodic","measurand":"Voltage","location":"Outlet",'
        '"phase":"L1","unitOfMeasure":{"unit":"V"}}]}]}]'
    ).encode()


def words_of(version: str) -> Words:
    """The words of an OCPP version: 1.6, 2.0.1 or 2.1. Raises ValueError for another."""
    if version == "1.6":
        return Words16()
    if version in SUBPROTOCOLS:
        return Words2()
    raise ValueError(f"saturation speaks OCPP {', '.join(SUBPROTOCOLS)}, not {version}")


def live(station: Saturating, words: Words) -> Script:
    """A station's day: boot and charge for ever, or one story after the other. Raises Refused."""
    serials, energy_wh = count(1), FIRST_REGISTER

    def said(message: tuple[str, Json]) -> Request:
        serial = next(serials)
        action, payload = message
        return action, b'[3,"m%d"' % serial, frame(json.dumps([2, f"m{serial}", action, payload]).encode())

    while True:
        _accepted((yield said(words.boot())))
        if station.story:
            yield said(words.status(station.moment.stamp.decode()))
            yield said(words.authorize(station.id_tag))
        started = station.moment.stamp.decode()
        name = f"{len(station.books) + 1}/{started}"
        book = Book(station.identity, station.id_tag, energy_wh, started, name, last_wh=energy_wh)
        station.books.append(book)
        answer = yield said(words.start(book))
        if answer is None:
            raise Refused("start refused")
        book.transaction_id = words.transaction_id(json.loads(answer)[2]) or book.transaction_id
        book.sent += words.values_at_the_ends
        book.acknowledged += words.values_at_the_ends
        energy_wh = yield from _charge(station, words, book, serials)
        book.stopped = station.moment.stamp.decode()
        book.sent += words.values_at_the_ends
        book.finished = (yield said(words.stop(book))) is not None
        book.acknowledged += words.values_at_the_ends * book.finished
        if station.ending:
            return


def _charge(
    station: Saturating, words: Words, book: Book, serials: Iterator[int]
) -> Generator[Request, bytes | None, int]:
    """Meter values until it is enough; returns the register."""
    action = "MeterValues" if isinstance(words, Words16) else "TransactionEvent"
    meter_values, moment, energy_wh = words.meter_values(book), station.moment, book.meter_start_wh
    for serial in islice(serials, VALUES_OF_A_STORY if station.story else None):
        energy_wh += 1
        book.sent += 1
        book.last_wh = energy_wh
        request = meter_values(serial, moment.stamp, energy_wh)
        if (yield action, b'[3,"m%d"' % serial, request) is not None:
            book.acknowledged += 1
        station.charging = True
        if station.ending and not station.story:
            break
    return energy_wh


def _accepted(answer: bytes | None) -> None:
    status = None if answer is None else json.loads(answer)[2].get("status")
    if status != "Accepted":
        raise Refused(f"boot: {status or 'refused'}")
