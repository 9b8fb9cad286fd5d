"""What operators say of the installation. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from typing import Protocol

from csms.domain.system import SystemSettings


class SystemSettingsStore(Protocol):
    """One record, which is always there."""

    async def read(self) -> SystemSettings:
        """As it stands."""

    async def write(self, settings: SystemSettings, *, version: int | None) -> SystemSettings:
        """All of it. Raises StaleVersion when `version` is not the one that is kept."""

    async def database_bytes(self) -> int:
        """How much the database holds."""
