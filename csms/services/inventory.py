"""What stations told about themselves, for people: events, things they hold, jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal, Scope
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import EventFilter, Inventory, Item, Job, StationEvent
from csms.ports.stores import StationStore
from csms.services.scopes import Scopes


class StationInventory:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self, inventory: Inventory, stations: StationStore, scopes: Scopes, *, now: Callable[[], datetime]
    ) -> None:
        self._inventory = inventory
        self._stations = stations
        self._scopes = scopes
        self._now = now

    async def page_events(
        self, caller: Principal, wanted: EventFilter, *, size: int, before: int | None
    ) -> Sequence[StationEvent]:
        """Up to `size` events with an id below `before`, newest first. Raises NotFound, InvalidArgument."""
        scope = await self._narrow(caller, Action.READ_MESSAGES, wanted.station_id)
        wanted = msgspec.structs.replace(wanted, scope=scope)
        if wanted.severity is not None and not 0 <= wanted.severity <= 9:
            raise InvalidArgument("A severity is a number from 0 (danger) to 9 (debug).", reason="INVALID_FILTER")
        events = await self._inventory.page_events(wanted, size=size, before=before)
        if not events and wanted.station_id is not None:
            await self._must_exist(wanted.station_id)
        return events

    async def page_items(
        self, caller: Principal, station_id: int, kind: str, *, size: int, after: str | None
    ) -> Sequence[Item]:
        """Up to `size` things of a kind with a key past `after`, in the order of their keys. Raises NotFound,
        InvalidArgument."""
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        if not kind:
            raise InvalidArgument("Say which kind of thing, for example charging-profile.", reason="KIND_MISSING")
        items = await self._inventory.items(station_id, kind)
        if not items:
            await self._must_exist(station_id)
        return [item for item in items if after is None or item.key > after][:size]

    async def get_job(self, caller: Principal, station_id: int, job_id: int) -> Job:
        """One job. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._find_job(station_id, job_id)

    async def page_jobs(
        self,
        caller: Principal,
        station_id: int | None,
        kinds: Sequence[JobKind],
        *,
        unfinished: bool,
        size: int,
        before: int | None,
    ) -> Sequence[Job]:
        """Up to `size` jobs with an id below `before`, newest first. Raises NotFound."""
        scope = await self._narrow(caller, Action.READ_STATIONS, station_id)
        jobs = await self._inventory.page_jobs(
            station_id, kinds, unfinished=unfinished, size=size, before=before, scope=scope
        )
        if not jobs and station_id is not None:
            await self._must_exist(station_id)
        return jobs

    async def cancel_job(self, caller: Principal, station_id: int, job_id: int) -> Job:
        """No longer follow it; the station is told nothing. Raises NotFound."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, station_id)
        await self._find_job(station_id, job_id)
        return await self._inventory.change_job(job_id, JobState.CANCELED, self._now())

    async def _narrow(self, caller: Principal, action: Action, station_id: int | None) -> Scope | None:
        """What a list without a station is narrowed to; the station, where there is one, is checked."""
        if station_id is None:
            return await self._scopes.of(caller, action)
        await self._scopes.check_station(caller, action, station_id)
        return None

    async def _find_job(self, station_id: int, job_id: int) -> Job:
        job = await self._inventory.find_job(job_id)
        if job is None or job.station_id != station_id:
            raise NotFound(f"There is no job {job_id} of station {station_id} (any more).", reason="JOB_NOT_FOUND")
        return job

    async def _must_exist(self, station_id: int) -> None:
        if await self._stations.find(station_id) is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
