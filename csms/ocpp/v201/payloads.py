"""The shapes of the busiest payloads of OCPP 2.x, for the type checker only (see `csms.ocpp.v16.payloads`).

2.1's Structs have the same attributes and more; those are named in `csms.ocpp.v21`.
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


class EvseType(Protocol):
    """2.21 EVSEType."""

    id: int
    connectorId: Given[int]


class AdditionalInfoType(Protocol):
    """AdditionalInfoType."""

    additionalIdToken: str
    type: str


class IdTokenType(Protocol):
    """IdTokenType. Of type NoAuthorization, `idToken` is empty."""

    idToken: str
    type: str
    additionalInfo: Given[Sequence[AdditionalInfoType]]


class UnitOfMeasureType(Protocol):
    """UnitOfMeasureType: `multiplier` is a power of ten."""

    unit: Given[str]
    multiplier: Given[int]


class SampledValueType(Protocol):
    """SampledValueType. What is signed comes beside the number."""

    value: float
    context: Given[str]
    measurand: Given[str]
    phase: Given[str]
    location: Given[str]
    signedMeterValue: Given[object]
    unitOfMeasure: Given[UnitOfMeasureType]


class MeterValueType(Protocol):
    """MeterValueType."""

    timestamp: datetime
    sampledValue: Sequence[SampledValueType]


class MeterValuesRequest(Protocol):
    """J01."""

    evseId: int
    meterValue: Sequence[MeterValueType]


class TransactionType(Protocol):
    """TransactionType."""

    transactionId: str
    chargingState: Given[str]
    timeSpentCharging: Given[int]
    stoppedReason: Given[str]
    remoteStartId: Given[int]


class TransactionEventRequest(Protocol):
    """E01 – E15."""

    eventType: str
    timestamp: datetime
    triggerReason: str
    seqNo: int
    transactionInfo: TransactionType
    meterValue: Given[Sequence[MeterValueType]]
    offline: Given[bool]
    numberOfPhasesUsed: Given[int]
    cableMaxCurrent: Given[int]
    reservationId: Given[int]
    evse: Given[EvseType]
    idToken: Given[IdTokenType]


class AuthorizeRequest(Protocol):
    """C01 – C07."""

    idToken: IdTokenType
    certificate: Given[str]
    iso15118CertificateHashData: Given[Sequence[object]]


class ModemType(Protocol):
    """ModemType."""

    iccid: Given[str]
    imsi: Given[str]


class ChargingStationType(Protocol):
    """ChargingStationType."""

    model: str
    vendorName: str
    serialNumber: Given[str]
    firmwareVersion: Given[str]
    modem: Given[ModemType]


class BootNotificationRequest(Protocol):
    """B01 – B04."""

    reason: str
    chargingStation: ChargingStationType


class StatusNotificationRequest(Protocol):
    """G01."""

    timestamp: datetime
    connectorStatus: str
    evseId: int
    connectorId: int


class DataTransferRequest(Protocol):
    """P02. `data` may be any JSON."""

    vendorId: str
    messageId: Given[str]
    data: object


class StatusInfoType(Protocol):
    """StatusInfoType."""

    reasonCode: str
    additionalInfo: Given[str]


class StatusResponse(Protocol):
    """The answers that have a status and why."""

    status: str
    statusInfo: Given[StatusInfoType]


class DataTransferResponse(StatusResponse, Protocol):
    """P01."""

    data: object


class RequestStartTransactionResponse(StatusResponse, Protocol):
    """F01, F02."""

    transactionId: Given[str]


class GetTransactionStatusResponse(Protocol):
    """E14."""

    messagesInQueue: bool
    ongoingIndicator: Given[bool]


class Empty(Protocol):
    """Heartbeat: nothing in it."""
