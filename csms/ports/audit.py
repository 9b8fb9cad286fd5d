"""Where it is kept who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.people import AuditEntry, AuditFilter


class AuditStore(Protocol):
    """The audit log: only added to, and cleared of what is too old. All raise Unavailable."""

    async def add(self, entry: AuditEntry) -> None:
        """`entry.id` is ignored."""

    async def begin(self, entry: AuditEntry) -> int:
        """The same for something whose end is not known yet. Its id."""

    async def finish(self, entry: AuditEntry) -> None:
        """How it ended: resource, outcome, before and after of the entry with this id. An outcome alone is on disk a
        moment later; until then the entry is there as it was begun."""

    async def page(self, *, wanted: AuditFilter, size: int, before: int | None) -> Sequence[AuditEntry]:
        """Newest first, with an id below `before`."""

    async def forget_actor(self, actor: str) -> None:
        """The entries stay; the name of who it was goes from them, and what was asked with it."""

    async def prune(self, before: datetime) -> int:
        """How many older ones went."""
