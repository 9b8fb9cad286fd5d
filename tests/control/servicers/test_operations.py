"""OperationService over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.json_format import ParseDict

from control.convert.operation_orders import order, read_order
from control.v1 import operations_pb2 as pb
from csms.domain.access import Role
from csms.domain.operations import OperationState, StepState
from tests.kit.control_world import ControlWorld, Refused, control_world
from tests.kit.service_world import NOW

RESET = {"reset": {"type": "RESET_TYPE_ON_IDLE"}}


@pytest.fixture
async def world() -> AsyncIterator[ControlWorld]:
    async with control_world() as made:
        for number in range(3):
            await made.add_station(f"CP-{number}")
        yield made


async def call(world: ControlWorld, method: str, **fields: Any) -> Any:
    kind = getattr(pb, f"{method}Request")
    return await world.client.call(f"operations.{method}", ParseDict(fields, kind()))


async def made(world: ControlWorld, **fields: Any) -> pb.Operation:
    draft = {"title": "Night", "order": RESET, "filter": {"query": "CP-"}, **fields}
    operation: pb.Operation = (await call(world, "CreateOperation", operation=draft)).operation
    return operation


async def end(world: ControlWorld, name: str, state: StepState) -> None:
    """As the runner would."""
    store, number = world.operation_store, int(name.partition("/")[2])
    claimed = await store.claim(number, [1, 2, 3], NOW)
    steps = [msgspec.structs.replace(step, state=state, answer="Rejected", ended_at=NOW) for step in claimed]
    await store.put_steps(number, steps)
    found = await store.find(number)
    assert found is not None
    ended = msgspec.structs.replace(found, state=OperationState.FAILED, started_at=NOW, finished_at=NOW)
    await store.change(ended, [found.state])


@pytest.mark.feature("F-OPS-6")
async def test_an_operation_is_tried_made_and_read(world: ControlWorld) -> None:
    draft = {"order": RESET, "filter": {"models": ["Model"]}, "waves": [{"count": 1}, {}]}
    told = await call(world, "CreateOperation", operation=draft, dry_run=True)
    assert (told.HasField("operation"), told.target_count) == (False, 3)
    assert [(target.station_identity, target.wave, target.online) for target in told.targets] == [
        ("CP-0", 1, True), ("CP-1", 2, True), ("CP-2", 2, True),
    ]  # fmt: skip
    operation = await made(world, concurrency=5, offline_wait="60s", stop_after_failures=2)
    assert (operation.kind, operation.state, operation.counts.pending) == (1, 2, 3)
    found = (await call(world, "GetOperation", name=operation.name)).operation
    assert found == operation
    assert (found.draft.concurrency, found.draft.offline_wait.seconds) == (5, 60)
    listed = await call(world, "ListOperations", filter={"states": ["OPERATION_STATE_QUEUED"]}, page_size=1)
    assert ([each.name for each in listed.operations], listed.total_size) == ([operation.name], 1)
    steps = await call(world, "ListOperationSteps", operation=operation.name, page_size=2)
    assert ([step.number for step in steps.steps], steps.total_size) == ([1, 2], 3)
    more = await call(
        world, "ListOperationSteps", operation=operation.name, page_size=2, page_token=steps.next_page_token
    )
    assert ([step.station_identity for step in more.steps], more.next_page_token) == (["CP-2"], "")


async def test_operations_are_paged_in_either_order(world: ControlWorld) -> None:
    names = [(await made(world)).name for _ in range(3)]
    for order_by, wanted in (("", names[::-1]), ("create_time", names)):
        seen: list[str] = []
        token = ""
        while True:
            page = await call(world, "ListOperations", page_size=2, page_token=token, order_by=order_by)
            seen += [each.name for each in page.operations]
            token = page.next_page_token
            if not token:
                break
        assert seen == wanted
    with pytest.raises(Refused):
        await call(world, "ListOperations", order_by="title")


async def test_an_operation_is_paused_resumed_cancelled_and_repeated(world: ControlWorld) -> None:
    operation = await made(world)
    assert (await call(world, "PauseOperation", name=operation.name)).operation.state == 4
    assert (await call(world, "ResumeOperation", name=operation.name)).operation.state == 2
    with pytest.raises(Refused) as caught:
        await call(world, "RetryFailed", name=operation.name)
    assert caught.value.reason == "OPERATION_UNDER_WAY"
    await end(world, operation.name, StepState.FAILED)
    again = await call(world, "RetryFailed", name=operation.name)
    assert (again.retried_count, again.operation.counts.pending) == (3, 3)
    assert (await call(world, "CancelOperation", name=operation.name)).operation.state == 5
    changed = [
        entry.method.rpartition("/")[2] for entry in world.audit_store.entries if entry.resource == operation.name
    ]
    assert changed.count("CancelOperation") == 1


async def test_a_watcher_sees_it_to_its_end(world: ControlWorld) -> None:
    operation = await made(world)
    await end(world, operation.name, StepState.SUCCEEDED)
    news = await world.client.collect("operations.WatchOperation", pb.WatchOperationRequest(name=operation.name))
    assert [(step.number, step.state) for step in news[0].steps] == [(1, 3), (2, 3), (3, 3)]
    assert news[-1].operation.HasField("end_time")


@pytest.mark.feature("F-OPS-2")
async def test_a_rollout_has_waves_and_shows_no_passwords(world: ControlWorld) -> None:
    firmware = {"location": "ftp://me:secret@example.org/fw", "version": "2.0", "retry_interval": "60s"}
    draft = {"order": {"update_firmware": firmware}, "filter": {}}
    operation = (await call(world, "CreateRollout", operation=draft)).operation
    assert operation.draft.order.update_firmware.location == "ftp://me:***@example.org/fw"
    assert [(wave.count, wave.percent) for wave in operation.draft.waves] == [(1, 0), (0, 10), (0, 0)]
    with pytest.raises(Refused) as caught:
        await call(world, "CreateRollout", operation={"order": RESET, "filter": {}})
    assert caught.value.reason == "INVALID_ORDER"
    updates = (await call(world, "CheckForUpdates")).updates
    assert [(update.station_identity, update.standing) for update in updates] == [("CP-0", 1), ("CP-1", 1), ("CP-2", 1)]


async def test_schedules_are_made_changed_and_removed(world: ControlWorld) -> None:
    wanted = {
        "title": "Nightly",
        "draft": {"order": RESET, "filter": {}},
        "minute_of_day": 150,
        "days_of_week": [1, 7],
        "time_zone": "Europe/Stockholm",
        "enabled": True,
    }
    schedule = (await call(world, "CreateSchedule", schedule=wanted)).schedule
    assert (list(schedule.days_of_week), schedule.HasField("next_run_time")) == ([1, 7], True)
    assert (await call(world, "GetSchedule", name=schedule.name)).schedule == schedule
    assert [each.name for each in (await call(world, "ListSchedules")).schedules] == [schedule.name]
    changes = {"name": schedule.name, "enabled": False, "etag": schedule.etag}
    off = (await call(world, "UpdateSchedule", schedule=changes, update_mask="enabled")).schedule
    assert (off.enabled, off.title, off.HasField("next_run_time")) == (False, "Nightly", False)
    with pytest.raises(Refused) as caught:
        await call(world, "UpdateSchedule", schedule=changes, update_mask="enabled")
    assert caught.value.code is grpc.StatusCode.ABORTED
    dated = {"name": schedule.name, "date": "2000-01-01", "enabled": True}
    with pytest.raises(Refused) as caught:
        await call(world, "UpdateSchedule", schedule=dated, update_mask="date,enabled")
    assert caught.value.reason == "TIME_IS_OVER"
    world.client.token = world.bearer[Role.SUPPORT]
    with pytest.raises(Refused) as caught:
        await call(world, "UpdateSchedule", schedule={"name": schedule.name, "title": "x"}, update_mask="timeZone")
    assert caught.value.reason == "NOT_YOUR_SCHEDULE"
    await call(world, "DeleteSchedule", name=schedule.name)
    with pytest.raises(Refused):
        await call(world, "GetSchedule", name=schedule.name)


@pytest.mark.parametrize(
    "wanted",
    [
        RESET,
        {"change_availability": {"operational_status": "OPERATIONAL_STATUS_INOPERATIVE", "evse_id": 2}},
        {"unlock_connector": {"evse_id": 2, "connector_id": 1}},
        {"clear_cache": {}},
        {"trigger_message": {"requested_message": "Heartbeat"}},
        {"sync_local_list": {"full": True}},
        {"set_variables": {"variables": [{"name": "A", "value": "1"}]}},
        {"data_transfer": {"vendor_id": "com.example", "data": "x"}},
        {"admission": {"admit": True}},
        {"get_log": {"log_type": "LOG_TYPE_SECURITY", "oldest_time": "2026-05-04T12:00:00Z"}},
        {"update_firmware": {"image": "firmwareImages/3", "retries": 2, "retry_interval": "60s"}},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
def test_orders_go_both_ways(wanted: dict[str, Any]) -> None:
    message = ParseDict(wanted, pb.OperationOrder())
    assert order(read_order(message)) == message
