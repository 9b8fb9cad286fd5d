"""The fake control plane's orders about security."""

from __future__ import annotations

import grpc

from control.v1 import station_security_pb2 as pb
from control.v1 import station_security_pb2_grpc
from tests.kit.fake_services import Service


class StationSecurity(Service, station_security_pb2_grpc.StationSecurityServiceServicer):
    """What becomes of an order is set in ``fake.answers`` and ``fake.failures``, by the name of the method."""

    async def RotateStationPassword(self, request, context):
        await self.fake.enter(context, "RotateStationPassword", administrators=True)
        result = await self.fake.result(context, "RotateStationPassword", request.target.station)
        state = pb.PASSWORD_STATE_SENT if result.accepted else pb.PASSWORD_STATE_REJECTED
        if result.accepted:
            station = self.world.stations[request.target.station.partition("/")[2]]
            station.password_change_pending = True
            self.fake.publish_station(station)
        return pb.RotateStationPasswordResponse(state=state, result=result)

    async def UpgradeSecurityProfile(self, request, context):
        await self.fake.enter(context, "UpgradeSecurityProfile", administrators=True)
        result = await self.fake.result(context, "UpgradeSecurityProfile", request.target.station)
        step = pb.SecurityProfileStep(command="SetVariables", result=result)
        return pb.UpgradeSecurityProfileResponse(accepted=result.accepted, steps=[step])

    async def SetSecurityProfile(self, request, context):
        await self.fake.enter(context, "SetSecurityProfile", administrators=True)
        if not 0 <= request.security_profile <= 3:
            text = "Security profiles are 0, 1, 2 and 3."
            await self.fake.fail(context, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PROFILE", text)
        station = self.world.stations[request.name.partition("/")[2]]
        station.security_profile = request.security_profile
        self.fake.publish_station(station)
        return pb.SetSecurityProfileResponse(station=station)
