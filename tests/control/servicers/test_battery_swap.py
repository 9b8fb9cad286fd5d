"""BatterySwapService over the wire."""

from __future__ import annotations

import pytest

from control.v1 import battery_swap_pb2 as pb
from control.v1 import inventory_pb2, remote_pb2
from csms.domain.battery_swap import RequestBatterySwap
from tests.kit.control_world import ControlWorld


@pytest.mark.feature("F-OCPP-5")
async def test_a_swap_is_ordered_and_followed(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    target = remote_pb2.CommandTarget(station=f"stations/{number}")
    request = pb.RequestBatterySwapRequest(target=target, id_token="04a2")
    ordered = await world.client.call("battery_swap.RequestBatterySwap", request)
    assert (ordered.result.accepted, ordered.job.kind) == (True, inventory_pb2.JOB_KIND_BATTERY_SWAP)
    assert world.directory.sent[-1][1] == RequestBatterySwap(1, "04A2")
