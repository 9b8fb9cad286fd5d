"""What stations told, for people."""

from __future__ import annotations

import pytest

from csms.domain.errors import NotFound, PermissionDenied
from csms.domain.records import ItemRecord, JobKind, JobState
from csms.ports.inventory import EventFilter
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld


async def test_an_empty_list_of_a_station_that_exists_is_no_error() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    assert list(await world.inventory.page_events(SUPPORT, EventFilter(station_id=station), size=5, before=None)) == []
    assert list(await world.inventory.page_items(SUPPORT, station, "monitor", size=5, after=None)) == []
    with pytest.raises(NotFound):
        await world.inventory.page_items(SUPPORT, 99, "monitor", size=5, after=None)


async def test_things_go_on_after_a_key_that_is_gone_meanwhile() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.inventory_store.apply([ItemRecord(station, "monitor", key, NOW, b"{}") for key in "ac"])
    page = await world.inventory.page_items(SUPPORT, station, "monitor", size=5, after="b")
    assert [item.key for item in page] == ["c"]


async def test_a_job_of_another_station_is_not_given_up() -> None:
    world = ServiceWorld()
    one, two = await world.add_station("CP-1"), await world.add_station("CP-2")
    job = await world.inventory_store.begin_job(one, JobKind.LOG_UPLOAD, b"{}", NOW)
    with pytest.raises(NotFound):
        await world.inventory.cancel_job(SUPPORT, two, job.id)
    assert (await world.inventory.cancel_job(SUPPORT, one, job.id)).state is JobState.CANCELED


async def test_drivers_see_nothing() -> None:
    world = ServiceWorld()
    with pytest.raises(PermissionDenied):
        await world.inventory.page_events(STRANGER, EventFilter(), size=5, before=None)
    with pytest.raises(PermissionDenied):
        await world.inventory.get_job(STRANGER, 1, 1)
