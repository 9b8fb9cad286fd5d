"""SmartChargingService."""

from __future__ import annotations

from control.convert import inventory as convert_inventory
from control.convert import remote as convert_remote
from control.convert import smart_charging as convert
from control.convert.common import moment
from control.convert.names import read_name
from control.guard import Call
from control.v1 import smart_charging_pb2
from csms.services.smart_charging import SmartCharging


class SmartChargingServicer:
    """A method is: convert, call one use case, convert."""

    service = smart_charging_pb2.DESCRIPTOR.services_by_name["SmartChargingService"]

    def __init__(self, smart_charging: SmartCharging) -> None:
        self._smart_charging = smart_charging

    async def set_charging_profile(
        self, call: Call, request: smart_charging_pb2.SetChargingProfileRequest
    ) -> smart_charging_pb2.SetChargingProfileResponse:
        """SetChargingProfile."""
        target = convert_remote.target(request.target, call.remaining())
        profile = convert.profile(request.profile)
        outcome = await self._smart_charging.set_charging_profile(call.caller, target, request.evse_id, profile)
        return smart_charging_pb2.SetChargingProfileResponse(result=convert_remote.result(outcome))

    async def clear_charging_profile(
        self, call: Call, request: smart_charging_pb2.ClearChargingProfileRequest
    ) -> smart_charging_pb2.ClearChargingProfileResponse:
        """ClearChargingProfile."""
        target = convert_remote.target(request.target, call.remaining())
        command = convert.clearing(request)
        outcome = await self._smart_charging.clear_charging_profile(call.caller, target, command)
        return smart_charging_pb2.ClearChargingProfileResponse(result=convert_remote.result(outcome))

    async def get_composite_schedule(
        self, call: Call, request: smart_charging_pb2.GetCompositeScheduleRequest
    ) -> smart_charging_pb2.GetCompositeScheduleResponse:
        """GetCompositeSchedule."""
        target = convert_remote.target(request.target, call.remaining())
        command = convert.composite(request)
        found = await self._smart_charging.get_composite_schedule(
            call.caller, target, command, with_computed=request.include_computed
        )
        return smart_charging_pb2.GetCompositeScheduleResponse(
            result=convert_remote.result(found.outcome),
            schedule=convert.composite_schedule(found.schedule),
            computed=convert.composite_schedule(found.computed),
        )

    async def get_charging_profiles(
        self, call: Call, request: smart_charging_pb2.GetChargingProfilesRequest
    ) -> smart_charging_pb2.GetChargingProfilesResponse:
        """GetChargingProfiles."""
        target = convert_remote.target(request.target, call.remaining())
        ordered = await self._smart_charging.get_charging_profiles(call.caller, target, convert.reporting(request))
        return smart_charging_pb2.GetChargingProfilesResponse(
            result=convert_remote.result(ordered.outcome), job=convert_inventory.job(ordered.job)
        )

    async def list_charging_profiles(
        self, call: Call, request: smart_charging_pb2.ListChargingProfilesRequest
    ) -> smart_charging_pb2.ListChargingProfilesResponse:
        """ListChargingProfiles."""
        station_id = read_name(request.station, "stations")
        found = await self._smart_charging.list_charging_profiles(call.caller, station_id)
        return smart_charging_pb2.ListChargingProfilesResponse(profiles=[convert.stored(each) for each in found])

    async def use_priority_charging(
        self, call: Call, request: smart_charging_pb2.UsePriorityChargingRequest
    ) -> smart_charging_pb2.UsePriorityChargingResponse:
        """UsePriorityCharging."""
        target = convert_remote.target(request.target, call.remaining())
        outcome = await self._smart_charging.use_priority_charging(
            call.caller, target, request.transaction_id, request.activate
        )
        return smart_charging_pb2.UsePriorityChargingResponse(result=convert_remote.result(outcome))

    async def update_dynamic_schedule(
        self, call: Call, request: smart_charging_pb2.UpdateDynamicScheduleRequest
    ) -> smart_charging_pb2.UpdateDynamicScheduleResponse:
        """UpdateDynamicSchedule."""
        target = convert_remote.target(request.target, call.remaining())
        outcome = await self._smart_charging.update_dynamic_schedule(
            call.caller, target, request.charging_profile_id, convert.schedule_update(request.schedule_update)
        )
        return smart_charging_pb2.UpdateDynamicScheduleResponse(result=convert_remote.result(outcome))

    async def send_afrr_signal(
        self, call: Call, request: smart_charging_pb2.SendAfrrSignalRequest
    ) -> smart_charging_pb2.SendAfrrSignalResponse:
        """SendAfrrSignal."""
        target = convert_remote.target(request.target, call.remaining())
        at = moment(request.signal_time) if request.HasField("signal_time") else None
        outcome = await self._smart_charging.send_afrr_signal(call.caller, target, request.signal, at)
        return smart_charging_pb2.SendAfrrSignalResponse(result=convert_remote.result(outcome))

    async def notify_allowed_energy_transfer(
        self, call: Call, request: smart_charging_pb2.NotifyAllowedEnergyTransferRequest
    ) -> smart_charging_pb2.NotifyAllowedEnergyTransferResponse:
        """NotifyAllowedEnergyTransfer."""
        target = convert_remote.target(request.target, call.remaining())
        outcome = await self._smart_charging.notify_allowed_energy_transfer(
            call.caller, target, request.transaction_id, request.allowed_energy_transfer
        )
        return smart_charging_pb2.NotifyAllowedEnergyTransferResponse(result=convert_remote.result(outcome))
