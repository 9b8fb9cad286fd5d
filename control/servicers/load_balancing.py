"""LoadBalancingService."""

from __future__ import annotations

import msgspec

from control.convert import load_balancing as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, masked_fields, read_etag
from control.v1 import load_balancing_pb2 as pb
from csms.services.load_groups import LoadGroups


class LoadBalancingServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["LoadBalancingService"]

    def __init__(self, groups: LoadGroups) -> None:
        self._groups = groups

    async def list_load_groups(self, call: Call, request: pb.ListLoadGroupsRequest) -> pb.ListLoadGroupsResponse:
        """ListLoadGroups."""
        place = read_name(request.place, "places") if request.place else None
        found = await self._groups.all(call.caller, place)
        return pb.ListLoadGroupsResponse(load_groups=fitting(convert.load_group(each) for each in found))

    async def get_load_group(self, call: Call, request: pb.GetLoadGroupRequest) -> pb.GetLoadGroupResponse:
        """GetLoadGroup."""
        found = await self._groups.get(call.caller, read_name(request.name, "loadGroups"))
        return pb.GetLoadGroupResponse(load_group=convert.load_group(found))

    async def create_load_group(self, call: Call, request: pb.CreateLoadGroupRequest) -> pb.CreateLoadGroupResponse:
        """CreateLoadGroup."""
        made = await self._groups.create(call.caller, convert.read_load_group(request.load_group))
        return pb.CreateLoadGroupResponse(load_group=convert.load_group(made))

    async def update_load_group(self, call: Call, request: pb.UpdateLoadGroupRequest) -> pb.UpdateLoadGroupResponse:
        """UpdateLoadGroup."""
        message = request.load_group
        wanted = msgspec.structs.replace(convert.read_load_group(message), id=read_name(message.name, "loadGroups"))
        fields = masked_fields(request.update_mask.paths, convert.FIELDS)
        made = await self._groups.update(call.caller, wanted, fields, version=read_etag(message.etag))
        return pb.UpdateLoadGroupResponse(load_group=convert.load_group(made))

    async def delete_load_group(self, call: Call, request: pb.DeleteLoadGroupRequest) -> pb.DeleteLoadGroupResponse:
        """DeleteLoadGroup."""
        await self._groups.delete(call.caller, read_name(request.name, "loadGroups"))
        return pb.DeleteLoadGroupResponse()

    async def get_load_state(self, call: Call, request: pb.GetLoadStateRequest) -> pb.GetLoadStateResponse:
        """GetLoadState."""
        found = await self._groups.state(call.caller, read_name(request.name, "loadGroups"))
        return pb.GetLoadStateResponse(state=convert.load_state(found))

    async def report_grid_meter(self, call: Call, request: pb.ReportGridMeterRequest) -> pb.ReportGridMeterResponse:
        """ReportGridMeter."""
        number = read_name(request.name, "loadGroups")
        taken = await self._groups.report(call.caller, number, convert.read_reading(request.reading))
        return pb.ReportGridMeterResponse(counts=taken)
