"""One process at a time does a thing."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """For a task that must not run in two processes at once."""

    async def holds(self) -> bool:
        """Is it ours? Takes it when it is free. Asked again now and then: a connection that broke has lost it.

        Raises Unavailable while the database is away.
        """

    async def release(self) -> None:
        """Let somebody else have it. Never fails."""
