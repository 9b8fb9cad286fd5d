"""The fake control plane's remote operations: what becomes of a command is set by the test."""

from __future__ import annotations

from datetime import UTC, datetime

from control.v1 import (
    device_model_pb2,
    device_model_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    remote_pb2,
    remote_pb2_grpc,
    sessions_pb2,
    stations_pb2,
)
from tests.kit.fake_services import Service
from tests.kit.fake_world import stamp


class Remote(Service, remote_pb2_grpc.RemoteServiceServicer):
    """Commands: what becomes of them is set in ``fake.answers`` and ``fake.failures``."""

    async def _do(self, context, method, station):
        await self.fake.enter(context, method)
        return await self.fake.result(context, method, station)

    async def RequestStartTransaction(self, request, context):
        result = await self._do(context, "RequestStartTransaction", request.target.station)
        if result.accepted:
            station = self.world.stations[request.target.station.partition("/")[2]]
            for evse in station.evses:
                if request.evse_id in (0, evse.evse_id) and not evse.session:
                    session = self.world.begin_session(station, evse, 0, request.id_token)
                    self.fake.publish_session(session)
                    self.fake.publish_station(station)
                    break
        return remote_pb2.RequestStartTransactionResponse(result=result)

    async def RequestStopTransaction(self, request, context):
        session = self.world.sessions[request.session.partition("/")[2]]
        result = await self._do(context, "RequestStopTransaction", session.station)
        if result.accepted:
            station = self.world.stations[session.station.partition("/")[2]]
            session.state = sessions_pb2.SESSION_STATE_ENDED
            session.power_w = 0
            session.stop_reason = "Remote"
            session.stop_time.CopyFrom(stamp(self.world.now))
            for evse in station.evses:
                if evse.session == session.name:
                    evse.session, evse.power_w, evse.energy_wh = "", 0, 0
                    evse.connectors[0].status = stations_pb2.CONNECTOR_STATUS_FINISHING
            self.fake.publish_session(session)
            self.fake.publish_station(station)
        return remote_pb2.RequestStopTransactionResponse(result=result)

    async def Reset(self, request, context):
        return remote_pb2.ResetResponse(result=await self._do(context, "Reset", request.target.station))

    async def ChangeAvailability(self, request, context):
        result = await self._do(context, "ChangeAvailability", request.target.station)
        return remote_pb2.ChangeAvailabilityResponse(result=result)

    async def UnlockConnector(self, request, context):
        result = await self._do(context, "UnlockConnector", request.target.station)
        return remote_pb2.UnlockConnectorResponse(result=result)

    async def ClearCache(self, request, context):
        return remote_pb2.ClearCacheResponse(result=await self._do(context, "ClearCache", request.target.station))

    async def TriggerMessage(self, request, context):
        result = await self._do(context, "TriggerMessage", request.target.station)
        return remote_pb2.TriggerMessageResponse(result=result)

    async def GetVariables(self, request, context):
        result = await self._do(context, "GetVariables", request.target.station)
        variables = [
            remote_pb2.Variable(name=name, value=value, readonly=readonly)
            for name, (value, readonly) in self.world.variables.items()
        ]
        return remote_pb2.GetVariablesResponse(result=result, variables=variables)

    async def SetVariables(self, request, context):
        result = await self._do(context, "SetVariables", request.target.station)
        for variable in request.variables:
            self.world.variables[variable.name] = (variable.value, False)
        return remote_pb2.SetVariablesResponse(
            results=[remote_pb2.SetVariableResult(name=v.name, result=result) for v in request.variables]
        )

    async def DataTransfer(self, request, context):
        result = await self._do(context, "DataTransfer", request.target.station)
        return remote_pb2.DataTransferResponse(result=result, data=request.data[::-1])


class DeviceModel(Service, device_model_pb2_grpc.DeviceModelServiceServicer):
    """A station of 2.x that reports the world's variables, one a page."""

    async def GetBaseReport(self, request, context):
        await self.fake.enter(context, "GetBaseReport")
        result = await self.fake.result(context, "GetBaseReport", request.target.station)
        return device_model_pb2.GetBaseReportResponse(
            result=result, job=inventory_pb2.Job(name=f"{request.target.station}/jobs/7")
        )

    async def ListVariables(self, request, context):
        await self.fake.enter(context, "ListVariables")
        known = sorted(self.world.variables.items())
        place = int(request.page_token or 0)
        name, (value, readonly) = known[place]
        return device_model_pb2.ListVariablesResponse(
            variables=[
                device_model_pb2.DeviceVariable(
                    name=f"Ctrlr.{name}", value=value, mutability="ReadOnly" if readonly else "ReadWrite"
                )
            ],
            next_page_token=str(place + 1) if place + 1 < len(known) else "",
        )


class Jobs(Service, inventory_pb2_grpc.InventoryServiceServicer):
    """A job that is done when it is looked at."""

    async def GetJob(self, request, context):
        await self.fake.enter(context, "GetJob")
        return inventory_pb2.GetJobResponse(
            job=inventory_pb2.Job(name=request.name, finish_time=stamp(datetime.now(UTC)))
        )
