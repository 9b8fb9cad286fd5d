"""OCPP 2.0.1, block B: boot, heartbeat and restart (B01 – B04, B11, B12). The device model is in `b_provisioning`."""

from __future__ import annotations

from typing import Final

from csms.domain import commands, facts
from csms.domain.errors import NotSupported
from csms.ocpp.faults import V201
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import mismatch, print_time, read_status
from csms.ocpp.v201.f_remote_control import evse_number
from csms.ocpp.v201.payloads import given


def boot_notification(payload: payloads.BootNotificationRequest) -> facts.StationBooted:
    """B01."""
    station = payload.chargingStation
    modem = given(station.modem)
    return facts.StationBooted(
        vendor=station.vendorName,
        model=station.model,
        serial_number=given(station.serialNumber) or "",
        firmware_version=given(station.firmwareVersion) or "",
        iccid="" if modem is None else given(modem.iccid) or "",
        imsi="" if modem is None else given(modem.imsi) or "",
        reason=payload.reason,
    )


def reply_boot_notification(reply: facts.Reply) -> Payload:
    """B01 – B03."""
    if isinstance(reply, facts.BootReply):
        return {"currentTime": print_time(reply.now), "interval": reply.interval_s, "status": reply.status.value}
    raise mismatch(reply)


_HEARTBEAT: Final = facts.HeartbeatSeen()


def heartbeat(_payload: payloads.Empty) -> facts.HeartbeatSeen:
    """G02."""
    return _HEARTBEAT


def reply_heartbeat(reply: facts.Reply) -> Payload:
    """G02."""
    if isinstance(reply, facts.HeartbeatReply):
        return {"currentTime": print_time(reply.now)}
    raise mismatch(reply)


def reset(command: commands.Reset) -> Payload:
    """B11, B12; 2.1: B13. Without an EVSE: the station."""
    payload: Payload = {"type": command.type.value}
    if command.evse_id:
        payload["evseId"] = evse_number(command.evse_id)
    return payload


def reset_201(command: commands.Reset) -> Payload:
    """The same without what 2.1 added."""
    if command.type is commands.ResetType.IMMEDIATE_AND_RESUME:
        raise NotSupported("OCPP 2.0.1 cannot take sessions up again after a restart.", version=V201.subprotocol)
    return reset(command)


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("BootNotification", boot_notification, reply_boot_notification),
    Incoming("Heartbeat", heartbeat, reply_heartbeat),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (Outgoing("Reset", commands.Reset, reset_201, read_status),)
