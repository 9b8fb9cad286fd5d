"""AlarmService of the fake control plane: the alarms of its world, as they are."""

from __future__ import annotations

import grpc

from control.v1 import alarms_pb2 as pb
from control.v1 import alarms_pb2_grpc
from tests.kit.fake_services import Service


class Alarms(Service, alarms_pb2_grpc.AlarmServiceServicer):
    """Reading; `fake.failures["SummarizeAlarms"]` is what that ends with."""

    async def SummarizeAlarms(self, request, context):
        await self.fake.enter(context, "SummarizeAlarms")
        if "SummarizeAlarms" in self.fake.failures:
            code, reason = self.fake.failures["SummarizeAlarms"]
            await self.fake.fail(context, code, reason, reason)
        active = [each for each in self.world.alarms.values() if each.state == pb.ALARM_STATE_ACTIVE]
        numbers = [
            pb.SummarizeAlarmsResponse.Number(
                kind=each.kind,
                severity=each.severity,
                active_count=1,
                unacknowledged_count=int(not each.HasField("acknowledge_time")),
            )
            for each in active
        ]
        return pb.SummarizeAlarmsResponse(
            numbers=numbers,
            active_count=len(active),
            unacknowledged_count=sum(each.unacknowledged_count for each in numbers),
        )

    async def ListAlarms(self, request, context):
        await self.fake.enter(context, "ListAlarms")
        wanted = request.filter
        found = [
            each
            for each in self.world.alarms.values()
            if wanted.station in ("", each.station) and wanted.state in (pb.ALARM_STATE_UNSPECIFIED, each.state)
        ]
        return pb.ListAlarmsResponse(alarms=found, total_count=len(found))

    async def GetAlarm(self, request, context):
        await self.fake.enter(context, "GetAlarm")
        if request.name not in self.world.alarms:
            await self.fake.fail(context, grpc.StatusCode.NOT_FOUND, "ALARM_NOT_FOUND", "No such alarm.")
        return pb.GetAlarmResponse(alarm=self.world.alarms[request.name])

    async def ListEvents(self, request, context):
        await self.fake.enter(context, "ListEvents")
        events = [
            pb.LogEvent(name=f"events/{number}", kind="AlarmRaised", summary=each.text, station=each.station)
            for number, each in enumerate(self.world.alarms.values(), 1)
        ]
        return pb.ListEventsResponse(events=events)
