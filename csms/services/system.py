"""The installation: what a person needs to connect a station, whether all is well, and what operators say of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.errors import Unavailable
from csms.domain.people import check_zone
from csms.domain.system import SystemSettings, check_settings
from csms.ports.processes import Process, Processes
from csms.ports.system import SystemSettingsStore
from csms.services.audit import note_change
from csms.services.stations import UnknownStationPolicy
from csms.services.zones import known_zones


class ServerAddress(msgspec.Struct, frozen=True):
    """To be copied into a station. `kind`: `ocpp-j`, `ocpp-j-tls`, `ocpp-1.5-soap`, `files-http`, …"""

    kind: str
    url: str


class Retention(msgspec.Struct, frozen=True):
    """How long what is kept, days; 0: for ever. `backup_count` is a number of proven backups."""

    message_log_days: int = 0
    meter_value_days: int = 0
    station_event_days: int = 0
    audit_days: int = 0
    backup_count: int = 0


class SystemFacts(msgspec.Struct, frozen=True):
    """What does not change while the server runs. OCPP-J addresses end with a slash; the identity is appended."""

    version: str
    ocpp_addresses: tuple[str, ...]
    unknown_station_policy: UnknownStationPolicy
    station_password_required: bool
    protocols: tuple[str, ...]
    started_at: datetime | None = None
    mail_configured: bool = False
    retention: Retention = Retention()
    mail_sender: str = ""
    min_security_profile: int = 0
    identity_provider: str = ""


class SystemInfo(msgspec.Struct, frozen=True):
    """The facts and the present state. `database_bytes` is 0 while the database is away."""

    facts: SystemFacts
    settings: SystemSettings
    addresses: tuple[ServerAddress, ...]
    database_available: bool
    draining: bool
    database_bytes: int = 0


class System:
    """Use cases of people."""

    def __init__(
        self,
        facts: SystemFacts,
        store: SystemSettingsStore,
        addresses: Sequence[ServerAddress] = (),
        *,
        database_available: Callable[[], bool],
        draining: Callable[[], bool],
        processes: Processes,
    ) -> None:
        self._facts = facts
        self._store = store
        self._addresses = addresses  # those who open doors later add theirs
        self._zones = known_zones()
        self._database_available = database_available
        self._draining = draining
        self._processes = processes
        self._last = SystemSettings()

    async def info(self, caller: Principal) -> SystemInfo:
        """The installation; also while the database is away. Raises PermissionDenied."""
        check(caller, Action.READ_CONNECTION)
        size = 0
        if available := self._database_available():
            try:
                size = await self._store.database_bytes()
            except Unavailable:
                available = False
        return SystemInfo(self._facts, await self.public(), tuple(self._addresses), available, self._draining(), size)

    async def processes(self, caller: Principal) -> Sequence[Process]:
        """What the installation consists of, and how it is; for administrators. Raises PermissionDenied."""
        check(caller, Action.EDIT_SYSTEM)
        return await self._processes.look()

    async def public(self) -> SystemSettings:
        """For everybody, signed in or not. While the database is away, as it was last seen."""
        try:
            self._last = await self._store.read()
        except Unavailable:
            return self._last
        return self._last

    async def settings(self, caller: Principal) -> SystemSettings:
        """Raises PermissionDenied, Unavailable."""
        check(caller, Action.READ_SYSTEM)
        return await self._store.read()

    async def update(
        self, caller: Principal, wanted: SystemSettings, fields: Collection[str], *, version: int | None
    ) -> SystemSettings:
        """Changes `fields`. Raises PermissionDenied, InvalidArgument, StaleVersion, Unavailable."""
        check(caller, Action.EDIT_SYSTEM)
        before = await self._store.read()
        new = check_settings(msgspec.structs.replace(before, **{name: getattr(wanted, name) for name in fields}))
        check_zone(new.time_zone, self._zones)
        written = await self._store.write(new, version=version if version is not None else before.version)
        note_change("system", before, written)
        return written
