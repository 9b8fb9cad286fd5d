"""BackupStore in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import trio

from csms.domain.errors import NotFound
from csms.ports.backups import Backup

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


class FakeBackups:
    """Dumps of nothing; `damaged`: what is verified is not good."""

    def __init__(self) -> None:
        self._made: dict[str, Backup] = {}
        self.damaged = False

    def all(self) -> Sequence[Backup]:
        return list(self._made.values())[::-1]

    def get(self, name: str) -> Backup:
        if name not in self._made:
            raise NotFound(f"There is no backup {name!r} (any more).", reason="BACKUP_NOT_FOUND")
        return self._made[name]

    async def make(self) -> Backup:
        await trio.lowlevel.checkpoint()
        name = f"chargehouse-{len(self._made)}"
        tables = {"station": (1, "1"), "session": (2, "2")}
        self._made[name] = Backup(name, T0, 1234, "ab", tables)
        return self._made[name]

    async def verify(self, name: str) -> Backup:
        await trio.lowlevel.checkpoint()
        error = "It was damaged." if self.damaged else ""
        self._made[name] = msgspec.structs.replace(self.get(name), verified_at=T0, error=error)
        return self._made[name]
