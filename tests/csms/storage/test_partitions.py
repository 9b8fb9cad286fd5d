"""Partitions come in time, take in what the default one has of their day, and go when their time is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import trio

from csms.domain.records import EventRecord, JobKind, JobState
from csms.storage.inventory import PostgresInventory
from csms.storage.partitions import DAYS_AHEAD, PARTITIONS_SQL, PartitionKeeper
from csms.storage.pool import Database
from csms.storage.records import write
from tests.kit.records import T0, a_meter_record

pytestmark = pytest.mark.postgres

TODAY = T0.date()
TABLES = ["meter_value", "message_log"]
PLACES = "SELECT tableoid::regclass::text AS place, measured_at FROM meter_value ORDER BY measured_at"


async def partitions(database: Database) -> set[str]:
    return {row["name"] for row in await database.fetch(PARTITIONS_SQL, TABLES)}


def name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


async def test_a_week_is_made_ahead_and_again_changes_nothing(database: Database) -> None:
    keeper = PartitionKeeper(database, today=lambda: TODAY)
    await keeper.tend()
    made = await partitions(database)
    days = [TODAY + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    assert made == {name(table, day) for table in TABLES for day in days} | {f"{table}_default" for table in TABLES}
    await keeper.tend()
    assert await partitions(database) == made


async def test_two_keepers_at_once_do_not_quarrel(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(PartitionKeeper(database, today=lambda: TODAY).tend)
    assert len(await partitions(database)) == 2 * (DAYS_AHEAD + 3)


@pytest.mark.feature("F-OCPP-9")
async def test_values_that_came_before_their_partition_move_into_it_and_stay_single(database: Database) -> None:
    records = [a_meter_record(1, T0 + timedelta(days=days), 1.0) for days in (-20_000, 0, 1, 20_000)]
    await database.run(write, records)
    await PartitionKeeper(database, today=lambda: TODAY).tend()
    await database.run(write, records)
    places = [row["place"] for row in await database.fetch(PLACES)]
    tomorrow = TODAY + timedelta(days=1)
    assert places == [
        "meter_value_default",
        name("meter_value", TODAY),
        name("meter_value", tomorrow),
        "meter_value_default",
    ]


async def test_old_days_are_dropped_and_what_wrong_clocks_brought_goes_by_its_receipt(database: Database) -> None:
    await PartitionKeeper(database, today=lambda: TODAY).tend()
    await database.run(write, [a_meter_record(1, T0, 1.0), a_meter_record(1, T0 - timedelta(days=20_000), 1.0)])
    late = TODAY + timedelta(days=10)
    await PartitionKeeper(database, meter_value_days=None, message_log_days=3, today=lambda: late).tend()
    kept = await partitions(database)
    assert name("meter_value", TODAY) in kept
    assert name("message_log", TODAY) not in kept
    assert name("message_log", late - timedelta(days=3)) in kept
    await PartitionKeeper(database, meter_value_days=3, today=lambda: late).tend()
    assert name("meter_value", TODAY) not in await partitions(database)
    assert await database.fetchval("SELECT count(*) FROM meter_value") == 0


async def test_it_has_started_when_the_first_round_is_done(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(PartitionKeeper(database, today=lambda: TODAY).run)
        nursery.cancel_scope.cancel()
    assert name("meter_value", TODAY) in await partitions(database)


async def test_events_of_stations_go_when_their_time_is_over(database: Database) -> None:
    await database.execute("INSERT INTO station (identity, registration) VALUES ('CP-1', 'Accepted')")
    station = await database.fetchval("SELECT id FROM station")
    records = [
        EventRecord(station, T0, T0 - timedelta(days=days), "SecurityEventNotification", "") for days in (0, 30, 31)
    ]
    await database.run(write, records)
    await PartitionKeeper(database, today=lambda: TODAY).tend()
    assert await database.fetchval("SELECT count(*) FROM station_event") == 3
    await PartitionKeeper(database, station_event_days=30, today=lambda: TODAY).tend()
    assert await database.fetchval("SELECT count(*) FROM station_event") == 2


async def test_jobs_of_which_nothing_is_heard_end_and_ended_ones_go(database: Database) -> None:
    await database.execute("INSERT INTO station (identity, registration) VALUES ('CP-1', 'Accepted')")
    station = await database.fetchval("SELECT id FROM station")
    inventory, now = PostgresInventory(database), datetime.now(UTC)
    jobs = [
        await inventory.begin_job(station, JobKind.LOG_UPLOAD, b"{}", now - timedelta(days=days))
        for days in (1, 31, 400)
    ]
    await inventory.change_job(jobs[2].id, JobState.SUCCEEDED, now - timedelta(days=399))
    await inventory.put_item(station, "profile", "1", None, now - timedelta(days=400))
    await PartitionKeeper(database, station_event_days=365).tend()
    found = {job.id: job.state for job in await inventory.page_jobs(station, size=9)}
    assert found == {jobs[0].id: JobState.REQUESTED, jobs[1].id: JobState.FAILED}
    assert await database.fetchval("SELECT count(*) FROM station_item") == 0
