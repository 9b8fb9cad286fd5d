"""Wrong passwords of stations, told to all nodes, so that a limit holds for all of them together.

Stations sign in by the thousand after a power cut, so nobody is asked: each node decides by what it has seen and heard.
A guess is heard of within milliseconds, and no node says what a password was before it had the time to hear
(`AttemptLimiter.looked_at`), so guesses at several nodes at once count together. Away from the bus a node counts by
itself, as one that is alone.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec
import structlog
import trio

from csms.cluster.bus import Bus

log = structlog.get_logger("csms.guesses")

GATHER_SECONDS: Final = 0.01
MOST: Final = 10_000
"""Told at once; what is more is the storm of somebody whose address is known by then."""


class Counting(Protocol):
    """See `csms.transport.security.AttemptLimiter`."""

    def tell(self, told: SharedGuesses) -> None:
        """From now on tell others of what is seen here."""

    def heard(self, good: bool, identity: str, address: str) -> None:
        """Seen elsewhere."""


class SharedGuesses:
    """One door's. `run` must be running."""

    def __init__(self, bus: Bus, name: str, limiter: Counting) -> None:
        self._bus = bus
        self._limiter = limiter
        self._waiting: list[tuple[bool, str, str]] = []
        self._work = trio.Event()
        self._subject = bus.subject("all", "guesses", name)
        bus.answer(self._subject, self._hear)
        limiter.tell(self)

    def note(self, good: bool, identity: str, address: str) -> None:
        """Sync; what comes together is told together."""
        if len(self._waiting) < MOST:
            self._waiting.append((good, identity, address))
            self._work.set()

    async def run(self) -> None:
        """Tell it, for ever."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            waiting, self._waiting = self._waiting, []
            self._bus.tell(self._subject, msgspec.msgpack.encode((self._bus.name, waiting)))
            await trio.sleep(GATHER_SECONDS)

    async def _hear(self, _subject: str, payload: bytes) -> None:
        await trio.lowlevel.checkpoint()
        origin, told = msgspec.msgpack.decode(payload, type=tuple[str, list[tuple[bool, str, str]]])
        if origin != self._bus.name:
            for good, identity, address in told:
                self._limiter.heard(good, identity, address)
