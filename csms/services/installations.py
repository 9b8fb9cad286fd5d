"""Stations as pieces of equipment: the inventory, and the secrets on labels, each showing of which is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import structlog

from csms.domain.access import Action, Principal
from csms.domain.errors import InvalidArgument
from csms.domain.installation import EDITABLE, Installation, Secrets, check_installation, check_secret
from csms.ports.installations import InstallationStore, InventoryFilter, InventoryRow
from csms.ports.queries import StationQueries
from csms.services.audit import note_change
from csms.services.scopes import Scopes

_log = structlog.get_logger("csms.installations")


class Installations:
    """Use cases of people. All raise PermissionDenied, NotFound, and Unavailable while the database is away."""

    def __init__(self, store: InstallationStore, stations: StationQueries, scopes: Scopes) -> None:
        self._store = store
        self._stations = stations
        self._scopes = scopes

    async def get(self, caller: Principal, station_id: int) -> Installation:
        """Without secrets."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._store.find(station_id)

    async def page(
        self,
        caller: Principal,
        wanted: InventoryFilter,
        *,
        place_id: int | None = None,
        group_id: int | None = None,
        size: int,
        after: tuple[str, int] | None,
    ) -> tuple[Sequence[InventoryRow], int]:
        """Of those stations that the caller may configure."""
        scope, places = await self._scopes.narrowed(caller, Action.CONFIGURE_STATIONS, place_id, group_id)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        return await self._store.page(wanted, size=size, after=after)

    async def update(
        self, caller: Principal, wanted: Installation, fields: Collection[str], *, version: int | None = None
    ) -> Installation:
        """Changes `fields`. Raises InvalidArgument, StaleVersion."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, wanted.station_id)
        before = await self._store.find(wanted.station_id)
        unknown = [name for name in fields if name not in EDITABLE]
        if unknown:
            raise InvalidArgument(f"{', '.join(unknown)} cannot be changed.", reason="INVALID_FIELD")
        new = check_installation(msgspec.structs.replace(before, **{name: getattr(wanted, name) for name in fields}))
        written = await self._store.write(new, version=before.version if version is None else version)
        note_change(f"stations/{wanted.station_id}", before, written)
        return written

    async def reveal(self, caller: Principal, station_id: int) -> tuple[Secrets, bool]:
        """The secrets in the clear, and whether a password for OCPP is set. The audit log and the log of the process
        tell that they were shown."""
        await self._scopes.check_station(caller, Action.READ_STATION_SECRETS, station_id)
        secrets = await self._store.secrets(station_id)
        note_change(f"stations/{station_id}")
        _log.info("secrets of a station were shown", station_id=station_id, caller=caller.name)
        return secrets, any(view.has_password for view in await self._stations.get_stations([station_id]))

    async def set_secrets(
        self, caller: Principal, station_id: int, master_password: str | None, access_code: str | None
    ) -> Installation:
        """None leaves one as it is, an empty text forgets it. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.READ_STATION_SECRETS, station_id)
        given = {"master_password": master_password, "access_code": access_code}
        wanted = {name: check_secret(text) for name, text in given.items() if text is not None}
        kept = Secrets() if len(wanted) == len(given) else await self._store.secrets(station_id)
        before = await self._store.find(station_id)
        written = await self._store.write_secrets(station_id, msgspec.structs.replace(kept, **wanted))
        note_change(f"stations/{station_id}", before, written)
        return written
