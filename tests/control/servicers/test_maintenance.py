"""MaintenanceService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from control.convert.common import timestamp
from control.v1 import inventory_pb2, remote_pb2
from control.v1 import maintenance_pb2 as pb
from csms.domain.commands import Answer, Outcome
from csms.domain.maintenance import GetLog, LogNamed, LogType, UpdateFirmware
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

SUM = "d41d8cd98f00b204e9800998ecf8427e"


def to(station: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{station}")


async def test_firmware_is_ordered_and_the_job_is_named(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    later = NOW + timedelta(hours=1)
    done = await world.client.call(
        "maintenance.UpdateFirmware",
        pb.UpdateFirmwareRequest(
            target=to(station),
            location=" https://files/fw.bin ",
            retrieve_time=timestamp(NOW),
            install_time=timestamp(later),
            signing_certificate="PEM",
            signature="c2ln",
            retries=2,
            retry_interval=Duration(seconds=30),
        ),
    )
    assert (done.result.accepted, done.job.state) == (True, inventory_pb2.JOB_STATE_RUNNING)
    number = int(done.job.name.rpartition("/")[2])
    assert world.directory.sent[0][1] == UpdateFirmware(
        number, "https://files/fw.bin", NOW, later, "PEM", "c2ln", 2, 30
    )
    found = await world.client.call("inventory.GetJob", inventory_pb2.GetJobRequest(name=done.job.name))
    assert found.job == done.job


async def test_a_log_is_ordered_and_its_file_is_named(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    world.directory.settled = [Settled(Outcome.ANSWERED, Answer("Accepted", True, result=LogNamed("a.zip")), 0.1)]
    request = pb.GetLogRequest(target=to(station), location="ftp://files/", oldest_time=timestamp(NOW))
    done = await world.client.call("maintenance.GetLog", request)
    assert done.filename == "a.zip"
    command = world.directory.sent[0][1]
    assert isinstance(command, GetLog)
    assert (command.log_type, command.oldest, command.retries) == (LogType.DIAGNOSTICS, NOW, None)


async def test_firmware_is_published_and_taken_back(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    request = pb.PublishFirmwareRequest(target=to(station), location="http://files/fw", checksum=SUM)
    done = await world.client.call("maintenance.PublishFirmware", request)
    assert done.job.kind == inventory_pb2.JOB_KIND_FIRMWARE_PUBLISHING
    world.directory.settled = [Settled(Outcome.ANSWERED, Answer("NoFirmware", False), 0.1)]
    back = await world.client.call(
        "maintenance.UnpublishFirmware", pb.UnpublishFirmwareRequest(target=to(station), checksum=SUM)
    )
    assert (back.result.status, back.result.accepted) == ("NoFirmware", False)


async def test_what_makes_no_sense_is_told(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    for request in (
        pb.GetLogRequest(target=to(station), location="ftp://x", log_type=9),  # type: ignore[arg-type]
        pb.GetLogRequest(target=to(station), location="nowhere"),
        pb.GetLogRequest(target=to(station), location="ftp://x", retry_interval=Duration(nanos=5)),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call("maintenance.GetLog", request)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
