"""StationSecurityService."""

from __future__ import annotations

from control.convert import remote, stations
from control.convert import station_security as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import station_security_pb2
from csms.services.station_security import StationSecurity


class StationSecurityServicer:
    """A method is: convert, call one use case, convert."""

    service = station_security_pb2.DESCRIPTOR.services_by_name["StationSecurityService"]

    def __init__(self, security: StationSecurity) -> None:
        self._security = security

    async def rotate_station_password(
        self, call: Call, request: station_security_pb2.RotateStationPasswordRequest
    ) -> station_security_pb2.RotateStationPasswordResponse:
        """RotateStationPassword."""
        target = remote.target(request.target, call.remaining())
        return convert.rotation(await self._security.rotate_password(call.caller, target, request.password))

    async def upgrade_security_profile(
        self, call: Call, request: station_security_pb2.UpgradeSecurityProfileRequest
    ) -> station_security_pb2.UpgradeSecurityProfileResponse:
        """UpgradeSecurityProfile."""
        target = remote.target(request.target, call.remaining())
        network = convert.network(request.network)
        return convert.upgrade(
            await self._security.upgrade_profile(call.caller, target, request.security_profile, network)
        )

    async def set_security_profile(
        self, call: Call, request: station_security_pb2.SetSecurityProfileRequest
    ) -> station_security_pb2.SetSecurityProfileResponse:
        """SetSecurityProfile."""
        station_id = read_name(request.name, "stations")
        view = await self._security.set_profile(call.caller, station_id, request.security_profile)
        return station_security_pb2.SetSecurityProfileResponse(station=stations.station(view))
