"""Local lists on PostgreSQL: what memory cannot show (the rest is in tests/contracts)."""

from __future__ import annotations

import pytest

from csms.domain.facts import AuthorizationStatus, RegistrationStatus
from csms.domain.local_list import MAX_VERSION, HeldList, LocalListEntry
from csms.storage.local_lists import PostgresLocalLists
from csms.storage.pool import Database
from csms.storage.stations import PostgresStations
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


async def test_a_long_list_and_the_highest_version_are_kept(database: Database) -> None:
    station = await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)
    store = PostgresLocalLists(database)
    entries = tuple(LocalListEntry(f"TAG{n:06}", AuthorizationStatus.ACCEPTED, T0) for n in range(10_000))
    await store.put(HeldList(station.id, MAX_VERSION, 0, True, entries), T0)
    assert await store.find(station.id) == HeldList(station.id, MAX_VERSION, MAX_VERSION, True, entries, T0)


async def test_what_postgresql_cannot_keep_is_left_out(database: Database) -> None:
    station = await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)
    store = PostgresLocalLists(database)
    await store.put(HeldList(station.id, 1, 1, True, (LocalListEntry("A\0B"),)), T0)
    held = await store.find(station.id)
    assert held is not None
    assert [entry.id_token for entry in held.entries] == ["AB"]
