"""SystemService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import system_pb2 as pb
from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused


async def test_the_installation_says_where_stations_connect_and_how_it_is(world: ControlWorld) -> None:
    world.tables.away = True
    info = await world.client.call("system.GetSystemInfo", pb.GetSystemInfoRequest())
    assert list(info.ocpp_addresses) == ["ws://192.0.2.1:9000/ocpp/"]
    assert info.unknown_station_policy == pb.UNKNOWN_STATION_POLICY_PENDING
    assert (info.database_available, info.draining) == (False, False)
    assert (info.retention.message_log_days, info.retention.audit_days, info.retention.backup_count) == (30, 0, 14)
    assert (info.mail_sender, info.min_security_profile, info.identity_provider) == ("csms@example.org", 1, "Company")
    world.client.token = world.bearer[Role.EV_USER]
    with pytest.raises(Refused) as refused:
        await world.client.call("system.GetSystemInfo", pb.GetSystemInfoRequest())
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.feature("F-SYS-7")
async def test_administrators_see_which_processes_there_are(world: ControlWorld) -> None:
    found = (await world.client.call("system.GetSystemProcesses", pb.GetSystemProcessesRequest())).processes
    assert [(each.display_name, each.kind, each.station_count, each.silent) for each in found] == [
        ("node-1", "serve", 2, False)
    ]
    assert found[0].start_time.seconds
    world.client.token = world.bearer[Role.SUPPORT]
    with pytest.raises(Refused) as refused:
        await world.client.call("system.GetSystemProcesses", pb.GetSystemProcessesRequest())
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.feature("F-SYS-1")
async def test_everybody_reads_the_name_and_administrators_give_it(world: ControlWorld) -> None:
    wanted = pb.SystemSettings(title="North", language="sv", time_zone="Europe/Stockholm")
    request = pb.UpdateSystemSettingsRequest(settings=wanted)
    request.update_mask.paths.extend(["title", "language", "time_zone"])
    written = (await world.client.call("system.UpdateSystemSettings", request)).settings
    assert (written.title, written.etag) == ("North", "2")
    assert (await world.client.call("system.GetSystemSettings", pb.GetSystemSettingsRequest())).settings == written
    world.client.token = ""
    public = await world.client.call("system.GetPublicInfo", pb.GetPublicInfoRequest())
    assert (public.title, public.language) == ("North", "sv")
