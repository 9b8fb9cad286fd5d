"""BatterySwapService."""

from __future__ import annotations

from control.convert import inventory, remote
from control.guard import Call
from control.v1 import battery_swap_pb2
from csms.services.battery_swap import BatterySwaps


class BatterySwapServicer:
    """A method is: convert, call one use case, convert."""

    service = battery_swap_pb2.DESCRIPTOR.services_by_name["BatterySwapService"]

    def __init__(self, swaps: BatterySwaps) -> None:
        self._swaps = swaps

    async def request_battery_swap(
        self, call: Call, request: battery_swap_pb2.RequestBatterySwapRequest
    ) -> battery_swap_pb2.RequestBatterySwapResponse:
        """RequestBatterySwap."""
        target = remote.target(request.target, call.remaining())
        ordered = await self._swaps.request(call.caller, target, request.id_token)
        return battery_swap_pb2.RequestBatterySwapResponse(
            result=remote.result(ordered.outcome), job=inventory.job(ordered.job)
        )
