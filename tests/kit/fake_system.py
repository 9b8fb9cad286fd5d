"""Settings of the installation in memory; the same contract as PostgreSQL's (tests/contracts/test_system.py)."""

from __future__ import annotations

import msgspec

from csms.domain.errors import StaleVersion
from csms.domain.system import SystemSettings
from tests.kit.fake_tables import FakeTables, clean


class FakeSystemSettings:
    """See csms.ports.system.SystemSettingsStore."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._kept = SystemSettings()

    async def read(self) -> SystemSettings:
        self._tables.check()
        return self._kept

    async def write(self, settings: SystemSettings, *, version: int | None) -> SystemSettings:
        self._tables.check()
        if version is not None and version != self._kept.version:
            raise StaleVersion("Somebody else has changed the settings meanwhile. Reload them and try again.")
        self._kept = msgspec.structs.replace(
            clean(settings), version=self._kept.version + 1, updated_at=self._tables.now()
        )
        return self._kept

    async def database_bytes(self) -> int:
        self._tables.check()
        return 8_192
