"""MaintenanceService."""

from __future__ import annotations

from control.convert import inventory, remote
from control.convert import maintenance as convert
from control.guard import Call
from control.v1 import maintenance_pb2
from csms.services.maintenance import Maintenance


class MaintenanceServicer:
    """A method is: convert, call one use case, convert."""

    service = maintenance_pb2.DESCRIPTOR.services_by_name["MaintenanceService"]

    def __init__(self, maintenance: Maintenance) -> None:
        self._maintenance = maintenance

    async def update_firmware(
        self, call: Call, request: maintenance_pb2.UpdateFirmwareRequest
    ) -> maintenance_pb2.UpdateFirmwareResponse:
        """UpdateFirmware."""
        target = remote.target(request.target, call.remaining())
        done = await self._maintenance.update_firmware(call.caller, target, convert.firmware_order(request))
        return maintenance_pb2.UpdateFirmwareResponse(result=remote.result(done.outcome), job=inventory.job(done.job))

    async def publish_firmware(
        self, call: Call, request: maintenance_pb2.PublishFirmwareRequest
    ) -> maintenance_pb2.PublishFirmwareResponse:
        """PublishFirmware."""
        target = remote.target(request.target, call.remaining())
        done = await self._maintenance.publish_firmware(
            call.caller, target, request.location.strip(), request.checksum, convert.retrying(request)
        )
        return maintenance_pb2.PublishFirmwareResponse(result=remote.result(done.outcome), job=inventory.job(done.job))

    async def unpublish_firmware(
        self, call: Call, request: maintenance_pb2.UnpublishFirmwareRequest
    ) -> maintenance_pb2.UnpublishFirmwareResponse:
        """UnpublishFirmware."""
        target = remote.target(request.target, call.remaining())
        outcome = await self._maintenance.unpublish_firmware(call.caller, target, request.checksum)
        return maintenance_pb2.UnpublishFirmwareResponse(result=remote.result(outcome))

    async def get_log(self, call: Call, request: maintenance_pb2.GetLogRequest) -> maintenance_pb2.GetLogResponse:
        """GetLog."""
        target = remote.target(request.target, call.remaining())
        done = await self._maintenance.get_log(call.caller, target, convert.log_order(request))
        return maintenance_pb2.GetLogResponse(
            result=remote.result(done.outcome), job=inventory.job(done.job), filename=done.filename
        )
