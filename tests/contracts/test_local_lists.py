"""What the memory of local lists promises."""

from __future__ import annotations

import pytest

from csms.domain.errors import NotFound
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import HeldList, LocalListEntry
from tests.kit.records import T0, after
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

NOWHERE = 10**30
ENTRY = LocalListEntry("TAG", AuthorizationStatus.ACCEPTED, T0, "PARENT", "ISO14443")


async def test_nothing_is_known_before_something_was_sent(storage: Storage) -> None:
    assert await storage.local_lists.find(await storage.station()) is None
    assert await storage.local_lists.find(NOWHERE) is None


async def test_a_sending_uses_its_version_up(storage: Storage) -> None:
    station = await storage.station()
    await storage.local_lists.sending(station, 3, T0)
    assert await storage.local_lists.find(station) == HeldList(station, 0, 3, True, (), T0)
    held = HeldList(station, 3, 0, False, (ENTRY, LocalListEntry("é", AuthorizationStatus.BLOCKED)))
    await storage.local_lists.put(held, after(1))
    known = await storage.local_lists.find(station)
    assert known == HeldList(station, 3, 3, False, held.entries, after(1))
    await storage.local_lists.sending(station, 4, after(2))
    known = await storage.local_lists.find(station)
    assert known == HeldList(station, 3, 4, False, held.entries, after(2))
    assert known.sent_version > known.version


async def test_the_highest_version_never_falls(storage: Storage) -> None:
    station = await storage.station()
    await storage.local_lists.sending(station, 2**31 - 1, T0)
    await storage.local_lists.put(HeldList(station, 1, 1), T0)
    known = await storage.local_lists.find(station)
    assert known is not None
    assert (known.version, known.sent_version) == (1, 2**31 - 1)


async def test_a_stations_list_goes_with_the_station(storage: Storage) -> None:
    station = await storage.station()
    await storage.local_lists.put(HeldList(station, 1, 1), T0)
    await storage.stations.delete(station)
    assert await storage.local_lists.find(station) is None
    await storage.local_lists.put(HeldList(station, 1, 1), T0)
    for stranger in (station, NOWHERE):
        with pytest.raises(NotFound):
            await storage.local_lists.sending(stranger, 1, T0)
