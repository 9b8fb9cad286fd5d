"""OCPP 1.6, Firmware Management profile: firmware (§4.5, §5.19). Its diagnostics are in `logs`, what the security
extension adds in `signed_firmware`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Protocol

from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.maintenance import FirmwareProgressed, UpdateFirmware
from csms.ocpp import faults
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v16.payloads import Empty


class FirmwareStatusNotificationRequest(Protocol):
    """§6.25."""

    status: str


def wire_time(moment: datetime) -> str:
    """§3.13 advises against more than three decimals; some stations can read none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def retrying(retries: int | None, retry_interval_s: int | None) -> Payload:
    """What all of these orders have."""
    payload: Payload = {}
    if retries is not None:
        payload["retries"] = retries
    if retry_interval_s is not None:
        payload["retryInterval"] = retry_interval_s
    return payload


def firmware_status_notification(payload: FirmwareStatusNotificationRequest) -> FirmwareProgressed:
    """§4.5. It names no order: the newest unfinished one is meant."""
    return FirmwareProgressed(payload.status)


def update_firmware(command: UpdateFirmware) -> Printable:
    """§5.19. The station installs when it likes."""
    if command.install_at is not None:
        raise InvalidArgument(
            "OCPP 1.6 can tell a station when to install only firmware that is signed.",
            reason="INSTALL_TIME_NOT_SUPPORTED",
        )
    payload: Payload = {"location": command.location, "retrieveDate": wire_time(command.retrieve_at)}
    payload.update(retrying(command.retries, command.retry_interval_s))
    return fitted(faults.V16, "UpdateFirmware", payload)


def read_taken(_payload: Empty) -> Answer:
    """§6.54: an answer that says nothing. The order was taken."""
    return Answer("Accepted", accepted=True)


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("FirmwareStatusNotification", firmware_status_notification),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("UpdateFirmware", UpdateFirmware, update_firmware, read_taken, when=lambda command: not command.signed),
)
