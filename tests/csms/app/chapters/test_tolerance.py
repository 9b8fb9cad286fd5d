"""The chapter brings its service. The rest of the wiring: tests/system/test_tolerance.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from csms.app.chapters.tolerance import build
from csms.app.cluster import NobodyElse
from tests.kit.service_world import ServiceWorld


def test_its_service_is_served() -> None:
    world = ServiceWorld()
    stores = SimpleNamespace(tolerance=world.tolerance_store)
    parts: Any = SimpleNamespace(stores=stores, tolerance=world.tolerance_index, changes=NobodyElse())
    assert [servicer.service.name for servicer in build(parts)] == ["ToleranceService"]
