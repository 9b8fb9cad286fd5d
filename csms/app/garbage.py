"""When the garbage collector looks, and at what: thousands of connections make a full collection take most of a second,
in which nobody is answered, and hardly anything of it is garbage (docs/performance.md)."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

import trio

THRESHOLDS: Final = (10_000, 3, 250)
"""The middle generation holds at most some 40,000 objects when it is looked through: 10 to 20 ms."""
WAVE: Final = 100
"""Connections, each of some hundred objects."""
LOOK_SECONDS: Final = 0.25


def set_thresholds() -> None:
    """For the whole process."""
    gc.set_threshold(*THRESHOLDS)


async def freeze_waves(opened: Callable[[], int]) -> None:
    """Put what lives long out of the collector's sight: what there is before the first station comes, then each wave of
    connections; `opened` says how many were ever opened. Runs until cancelled.

    What is not frozen yet is looked through as a whole before, so that no garbage is frozen; of a wave that takes no
    longer than one look at the middle generation. It is how many were *opened* that counts and not how many there
    are: after a power cut all of them are new, and a full collection would come upon them all at once.
    """
    gc.collect()
    gc.freeze()
    frozen = opened()
    while True:
        await trio.sleep(LOOK_SECONDS)
        now = opened()
        if now - frozen >= WAVE:
            gc.collect()
            gc.freeze()
            frozen = now
