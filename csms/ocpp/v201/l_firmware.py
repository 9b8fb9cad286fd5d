"""OCPP 2.x, block L. Firmware: updates, and publishing on the site. The rows serve 2.0.1 and 2.1."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain.commands import Answer
from csms.domain.maintenance import (
    FirmwareProgressed,
    FirmwarePublishingProgressed,
    PublishFirmware,
    UnpublishFirmware,
    UpdateFirmware,
    order_told,
)
from csms.domain.values import Value
from csms.ocpp import faults
from csms.ocpp.faults import Edition
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, answer

# -- from the station


class FirmwareStatus(Value, frozen=True):
    """FirmwareStatusNotificationRequest. 2.1 has `statusInfo`."""

    status: str
    request_id: int | None = None
    status_info: StatusInfo | None = None


class PublishFirmwareStatus(Value, frozen=True):
    """PublishFirmwareStatusNotificationRequest."""

    status: str
    location: tuple[str, ...] = ()
    request_id: int | None = None
    status_info: StatusInfo | None = None


def reasons(info: StatusInfo | None) -> tuple[str, str]:
    """(reason code, additional info), empty where the station gave none."""
    return ("", "") if info is None else (info.reason_code, info.additional_info)


def firmware_status(told: FirmwareStatus) -> FirmwareProgressed:
    """L01 – L04."""
    return FirmwareProgressed(told.status, order_told(told.request_id), *reasons(told.status_info))


def publish_firmware_status(told: PublishFirmwareStatus) -> FirmwarePublishingProgressed:
    """L03."""
    return FirmwarePublishingProgressed(
        told.status, order_told(told.request_id), told.location, *reasons(told.status_info)
    )


# -- to the station


class Firmware(Value, frozen=True):
    """FirmwareType."""

    location: str
    retrieve_date_time: datetime
    install_date_time: datetime | None = None
    signing_certificate: str | None = None
    signature: str | None = None


class UpdateFirmwareRequest(Value, frozen=True):
    """L01."""

    request_id: int
    firmware: Firmware
    retries: int | None = None
    retry_interval: int | None = None


class PublishFirmwareRequest(Value, frozen=True):
    """L03."""

    request_id: int
    location: str
    checksum: str
    retries: int | None = None
    retry_interval: int | None = None


class UnpublishFirmwareRequest(Value, frozen=True):
    """L04."""

    checksum: str


def update_firmware(command: UpdateFirmware) -> UpdateFirmwareRequest:
    """L01 (signed) and L02."""
    firmware = Firmware(
        command.location,
        whole_second(command.retrieve_at),
        None if command.install_at is None else whole_second(command.install_at),
        command.signing_certificate or None,
        command.signature or None,
    )
    return UpdateFirmwareRequest(command.request_id, firmware, command.retries, command.retry_interval_s)


def publish_firmware(command: PublishFirmware) -> PublishFirmwareRequest:
    """L03."""
    return PublishFirmwareRequest(
        command.request_id, command.location, command.checksum, command.retries, command.retry_interval_s
    )


def unpublish_firmware(command: UnpublishFirmware) -> UnpublishFirmwareRequest:
    """L04."""
    return UnpublishFirmwareRequest(command.checksum)


def whole_second(moment: datetime) -> datetime:
    """Some stations cannot read fractions."""
    return moment.replace(microsecond=0)


def read_update(told: StatusAnswer) -> Answer:
    """AcceptedCanceled: taken, and an update under way was given up for it. InvalidCertificate, RevokedCertificate: not
    taken."""
    given = answer(told.status, told.status_info)
    return Answer(
        given.status,
        told.status in ("Accepted", "AcceptedCanceled"),
        reason_code=given.reason_code,
        additional_info=given.additional_info,
    )


def read_publish(told: StatusAnswer) -> Answer:
    """Accepted or Rejected."""
    return answer(told.status, told.status_info)


def read_unpublish(told: StatusAnswer) -> Answer:
    """Unpublished, DownloadOngoing, or NoFirmware."""
    return Answer(told.status, accepted=told.status == "Unpublished")


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The versions differ in how long a location may be."""

    def update(command: UpdateFirmware) -> Printable:
        return fitted(edition, "UpdateFirmware", update_firmware(command))

    def publish(command: PublishFirmware) -> Printable:
        return fitted(edition, "PublishFirmware", publish_firmware(command))

    def unpublish(command: UnpublishFirmware) -> Printable:
        return fitted(edition, "UnpublishFirmware", unpublish_firmware(command))

    return (
        Outgoing("UpdateFirmware", UpdateFirmware, update, read_update, shape=StatusAnswer),
        Outgoing("PublishFirmware", PublishFirmware, publish, read_publish, shape=StatusAnswer),
        Outgoing("UnpublishFirmware", UnpublishFirmware, unpublish, read_unpublish, shape=StatusAnswer),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("FirmwareStatusNotification", firmware_status, shape=FirmwareStatus),
    Incoming("PublishFirmwareStatusNotification", publish_firmware_status, shape=PublishFirmwareStatus),
)
OUTGOING: Final = outgoing(faults.V201)
