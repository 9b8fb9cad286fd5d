"""Work in the background that lets others through: a little, then a rest as long as the work took.

Python runs one thread at a time, and the loop of asyncio one task. So whoever has much to compute does it in small
pieces, on whichever thread, and sleeps between them. What counts is what the thread did meanwhile, whoever wanted it:
the more the others have to do, the longer the rests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

PIECE: Final = 0.002
"""Seconds of work after which others get their turn."""
LONGEST: Final = 0.25
"""Seconds of rest at most: it goes on also where others never rest."""


class Pace:
    """In asyncio. `rest`: seconds of rest for each second of work; 0: others only get their turn."""

    def __init__(self, *, rest: float = 1.0, worked: Callable[[], float] = time.thread_time) -> None:
        self._rest = rest
        self._worked = worked
        self._began = worked()

    async def breathe(self) -> None:
        """Where others may come between; often called, seldom does anything."""
        worked = self._worked() - self._began
        if worked >= PIECE:
            await asyncio.sleep(min(LONGEST, worked * self._rest))
            self._began = self._worked()
