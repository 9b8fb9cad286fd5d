"""Orders for firmware and logs become jobs, whatever the station answers."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from csms.domain.commands import Answer, Outcome
from csms.domain.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.maintenance import GetLog, LogNamed, LogType, PublishFirmware, UnpublishFirmware, UpdateFirmware
from csms.domain.records import JobKind, JobRecord, JobState
from csms.ports.directory import Settled
from csms.ports.inventory import Job
from csms.services.maintenance import FirmwareOrder, LogOrder, Retrying
from csms.services.remote import Target
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld

FIRMWARE = FirmwareOrder("ftp://me:secret@files/fw.bin", retrying=Retrying(3, 60))
LOG = LogOrder(LogType.DIAGNOSTICS, "ftp://files/")
SUM = "d41d8cd98f00b204e9800998ecf8427e"


def answered(status: str = "Accepted", *, accepted: bool = True, **more: object) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, **more), 0.1)  # type: ignore[arg-type]


async def newest(world: ServiceWorld) -> Job:
    (job,) = await world.inventory_store.page_jobs(None, size=1)
    return job


@pytest.mark.feature("F-OCPP-1")
async def test_an_accepted_update_is_followed_to_its_end() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    done = await world.maintenance.update_firmware(SUPPORT, Target(station), FIRMWARE)
    assert (done.job.state, done.job.status, done.outcome.answer.accepted) == (JobState.RUNNING, "Accepted", True)
    command = world.directory.sent[0][1]
    assert command == UpdateFirmware(done.job.id, FIRMWARE.location, NOW, retries=3, retry_interval_s=60)
    assert json.loads(done.job.request) == {
        "location": "ftp://me:***@files/fw.bin",
        "retrieveDateTime": NOW.isoformat(),
        "signed": False,
        "orderedBy": SUPPORT.name,
        "retries": 3,
        "retryInterval": 60,
    }
    kind, later = JobKind.FIRMWARE_UPDATE, NOW + timedelta(minutes=1)
    world.inventory_store.apply([JobRecord(station, kind, later, None, "Installed", JobState.SUCCEEDED)])
    assert (await newest(world)).state is JobState.SUCCEEDED


async def test_a_refusal_ends_the_job_with_the_stations_words() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.directory.settled = [
        answered("InvalidCertificate", accepted=False, reason_code="Expired", additional_info="since May"),
        Settled(Outcome.ANSWERED, Answer("", False, error_code="InternalError", error_description="no disk"), 0.1),
    ]
    done = await world.maintenance.update_firmware(SUPPORT, Target(station), FIRMWARE)
    job = done.job
    assert (job.state, job.status, job.detail) == (JobState.FAILED, "InvalidCertificate", "Expired: since May")
    job = (await world.maintenance.get_log(SUPPORT, Target(station), LOG)).job
    assert (job.state, job.status, job.detail) == (JobState.FAILED, "InternalError", "no disk")


async def test_an_order_that_was_never_sent_is_a_failed_job_and_one_that_may_have_been_is_open() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1", online=False)
    with pytest.raises(FailedPrecondition):
        await world.maintenance.get_log(SUPPORT, Target(station), LOG)
    job = await newest(world)
    assert (job.state, job.status) == (JobState.FAILED, "STATION_OFFLINE")
    world.directory.settled = [Settled(Outcome.UNKNOWN)]
    with pytest.raises(DeadlineExceeded):
        await world.maintenance.get_log(SUPPORT, Target(station), LOG)
    assert (await newest(world)).state is JobState.REQUESTED


async def test_a_newer_order_takes_the_place_of_an_older_one() -> None:
    world = ServiceWorld()
    station, other = await world.add_station("CP-1"), await world.add_station("CP-2")
    jobs = [(await world.maintenance.get_log(SUPPORT, Target(s), LOG)).job for s in (station, other)]
    update = (await world.maintenance.update_firmware(SUPPORT, Target(station), FIRMWARE)).job
    world.directory.settled = [answered("AcceptedCanceled", result=LogNamed("log.zip"))]
    done = await world.maintenance.get_log(SUPPORT, Target(station), LOG)
    assert (done.filename, done.job.detail, done.job.state) == ("log.zip", "log.zip\n", JobState.RUNNING)
    states = [(await world.inventory_store.find_job(job.id)).state for job in [*jobs, update]]  # type: ignore[union-attr]
    assert states == [JobState.CANCELED, JobState.RUNNING, JobState.RUNNING]


@pytest.mark.feature("F-OCPP-2")
async def test_a_1_6_station_that_knows_no_diagnostics_is_asked_by_the_security_extension() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.tables.stations[station].protocol = "ocpp1.6"
    unknown = Settled(Outcome.ANSWERED, Answer("", False, error_code="NotSupported"), 0.1)
    world.directory.settled = [unknown, answered(result=LogNamed("a.log"))]
    done = await world.maintenance.get_log(SUPPORT, Target(station), LOG)
    first, second = (sent[1] for sent in world.directory.sent)
    assert isinstance(first, GetLog)
    assert second == msgspec.structs.replace(first, security_extension=True)
    assert (done.job.state, done.filename) == (JobState.RUNNING, "a.log")
    world.tables.stations[station].protocol = "ocpp2.0.1"
    world.directory.settled = [unknown]
    assert (await world.maintenance.get_log(SUPPORT, Target(station), LOG)).job.state is JobState.FAILED


@pytest.mark.feature("F-OCPP-4")
async def test_firmware_is_published_and_taken_back() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    done = await world.maintenance.publish_firmware(SUPPORT, Target(station), "http://files/fw", SUM, Retrying())
    assert done.job.kind is JobKind.FIRMWARE_PUBLISHING
    outcome = await world.maintenance.unpublish_firmware(SUPPORT, Target(station), SUM)
    assert outcome.answer.accepted
    assert [sent[1] for sent in world.directory.sent] == [
        PublishFirmware(done.job.id, "http://files/fw", SUM),
        UnpublishFirmware(SUM),
    ]


async def give(world: ServiceWorld, station: int, order: FirmwareOrder | LogOrder | str) -> None:
    """A text is the checksum of what is to be published."""
    if isinstance(order, str):
        await world.maintenance.publish_firmware(SUPPORT, Target(station), "http://x", order, Retrying())
    elif isinstance(order, LogOrder):
        await world.maintenance.get_log(SUPPORT, Target(station), order)
    else:
        await world.maintenance.update_firmware(SUPPORT, Target(station), order)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (FirmwareOrder("files/fw.bin"), "INVALID_LOCATION"),
        (FirmwareOrder("file:///etc/passwd"), "INVALID_LOCATION"),
        (FirmwareOrder("http://"), "INVALID_LOCATION"),
        (FirmwareOrder("http://x", signature="c2ln"), "INVALID_SIGNATURE"),
        (FirmwareOrder("http://x", install_at=NOW - timedelta(hours=1)), "INVALID_TIME"),
        (FirmwareOrder("http://x", retrying=Retrying(-1)), "INVALID_RETRIES"),
        (FirmwareOrder("http://x", retrying=Retrying(1, -1)), "INVALID_RETRY_INTERVAL"),
        (LogOrder(LogType.SECURITY, "http://x", NOW, NOW), "INVALID_TIME"),
        (SUM[1:], "INVALID_CHECKSUM"),
    ],
)
async def test_an_order_that_makes_no_sense_is_no_job(order: FirmwareOrder | LogOrder | str, reason: str) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    with pytest.raises(InvalidArgument) as caught:
        await give(world, station, order)
    assert caught.value.reason == reason
    assert (list(await world.inventory_store.page_jobs(None, size=9)), world.directory.sent) == ([], [])


async def test_strangers_and_strange_stations() -> None:
    world = ServiceWorld()
    with pytest.raises(PermissionDenied):
        await world.maintenance.get_log(STRANGER, Target(1), LOG)
    with pytest.raises(NotFound):
        await world.maintenance.get_log(SUPPORT, Target(1), LOG)
