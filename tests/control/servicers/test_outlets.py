"""OutletService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import outlets_pb2 as pb
from csms.domain.access import Role
from csms.domain.facts import ConnectorStatus
from csms.domain.records import StatusRecord
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW


async def a_station(world: ControlWorld, *evses: int) -> int:
    number = await world.add_station("CP-1")
    for evse in evses:
        world.tables.connectors[number, evse, 1] = StatusRecord(
            number, evse, 1, ConnectorStatus.AVAILABLE, "NoError", "", "", "", NOW, NOW
        )
    return number


@pytest.mark.feature("F-STA-10")
async def test_outlets_are_listed_page_by_page_and_edited(world: ControlWorld) -> None:
    number = await a_station(world, 0, 1, 2, 3)
    first = await world.client.call("outlets.ListOutlets", pb.ListOutletsRequest(page_size=2))
    rest = await world.client.call(
        "outlets.ListOutlets", pb.ListOutletsRequest(page_size=2, page_token=first.next_page_token)
    )
    listed = [*first.outlets, *rest.outlets]
    assert ([each.evse_id for each in listed], first.total_size, rest.next_page_token) == ([1, 2, 3], 3, "")
    wanted = pb.Outlet(
        name=listed[1].name,
        etag=listed[1].etag,
        outlet_id="A-2",
        connector_type="CHADEMO",
        parking="By the door",
        mode=pb.OUTLET_MODE_OPEN,
        external_ids=[pb.OutletExternalId(service="maps", external_id="M7")],
    )
    mask = FieldMask(paths=["outlet_id", "connector_type", "parking", "mode", "external_ids"])
    changed = await world.client.call("outlets.UpdateOutlet", pb.UpdateOutletRequest(outlet=wanted, update_mask=mask))
    assert (changed.outlet.outlet_id, changed.outlet.mode) == ("A-2", pb.OUTLET_MODE_OPEN)
    assert changed.outlet.uuid == listed[1].uuid
    assert world.index.anyone_may(number, 2, 1)
    for narrow in (
        pb.ListOutletsRequest(query="door"),
        pb.ListOutletsRequest(service="maps"),
        pb.ListOutletsRequest(external_id="M7"),
        pb.ListOutletsRequest(mode=pb.OUTLET_MODE_OPEN, place="places/1", station=f"stations/{number}"),
    ):
        found = await world.client.call("outlets.ListOutlets", narrow)
        assert [each.name for each in found.outlets] == [listed[1].name]
    for asked in (pb.GetOutletRequest(name=listed[1].name), pb.GetOutletRequest(uuid=listed[1].uuid)):
        assert (await world.client.call("outlets.GetOutlet", asked)).outlet == changed.outlet
    with pytest.raises(Refused) as stale:
        await world.client.call("outlets.UpdateOutlet", pb.UpdateOutletRequest(outlet=wanted, update_mask=mask))
    assert stale.value.code is grpc.StatusCode.ABORTED
    with pytest.raises(Refused) as bad:
        await world.client.call(
            "outlets.UpdateOutlet",
            pb.UpdateOutletRequest(outlet=pb.Outlet(name=listed[1].name), update_mask=FieldMask(paths=["station"])),
        )
    assert bad.value.reason == "INVALID_FIELD_MASK"


async def test_who_does_not_see_a_station_does_not_see_its_outlets(world: ControlWorld) -> None:
    number = await a_station(world, 1)
    one, *_ = (await world.client.call("outlets.ListOutlets", pb.ListOutletsRequest())).outlets
    for role in (Role.EV_USER, Role.SITE_ADMINISTRATOR):
        world.client.token = world.bearer[role]
        assert (await world.client.call("outlets.ListOutlets", pb.ListOutletsRequest())).total_size == 0
        for method, request in (
            ("GetOutlet", pb.GetOutletRequest(name=one.name)),
            ("GetOutlet", pb.GetOutletRequest(uuid=one.uuid)),
            ("UpdateOutlet", pb.UpdateOutletRequest(outlet=one, update_mask=FieldMask(paths=["parking"]))),
            ("SetFreeVend", pb.SetFreeVendRequest(station=f"stations/{number}", free_vend=True)),
        ):
            with pytest.raises(Refused) as refused:
                await world.client.call(f"outlets.{method}", request)
            assert refused.value.code is grpc.StatusCode.NOT_FOUND, (role, method)
    world.client.token = world.bearer[Role.SUPPORT]
    with pytest.raises(Refused) as denied:
        await world.client.call(
            "outlets.UpdateOutlet", pb.UpdateOutletRequest(outlet=one, update_mask=FieldMask(paths=["parking"]))
        )
    assert denied.value.code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.feature("F-TAG-3")
async def test_free_vend_is_set_and_told(world: ControlWorld) -> None:
    name = f"stations/{await a_station(world, 1)}"
    assert not (await world.client.call("outlets.GetFreeVend", pb.GetFreeVendRequest(station=name))).free_vend
    await world.client.call("outlets.SetFreeVend", pb.SetFreeVendRequest(station=name, free_vend=True))
    assert (await world.client.call("outlets.GetFreeVend", pb.GetFreeVendRequest(station=name))).free_vend
    assert (await world.client.call("outlets.ListOutlets", pb.ListOutletsRequest())).outlets[0].free_vend


@pytest.mark.feature("F-TAG-3")
async def test_limits_are_set_listed_and_taken_away(world: ControlWorld) -> None:
    target = f"users/{world.access_store.everybody()[0].id}"
    wanted = pb.ChargeLimit(target=target, energy_wh=5000.0, amount="25.50", currency="eur")
    made = (await world.client.call("outlets.SetChargeLimit", pb.SetChargeLimitRequest(limit=wanted))).limit
    assert (made.energy_wh, made.amount, made.currency, made.used_energy_wh) == (5000.0, "25.50", "EUR", 0.0)
    listed = await world.client.call("outlets.ListChargeLimits", pb.ListChargeLimitsRequest())
    assert [each.target for each in listed.limits] == [target]
    gone = pb.ChargeLimit(target=target, etag=made.etag)
    await world.client.call("outlets.SetChargeLimit", pb.SetChargeLimitRequest(limit=gone))
    none = (await world.client.call("outlets.GetChargeLimit", pb.GetChargeLimitRequest(target=target))).limit
    assert (none.HasField("energy_wh"), none.amount, none.etag) == (False, "", "")
    for limit in (pb.ChargeLimit(target=target, amount="a lot"), pb.ChargeLimit(target="stations/1", energy_wh=1.0)):
        with pytest.raises(Refused) as refused:
            await world.client.call("outlets.SetChargeLimit", pb.SetChargeLimitRequest(limit=limit))
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
