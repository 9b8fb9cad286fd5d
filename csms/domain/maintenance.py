"""Firmware and logs: orders to a station, and how they went (OCPP 2.x blocks L and N; 1.6 Firmware Management and the
security extension).

An order is a job (`csms.domain.records.JobRecord`): its number travels as requestId, and what the station then tells of
it leads the job to its end. The notifications of 1.6 carry no number: they mean the newest unfinished order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command, Result
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import JobKind, JobRecord, JobState

MAX_REQUEST_ID: Final = 2**31 - 1


def order_told(number: int | None) -> int | None:
    """The order that a notification names; None for a number that can be none of ours (some stations say -1)."""
    return number if number is not None and 0 <= number <= MAX_REQUEST_ID else None


class LogType(StrEnum):
    """OCPP LogEnumType."""

    DIAGNOSTICS = "DiagnosticsLog"
    SECURITY = "SecurityLog"
    DATA_COLLECTOR = "DataCollectorLog"
    """2.1 only."""


# -- orders ------------------------------------------------------------------------------------------------------------


class UpdateFirmware(Command, frozen=True):
    """Fetch firmware and install it (1.6 and 1.5 UpdateFirmware; with a signature 1.6 SignedUpdateFirmware).

    `signing_certificate` is PEM, `signature` base64; both or none. `install_at` None: as soon as it can. 1.5 and
    unsigned 1.6 know no `request_id` and no `install_at`.
    """

    request_id: int
    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    signing_certificate: str = ""
    signature: str = ""
    retries: int | None = None
    retry_interval_s: int | None = None

    @property
    def signed(self) -> bool:
        """Does the station have to check a signature?"""
        return bool(self.signing_certificate or self.signature)


class GetLog(Command, frozen=True):
    """Upload a log to a folder (1.6 and 1.5 GetDiagnostics, for diagnostics; the 1.6 security extension has GetLog).

    `security_extension`: on 1.6, ask by GetLog for diagnostics too.
    """

    request_id: int
    log_type: LogType
    location: str
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    security_extension: bool = False


class PublishFirmware(Command, frozen=True):
    """Fetch firmware and offer it to other stations on the site (2.x). `checksum`: MD5, 32 hexadecimal digits."""

    request_id: int
    location: str
    checksum: str
    retries: int | None = None
    retry_interval_s: int | None = None


class UnpublishFirmware(Command, frozen=True):
    """Stop offering the firmware with that checksum (2.x)."""

    checksum: str


class LogNamed(Result, frozen=True):
    """The file that the station will upload."""

    filename: str


# -- what the station tells of them ------------------------------------------------------------------------------------


class FirmwareProgressed(Fact, frozen=True):
    """FirmwareStatusNotification. `status` is OCPP 2.x's FirmwareStatusEnumType. Without `request_id`: 1.6, or nothing
    is under way."""

    status: str
    request_id: int | None = None
    reason_code: str = ""
    additional_info: str = ""


class FirmwarePublishingProgressed(Fact, frozen=True):
    """PublishFirmwareStatusNotification (2.x PublishFirmwareStatusEnumType). `locations`: where it is on offer."""

    status: str
    request_id: int | None = None
    locations: tuple[str, ...] = ()
    reason_code: str = ""
    additional_info: str = ""


class LogProgressed(Fact, frozen=True):
    """LogStatusNotification (2.x UploadLogStatusEnumType); 1.6 and 1.5 DiagnosticsStatusNotification, whose
    UploadFailed is UploadFailure here."""

    status: str
    request_id: int | None = None
    reason_code: str = ""
    additional_info: str = ""


_SUCCEEDED, _FAILED, _CANCELED = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED
FIRMWARE_ENDS: Final = {
    "Installed": _SUCCEEDED,
    "DownloadFailed": _FAILED,
    "InstallationFailed": _FAILED,
    "InstallVerificationFailed": _FAILED,
    "InvalidSignature": _FAILED,
}
_PUBLISHING_ENDS: Final = {
    "Published": _SUCCEEDED,
    "DownloadFailed": _FAILED,
    "InvalidChecksum": _FAILED,
    "PublishFailed": _FAILED,
}
_LOG_ENDS: Final = {
    "Uploaded": _SUCCEEDED,
    "UploadFailure": _FAILED,
    "BadMessage": _FAILED,
    "NotSupportedOperation": _FAILED,
    "PermissionDenied": _FAILED,
    "AcceptedCanceled": _CANCELED,
}
_NOTHING = "Idle"
"""Nothing is under way: the answer to a TriggerMessage. No job is meant."""


def _firmware(fact: FirmwareProgressed, station_id: StationId, context: Context) -> Applied:
    return _progress(
        fact, station_id, context, JobKind.FIRMWARE_UPDATE, "FirmwareStatusNotification", "Firmware update"
    )


def _publishing(fact: FirmwarePublishingProgressed, station_id: StationId, context: Context) -> Applied:
    kind, action = JobKind.FIRMWARE_PUBLISHING, "PublishFirmwareStatusNotification"
    return _progress(fact, station_id, context, kind, action, "Publishing of firmware", " ".join(fact.locations))


def _log(fact: LogProgressed, station_id: StationId, context: Context) -> Applied:
    return _progress(fact, station_id, context, JobKind.LOG_UPLOAD, "LogStatusNotification", "Upload of a log")


_ENDS: Final[Mapping[JobKind, Mapping[str, JobState]]] = {
    JobKind.FIRMWARE_UPDATE: FIRMWARE_ENDS,
    JobKind.FIRMWARE_PUBLISHING: _PUBLISHING_ENDS,
    JobKind.LOG_UPLOAD: _LOG_ENDS,
}


def _progress(
    fact: FirmwareProgressed | FirmwarePublishingProgressed | LogProgressed,
    station_id: StationId,
    context: Context,
    kind: JobKind,
    action: str,
    subject: str,
    detail: str = "",
) -> Applied:
    """An event, and a step of the job."""
    number = "" if fact.request_id is None else f" {fact.request_id}"
    reason = ": ".join(part for part in (fact.reason_code, fact.additional_info) if part)
    told = f"{subject}{number}: {fact.status}" + (f" ({reason})." if reason else ".")
    applied = Applied(records=[event(station_id, context, action, told, body=fact)])
    if fact.status != _NOTHING:
        state = _ENDS[kind].get(fact.status, JobState.RUNNING)
        text = " ".join(part for part in (detail, reason) if part)
        step = JobRecord(
            station_id, kind, context.now, fact.request_id, fact.status, state, detail=text and f"{text}\n"
        )
        applied.records.append(step)
    return applied


HANDLERS: Final[dict[type[Fact], Handler]] = {
    FirmwareProgressed: _firmware,
    FirmwarePublishingProgressed: _publishing,
    LogProgressed: _log,
}
