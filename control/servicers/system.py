"""SystemService."""

from __future__ import annotations

from control.convert import system as convert
from control.guard import Call
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
