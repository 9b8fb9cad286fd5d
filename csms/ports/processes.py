"""Which processes make up the installation at this moment, and how they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Process(msgspec.Struct, frozen=True):
    """One of them, as it says itself. Said over the bus: fields are only added, with a default."""

    name: str
    role: str = ""
    """`serve`, `node` or `control`."""
    version: str = ""
    host: str = ""
    """The machine's name."""
    started_at: datetime | None = None
    stations: int = 0
    """Connected to it."""
    leases: tuple[str, ...] = ()
    """Work of the whole installation that is done in it."""
    troubles: tuple[str, ...] = ()
    """Why it should get no newcomers, a sentence each; empty: all is well."""
    answers: bool = True
    """False: it is known, and says nothing."""


class Processes(Protocol):
    """Where to ask."""

    async def look(self) -> Sequence[Process]:
        """All of them, by name. Never raises for one that is away: then it does not answer."""
