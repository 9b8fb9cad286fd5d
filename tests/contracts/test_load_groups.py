"""What every keeper of load groups promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.load_balancing import Sharing
from csms.domain.load_group import GridReading, LimitUnit, LoadGroup, Phases, Policy, StationShare
from csms.domain.load_hold import LoadHold
from csms.domain.topology import SYSTEM_ID
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

pytestmark = pytest.mark.feature("F-SYS-8")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
POLICY = Policy(
    LimitUnit.WATT,
    100_000.5,
    231,
    10.0,
    63.0,
    Sharing.PRIORITY,
    True,
    90,
    5_000.0,
    (3, 4),
    (StationShare(3, 7, Phases.L2, 16.0, True), StationShare(4)),
)
GARAGE = LoadGroup(0, SYSTEM_ID, "Garage", POLICY, enabled=False)
NOWHERE = 10**30


async def test_a_group_is_made_read_and_removed(storage: Storage) -> None:
    store = storage.load_groups
    made = await store.create(GARAGE)
    assert made.created_at is not None
    assert msgspec.structs.replace(made, id=0, created_at=None, updated_at=None) == GARAGE
    assert await store.find(made.id) == made
    other = await store.create(LoadGroup(0, SYSTEM_ID, "annex"))
    assert await store.all() == [other, made]
    await store.delete(made.id)
    assert await store.all() == [other]
    for gone in (made.id, NOWHERE):
        with pytest.raises(NotFound):
            await store.find(gone)
        with pytest.raises(NotFound):
            await store.delete(gone)


async def test_a_change_needs_the_version_that_was_read(storage: Storage) -> None:
    store = storage.load_groups
    made = await store.create(GARAGE)
    wanted = msgspec.structs.replace(made, enabled=True, policy=Policy(limit=63.0))
    changed = await store.update(wanted, version=made.version)
    assert (changed.enabled, changed.policy.limit, changed.version) == (True, 63.0, 2)
    with pytest.raises(StaleVersion):
        await store.update(wanted, version=made.version)
    assert (await store.update(wanted, version=None)).version == 3
    with pytest.raises(NotFound):
        await store.update(msgspec.structs.replace(made, id=made.id + 99), version=None)


async def test_a_name_is_given_once_at_a_place_that_exists(storage: Storage) -> None:
    store = storage.load_groups
    await store.create(GARAGE)
    other = await store.create(LoadGroup(0, SYSTEM_ID, "Other"))
    with pytest.raises(AlreadyExists):
        await store.create(msgspec.structs.replace(GARAGE, display_name="GARAGE"))
    with pytest.raises(AlreadyExists):
        await store.update(msgspec.structs.replace(other, display_name="garage"), version=None)
    for nowhere in (4_711, NOWHERE):
        with pytest.raises(NotFound):
            await store.create(LoadGroup(0, nowhere, "Nowhere"))


async def test_the_latest_reading_counts_whatever_comes_late(storage: Storage) -> None:
    store = storage.load_groups
    group = await store.create(GARAGE)
    assert await store.put_reading(GridReading(group.id, NOW, (1.5, -2.0, 3.0)))
    assert not await store.put_reading(GridReading(group.id, NOW - timedelta(seconds=1), watts=1.0))
    assert await store.readings() == [GridReading(group.id, NOW, (1.5, -2.0, 3.0))]
    later = GridReading(group.id, NOW + timedelta(seconds=1), watts=-700.5)
    assert await store.put_reading(later)
    assert await store.readings() == [later]
    await store.delete(group.id)
    assert await store.readings() == []
    with pytest.raises(NotFound):
        await store.put_reading(later)


async def test_what_outlets_may_draw_is_kept_until_it_is_dropped(storage: Storage) -> None:
    store, first, second = storage.load_groups, await storage.station("CP-1"), await storage.station("CP-2")
    safe = LoadHold(first, 0, 60, 60, None, NOW, NOW)
    share = LoadHold(first, 1, 160, 100, NOW + timedelta(minutes=5), NOW, NOW, False, "")
    other = LoadHold(second, 1, 0, 0, NOW, NOW, NOW - timedelta(hours=1), True, "Rejected")
    await store.keep([other, share, safe, LoadHold(second + 99, 1, 0, 0, None, NOW, NOW)])
    assert await store.holds() == [safe, share, other]
    changed = msgspec.structs.replace(share, held=60, given=60, answered=True)
    await store.keep([changed])
    await store.drop([(second, 1), (second, 7)])
    assert await store.holds() == [safe, changed]
    await store.keep([])
    await store.drop([])
    await storage.stations.delete(first)
    assert await store.holds() == []
