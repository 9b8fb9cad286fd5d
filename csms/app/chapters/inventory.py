"""What stations told: events, jobs, things they hold."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.inventory import InventoryServicer
from csms.app.parts import Parts
from csms.services.inventory import StationInventory


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    inventory = StationInventory(parts.inventory, parts.stores.stations, parts.scopes, now=parts.now)
    return [InventoryServicer(inventory)]
