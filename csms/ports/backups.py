"""Backups of the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Backup(msgspec.Struct, frozen=True):
    """One dump. `tables`: name → [rows, hash]. `verified_at` None: never restored yet; `error`: why it is not good."""

    name: str
    made_at: datetime
    size_bytes: int
    sha256: str
    tables: dict[str, tuple[int, str]]
    verified_at: datetime | None = None
    error: str = ""
    files: dict[str, tuple[int, str]] = {}
    """What lies beside the database: name in the data folder → [bytes, SHA-256]."""

    @property
    def good(self) -> bool:
        """It was restored elsewhere and nothing differed."""
        return self.verified_at is not None and not self.error


class BackupStore(Protocol):
    """The dumps of one database. Methods raise Unavailable while the database is away, and FailedPrecondition with a
    sentence when a program or the disk says no."""

    def all(self) -> Sequence[Backup]:
        """Newest first."""

    def get(self, name: str) -> Backup:
        """Raises NotFound."""

    async def make(self) -> Backup:
        """Dump, restore elsewhere, compare, take away what is too old. One at a time."""

    async def verify(self, name: str) -> Backup:
        """Restore an old one once more and compare. Raises NotFound."""
