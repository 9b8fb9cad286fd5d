"""LoadBalancingService over the wire."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import load_balancing_pb2 as pb
from csms.domain.access import Role
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-SYS-8")


async def test_a_load_group_is_made_changed_shown_and_removed(world: ControlWorld) -> None:
    call = world.client.call
    station = await world.add_station("CP-1")
    wanted = pb.LoadGroup(
        place="places/1",
        display_name="Garage",
        limit=63,
        fail_safe_current_a=6,
        sharing=pb.LOAD_SHARING_PRIORITY,
        shares=[pb.StationShare(station=f"stations/{station}", priority=3, phases=pb.SUPPLY_PHASES_L2)],
        enabled=True,
    )
    made = (await call("load_balancing.CreateLoadGroup", pb.CreateLoadGroupRequest(load_group=wanted))).load_group
    assert (made.unit, made.voltage_v, made.max_current_a, made.meter_max_age_s) == (
        pb.LOAD_LIMIT_UNIT_AMPERE,
        230,
        32,
        60,
    )
    assert made.shares == wanted.shares
    made.limit = 80
    made.display_name = "not named in the mask"
    update = pb.UpdateLoadGroupRequest(load_group=made, update_mask=FieldMask(paths=["limit"]))
    changed = (await call("load_balancing.UpdateLoadGroup", update)).load_group
    assert (changed.limit, changed.display_name, changed.sharing) == (80, "Garage", pb.LOAD_SHARING_PRIORITY)
    with pytest.raises(Refused) as refused:
        await call("load_balancing.UpdateLoadGroup", update)  # with the etag of before
    assert refused.value.reason == "STALE_ETAG" or refused.value.code.name == "ABORTED"
    listed = await call("load_balancing.ListLoadGroups", pb.ListLoadGroupsRequest(place="places/1"))
    assert list(listed.load_groups) == [changed]
    got = await call("load_balancing.GetLoadGroup", pb.GetLoadGroupRequest(name=made.name))
    assert got.load_group == changed
    await call("load_balancing.DeleteLoadGroup", pb.DeleteLoadGroupRequest(name=made.name))
    with pytest.raises(Refused) as refused:
        await call("load_balancing.GetLoadState", pb.GetLoadStateRequest(name=made.name))
    assert refused.value.reason == "LOAD_GROUP_NOT_FOUND"


async def test_its_state_says_what_is_left_and_why(world: ControlWorld) -> None:
    call = world.client.call
    station = await world.add_station("CP-1")
    wanted = pb.LoadGroup(
        place="places/1", display_name="Garage", limit=63, meter=True, fallback_limit=32, enabled=True
    )
    made = (await call("load_balancing.CreateLoadGroup", pb.CreateLoadGroupRequest(load_group=wanted))).load_group
    state = (await call("load_balancing.GetLoadState", pb.GetLoadStateRequest(name=made.name))).state
    assert (state.available.l1_a, state.HasField("meter_time")) == (32, False)
    reading = pb.GridMeterReading(l1_a=40, l2_a=-3, l3_a=10.5)
    report = pb.ReportGridMeterRequest(name=made.name, reading=reading)
    assert (await call("load_balancing.ReportGridMeter", report)).counts
    report.reading.time.FromSeconds(1_000_000_000)
    assert not (await call("load_balancing.ReportGridMeter", report)).counts
    state = (await call("load_balancing.GetLoadState", pb.GetLoadStateRequest(name=made.name))).state
    assert (state.available.l1_a, state.available.l2_a, state.available.l3_a) == (23, 63, 52.5)
    assert state.meter_reading.l2_a == -3
    assert [(each.station, each.evse_id) for each in state.outlets] == [(f"stations/{station}", n) for n in (1, 2)]
    outlet = state.outlets[0]
    assert (outlet.standing, outlet.drawable_current_a) == (pb.OUTLET_STANDING_UNCONTROLLED, 32)
    assert (state.drawable.l1_a, state.reserved.l1_a) == (64, 64)
    assert state.fail_safe_fits


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"limit": 0}, "INVALID_LOAD_GROUP"),
        ({"place": "places/99"}, "PLACE_NOT_FOUND"),
        ({"unit": 9}, "INVALID_VALUE"),
        ({"place": ""}, "PLACE_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_is_refused(world: ControlWorld, changes: dict[str, object], reason: str) -> None:
    wanted = pb.LoadGroup(**({"place": "places/1", "display_name": "Garage", "limit": 63} | changes))
    with pytest.raises(Refused) as refused:
        await world.client.call("load_balancing.CreateLoadGroup", pb.CreateLoadGroupRequest(load_group=wanted))
    assert refused.value.reason == reason


async def test_a_driver_is_told_nothing_of_others_outlets(world: ControlWorld) -> None:
    world.client.token = world.bearer[Role.EV_USER]
    with pytest.raises(Refused) as refused:
        await world.client.call("load_balancing.ListLoadGroups", pb.ListLoadGroupsRequest())
    assert refused.value.code.name == "PERMISSION_DENIED"
