"""Where third-party services and the sites that are told to others are kept. All raise Unavailable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.third_party import PublishedSite, Service, ServiceSettings


class ServiceStore(Protocol):
    """Services; those that are built in are there from the beginning."""

    async def all(self) -> Sequence[Service]:
        """In the order of their keys."""

    async def get(self, key: str) -> Service:
        """Raises NotFound/SERVICE_NOT_FOUND."""

    async def change(
        self,
        key: str,
        *,
        settings: ServiceSettings | None = None,
        enabled: bool | None = None,
        version: int | None = None,
    ) -> Service:
        """What is given. Raises NotFound, StaleVersion."""

    async def note(self, key: str, at: datetime, error: str = "") -> None:
        """It went well, or (with an error) it did not. No new version: nobody edited it."""

    async def sites(self) -> Sequence[PublishedSite]:
        """Those about which something was said."""

    async def put_site(self, site: PublishedSite) -> None:
        """Raises NotFound/PLACE_NOT_FOUND."""
