"""Battery swapping."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.battery_swap import BatterySwapServicer
from csms.app.parts import Parts
from csms.services.battery_swap import BatterySwaps


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    return [BatterySwapServicer(BatterySwaps(parts.remote, parts.inventory, now=parts.now))]
