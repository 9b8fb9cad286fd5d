"""DerService."""

from __future__ import annotations

from control.convert import der as convert
from control.convert import inventory as convert_inventory
from control.convert import remote as convert_remote
from control.convert.names import read_name
from control.guard import Call
from control.v1 import der_pb2
from csms.domain.der import SupersededControls
from csms.services.der import DerControls


class DerServicer:
    """A method is: convert, call one use case, convert."""

    service = der_pb2.DESCRIPTOR.services_by_name["DerService"]

    def __init__(self, der: DerControls) -> None:
        self._der = der

    async def set_der_control(self, call: Call, request: der_pb2.SetDerControlRequest) -> der_pb2.SetDerControlResponse:
        """SetDerControl."""
        target = convert_remote.target(request.target, call.remaining())
        outcome = await self._der.set_der_control(call.caller, target, convert.setting(request.control))
        result = outcome.answer.result
        return der_pb2.SetDerControlResponse(
            result=convert_remote.result(outcome),
            superseded_ids=result.control_ids if isinstance(result, SupersededControls) else (),
        )

    async def get_der_control(self, call: Call, request: der_pb2.GetDerControlRequest) -> der_pb2.GetDerControlResponse:
        """GetDerControl."""
        target = convert_remote.target(request.target, call.remaining())
        ordered = await self._der.get_der_control(call.caller, target, convert.reporting(request))
        return der_pb2.GetDerControlResponse(
            result=convert_remote.result(ordered.outcome), job=convert_inventory.job(ordered.job)
        )

    async def clear_der_control(
        self, call: Call, request: der_pb2.ClearDerControlRequest
    ) -> der_pb2.ClearDerControlResponse:
        """ClearDerControl."""
        target = convert_remote.target(request.target, call.remaining())
        outcome = await self._der.clear_der_control(call.caller, target, convert.clearing(request))
        return der_pb2.ClearDerControlResponse(result=convert_remote.result(outcome))

    async def list_der_controls(
        self, call: Call, request: der_pb2.ListDerControlsRequest
    ) -> der_pb2.ListDerControlsResponse:
        """ListDerControls."""
        found = await self._der.list_der_controls(call.caller, read_name(request.station, "stations"))
        return der_pb2.ListDerControlsResponse(controls=[convert.stored(each) for each in found])
