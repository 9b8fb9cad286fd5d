"""OCPP 1.6, security extension: firmware whose signature the station checks (use case L01)."""

from __future__ import annotations

from typing import Final, Protocol

from csms.domain.commands import Answer
from csms.domain.maintenance import FirmwareProgressed, UpdateFirmware, order_told
from csms.ocpp import faults
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v16.firmware import retrying, wire_time
from csms.ocpp.v16.payloads import Given, StatusResponse, given


class SignedFirmwareStatusNotificationRequest(Protocol):
    """Security extension."""

    status: str
    requestId: Given[int]  # noqa: N815


def signed_firmware_status_notification(payload: SignedFirmwareStatusNotificationRequest) -> FirmwareProgressed:
    """Says more than the core's, and of which order."""
    return FirmwareProgressed(payload.status, order_told(given(payload.requestId)))


def signed_update_firmware(command: UpdateFirmware) -> Printable:
    """With everything that the station needs to check it."""
    firmware: Payload = {
        "location": command.location,
        "retrieveDateTime": wire_time(command.retrieve_at),
        "signingCertificate": command.signing_certificate,
        "signature": command.signature,
    }
    if command.install_at is not None:
        firmware["installDateTime"] = wire_time(command.install_at)
    payload: Payload = {"requestId": command.request_id, "firmware": firmware}
    payload.update(retrying(command.retries, command.retry_interval_s))
    return fitted(faults.V16, "SignedUpdateFirmware", payload)


def read_signed(payload: StatusResponse) -> Answer:
    """AcceptedCanceled: taken, and an update under way was given up for it."""
    return Answer(payload.status, payload.status in ("Accepted", "AcceptedCanceled"))


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("SignedFirmwareStatusNotification", signed_firmware_status_notification),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "SignedUpdateFirmware",
        UpdateFirmware,
        signed_update_firmware,
        read_signed,
        when=lambda command: command.signed,
    ),
)
