"""SystemService."""

from __future__ import annotations

from control.convert import system as convert
from control.guard import Call
from control.paging import masked_fields, read_etag
from control.v1 import system_pb2
from csms.services.system import System


class SystemServicer:
    """A method is: convert, call one use case, convert."""

    service = system_pb2.DESCRIPTOR.services_by_name["SystemService"]

    def __init__(self, system: System) -> None:
        self._system = system

    async def get_system_info(
        self, call: Call, request: system_pb2.GetSystemInfoRequest
    ) -> system_pb2.GetSystemInfoResponse:
        """GetSystemInfo."""
        return convert.system_info(await self._system.info(call.caller))

    async def get_system_processes(
        self, call: Call, _request: system_pb2.GetSystemProcessesRequest
    ) -> system_pb2.GetSystemProcessesResponse:
        """GetSystemProcesses."""
        found = await self._system.processes(call.caller)
        return system_pb2.GetSystemProcessesResponse(processes=map(convert.server_process, found))

    async def get_public_info(
        self, _call: Call, _request: system_pb2.GetPublicInfoRequest
    ) -> system_pb2.GetPublicInfoResponse:
        """GetPublicInfo."""
        return convert.public_info(await self._system.public())

    async def get_system_settings(
        self, call: Call, _request: system_pb2.GetSystemSettingsRequest
    ) -> system_pb2.GetSystemSettingsResponse:
        """GetSystemSettings."""
        return system_pb2.GetSystemSettingsResponse(
            settings=convert.system_settings(await self._system.settings(call.caller))
        )

    async def update_system_settings(
        self, call: Call, request: system_pb2.UpdateSystemSettingsRequest
    ) -> system_pb2.UpdateSystemSettingsResponse:
        """UpdateSystemSettings."""
        written = await self._system.update(
            call.caller,
            convert.read_system_settings(request.settings),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.settings.etag),
        )
        return system_pb2.UpdateSystemSettingsResponse(settings=convert.system_settings(written))
