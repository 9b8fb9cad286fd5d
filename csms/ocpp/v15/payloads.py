"""The shapes of OCPP 1.5 messages, as their XML schema has them. What a station left out has its default.

Names are those of the schema. Requests are what stations send to the central system, responses what they answer to it;
what goes the other way is built by `charge_point` and the repliers of `central_system`.
"""
# ruff: noqa: N815 - the names are those of the specification

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from csms.ocpp.faults import ErrorCode, Fault, shorten

S = TypeVar("S", bound="Shape")

Payload = dict[str, object]
"""Element name → text, number, moment, another payload, or a list of them; in the order of the schema."""


class Shape(msgspec.Struct, frozen=True):
    """Base of all."""


class Empty(Shape, frozen=True):
    """Heartbeat, ClearCache, …: nothing in it."""


class Authorize(Shape, frozen=True):
    """Authorize.req."""

    idTag: str


class BootNotification(Shape, frozen=True):
    """BootNotification.req."""

    chargePointVendor: str
    chargePointModel: str
    chargePointSerialNumber: str = ""
    chargeBoxSerialNumber: str = ""
    firmwareVersion: str = ""
    iccid: str = ""
    imsi: str = ""
    meterType: str = ""
    meterSerialNumber: str = ""


class DataTransfer(Shape, frozen=True):
    """DataTransfer.req."""

    vendorId: str
    messageId: str = ""
    data: str | None = None


class StatusOnly(Shape, frozen=True):
    """FirmwareStatusNotification, DiagnosticsStatusNotification, and most answers."""

    status: str


class Value(Shape, frozen=True):
    """One `value` of a meter value: its text and its attributes."""

    value: str = ""
    context: str = "Sample.Periodic"
    format: str = "Raw"
    measurand: str = "Energy.Active.Import.Register"
    location: str = "Outlet"
    unit: str = ""


class MeterValue(Shape, frozen=True):
    """What was measured at one moment."""

    timestamp: datetime
    value: tuple[Value, ...] = ()


class MeterValues(Shape, frozen=True):
    """MeterValues.req."""

    connectorId: int
    transactionId: int | None = None
    values: tuple[MeterValue, ...] = ()


class StartTransaction(Shape, frozen=True):
    """StartTransaction.req."""

    connectorId: int
    idTag: str
    timestamp: datetime
    meterStart: int
    reservationId: int | None = None


class StatusNotification(Shape, frozen=True):
    """StatusNotification.req."""

    connectorId: int
    status: str
    errorCode: str
    info: str = ""
    timestamp: datetime | None = None
    vendorId: str = ""
    vendorErrorCode: str = ""


class TransactionData(Shape, frozen=True):
    """Meter values that end a transaction."""

    values: tuple[MeterValue, ...] = ()


class StopTransaction(Shape, frozen=True):
    """StopTransaction.req."""

    transactionId: int
    timestamp: datetime
    meterStop: int
    idTag: str | None = None
    transactionData: tuple[TransactionData, ...] = ()


# -- answers of stations -------------------------------------------------------------------------------------------


class DataTransferAnswer(Shape, frozen=True):
    """DataTransfer.conf."""

    status: str
    data: str | None = None


class KeyValue(Shape, frozen=True):
    """A configuration key."""

    key: str
    readonly: bool = False
    value: str | None = None


class ConfigurationAnswer(Shape, frozen=True):
    """GetConfiguration.conf."""

    configurationKey: tuple[KeyValue, ...] = ()
    unknownKey: tuple[str, ...] = ()


class DiagnosticsAnswer(Shape, frozen=True):
    """GetDiagnostics.conf. No file name: there is nothing to upload."""

    fileName: str | None = None


class ListVersionAnswer(Shape, frozen=True):
    """GetLocalListVersion.conf."""

    listVersion: int


class SendLocalListAnswer(Shape, frozen=True):
    """SendLocalList.conf."""

    status: str
    hash: str = ""


REPEATED: Final = frozenset({"configurationKey", "unknownKey"})
"""Elements of answers that may stand there several times."""


def read(payload: Payload, shape: type[S]) -> S:
    """The payload in its shape; texts become the numbers and moments that they stand for. Raises Fault."""
    try:
        return msgspec.convert(payload, shape, strict=False)
    except msgspec.ValidationError as error:
        raise Fault(ErrorCode.PROTOCOL_ERROR, f"{shape.__name__}: {shorten(str(error), 200)}") from None


def fields(shape: type[Any]) -> tuple[str, ...]:
    """The names of a shape's elements."""
    return tuple(shape.__struct_fields__)
