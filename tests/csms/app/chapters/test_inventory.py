"""The chapter brings its service. The rest of the wiring: tests/system/certification."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from csms.app.chapters.inventory import build
from tests.kit.service_world import NOW, ServiceWorld


def test_its_service_is_served() -> None:
    world = ServiceWorld()
    stores = SimpleNamespace(stations=world.station_store)
    parts: Any = SimpleNamespace(inventory=world.inventory_store, stores=stores, scopes=world.scopes, now=lambda: NOW)
    assert [servicer.service.name for servicer in build(parts)] == ["InventoryService"]
