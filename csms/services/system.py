"""The installation: what a person needs to connect a station, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from csms.domain.access import Action, Principal, check
from csms.services.stations import UnknownStationPolicy


class SystemFacts(msgspec.Struct, frozen=True):
    """What does not change while the server runs. Addresses end with a slash; the identity is appended."""

    version: str
    ocpp_addresses: tuple[str, ...]
    unknown_station_policy: UnknownStationPolicy
    station_password_required: bool
    protocols: tuple[str, ...]


class SystemInfo(msgspec.Struct, frozen=True):
    """The facts and the present state."""

    facts: SystemFacts
    database_available: bool
    draining: bool


class System:
    """Use cases of people."""

    def __init__(
        self,
        facts: SystemFacts,
        *,
        database_available: Callable[[], bool],
        draining: Callable[[], bool],
    ) -> None:
        self._facts = facts
        self._database_available = database_available
        self._draining = draining

    async def info(self, caller: Principal) -> SystemInfo:
        """The installation."""
        check(caller, Action.READ_SYSTEM)
        return SystemInfo(self._facts, self._database_available(), self._draining())
