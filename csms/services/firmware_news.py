"""Whoever ordered firmware for a station is told when it is installed, or why it is not."""

from __future__ import annotations

import msgspec

from csms.domain.facts import Reply
from csms.domain.maintenance import FIRMWARE_ENDS, FirmwareProgressed
from csms.domain.notifications import NotificationKind
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory
from csms.ports.notifications import Notifier
from csms.ports.stores import StationStore

LOOKED_AT = 20


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    ordered_by: str = ""
    version: str = ""
    location: str = ""


class FirmwareNews:
    """`saw` is a reaction to what stations tell."""

    def __init__(self, inventory: Inventory, notifier: Notifier, stations: StationStore) -> None:
        self._inventory = inventory
        self._notifier = notifier
        self._stations = stations

    async def saw(self, station_id: int, fact: FirmwareProgressed, _reply: Reply) -> None:
        """Raises Unavailable."""
        state = FIRMWARE_ENDS.get(fact.status)
        if state not in (JobState.SUCCEEDED, JobState.FAILED):
            return
        jobs = await self._inventory.page_jobs(station_id, [JobKind.FIRMWARE_UPDATE], size=LOOKED_AT)
        job = next((each for each in jobs if fact.request_id in (None, each.id)), None)
        if job is None or job.state is not state:
            return
        request = msgspec.json.decode(job.request, type=_Request)
        collection, _, number = request.ordered_by.partition("/")
        if collection != "users" or not number.isdecimal():
            return
        station = await self._stations.find(station_id)
        values = {
            "event": "installed" if state is JobState.SUCCEEDED else "failed",
            "station": "" if station is None else station.label,
            "version": request.version or request.location.rpartition("/")[2],
        }
        await self._notifier.notify([int(number)], NotificationKind.FIRMWARE, values, target=f"stations/{station_id}")
