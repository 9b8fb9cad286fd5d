"""OCPP 2.0.1, block G. Availability (G01, G03, G04)."""

from __future__ import annotations

from typing import Final

from csms.domain import commands, facts
from csms.domain.occupancy import availability
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload
from csms.ocpp.schemas import as_utc
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import number, read_status
from csms.ocpp.v201.f_remote_control import evse_of


def status_notification(payload: payloads.StatusNotificationRequest) -> facts.StatusChanged:
    """G01."""
    fact = availability(
        number("evseId", payload.evseId),
        number("connectorId", payload.connectorId),
        payload.connectorStatus,
        as_utc(payload.timestamp),
    )
    if fact is None:
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "There is no such connectorStatus.")
    return fact


def change_availability(command: commands.ChangeAvailability) -> Payload:
    """G03 (an EVSE or connector), G04 (the station)."""
    payload: Payload = {"operationalStatus": command.operational_status.value}
    evse = evse_of(command.evse_id, command.connector_id)
    if evse is not None:
        payload["evse"] = evse
    return payload


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("StatusNotification", status_notification),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("ChangeAvailability", commands.ChangeAvailability, change_availability, read_status),
)
