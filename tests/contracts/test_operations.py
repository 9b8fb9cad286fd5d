"""What every store of operations promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Scope
from csms.domain.commands import ResetType
from csms.domain.errors import NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus, StationBooted
from csms.domain.operations import Counts, Draft, Operation, OperationState, Schedule, Step, StepState, TargetFilter
from csms.domain.orders import FirmwareRolloutOrder, OrderKind, ResetOrder
from csms.domain.records import JobKind, JobState
from csms.domain.timetable import Timetable
from csms.ports.inventory import Inventory
from csms.ports.operations import OperationFilter, OperationStore
from csms.ports.stores import StationStore
from csms.storage.inventory import PostgresInventory
from csms.storage.lease import Lease
from csms.storage.operations import PostgresOperations
from csms.storage.pool import open_database
from csms.storage.stations import PostgresStations
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_operations import FakeOperations
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RESET = ResetOrder(ResetType.ON_IDLE)
PENDING, RUNNING, FAILED, SKIPPED = StepState.PENDING, StepState.RUNNING, StepState.FAILED, StepState.SKIPPED
BOOT_SQL = (
    "UPDATE station SET vendor = $2, model = $3, firmware_version = $4, booted_at = $5, online = $6 WHERE id = $1"
)


@dataclass
class World:
    store: OperationStore
    stations: StationStore
    inventory: Inventory
    boot: Callable[[int, StationBooted, bool], Awaitable[None]]

    async def station(self, identity: str, version: str = "1.0", *, model: str = "One", online: bool = True) -> int:
        row = await self.stations.create(identity, RegistrationStatus.ACCEPTED)
        await self.boot(row.id, StationBooted("Acme", model, firmware_version=version), online)
        return row.id

    async def operation(self, count: int = 3, draft: Draft | None = None, *, online: bool = True) -> Operation:
        ids = [await self.station(f"CP-{number}", online=online) for number in range(count)]
        targets = await self.store.resolve(ids, TargetFilter(), limit=100)
        wanted = draft or Draft(RESET, title="Night")
        made = Operation(0, wanted, OperationState.QUEUED, "users/1", "Ada", NOW)
        waves = max(1, len(wanted.waves))
        return await self.store.create(made, [(target, number % waves) for number, target in enumerate(targets)])

    async def steps(self, operation: Operation) -> list[Step]:
        return list((await self.store.page_steps(operation.id, [], "", size=100))[0])


@pytest.fixture
async def world(storage_url: str) -> AsyncIterator[World]:
    if storage_url:
        async with open_door() as door, open_database(door, storage_url, max_size=2) as database:

            async def boot(station_id: int, told: StationBooted, online: bool) -> None:
                row = (told.vendor, told.model, told.firmware_version, NOW, online)
                await database.execute(BOOT_SQL, station_id, *row)

            store = PostgresOperations(database)
            yield World(store, PostgresStations(database), PostgresInventory(database), boot)
    else:
        tables = FakeTables()
        inventory = FakeInventory(tables)

        async def boot_there(station_id: int, told: StationBooted, online: bool) -> None:
            data = tables.stations[station_id]
            data.boot, data.booted_at, data.online = told, NOW, online

        fake = FakeOperations(tables, lambda number: inventory._jobs.get(number))
        yield World(fake, FakeStations(tables), inventory, boot_there)


async def test_stations_are_found_by_what_they_are(world: World) -> None:
    one = await world.station("CP-1", "1.0")
    two = await world.station("CP-2", "2.0", model="Two", online=False)
    await world.stations.create("CP-3", RegistrationStatus.PENDING)

    async def found(**wanted: object) -> list[int]:
        targets = await world.store.resolve(None, TargetFilter(**wanted), limit=10)  # type: ignore[arg-type]
        return [target.station_id for target in targets]

    assert await found() == [one, two]
    assert await found(models=("Two", "Three")) == [two]
    assert await found(vendors=("Acme",), not_firmware_versions=("2.0",)) == [one]
    assert await found(firmware_versions=("2.0",)) == [two]
    assert await found(query="cp-2") == [two]
    assert len(await world.store.resolve(None, TargetFilter(), accepted_only=False, limit=10)) == 3
    inside = await world.store.resolve(None, TargetFilter(), scope=Scope(station_ids=frozenset({two})), limit=10)
    assert [target.station_id for target in inside] == [two]
    assert await world.store.resolve(None, TargetFilter(), place_ids=frozenset({99}), limit=10) == []
    (target,) = await world.store.resolve([two, 10**30], TargetFilter(), limit=10)
    assert (target.vendor, target.model, target.firmware_version, target.online) == ("Acme", "Two", "2.0", False)


async def test_what_was_made_is_read_back(world: World) -> None:
    made = await world.operation(draft=Draft(FirmwareRolloutOrder(location="https://example.org/fw"), title="Fw"))
    assert await world.store.find(made.id) == made
    assert made.kind is OrderKind.UPDATE_FIRMWARE
    assert await world.store.find(10**30) is None
    assert [(step.number, step.state, step.wave) for step in await world.steps(made)] == [
        (1, PENDING, 0), (2, PENDING, 0), (3, PENDING, 0),
    ]  # fmt: skip
    assert await world.store.counts([made.id]) == {made.id: {0: Counts({PENDING: 3})}}
    assert [each.id for each in await world.store.under_way()] == [made.id]


async def test_operations_are_listed_by_what_is_asked(world: World) -> None:
    one = await world.operation()
    other = Operation(0, Draft(RESET, title="100%_sure"), OperationState.QUEUED, "users/2", "Bob", NOW)
    two = await world.store.create(other, [])
    page = world.store.page

    async def ids(**wanted: object) -> list[int]:
        return [each.id for each in (await page(OperationFilter(**wanted), size=10))[0]]  # type: ignore[arg-type]

    assert await ids() == [two.id, one.id]
    assert await ids(created_by="users/2") == [two.id]
    assert await ids(query="0%_s") == [two.id]
    assert await ids(states=(OperationState.RUNNING,)) == []
    assert await ids(kinds=(OrderKind.RESET,), created_from=NOW, created_to=NOW) == []
    assert await ids(station_id=(await world.steps(one))[0].station_id) == [one.id]
    found, total = await page(OperationFilter(), size=1, after=two.id)
    assert ([each.id for each in found], total) == ([one.id], 2)
    found, _ = await page(OperationFilter(), size=10, after=one.id, oldest_first=True)
    assert [each.id for each in found] == [two.id]


async def test_a_step_is_claimed_once(world: World) -> None:
    made = await world.operation()
    claimed = await world.store.claim(made.id, [1, 2], NOW)
    assert [(step.number, step.state, step.attempt, step.started_at) for step in claimed] == [
        (1, RUNNING, 1, NOW), (2, RUNNING, 1, NOW),
    ]  # fmt: skip
    assert [step.number for step in await world.store.claim(made.id, [2, 3], NOW)] == [3]
    assert len(await world.store.running_steps(made.id)) == 3


async def test_what_changed_since_a_revision_is_told_once(world: World) -> None:
    made = await world.operation()
    first = await world.store.claim(made.id, [1, 3], NOW)
    revision = first[0].revision
    assert revision > made.revision
    assert [step.number for step in await world.store.changed_steps(made.id, made.revision, size=10)] == [1, 3]
    done = msgspec.structs.replace(first[0], state=FAILED, answer="Rejected", detail="No.", ended_at=NOW)
    await world.store.put_steps(made.id, [done])
    (changed,) = await world.store.changed_steps(made.id, revision, size=10)
    assert (changed.number, changed.state, changed.answer, changed.ended_at) == (1, FAILED, "Rejected", NOW)
    found = await world.store.find(made.id)
    assert found is not None
    assert found.revision == changed.revision
    assert [step.number for step in await world.store.changed_steps(made.id, 0, size=1, skip=1)] == [3]
    steps, total = await world.store.page_steps(made.id, [PENDING], "", size=10)
    assert ([step.number for step in steps], total) == ([2], 1)
    steps, _ = await world.store.page_steps(made.id, [], "cp-2", size=10)
    assert [step.number for step in steps] == [3]


async def test_what_somebody_else_ended_is_not_changed(world: World) -> None:
    made = await world.operation()
    running = msgspec.structs.replace(made, state=OperationState.RUNNING, started_at=NOW, wave_started_at=NOW)
    changed = await world.store.change(running, [OperationState.QUEUED])
    assert changed is not None
    assert (changed.state, changed.started_at) == (OperationState.RUNNING, NOW)
    assert await world.store.change(running, [OperationState.QUEUED, OperationState.PAUSED]) is None


async def test_only_steps_that_are_due_begin(world: World) -> None:
    made = await world.operation()
    gone = await world.operation(0)
    assert await world.store.due_steps(gone.id, 0, NOW, size=9, online_only=False) == []
    (first, *_) = await world.steps(made)
    later = msgspec.structs.replace(first, not_before=NOW + timedelta(hours=1))
    await world.store.put_steps(made.id, [later])
    due = await world.store.due_steps(made.id, 0, NOW, size=9, online_only=False)
    assert [each.step.number for each in due] == [2, 3]
    await world.boot(first.station_id + 1, StationBooted("Acme", "One"), False)
    due = await world.store.due_steps(made.id, 0, NOW + timedelta(hours=1), size=9, online_only=True)
    assert [each.step.number for each in due] == [1, 3]
    await world.stations.delete(first.station_id + 1)
    due = await world.store.due_steps(made.id, 0, NOW, size=1, online_only=True)
    assert [(each.step.number, each.target) for each in due] == [(2, None)]


async def test_stations_are_waited_for_only_so_long(world: World) -> None:
    made = await world.operation(online=False)
    begun = msgspec.structs.replace(made, state=OperationState.RUNNING, wave_started_at=NOW)
    await world.store.change(begun, [OperationState.QUEUED])
    await world.boot((await world.steps(made))[0].station_id, StationBooted("Acme", "One"), True)
    assert await world.store.give_up_waiting(made.id, 0, NOW, NOW, "Too long.") == 0
    assert await world.store.give_up_waiting(made.id, 0, NOW + timedelta(seconds=1), NOW, "Too long.") == 2
    assert [(step.state, step.detail) for step in await world.steps(made)] == [
        (PENDING, ""), (FAILED, "Too long."), (FAILED, "Too long."),
    ]  # fmt: skip


async def test_jobs_are_followed(world: World) -> None:
    made = await world.operation(1)
    (step,) = await world.store.claim(made.id, [1], NOW)
    assert await world.store.followed(made.id) == []
    job = await world.inventory.begin_job(step.station_id, JobKind.FIRMWARE_UPDATE, b"{}", NOW)
    await world.store.put_steps(made.id, [msgspec.structs.replace(step, job_id=job.id)])
    await world.inventory.change_job(job.id, JobState.RUNNING, NOW, status="Downloading")
    (followed,) = await world.store.followed(made.id)
    assert (followed.job_state, followed.job_status) == (JobState.RUNNING, "Downloading")
    assert followed.target is not None
    assert followed.target.firmware_version == "1.0"
    await world.stations.delete(step.station_id)
    (followed,) = await world.store.followed(made.id)
    assert (followed.job_state, followed.target) == (None, None)


async def test_what_was_left_out_or_failed_is_done_again(world: World) -> None:
    made = await world.operation()
    (one,) = await world.store.claim(made.id, [1], NOW)
    (two,) = await world.store.claim(made.id, [2], NOW)
    await world.store.put_steps(
        made.id,
        [
            msgspec.structs.replace(one, state=FAILED, ended_at=NOW),
            msgspec.structs.replace(two, state=SKIPPED, reason="ALREADY_INSTALLED", ended_at=NOW),
        ],
    )
    assert await world.store.skip_pending(made.id, NOW, "Cancelled.") == 1
    assert await world.store.reopen(made, [FAILED, SKIPPED], NOW) == 0, "it is under way"
    ended = msgspec.structs.replace(made, state=OperationState.CANCELLED, finished_at=NOW)
    assert await world.store.change(ended, [OperationState.QUEUED]) is not None
    assert await world.store.reopen(made, [FAILED, SKIPPED], NOW) == 2
    assert [step.state for step in await world.steps(made)] == [PENDING, SKIPPED, PENDING]
    found = await world.store.find(made.id)
    assert found is not None
    assert (found.state, found.finished_at) == (OperationState.QUEUED, None)


async def test_a_schedule_is_due_once(world: World) -> None:
    store = world.store
    wanted = Schedule(0, "Nightly", Draft(RESET, (1,)), Timetable(120), "users/1", "Ada", NOW, NOW, next_run_at=NOW)
    made = await store.create_schedule(wanted)
    assert msgspec.structs.replace(made, id=0) == wanted
    assert await store.find_schedule(made.id) == made
    assert await store.due_schedules(NOW - timedelta(seconds=1)) == []
    assert [each.id for each in await store.due_schedules(NOW)] == [made.id]
    tomorrow = NOW + timedelta(days=1)
    assert await store.take_run(made, tomorrow, NOW)
    assert not await store.take_run(made, tomorrow, NOW)
    await store.note_run(made.id, "It began.")
    (seen,) = await store.page_schedules("users/1", size=5)
    assert (seen.next_run_at, seen.last_run_at, seen.last_detail) == (tomorrow, NOW, "It began.")
    assert await store.page_schedules("users/2", size=5) == []
    changed = await store.update_schedule(msgspec.structs.replace(seen, enabled=False), version=seen.version)
    assert (changed.version, changed.enabled) == (2, False)
    assert await store.due_schedules(tomorrow) == []
    with pytest.raises(StaleVersion):
        await store.update_schedule(seen, version=1)
    await store.delete_schedule(made.id)
    for gone in (made.id, 10**30):
        with pytest.raises(NotFound):
            await store.delete_schedule(gone)


@pytest.mark.postgres
async def test_a_lease_is_held_by_one(database_url: str) -> None:
    async with (
        open_door() as door,
        open_database(door, database_url, max_size=2) as one,
        open_database(door, database_url, max_size=2) as two,
    ):
        first, second, other = Lease(one, "a"), Lease(two, "a"), Lease(two, "b")
        assert await first.holds()
        assert await first.holds()
        assert not await second.holds()
        assert await other.holds()
        await first.release()
        assert await second.holds()
