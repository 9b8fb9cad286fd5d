"""The chapter brings its service. The rest of the wiring: tests/system/certification."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from csms.app.chapters.maintenance import build
from csms.domain.maintenance import FirmwareProgressed
from csms.services.reacting import Reacting
from tests.kit.service_world import NOW, ServiceWorld


def test_its_service_is_served() -> None:
    world = ServiceWorld()
    stores = SimpleNamespace(station_queries=world.station_queries, stations=world.station_store)
    files = SimpleNamespace(transfers=world.transfers, images=world.image_store)
    reacting = Reacting()
    parts: Any = SimpleNamespace(
        remote=world.remote,
        inventory=world.inventory_store,
        stores=stores,
        files=files,
        now=lambda: NOW,
        reacting=reacting,
        notifier=world.notifications,
    )
    assert [servicer.service.name for servicer in build(parts)] == ["MaintenanceService"]
    assert FirmwareProgressed in reacting.kinds
