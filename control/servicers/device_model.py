"""DeviceModelService."""

from __future__ import annotations

from control.convert import device_model as convert
from control.convert import inventory, remote
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import device_model_pb2 as pb
from csms.domain.device_model import ComponentCriterion
from csms.domain.monitoring import EventStreams, MonitoringBase, MonitoringCriterion, MonitorsCleared, MonitorsSet
from csms.ports.inventory import VariableKey
from csms.services.device_model import DeviceModel
from csms.services.monitoring import Monitoring

_KEY = (str, str, int, int, str, str, str)


class DeviceModelServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["DeviceModelService"]

    def __init__(self, model: DeviceModel, monitoring: Monitoring) -> None:
        self._model = model
        self._monitoring = monitoring

    async def get_base_report(self, call: Call, request: pb.GetBaseReportRequest) -> pb.GetBaseReportResponse:
        """GetBaseReport."""
        target = remote.target(request.target, call.remaining())
        ordered = await self._model.get_base_report(call.caller, target, convert.report_base(request.report_base))
        return pb.GetBaseReportResponse(result=remote.result(ordered.outcome), job=inventory.job(ordered.job))

    async def get_report(self, call: Call, request: pb.GetReportRequest) -> pb.GetReportResponse:
        """GetReport."""
        target = remote.target(request.target, call.remaining())
        wanted = [convert.read_component_variable(each) for each in request.component_variables]
        criteria = convert.words(request.component_criteria, ComponentCriterion, "component criterion")
        ordered = await self._model.get_report(call.caller, target, wanted, criteria)
        return pb.GetReportResponse(result=remote.result(ordered.outcome), job=inventory.job(ordered.job))

    async def list_variables(self, call: Call, request: pb.ListVariablesRequest) -> pb.ListVariablesResponse:
        """ListVariables."""
        size = page_size(request.page_size)
        station_id = read_name(request.station, "stations")
        query = b"ListVariables%d/" % station_id + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, _KEY)
        found, total = await self._model.list_variables(
            call.caller,
            station_id,
            convert.variable_filter(request.filter),
            size=size + 1,
            after=None if place is None else VariableKey(*place),  # type: ignore[arg-type]  # read_token has checked
        )
        shown = fitting(convert.device_variable(each) for each in found[:size])
        token = ""
        if len(found) > len(shown):
            key = found[len(shown) - 1].key
            token = make_token([getattr(key, name) for name in key.__struct_fields__], query)
        return pb.ListVariablesResponse(variables=shown, next_page_token=token, total_size=total)

    async def set_variable_monitoring(
        self, call: Call, request: pb.SetVariableMonitoringRequest
    ) -> pb.SetVariableMonitoringResponse:
        """SetVariableMonitoring."""
        target = remote.target(request.target, call.remaining())
        wanted = [convert.read_monitor(each) for each in request.monitors]
        outcome = await self._monitoring.set_variable_monitoring(call.caller, target, wanted)
        told = outcome.answer.result
        return pb.SetVariableMonitoringResponse(
            result=remote.result(outcome),
            results=convert.setting_results(told.results if isinstance(told, MonitorsSet) else ()),
        )

    async def clear_variable_monitoring(
        self, call: Call, request: pb.ClearVariableMonitoringRequest
    ) -> pb.ClearVariableMonitoringResponse:
        """ClearVariableMonitoring."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._monitoring.clear_variable_monitoring(call.caller, target, request.ids)
        told = outcome.answer.result
        return pb.ClearVariableMonitoringResponse(
            result=remote.result(outcome),
            results=convert.clearing_results(told.results if isinstance(told, MonitorsCleared) else ()),
        )

    async def set_monitoring_base(
        self, call: Call, request: pb.SetMonitoringBaseRequest
    ) -> pb.SetMonitoringBaseResponse:
        """SetMonitoringBase."""
        target = remote.target(request.target, call.remaining())
        base = convert.word(request.monitoring_base, MonitoringBase, "monitoring base")
        outcome = await self._monitoring.set_monitoring_base(call.caller, target, base)
        return pb.SetMonitoringBaseResponse(result=remote.result(outcome))

    async def set_monitoring_level(
        self, call: Call, request: pb.SetMonitoringLevelRequest
    ) -> pb.SetMonitoringLevelResponse:
        """SetMonitoringLevel."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._monitoring.set_monitoring_level(call.caller, target, request.severity)
        return pb.SetMonitoringLevelResponse(result=remote.result(outcome))

    async def get_monitoring_report(
        self, call: Call, request: pb.GetMonitoringReportRequest
    ) -> pb.GetMonitoringReportResponse:
        """GetMonitoringReport."""
        target = remote.target(request.target, call.remaining())
        wanted = [convert.read_component_variable(each) for each in request.component_variables]
        criteria = convert.words(request.monitoring_criteria, MonitoringCriterion, "monitoring criterion")
        ordered = await self._monitoring.get_monitoring_report(call.caller, target, wanted, criteria)
        return pb.GetMonitoringReportResponse(result=remote.result(ordered.outcome), job=inventory.job(ordered.job))

    async def list_monitors(self, call: Call, request: pb.ListMonitorsRequest) -> pb.ListMonitorsResponse:
        """ListMonitors."""
        found = await self._monitoring.list_monitors(call.caller, read_name(request.station, "stations"))
        return pb.ListMonitorsResponse(monitors=fitting(convert.monitor(each) for each in found))

    async def request_customer_information(
        self, call: Call, request: pb.RequestCustomerInformationRequest
    ) -> pb.RequestCustomerInformationResponse:
        """RequestCustomerInformation."""
        target = remote.target(request.target, call.remaining())
        ordered = await self._model.request_customer_information(
            call.caller, target, convert.customer_reference(request), report=request.report, clear=request.clear
        )
        return pb.RequestCustomerInformationResponse(
            result=remote.result(ordered.outcome), job=inventory.job(ordered.job)
        )

    async def set_network_profile(
        self, call: Call, request: pb.SetNetworkProfileRequest
    ) -> pb.SetNetworkProfileResponse:
        """SetNetworkProfile."""
        target = remote.target(request.target, call.remaining())
        profile = convert.network_profile(request.connection_data)
        outcome = await self._model.set_network_profile(call.caller, target, request.configuration_slot, profile)
        return pb.SetNetworkProfileResponse(result=remote.result(outcome))

    async def list_periodic_event_streams(
        self, call: Call, request: pb.ListPeriodicEventStreamsRequest
    ) -> pb.ListPeriodicEventStreamsResponse:
        """ListPeriodicEventStreams."""
        station_id = read_name(request.station, "stations")
        found = await self._monitoring.list_periodic_event_streams(call.caller, station_id)
        return pb.ListPeriodicEventStreamsResponse(streams=fitting(convert.stream_view(each) for each in found))

    async def get_periodic_event_stream(
        self, call: Call, request: pb.GetPeriodicEventStreamRequest
    ) -> pb.GetPeriodicEventStreamResponse:
        """GetPeriodicEventStream."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._monitoring.get_periodic_event_stream(call.caller, target)
        told = outcome.answer.result
        streams = told.streams if isinstance(told, EventStreams) else ()
        return pb.GetPeriodicEventStreamResponse(
            result=remote.result(outcome), streams=[convert.stream(each, outcome.at) for each in streams]
        )

    async def adjust_periodic_event_stream(
        self, call: Call, request: pb.AdjustPeriodicEventStreamRequest
    ) -> pb.AdjustPeriodicEventStreamResponse:
        """AdjustPeriodicEventStream."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._monitoring.adjust_periodic_event_stream(
            call.caller, target, request.id, convert.read_params(request.params)
        )
        return pb.AdjustPeriodicEventStreamResponse(result=remote.result(outcome))
