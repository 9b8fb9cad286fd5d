"""Third-party services in memory: whether they are on, and with which settings. Whoever answers strangers asks here."""

from __future__ import annotations

from typing import Final

import trio

from csms.domain.errors import Unavailable
from csms.domain.third_party import LocationDataSettings, RoamingSettings, Service
from csms.ports.third_party import ServiceStore

LOCATION_DATA: Final = "location-data"
ROAMING: Final = "roaming"
RELOAD_SECONDS: Final = 10.0


class ServiceBook:
    """`load` before the first question, and after every change; `reload_for_ever` hears of other processes' changes."""

    def __init__(self, store: ServiceStore) -> None:
        self._store = store
        self._services: dict[str, Service] = {}

    async def load(self) -> None:
        """Raises Unavailable."""
        self._services = {service.key: service for service in await self._store.all()}

    async def reload_for_ever(self, *, every: float = RELOAD_SECONDS) -> None:
        """A task for the nursery of the application."""
        while True:
            await trio.sleep(every)
            try:
                await self.load()
            except Unavailable:
                continue  # what is in memory stays good meanwhile

    def enabled(self, key: str) -> bool:
        """Is it on?"""
        service = self._services.get(key)
        return service is not None and service.enabled

    @property
    def roaming(self) -> RoamingSettings:
        """Of roaming, on or off."""
        service = self._services.get(ROAMING)
        return service.settings if service and isinstance(service.settings, RoamingSettings) else RoamingSettings()

    @property
    def location_data(self) -> LocationDataSettings:
        """Of location data, on or off."""
        service = self._services.get(LOCATION_DATA)
        settings = None if service is None else service.settings
        return settings if isinstance(settings, LocationDataSettings) else LocationDataSettings()
