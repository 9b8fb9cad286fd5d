"""Attempts at signing in, counted for all processes together."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Begun(msgspec.Struct, frozen=True):
    """`allowed`: look at it. `count`: attempts within the window, this one among them if it is allowed. `wait_s`: until
    the oldest one is no longer counted."""

    allowed: bool
    count: int
    wait_s: float


class AttemptBook(Protocol):
    """Both raise Unavailable."""

    async def begin(self, key: str, *, limit: int, window_s: float) -> Begun:
        """Note an attempt, unless there were `limit` of them within the window."""

    async def clear(self, key: str) -> None:
        """It was a good one: the slate is clean."""
