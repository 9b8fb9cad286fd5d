"""Work in the background that lets others through: a little, then a rest as long as the work took.

Python runs one thread at a time, and the loop of asyncio one task. So whoever has much to compute does it in small
pieces, on whichever thread, and sleeps between them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

PIECE: Final = 0.002
"""Seconds of work after which others get their turn."""


class Pace:
    """In asyncio. `rest`: seconds of rest for each second of work; 0: others only get their turn."""

    def __init__(self, *, rest: float = 1.0, now: Callable[[], float] = time.perf_counter) -> None:
        self._rest = rest
        self._now = now
        self._began = now()

    def start(self) -> None:
        """Work begins now: what was before was waiting."""
        self._began = self._now()

    async def breathe(self) -> None:
        """Where others may come between; often called, seldom does anything."""
        worked = self._now() - self._began
        if worked >= PIECE:
            await asyncio.sleep(worked * self._rest)
            self._began = self._now()
