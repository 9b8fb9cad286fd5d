"""SharingService."""

from __future__ import annotations

from control.convert import sharing as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import sharing_pb2
from csms.services.sharing import Sharing


class SharingServicer:
    """A method is: convert, call one use case, convert."""

    service = sharing_pb2.DESCRIPTOR.services_by_name["SharingService"]

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    async def share_station(
        self, call: Call, request: sharing_pb2.ShareStationRequest
    ) -> sharing_pb2.ShareStationResponse:
        """ShareStation."""
        station_id, level = read_name(request.station, "stations"), convert.read_level(request.level)
        made = await self._sharing.share(call.caller, station_id, request.email, level)
        return sharing_pb2.ShareStationResponse(share=convert.share(made))

    async def unshare_station(
        self, call: Call, request: sharing_pb2.UnshareStationRequest
    ) -> sharing_pb2.UnshareStationResponse:
        """UnshareStation."""
        station_id, user_id = read_name(request.station, "stations"), read_name(request.user, "users")
        await self._sharing.unshare(call.caller, station_id, user_id)
        return sharing_pb2.UnshareStationResponse()

    async def list_shares(self, call: Call, request: sharing_pb2.ListSharesRequest) -> sharing_pb2.ListSharesResponse:
        """ListShares."""
        found = await self._sharing.shares(call.caller, read_name(request.station, "stations"))
        return sharing_pb2.ListSharesResponse(
            owner=None if found.owner is None else convert.person(found.owner),
            shares=[convert.share(each) for each in found.shares],
        )

    async def list_my_access(
        self, call: Call, request: sharing_pb2.ListMyAccessRequest
    ) -> sharing_pb2.ListMyAccessResponse:
        """ListMyAccess."""
        found = await self._sharing.access(call.caller, [read_name(name, "stations") for name in request.stations])
        accesses = [convert.access(station_id, actions) for station_id, actions in found.items()]
        keeps = await self._sharing.keeps(call.caller)
        return sharing_pb2.ListMyAccessResponse(accesses=accesses, keeps_stations=keeps)

    async def set_owner(self, call: Call, request: sharing_pb2.SetOwnerRequest) -> sharing_pb2.SetOwnerResponse:
        """SetOwner."""
        owner = await self._sharing.set_owner(call.caller, read_name(request.station, "stations"), request.email)
        return sharing_pb2.SetOwnerResponse(owner=convert.person(owner))

    async def release_station(
        self, call: Call, request: sharing_pb2.ReleaseStationRequest
    ) -> sharing_pb2.ReleaseStationResponse:
        """ReleaseStation."""
        await self._sharing.release(call.caller, read_name(request.station, "stations"))
        return sharing_pb2.ReleaseStationResponse()
