"""GroupService."""

from __future__ import annotations

from control.convert import sharing as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import masked_fields, read_etag
from control.v1 import groups_pb2
from csms.services.groups import EDITABLE, Groups

_FIELDS = {field: field for field in EDITABLE}


class GroupServicer:
    """A method is: convert, call one use case, convert."""

    service = groups_pb2.DESCRIPTOR.services_by_name["GroupService"]

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    async def list_groups(self, call: Call, request: groups_pb2.ListGroupsRequest) -> groups_pb2.ListGroupsResponse:
        """ListGroups."""
        found = await self._groups.all(call.caller)
        return groups_pb2.ListGroupsResponse(groups=[convert.group(each) for each in found])

    async def create_group(self, call: Call, request: groups_pb2.CreateGroupRequest) -> groups_pb2.CreateGroupResponse:
        """CreateGroup."""
        made = await self._groups.create(call.caller, request.group.display_name, request.group.description)
        return groups_pb2.CreateGroupResponse(group=convert.group(made))

    async def update_group(self, call: Call, request: groups_pb2.UpdateGroupRequest) -> groups_pb2.UpdateGroupResponse:
        """UpdateGroup."""
        wanted = request.group
        changed = await self._groups.update(
            call.caller,
            read_name(wanted.name, "groups"),
            {field: getattr(wanted, field) for field in masked_fields(request.update_mask.paths, _FIELDS)},
            version=read_etag(wanted.etag),
        )
        return groups_pb2.UpdateGroupResponse(group=convert.group(changed))

    async def delete_group(self, call: Call, request: groups_pb2.DeleteGroupRequest) -> groups_pb2.DeleteGroupResponse:
        """DeleteGroup."""
        await self._groups.delete(call.caller, read_name(request.name, "groups"))
        return groups_pb2.DeleteGroupResponse()

    async def add_stations(self, call: Call, request: groups_pb2.AddStationsRequest) -> groups_pb2.AddStationsResponse:
        """AddStations."""
        stations = [read_name(name, "stations") for name in request.stations]
        changed = await self._groups.add(call.caller, read_name(request.name, "groups"), stations)
        return groups_pb2.AddStationsResponse(group=convert.group(changed))

    async def remove_stations(
        self, call: Call, request: groups_pb2.RemoveStationsRequest
    ) -> groups_pb2.RemoveStationsResponse:
        """RemoveStations."""
        stations = [read_name(name, "stations") for name in request.stations]
        changed = await self._groups.remove(call.caller, read_name(request.name, "groups"), stations)
        return groups_pb2.RemoveStationsResponse(group=convert.group(changed))
