"""When the garbage collector is told what stays. What that saves is measured by `make bench`."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from csms.app.garbage import LOOK_SECONDS, THRESHOLDS, WAVE, freeze_waves, set_thresholds


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the collector was told, in order."""
    made: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda *_: made.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: made.append("freeze"))
    return made


@pytest.fixture
def usual_thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


async def test_each_wave_is_frozen_also_when_all_came_back_and_there_are_no_more_than_before(
    calls: list[str], nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    opened = 0
    nursery.start_soon(freeze_waves, lambda: opened)
    await trio.sleep(10)
    assert calls == ["collect", "freeze"]  # what there is at the start, and nothing while nobody comes
    opened += WAVE - 1
    await trio.sleep(10)
    assert len(calls) == 2
    opened += 1
    await trio.sleep(LOOK_SECONDS * 1.5)
    assert calls == ["collect", "freeze"] * 2
    opened += 40 * WAVE  # a power cut: ten thousand at once
    await trio.sleep(10)
    assert calls == ["collect", "freeze"] * 3


@pytest.mark.usefixtures("usual_thresholds")
def test_the_thresholds_keep_each_look_short() -> None:
    set_thresholds()
    young, middle, _ = gc.get_threshold()
    assert gc.get_threshold() == THRESHOLDS
    assert young * (middle + 1) <= 40_000
