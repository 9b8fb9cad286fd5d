"""What is done because a station told something, after it has its reply: sign its certificate, ask it for a report."""

from __future__ import annotations

from typing import Protocol

from csms.domain.facts import Fact, Reply


class Reactions(Protocol):
    """Knows the kinds of facts that somebody wants to act on."""

    @property
    def kinds(self) -> frozenset[type[Fact]]:
        """It is told of these and no others."""

    def saw(self, station_id: int, fact: Fact, reply: Reply) -> None:
        """The fact is on disk and answered. Sync, never blocks, never raises; the work is done elsewhere."""
