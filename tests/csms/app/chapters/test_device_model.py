"""The chapter brings its service and is told what it acts on. The rest of the wiring: tests/system/certification."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import trio

from csms.app.chapters.device_model import build
from csms.domain.device_model import ReportReceived
from csms.domain.monitoring import (
    EventsNotified,
    MonitoringReportReceived,
    StreamClosed,
    StreamOpened,
    StreamValuesReceived,
)
from csms.services.consulting import Consulting
from csms.services.reacting import Reacting
from tests.kit.service_world import NOW, ServiceWorld


async def test_its_service_is_served_and_stations_words_reach_it(nursery: trio.Nursery) -> None:
    world = ServiceWorld()
    parts: Any = SimpleNamespace(
        remote=world.remote,
        inventory=world.inventory_store,
        stores=SimpleNamespace(station_queries=world.station_queries),
        now=lambda: NOW,
        reacting=Reacting(),
        consulting=Consulting(),
        ground=nursery,
        work=nursery,
    )
    assert [servicer.service.name for servicer in build(parts)] == ["DeviceModelService"]
    assert parts.reacting.kinds == {
        ReportReceived,
        MonitoringReportReceived,
        StreamOpened,
        StreamClosed,
    }
    assert parts.consulting.kinds == {EventsNotified, StreamValuesReceived}
    nursery.cancel_scope.cancel()
