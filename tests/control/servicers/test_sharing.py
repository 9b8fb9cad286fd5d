"""SharingService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import sharing_pb2 as pb
from control.v1 import stations_pb2
from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-STA-11")


async def test_a_station_is_assigned_shared_and_released(world: ControlWorld) -> None:
    call = world.client.call
    name = f"stations/{await world.add_station('CP-1')}"
    own = pb.SetOwnerRequest(station=name, email="EV-user@example.org")
    owner = (await call("sharing.SetOwner", own)).owner
    assert owner.email == "ev-user@example.org"
    order = pb.ShareStationRequest(station=name, email="support@example.org", level=pb.SHARE_LEVEL_OPERATE)
    share = (await call("sharing.ShareStation", order)).share
    assert share.level == pb.SHARE_LEVEL_OPERATE
    world.client.token = world.bearer[Role.EV_USER]
    listed = await call("sharing.ListShares", pb.ListSharesRequest(station=name))
    assert (listed.owner, list(listed.shares)) == (owner, [share])
    await call("sharing.UnshareStation", pb.UnshareStationRequest(station=name, user=share.person.user))
    assert not (await call("sharing.ListShares", pb.ListSharesRequest(station=name))).shares
    await call("sharing.ReleaseStation", pb.ReleaseStationRequest(station=name))
    with pytest.raises(Refused) as refused:
        await call("stations.GetStation", stations_pb2.GetStationRequest(name=name))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND")


async def test_with_nobody_or_for_nothing_nothing_is_shared(world: ControlWorld) -> None:
    name = f"stations/{await world.add_station('CP-1')}"
    for order, reason in (
        (pb.ShareStationRequest(station=name, email="who@example.org", level=pb.SHARE_LEVEL_VIEW), "USER_NOT_FOUND"),
        (pb.ShareStationRequest(station=name, email="support@example.org"), "LEVEL_MISSING"),
        (pb.ShareStationRequest(station="CP-1", level=pb.SHARE_LEVEL_VIEW), "INVALID_NAME"),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call("sharing.ShareStation", order)
        assert refused.value.reason == reason


async def test_everybody_is_told_what_they_may_do(world: ControlWorld) -> None:
    call = world.client.call
    names = [f"stations/{await world.add_station(identity)}" for identity in ("CP-1", "CP-2")]
    order = pb.ShareStationRequest(station=names[0], email="ev-user@example.org", level=pb.SHARE_LEVEL_VIEW)
    await call("sharing.ShareStation", order)
    asked = pb.ListMyAccessRequest(stations=names)
    told = (await call("sharing.ListMyAccess", asked)).accesses
    assert [(each.station, each.can_operate, each.can_read_secrets) for each in told] == [
        (names[0], True, True),
        (names[1], True, True),
    ]
    world.client.token = world.bearer[Role.EV_USER]
    told = (await call("sharing.ListMyAccess", asked)).accesses
    assert list(told) == [pb.StationAccess(station=names[0])]
