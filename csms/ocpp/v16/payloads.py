"""The shapes of OCPP 1.6 payloads, for the type checker only.

At run time a payload is a Struct made from the official schema (`csms.ocpp.schemas`). These Protocols name the
attributes that our decoders use; a test compares them with the schemas. `Given[T]` is UNSET where the station gave
nothing.
"""
# ruff: noqa: N815 - the names are those of the specification

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from msgspec import UnsetType

T = TypeVar("T")
Given: TypeAlias = T | UnsetType


def given(value: Given[T]) -> T | None:
    """The value, or None where the station gave nothing."""
    return None if isinstance(value, UnsetType) else value


class Empty(Protocol):
    """Heartbeat, ClearCache, …: nothing in it."""


class AuthorizeRequest(Protocol):
    """§6.1."""

    idTag: str


class BootNotificationRequest(Protocol):
    """§6.3."""

    chargePointVendor: str
    chargePointModel: str
    chargePointSerialNumber: Given[str]
    chargeBoxSerialNumber: Given[str]
    firmwareVersion: Given[str]
    iccid: Given[str]
    imsi: Given[str]
    meterType: Given[str]
    meterSerialNumber: Given[str]


class DataTransferRequest(Protocol):
    """§6.15."""

    vendorId: str
    messageId: Given[str]
    data: Given[str]


class SampledValue(Protocol):
    """§7.43."""

    value: str
    context: Given[str]
    format: Given[str]
    measurand: Given[str]
    phase: Given[str]
    location: Given[str]
    unit: Given[str]


class MeterValue(Protocol):
    """§7.33."""

    timestamp: datetime
    sampledValue: Sequence[SampledValue]


class MeterValuesRequest(Protocol):
    """§6.31."""

    connectorId: int
    transactionId: Given[int]
    meterValue: Sequence[MeterValue]


class StartTransactionRequest(Protocol):
    """§6.45."""

    connectorId: int
    idTag: str
    meterStart: int
    reservationId: Given[int]
    timestamp: datetime


class StatusNotificationRequest(Protocol):
    """§6.47."""

    connectorId: int
    errorCode: str
    info: Given[str]
    status: str
    timestamp: Given[datetime]
    vendorId: Given[str]
    vendorErrorCode: Given[str]


class StopTransactionRequest(Protocol):
    """§6.49."""

    idTag: Given[str]
    meterStop: int
    timestamp: datetime
    transactionId: int
    reason: Given[str]
    transactionData: Given[Sequence[MeterValue]]


class StatusResponse(Protocol):
    """The answers that have a status and no more."""

    status: str


class DataTransferResponse(Protocol):
    """§6.16."""

    status: str
    data: Given[str]


class KeyValue(Protocol):
    """§7.29."""

    key: str
    readonly: bool
    value: Given[str]


class GetConfigurationResponse(Protocol):
    """§6.24."""

    configurationKey: Given[Sequence[KeyValue]]
    unknownKey: Given[Sequence[str]]
