"""Operations on their way, over stores in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import pytest
import trio
from trio.testing import MockClock

from csms.domain.access import Principal, Role
from csms.domain.commands import Answer, OperationalStatus, Outcome, ResetType, SetVariable
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.facts import RegistrationStatus, StationBooted
from csms.domain.notifications import NotificationKind
from csms.domain.operations import Draft, Operation, OperationState, Step, StepState, TargetFilter, Wave
from csms.domain.orders import (
    AdmissionOrder,
    AvailabilityOrder,
    ClearCacheOrder,
    DataTransferOrder,
    FirmwareRolloutOrder,
    LogOrder,
    Order,
    ResetOrder,
    TriggerOrder,
    UnlockOrder,
    VariablesOrder,
)
from csms.domain.records import BootRecord, JobState
from csms.domain.timetable import Timetable
from csms.ports.directory import Settled
from csms.ports.operations import OperationFilter
from csms.services.operation_drive import Tools
from csms.services.operation_runner import OperationRunner
from csms.services.order_work import OrderWork
from tests.kit.fake_operations import HeldLease
from tests.kit.service_world import DRIVER, NOW, ServiceWorld

CLEAR = ClearCacheOrder()
RESET = ResetOrder(ResetType.ON_IDLE)
FIRMWARE = FirmwareRolloutOrder(location="https://example.org/fw.bin", version="2.0")


class FakeNotifier:
    def __init__(self) -> None:
        self.told: list[tuple[int, str, str]] = []

    async def notify(
        self, user_ids: Collection[int], kind: NotificationKind, values: Mapping[str, str], *, target: str = ""
    ) -> None:
        assert kind is NotificationKind.OPERATION
        self.told += [(user_id, values["event"], target) for user_id in user_ids]


class World(ServiceWorld):
    """Its clock is trio's. `admin` is a user that exists."""

    admin: Principal

    def __init__(self) -> None:
        super().__init__()
        self.notifier = FakeNotifier()
        self.lease = HeldLease()
        self.zone = "UTC"

    def clock(self) -> datetime:
        self.time = NOW + timedelta(seconds=trio.current_time() - self.began)
        return self.time

    async def prepare(self, stations: int, *, online: bool = True) -> list[int]:
        self.began = trio.current_time()
        user = await self.add_user(Role.ADMINISTRATOR, "ada@example.org")
        self.admin = Principal(f"users/{user.id}", "Ada", Role.ADMINISTRATOR, user_id=user.id)
        for service in (self.operations, self.operation_schedules, self.maintenance):
            service._now = self.clock
        return [await self.add_station(f"CP-{number:05}", online=online) for number in range(stations)]

    def runner(self) -> OperationRunner:
        work = OrderWork(
            self.remote, self.maintenance, self.local_lists, self.stations, self.inventory_store, now=self.clock
        )
        tools = Tools(
            self.operation_store, work, self.rights.of, lambda _: self.zone, self.operations.changed, self.clock
        )
        return OperationRunner(
            self.operations, tools, self.lease, notifier=self.notifier, audit=self.audit, now=self.clock
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.lease.lost = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.runner().run)
            yield
            nursery.cancel_scope.cancel()

    async def make(self, order: Order, stations: list[int], **fields: object) -> Operation:
        draft = Draft(order, tuple(stations), **fields)  # type: ignore[arg-type]
        made = (await self.operations.create(self.admin, draft)).operation
        assert made is not None
        return made

    async def ended(self, operation: Operation, within: float = 3600.0) -> Operation:
        with trio.fail_after(within):
            while (now := await self.operation_store.find(operation.id)) is None or now.finished_at is None:
                await trio.sleep(0.5)
        return now

    async def steps(self, operation: Operation) -> list[Step]:
        return list((await self.operation_store.page_steps(operation.id, [], "", size=100_000))[0])

    async def states(self, operation: Operation) -> list[StepState]:
        return [step.state for step in await self.steps(operation)]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.feature("F-OPS-6")
