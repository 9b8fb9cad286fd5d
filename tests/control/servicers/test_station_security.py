"""StationSecurityService over the wire, and what of it a station shows."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import remote_pb2, stations_pb2
from control.v1 import station_security_pb2 as pb
from csms.domain.commands import Answer, Outcome
from csms.ports.directory import Settled
from csms.ports.stores import RefusedAttempts
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW


def target(station_id: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{station_id}")


async def shown(world: ControlWorld, station_id: int) -> stations_pb2.Station:
    request = stations_pb2.GetStationRequest(name=f"stations/{station_id}")
    answer = await world.client.call("stations.GetStation", request)
    assert isinstance(answer.station, stations_pb2.Station)
    return answer.station


@pytest.mark.feature("F-OCPP-7")
async def test_a_password_is_rotated(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    request = pb.RotateStationPasswordRequest(target=target(station))
    answer = await world.client.call("station_security.RotateStationPassword", request)
    assert (answer.state, answer.result.status) == (pb.PASSWORD_STATE_SENT, "Accepted")
    assert (await shown(world, station)).password_change_pending
    world.directory.settled = [Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1)]
    answer = await world.client.call("station_security.RotateStationPassword", request)
    assert (answer.state, answer.result.status) == (pb.PASSWORD_STATE_REJECTED, "Rejected")


@pytest.mark.feature("F-OCPP-7")
async def test_a_profile_is_raised_and_lowered_again(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    request = pb.UpgradeSecurityProfileRequest(target=target(station), security_profile=2)
    with pytest.raises(Refused) as refused:
        await world.client.call("station_security.UpgradeSecurityProfile", request)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_PASSWORD")
    await world.station_store.set_password_hash(station, "x")
    answer = await world.client.call("station_security.UpgradeSecurityProfile", request)
    assert answer.accepted
    assert [(step.command, step.result.status) for step in answer.steps] == [("SetVariables", "Accepted")]
    lower = pb.SetSecurityProfileRequest(name=f"stations/{station}", security_profile=3)
    assert (await world.client.call("station_security.SetSecurityProfile", lower)).station.security_profile == 3
    lower.security_profile = 7
    with pytest.raises(Refused) as refused:
        await world.client.call("station_security.SetSecurityProfile", lower)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.feature("F-OCPP-7")
async def test_failed_attempts_are_shown(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    await world.station_store.note_refusals([RefusedAttempts("CP-1", 7, NOW, "WRONG_PASSWORD", "192.0.2.7")])
    found = await shown(world, station)
    assert (found.failed_attempts, found.last_failed_attempt_reason) == (7, "WRONG_PASSWORD")
    assert found.last_failed_attempt_address == "192.0.2.7"
    assert found.last_failed_attempt_time.seconds == int(NOW.timestamp())
