"""What the contract cannot see of the inventory in PostgreSQL."""

from __future__ import annotations

import pytest
import trio

from csms.domain.records import EventRecord, JobKind, JobRecord, JobState
from csms.ports.inventory import EventFilter
from csms.storage.inventory import PostgresInventory
from csms.storage.pool import Database
from csms.storage.records import write
from tests.kit.records import T0, after

pytestmark = pytest.mark.postgres


async def station(database: Database) -> int:
    sql = "INSERT INTO station (identity, registration) VALUES ('CP-1', 'Accepted') RETURNING id"
    number: int = await database.fetchval(sql)
    return number


async def test_two_writers_of_one_jobs_steps_lose_none(database: Database) -> None:
    inventory, number = PostgresInventory(database), await station(database)
    job = await inventory.begin_job(number, JobKind.DEVICE_REPORT, b"{}", T0)
    async with trio.open_nursery() as nursery:
        for part in range(20):
            step = JobRecord(number, JobKind.DEVICE_REPORT, after(part), job.id, part=part, last=part == 19)
            nursery.start_soon(database.run, write, [step])
    found = await inventory.find_job(job.id)
    assert found is not None
    assert (found.state, sorted(found.parts)) == (JobState.SUCCEEDED, list(range(20)))


async def test_the_newest_event_is_found_by_an_index(database: Database) -> None:
    inventory, number = PostgresInventory(database), await station(database)
    await database.run(write, [EventRecord(number, T0, after(n), "NotifyEvent", str(n)) for n in range(100)])
    assert [event.summary for event in await inventory.page_events(EventFilter(number), size=2)] == ["99", "98"]


async def test_a_detail_without_end_is_cut(database: Database) -> None:
    inventory, number = PostgresInventory(database), await station(database)
    job = await inventory.begin_job(number, JobKind.LOG_UPLOAD, b"{}", T0)
    for n in range(3):
        await database.run(write, [JobRecord(number, JobKind.LOG_UPLOAD, after(n), job.id, detail="x" * 400_000)])
    found = await inventory.find_job(job.id)
    assert found is not None
    assert len(found.detail) == 1_000_000