async def test_every_kind_reaches_its_stations(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(2)
    orders: list[Order] = [
        RESET,
        AvailabilityOrder(OperationalStatus.INOPERATIVE),
        UnlockOrder(),
        CLEAR,
        TriggerOrder("Heartbeat"),
        VariablesOrder((SetVariable("HeartbeatInterval", "60"),)),
        DataTransferOrder("com.example", "hello", "x"),
        AdmissionOrder(admit=False),
    ]
    async with world.running():
        for order in orders:
            operation = await world.ended(await world.make(order, stations))
            assert operation.state is OperationState.SUCCEEDED, (order, await world.steps(operation))
    assert len(world.directory.sent) == 14
    assert all(each.registration is RegistrationStatus.REJECTED for each in world.tables.stations.values())
    assert world.notifier.told[0] == (world.admin.user_id, "done", "operations/1")


async def test_thousands_of_stations_cost_a_few_statements_each_turn(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(5_000)
    made = await world.operations.create(world.admin, Draft(CLEAR, filter=TargetFilter(), concurrency=50))
    assert made.operation is not None
    async with world.running():
        operation = await world.ended(made.operation)
    assert operation.state is OperationState.SUCCEEDED
    assert len(world.directory.sent) == len(stations)
    assert world.operation_store.writes < 250, "steps are claimed and written in batches"


async def test_it_stops_when_too_many_fail(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(10)
    world.directory.settled = [Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1)] * 3
    async with world.running():
        operation = await world.ended(await world.make(CLEAR, stations, stop_after_failures=3, concurrency=1))
        assert operation.state is OperationState.STOPPED
        assert (await world.states(operation)).count(StepState.SKIPPED) == 7
        failed = (await world.steps(operation))[0]
        assert (failed.reason, failed.detail) == ("REFUSED", "The station said Rejected.")
        view, count = await world.operations.retry(world.admin, operation.id, skipped=True)
        assert (count, view.operation.state) == (10, OperationState.QUEUED)
        assert (await world.ended(operation)).state is OperationState.SUCCEEDED
    assert world.notifier.told == [
        (world.admin.user_id, "failed", "operations/1"),
        (world.admin.user_id, "done", "operations/1"),
    ]
    with pytest.raises(FailedPrecondition) as caught:
        await world.operations.retry(world.admin, operation.id)
    assert caught.value.reason == "NOTHING_TO_RETRY"


async def test_who_is_offline_fails_or_is_waited_for(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(2)
    world.tables.stations[stations[1]].online = False
    async with world.running():
        operation = await world.ended(await world.make(CLEAR, stations))
        assert [step.reason for step in await world.steps(operation)] == ["", "STATION_OFFLINE"]
        assert trio.current_time() - world.began < 10
        patient = await world.make(CLEAR, stations, offline_wait_s=600)
        await trio.sleep(300)
        assert await world.states(patient) == [StepState.SUCCEEDED, StepState.PENDING]
        world.tables.stations[stations[1]].online = True
        assert (await world.ended(patient)).state is OperationState.SUCCEEDED
        world.tables.stations[stations[1]].online = False
        operation = await world.ended(await world.make(CLEAR, stations, offline_wait_s=600))
        assert (await world.steps(operation))[1].detail.startswith("The station did not connect")


async def test_silence_leaves_a_reset_open_and_repeats_what_is_harmless(
    autojump_clock: MockClock, world: World
) -> None:
    stations = await world.prepare(1)
    world.directory.settled = [Settled(Outcome.UNKNOWN)]
    async with world.running():
        operation = await world.ended(await world.make(RESET, stations))
        (step,) = await world.steps(operation)
        assert (step.state, step.reason, operation.state) == (StepState.UNKNOWN, "NO_ANSWER", OperationState.FAILED)
        assert len(world.directory.sent) == 1
        world.directory.settled = [Settled(Outcome.UNKNOWN)] * 2
        operation = await world.ended(await world.make(CLEAR, stations))
        (step,) = await world.steps(operation)
        assert (step.state, step.attempt) == (StepState.SUCCEEDED, 3)
        world.directory.settled = [Settled(Outcome.REFUSED, reason="MAILBOX_FULL")] * 9
        operation = await world.ended(await world.make(RESET, stations))
        (step,) = await world.steps(operation)
        assert (step.state, step.attempt, step.reason) == (StepState.FAILED, 5, "MAILBOX_FULL")


@pytest.mark.parametrize(
    ("order", "state", "sent"), [(RESET, StepState.UNKNOWN, 1), (CLEAR, StepState.SUCCEEDED, 2)], ids=["reset", "clear"]
)
async def test_what_was_under_way_when_the_server_died(
    autojump_clock: MockClock, world: World, order: Order, state: StepState, sent: int
) -> None:
    stations = await world.prepare(1)
    operation = await world.make(order, stations)
    world.directory.hang = True
    async with world.running():
        await trio.sleep(3)
        assert await world.states(operation) == [StepState.RUNNING]
    world.directory.hang = world.lease.lost = False
    async with world.running():
        await world.ended(operation)
    assert await world.states(operation) == [state]
    assert len(world.directory.sent) == sent


async def test_pause_resume_and_cancel(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(3)
    world.directory.hang = True
    operation = await world.make(RESET, stations, concurrency=1)
    async with world.running():
        await trio.sleep(2)
        paused = await world.operations.pause(world.admin, operation.id)
        assert (paused.operation.state, paused.operation.detail) == (OperationState.PAUSED, "Paused by Ada.")
        with pytest.raises(FailedPrecondition):
            await world.operations.pause(world.admin, operation.id)
        await trio.sleep(10)
        assert len(world.directory.sent) == 1
        resumed = await world.operations.resume(world.admin, operation.id)
        assert resumed.operation.state is OperationState.RUNNING
        cancelled = await world.operations.cancel(world.admin, operation.id)
        assert cancelled.operation.finished_at is None
        await trio.sleep(10)
        assert await world.states(operation) == [StepState.RUNNING, StepState.SKIPPED, StepState.SKIPPED]
        with pytest.raises(FailedPrecondition):
            await world.operations.retry(world.admin, operation.id)
    with pytest.raises(FailedPrecondition):
        await world.operations.resume(world.admin, operation.id)


async def test_an_outage_of_the_database_is_waited_out(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(20)
    operation = await world.make(CLEAR, stations, concurrency=2)
    async with world.running():
        await trio.sleep(0.02)
        world.tables.away = True
        await trio.sleep(60)
        world.tables.away = False
        assert (await world.ended(operation)).state is OperationState.SUCCEEDED
    assert len(world.directory.sent) == 20


async def test_it_is_done_with_the_rights_that_its_creator_has_then(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(1)
    operation = await world.make(CLEAR, stations, not_before=NOW + timedelta(hours=1))
    assert operation.state is OperationState.SCHEDULED
    user = await world.access_store.find_user(world.admin.user_id or 0)
    assert user is not None
    world.access_store.put(msgspec.structs.replace(user, blocked=True))
    async with world.running():
        await trio.sleep(3000)
        assert world.directory.sent == []
        ended = await world.ended(operation)
    assert [step.reason for step in await world.steps(ended)] == ["CREATOR_GONE"]


# -- firmware ----------------------------------------------------------------------------------------------------------


async def boot(world: World, station_id: int, version: str) -> None:
    world.tables.write(
        [BootRecord(station_id, world.clock(), StationBooted("Vendor", "Model", firmware_version=version))]
    )


@pytest.mark.feature("F-OPS-2")
async def test_a_rollout_goes_wave_by_wave_to_its_end(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(4)
    await boot(world, stations[3], "2.0")
    await trio.sleep(1)
    waves = (Wave(count=1, success_percent=100, wait_s=600), Wave(count=2, by_hand=True), Wave())
    made = await world.operations.create_rollout(world.admin, Draft(FIRMWARE, tuple(stations), waves=waves))
    assert made.operation is not None
    operation = made.operation
    async with world.running():
        await trio.sleep(10)
        (first, *rest) = await world.steps(operation)
        assert (first.state, first.job_id, {step.state for step in rest}) == (
            StepState.RUNNING, 1, {StepState.PENDING},
        )  # fmt: skip
        await boot(world, stations[0], "2.0")
        await trio.sleep(300)
        assert (await world.steps(operation))[0].detail == "The station runs 2.0."
        assert len(world.directory.sent) == 1, "the wave waits"
        await trio.sleep(400)
        assert len(world.directory.sent) == 3
        jobs = [step.job_id or 0 for step in (await world.steps(operation))[1:3]]
        for job, state, status in zip(
            jobs, (JobState.SUCCEEDED, JobState.FAILED), ("Installed", "InstallationFailed"), strict=True
        ):
            await world.inventory_store.change_job(job, state, world.clock(), status=status)
        await trio.sleep(5)
        paused = await world.operations.get(world.admin, operation.id)
        assert paused.operation.state is OperationState.PAUSED
        assert paused.operation.detail.startswith("Wave 2 is done (1 of 2 succeeded).")
        await world.operations.resume(world.admin, operation.id)
        ended = await world.ended(operation)
    assert ended.state is OperationState.FAILED
    steps = await world.steps(operation)
    assert [(step.state, step.answer or step.reason) for step in steps[1:]] == [
        (StepState.SUCCEEDED, "Installed"),
        (StepState.FAILED, "InstallationFailed"),
        (StepState.SKIPPED, "ALREADY_INSTALLED"),
    ]


async def test_updates_begin_in_the_hours_of_the_site_and_take_only_so_long(
    autojump_clock: MockClock, world: World
) -> None:
    stations = await world.prepare(1)
    world.zone = "Europe/Stockholm"
    night = msgspec.structs.replace(FIRMWARE, window_start=22 * 60, window_end=4 * 60)
    operation = await world.make(night, stations, timeout_s=900)
    async with world.running():
        await trio.sleep(60)
        (step,) = await world.steps(operation)
        assert step.not_before == NOW.replace(hour=20)
    await trio.sleep(8 * 3600 - 100)
    async with world.running():
        await trio.sleep(120)
        (step,) = await world.steps(operation)
        assert (step.state, step.started_at and step.started_at.hour) == (StepState.RUNNING, 20)
        await world.ended(operation)
    (step,) = await world.steps(operation)
    assert (step.state, step.reason) == (StepState.FAILED, "TIMEOUT")


async def test_an_order_under_way_is_found_again_by_its_job(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(1)
    operation = await world.make(LogOrder(location="ftp://example.org/"), stations)
    world.directory.hang = True
    async with world.running():
        await trio.sleep(3)
    world.directory.hang = world.lease.lost = False
    async with world.running():
        await trio.sleep(3)
        (step,) = await world.steps(operation)
        assert (step.state, step.job_id) == (StepState.RUNNING, 1)
        await world.inventory_store.change_job(1, JobState.SUCCEEDED, world.clock(), status="Uploaded")
        assert (await world.ended(operation)).state is OperationState.SUCCEEDED
    assert len(world.directory.sent) == 1


# -- schedules ---------------------------------------------------------------------------------------------------------


async def test_a_schedule_runs_every_day_and_tells_of_its_runs(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(1)
    draft = Draft(CLEAR, tuple(stations))
    made = await world.operation_schedules.create(
        world.admin, "Nightly", draft, Timetable(13 * 60, time_zone="UTC"), enabled=True
    )
    assert made.next_run_at == NOW.replace(hour=13)
    for day in range(2):
        await trio.sleep_until(world.began + 3600 + day * 24 * 3600 - 5)
        async with world.running():
            await trio.sleep(20)
    found, total = await world.operation_store.page(OperationFilter(schedule_id=made.id), size=9)
    assert total == 2
    assert {each.draft.title for each in found} == {"Nightly"}
    seen = await world.operation_schedules.get(world.admin, made.id)
    assert seen.last_detail == "It began operations/2."
    off = msgspec.structs.replace(seen, enabled=False)
    changed = await world.operation_schedules.update(world.admin, off, ["enabled"], version=seen.version)
    assert changed.next_run_at is None
    await trio.sleep(24 * 3600)
    async with world.running():
        await trio.sleep(20)
    assert len(world.directory.sent) == 2


async def test_a_run_that_was_missed_is_left_out(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(1)
    made = await world.operation_schedules.create(
        world.admin, "Nightly", Draft(CLEAR, tuple(stations)), Timetable(13 * 60), enabled=True
    )
    await trio.sleep(5 * 3600)
    async with world.running():
        await trio.sleep(10)
        seen = await world.operation_schedules.get(world.admin, made.id)
        assert "left out" in seen.last_detail
        assert seen.next_run_at == NOW.replace(day=5, hour=13)
    assert world.directory.sent == []


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_others_see_only_their_own(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(2)
    operation = await world.make(CLEAR, stations)
    with pytest.raises(NotFound):
        await world.operations.create(DRIVER, Draft(CLEAR, tuple(stations)))
    with pytest.raises(NotFound):
        await world.operations.get(DRIVER, operation.id)
    with pytest.raises(FailedPrecondition) as caught:
        await world.operations.create(DRIVER, Draft(CLEAR, filter=TargetFilter()))
    assert caught.value.reason == "NO_TARGETS"
    admission = await world.make(AdmissionOrder(admit=True), stations)
    support = Principal("users/77", "Sue", Role.SUPPORT)
    await world.operations.pause(support, operation.id)
    with pytest.raises(PermissionDenied):
        await world.operations.pause(support, admission.id)


async def test_an_image_goes_only_to_stations_that_it_is_for(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(1)
    with pytest.raises(NotFound):
        await world.make(FirmwareRolloutOrder(image_id=9), stations)
    with pytest.raises(InvalidArgument) as caught:
        await world.operations.create_rollout(world.admin, Draft(CLEAR, tuple(stations)))
    assert caught.value.reason == "INVALID_ORDER"


async def test_a_watcher_sees_all_of_it(autojump_clock: MockClock, world: World) -> None:
    stations = await world.prepare(3)
    operation = await world.make(CLEAR, stations)
    seen: dict[int, StepState] = {}
    async with world.running(), aclosing(world.operations.watch(world.admin, operation.id, 0)) as news:
        async for each in news:
            seen |= {step.number: step.state for step in each.steps}
            last = each.view
    assert seen == dict.fromkeys((1, 2, 3), StepState.SUCCEEDED)
    assert last.operation.state is OperationState.SUCCEEDED
