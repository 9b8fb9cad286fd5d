"""ConfigurationService."""

from __future__ import annotations

from control.convert import configuration as convert
from control.convert import remote
from control.convert.common import timestamp
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import configuration_pb2 as pb
from csms.domain.configuration import order_of
from csms.services.configuration import Configuration, differences
from csms.services.configuration_templates import ConfigurationTemplates


class ConfigurationServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["ConfigurationService"]

    def __init__(self, configuration: Configuration, templates: ConfigurationTemplates) -> None:
        self._configuration = configuration
        self._templates = templates

    async def list_configuration(
        self, call: Call, request: pb.ListConfigurationRequest
    ) -> pb.ListConfigurationResponse:
        """ListConfiguration."""
        size = page_size(request.page_size, default=1000)
        station_id = read_name(request.station, "stations")
        query = b"ListConfiguration%d/" % station_id + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (str, str))
        told = await self._configuration.overview(call.caller, station_id, convert.setting_filter(request.filter))
        rest = [each for each in told.settings if place is None or (order_of(each), each.name) > place]
        shown = fitting(convert.setting(each) for each in rest[:size])
        last = rest[len(shown) - 1] if len(rest) > len(shown) else None
        return pb.ListConfigurationResponse(
            settings=shown,
            next_page_token="" if last is None else make_token([order_of(last), last.name], query),
            total_size=len(told.settings),
            difference_count=told.differences,
            read_time=timestamp(told.status.read_at),
            failure=told.status.failure,
            upload_pending=told.status.upload_due,
        )

    async def set_desired(self, call: Call, request: pb.SetDesiredRequest) -> pb.SetDesiredResponse:
        """SetDesired."""
        found = await self._configuration.set_desired(
            call.caller, read_name(request.station, "stations"), convert.read_values(request.values)
        )
        return pb.SetDesiredResponse(settings=map(convert.setting, found))

    async def clear_desired(self, call: Call, request: pb.ClearDesiredRequest) -> pb.ClearDesiredResponse:
        """ClearDesired."""
        count = await self._configuration.clear_desired(
            call.caller, read_name(request.station, "stations"), request.names, everything=request.all
        )
        return pb.ClearDesiredResponse(cleared_count=count)

    async def upload_configuration(
        self, call: Call, request: pb.UploadConfigurationRequest
    ) -> pb.UploadConfigurationResponse:
        """UploadConfiguration."""
        done = await self._configuration.upload(
            call.caller,
            remote.target(request.target, call.remaining()),
            list(request.names),
            when_connected=request.when_connected,
        )
        return pb.UploadConfigurationResponse(
            settings=map(convert.setting, done.settings), queued=done.queued, reboot_required=done.reboot_required
        )

    async def refresh_configuration(
        self, call: Call, request: pb.RefreshConfigurationRequest
    ) -> pb.RefreshConfigurationResponse:
        """RefreshConfiguration."""
        whole, found = await self._configuration.refresh(call.caller, remote.target(request.target, call.remaining()))
        return pb.RefreshConfigurationResponse(
            complete=whole, setting_count=len(found), difference_count=differences(found)
        )

    async def list_drift(self, call: Call, request: pb.ListDriftRequest) -> pb.ListDriftResponse:
        """ListDrift."""
        size = page_size(request.page_size)
        query = b"ListDrift" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (str, int))
        found, total = await self._configuration.drift(
            call.caller,
            convert.drift_filter(request.filter),
            place_id=read_name(request.filter.place, "places") if request.filter.place else None,
            group_id=read_name(request.filter.group, "groups") if request.filter.group else None,
            size=size + 1,
            after=None if place is None else (str(place[0]), int(place[1])),
        )
        shown = found[:size]
        last = shown[-1] if len(found) > size else None
        return pb.ListDriftResponse(
            stations=map(convert.drift, shown),
            next_page_token="" if last is None else make_token([last.identity, last.station_id], query),
            total_size=total,
        )

    # -- templates -----------------------------------------------------------------------------------------------------

    async def list_configuration_templates(
        self, call: Call, request: pb.ListConfigurationTemplatesRequest
    ) -> pb.ListConfigurationTemplatesResponse:
        """ListConfigurationTemplates."""
        del request
        found = await self._templates.all(call.caller)
        return pb.ListConfigurationTemplatesResponse(templates=map(convert.template, found))

    async def get_configuration_template(
        self, call: Call, request: pb.GetConfigurationTemplateRequest
    ) -> pb.GetConfigurationTemplateResponse:
        """GetConfigurationTemplate."""
        found = await self._templates.get(call.caller, read_name(request.name, convert.TEMPLATES))
        return pb.GetConfigurationTemplateResponse(template=convert.template(found))

    async def create_configuration_template(
        self, call: Call, request: pb.CreateConfigurationTemplateRequest
    ) -> pb.CreateConfigurationTemplateResponse:
        """CreateConfigurationTemplate."""
        made = await self._templates.create(call.caller, convert.read_template(request.template, new=True))
        return pb.CreateConfigurationTemplateResponse(template=convert.template(made))

    async def update_configuration_template(
        self, call: Call, request: pb.UpdateConfigurationTemplateRequest
    ) -> pb.UpdateConfigurationTemplateResponse:
        """UpdateConfigurationTemplate."""
        made = await self._templates.update(
            call.caller,
            convert.read_template(request.template),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.template.etag),
        )
        return pb.UpdateConfigurationTemplateResponse(template=convert.template(made))

    async def delete_configuration_template(
        self, call: Call, request: pb.DeleteConfigurationTemplateRequest
    ) -> pb.DeleteConfigurationTemplateResponse:
        """DeleteConfigurationTemplate."""
        await self._templates.delete(call.caller, read_name(request.name, convert.TEMPLATES))
        return pb.DeleteConfigurationTemplateResponse()

    async def preview_template(self, call: Call, request: pb.PreviewTemplateRequest) -> pb.PreviewTemplateResponse:
        """PreviewTemplate."""
        found = await self._templates.preview(
            call.caller,
            read_name(request.station, "stations"),
            read_name(request.template, convert.TEMPLATES) if request.template else None,
        )
        return pb.PreviewTemplateResponse(settings=map(convert.planned, found))

    async def apply_template(self, call: Call, request: pb.ApplyTemplateRequest) -> pb.ApplyTemplateResponse:
        """ApplyTemplate."""
        count = await self._templates.apply(
            call.caller,
            read_name(request.template, convert.TEMPLATES) if request.template else None,
            [read_name(name, "stations") for name in request.stations],
            read_name(request.place, "places") if request.place else None,
            upload=request.upload,
        )
        return pb.ApplyTemplateResponse(station_count=count)
