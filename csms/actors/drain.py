"""Ordered, bounded, idempotent stop: from the outside in, each step under one deadline that only comes nearer."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

Step = Callable[[], Awaitable[None]]

LAST_CHANCE_SECONDS: Final = 2.0
"""What a step gets when the deadline has passed before its turn: the journal should still be flushed."""


class Drain:
    """The node's stop. `begin` may be called by a signal handler's task, an API and a crash alike."""

    def __init__(self, *, last_chance_s: float = LAST_CHANCE_SECONDS) -> None:
        self._steps: list[tuple[str, Step]] = []
        self._begun = trio.Event()
        self._scope: trio.CancelScope | None = None
        self._last_chance_s = last_chance_s
        self.deadline = math.inf
        """trio's clock, seconds."""

    @property
    def draining(self) -> bool:
        """Whether it has begun."""
        return self._begun.is_set()

    def add(self, name: str, step: Step) -> None:
        """A step, after those that were added before. A step may be cancelled, and must then still leave order."""
        self._steps.append((name, step))

    def begin(self, seconds: float) -> None:
        """Stop within `seconds`. Again: the deadline only moves forward, never back."""
        self.deadline = min(self.deadline, trio.current_time() + seconds)
        if self._scope is not None:
            self._scope.deadline = min(self._scope.deadline, self.deadline)
        self._begun.set()

    async def wait_begun(self) -> None:
        """Until somebody wants it to stop."""
        await self._begun.wait()

    async def run(self) -> list[str]:
        """Wait until it begins, then take the steps in order. Returns the names of those that were cut short."""
        await self._begun.wait()
        cut: list[str] = []
        for name, step in self._steps:
            least = trio.current_time() + self._last_chance_s
            with trio.CancelScope(deadline=max(self.deadline, least)) as self._scope:
                await step()
            if self._scope.cancelled_caught:
                cut.append(name)
            self._scope = None
        return cut


async def spread(items: int, seconds: float) -> None:
    """Sleep between two of `items` things that shall take `seconds` in all, so that what follows does not storm."""
    await trio.sleep(seconds / items if items > 1 else 0.0)
