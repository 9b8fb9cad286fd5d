"""Answers that need the world outside: a certificate authority for vehicles, a vendor's plug-in, a tax office.

An actor asks before it applies the fact; what comes back is `Context.consulted`."""

from __future__ import annotations

from typing import Protocol

from csms.domain.facts import Fact, Reply


class Consultant(Protocol):
    """Knows the kinds of facts that it has answers for."""

    @property
    def kinds(self) -> frozenset[type[Fact]]:
        """It is asked about these and no others."""

    async def consult(self, station_id: int, fact: Fact) -> Reply | None:
        """The reply, or None when there is none in time. Never raises but Cancelled."""
