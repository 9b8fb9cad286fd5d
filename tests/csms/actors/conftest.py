"""Whatever a link is shown to do, it does in both ways in which a message comes."""

from __future__ import annotations

import pytest

from tests.kit.fake_wire import MemoryWire


@pytest.fixture(autouse=True, params=[True, False], ids=["offered", "read"])
def way_of_coming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryWire, "offers", request.param)
