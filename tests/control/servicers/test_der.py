"""DerService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.convert.ocpp_values import print_value
from control.v1 import der_pb2 as pb
from control.v1 import remote_pb2
from csms.domain import der as domain
from csms.domain.commands import Answer, Outcome
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused

CURVE = domain.DerSetting(curve=domain.DerCurve((domain.CurvePoint(94.0, 0.0),), 1, "PctMaxVar"))


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


@pytest.mark.feature("F-OCPP-5", "F-SYS-4")
async def test_control_goes_out_is_listed_and_cleared(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    control = domain.DerControl("c1", "VoltVar", True, CURVE)
    message = print_value(control, pb.DerControl())
    answered = Answer("Accepted", accepted=True, result=domain.SupersededControls(("c0",)))
    world.directory.settled.append(Settled(Outcome.ANSWERED, answered, 0.1))
    answer = await world.client.call("der.SetDerControl", pb.SetDerControlRequest(target=to(number), control=message))
    assert (answer.result.accepted, answer.superseded_ids) == (True, ["c0"])
    assert world.directory.sent[-1][1] == domain.SetDerControl("c1", "VoltVar", True, CURVE)
    everything = pb.ListDerControlsRequest(station=f"stations/{number}")
    (listed,) = (await world.client.call("der.ListDerControls", everything)).controls
    assert (listed.control, listed.HasField("started")) == (message, False)
    request = pb.GetDerControlRequest(target=to(number), control_type="VoltVar", is_default=False)
    answer = await world.client.call("der.GetDerControl", request)
    assert answer.job.name.startswith(f"stations/{number}/jobs/")
    assert world.directory.sent[-1][1] == domain.GetDerControl(1, None, "VoltVar", False)
    await world.client.call("der.ClearDerControl", pb.ClearDerControlRequest(target=to(number), control_id="c1"))
    assert world.directory.sent[-1][1] == domain.ClearDerControl(False, "c1")
    assert not (await world.client.call("der.ListDerControls", everything)).controls


async def test_setting_that_does_not_fit(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    control = pb.DerControl(control_id="c1", control_type="VoltVar", is_default=True)
    with pytest.raises(Refused, match="set by curve alone") as caught:
        await world.client.call("der.SetDerControl", pb.SetDerControlRequest(target=to(number), control=control))
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DER_SETTING")
