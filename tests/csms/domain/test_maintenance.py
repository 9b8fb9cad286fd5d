"""Orders for firmware and logs are followed by what stations tell of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.domain.applying import Applied, Context
from csms.domain.facts import ACK, AuthorizationStatus, Fact, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.maintenance import HANDLERS, FirmwareProgressed, FirmwarePublishingProgressed, LogProgressed
from csms.domain.records import EventRecord, JobKind, JobRecord, JobState

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tell(fact: Fact) -> Applied:
    context = Context(T0, lambda _token, _session: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)
    return HANDLERS[type(fact)](fact, StationId(7), context)


def event_of(applied: Applied) -> EventRecord:
    (event,) = [record for record in applied.records if isinstance(record, EventRecord)]
    return event


@pytest.mark.parametrize(
    ("fact", "kind", "state"),
    [
        (FirmwareProgressed("Downloading", 5), JobKind.FIRMWARE_UPDATE, JobState.RUNNING),
        (FirmwareProgressed("InstallRebooting"), JobKind.FIRMWARE_UPDATE, JobState.RUNNING),
        (FirmwareProgressed("Installed"), JobKind.FIRMWARE_UPDATE, JobState.SUCCEEDED),
        (FirmwareProgressed("InvalidSignature", 5), JobKind.FIRMWARE_UPDATE, JobState.FAILED),
        (FirmwareProgressed("InstallationFailed", 5), JobKind.FIRMWARE_UPDATE, JobState.FAILED),
        (FirmwarePublishingProgressed("ChecksumVerified", 5), JobKind.FIRMWARE_PUBLISHING, JobState.RUNNING),
        (FirmwarePublishingProgressed("Published", 5), JobKind.FIRMWARE_PUBLISHING, JobState.SUCCEEDED),
        (FirmwarePublishingProgressed("InvalidChecksum", 5), JobKind.FIRMWARE_PUBLISHING, JobState.FAILED),
        (LogProgressed("Uploading", 5), JobKind.LOG_UPLOAD, JobState.RUNNING),
        (LogProgressed("Uploaded"), JobKind.LOG_UPLOAD, JobState.SUCCEEDED),
        (LogProgressed("PermissionDenied", 5), JobKind.LOG_UPLOAD, JobState.FAILED),
        (LogProgressed("AcceptedCanceled", 5), JobKind.LOG_UPLOAD, JobState.CANCELED),
    ],
)
def test_a_step_leads_its_job_on(fact: Fact, kind: JobKind, state: JobState) -> None:
    applied = tell(fact)
    assert applied.reply is ACK
    (step,) = [record for record in applied.records if isinstance(record, JobRecord)]
    assert (step.station_id, step.kind, step.state, step.status) == (7, kind, state, fact.status)  # type: ignore[attr-defined]
    assert step.request_id == fact.request_id  # type: ignore[attr-defined]
    assert event_of(applied).kind.endswith("StatusNotification")


def test_a_station_with_nothing_under_way_ends_no_job() -> None:
    assert [type(record) for record in tell(FirmwareProgressed("Idle")).records] == [EventRecord]


def test_reasons_and_places_are_kept_for_people() -> None:
    applied = tell(
        FirmwarePublishingProgressed("Published", 9, ("http://10.0.0.1/f", "ftp://10.0.0.1/f"), "Ok", "both ways")
    )
    assert event_of(applied).summary == "Publishing of firmware 9: Published (Ok: both ways)."
    (step,) = [record for record in applied.records if isinstance(record, JobRecord)]
    assert step.detail == "http://10.0.0.1/f ftp://10.0.0.1/f Ok: both ways\n"
