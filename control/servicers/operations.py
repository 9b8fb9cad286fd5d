"""OperationService."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from control.convert import operations as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import operations_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.firmware_versions import Comparison
from csms.domain.operations import Schedule
from csms.services.operation_schedules import OperationSchedules
from csms.services.operations import TICK_S, Operations

MAX_OPERATIONS: Final = 200


class OperationServicer:
    """A method is: convert, call one use case, convert. `tick`: seconds of silence before a sign of life."""

    service = pb.DESCRIPTOR.services_by_name["OperationService"]

    def __init__(self, operations: Operations, schedules: OperationSchedules, *, tick: float = TICK_S) -> None:
        self._operations = operations
        self._schedules = schedules
        self._tick = tick

    async def create_operation(self, call: Call, request: pb.CreateOperationRequest) -> pb.CreateOperationResponse:
        """CreateOperation."""
        draft = convert.read_draft(request.operation)
        made = await self._operations.create(call.caller, draft, dry_run=request.dry_run)
        return pb.CreateOperationResponse(
            operation=convert.new_operation(made), target_count=len(made.targets), targets=convert.targets(made)
        )

    async def create_rollout(self, call: Call, request: pb.CreateRolloutRequest) -> pb.CreateRolloutResponse:
        """CreateRollout."""
        draft = convert.read_draft(request.operation)
        made = await self._operations.create_rollout(call.caller, draft, dry_run=request.dry_run)
        return pb.CreateRolloutResponse(
            operation=convert.new_operation(made), target_count=len(made.targets), targets=convert.targets(made)
        )

    async def get_operation(self, call: Call, request: pb.GetOperationRequest) -> pb.GetOperationResponse:
        """GetOperation."""
        found = await self._operations.get(call.caller, read_name(request.name, "operations"))
        return pb.GetOperationResponse(operation=convert.operation(found))

    async def list_operations(self, call: Call, request: pb.ListOperationsRequest) -> pb.ListOperationsResponse:
        """ListOperations."""
        size = page_size(request.page_size, maximum=MAX_OPERATIONS)
        oldest_first = convert.read_order_by(request.order_by)
        query = b"operations:%d:" % oldest_first + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        found, total = await self._operations.page(
            call.caller,
            convert.read_operation_filter(request.filter),
            size=size + 1,
            after=None if place is None else int(place[0]),
            oldest_first=oldest_first,
        )
        shown = fitting(convert.operation(view) for view in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].operation.id], query) if more else ""
        return pb.ListOperationsResponse(operations=shown, next_page_token=token, total_size=total)

    async def list_operation_steps(
        self, call: Call, request: pb.ListOperationStepsRequest
    ) -> pb.ListOperationStepsResponse:
        """ListOperationSteps."""
        size = page_size(request.page_size)
        operation_id = read_name(request.operation, "operations")
        states = convert.read_step_states(list(request.states))
        query = f"steps:{operation_id}:{','.join(states)}:{request.query}".encode()
        place = read_token(request.page_token, query, (int,))
        view = await self._operations.get(call.caller, operation_id)
        found, total = await self._operations.page_steps(
            call.caller,
            operation_id,
            states,
            request.query,
            size=size + 1,
            after=0 if place is None else int(place[0]),
        )
        shown = fitting(convert.step(step, view.operation.kind) for step in found[:size])
        token = make_token([shown[-1].number], query) if len(found) > len(shown) else ""
        return pb.ListOperationStepsResponse(steps=shown, next_page_token=token, total_size=total)

    async def pause_operation(self, call: Call, request: pb.PauseOperationRequest) -> pb.PauseOperationResponse:
        """PauseOperation."""
        found = await self._operations.pause(call.caller, read_name(request.name, "operations"))
        return pb.PauseOperationResponse(operation=convert.operation(found))

    async def resume_operation(self, call: Call, request: pb.ResumeOperationRequest) -> pb.ResumeOperationResponse:
        """ResumeOperation."""
        found = await self._operations.resume(call.caller, read_name(request.name, "operations"))
        return pb.ResumeOperationResponse(operation=convert.operation(found))

    async def cancel_operation(self, call: Call, request: pb.CancelOperationRequest) -> pb.CancelOperationResponse:
        """CancelOperation."""
        found = await self._operations.cancel(call.caller, read_name(request.name, "operations"))
        return pb.CancelOperationResponse(operation=convert.operation(found))

    async def retry_failed(self, call: Call, request: pb.RetryFailedRequest) -> pb.RetryFailedResponse:
        """RetryFailed."""
        found, count = await self._operations.retry(
            call.caller,
            read_name(request.name, "operations"),
            unknown=request.include_unknown,
            skipped=request.include_skipped,
        )
        return pb.RetryFailedResponse(operation=convert.operation(found), retried_count=count)

    async def watch_operation(
        self, call: Call, request: pb.WatchOperationRequest
    ) -> AsyncGenerator[pb.WatchOperationResponse, None]:
        """WatchOperation."""
        operation_id = read_name(request.name, "operations")
        made = self._operations.watch(call.caller, operation_id, request.start_revision, tick=self._tick)
        async with contextlib.aclosing(made) as news:
            async for each in news:
                kind = each.view.operation.kind
                yield pb.WatchOperationResponse(
                    operation=convert.operation(each.view), steps=[convert.step(step, kind) for step in each.steps]
                )

    async def check_for_updates(self, call: Call, request: pb.CheckForUpdatesRequest) -> pb.CheckForUpdatesResponse:
        """CheckForUpdates."""
        found = await self._operations.check_for_updates(
            call.caller,
            [read_name(name, "stations") for name in request.stations],
            convert.read_filter(request.filter) if request.HasField("filter") else None,
        )
        shown = [each for each in found if not request.newer_only or each.standing is Comparison.NEWER]
        return pb.CheckForUpdatesResponse(updates=fitting(convert.update(each) for each in shown))

    # -- schedules -----------------------------------------------------------------------------------------------------

    async def create_schedule(self, call: Call, request: pb.CreateScheduleRequest) -> pb.CreateScheduleResponse:
        """CreateSchedule."""
        wanted = request.schedule
        made = await self._schedules.create(
            call.caller,
            wanted.title.strip(),
            convert.read_draft(wanted.draft),
            convert.read_timetable(wanted),
            enabled=wanted.enabled,
        )
        return pb.CreateScheduleResponse(schedule=convert.schedule(made))

    async def get_schedule(self, call: Call, request: pb.GetScheduleRequest) -> pb.GetScheduleResponse:
        """GetSchedule."""
        found = await self._schedules.get(call.caller, read_name(request.name, "operationSchedules"))
        return pb.GetScheduleResponse(schedule=convert.schedule(found))

    async def list_schedules(self, call: Call, request: pb.ListSchedulesRequest) -> pb.ListSchedulesResponse:
        """ListSchedules."""
        size = page_size(request.page_size)
        place = read_token(request.page_token, b"schedules", (int,))
        before = None if place is None else int(place[0])
        found = await self._schedules.page(call.caller, size=size + 1, before=before)
        shown = fitting(convert.schedule(each) for each in found[:size])
        token = make_token([found[len(shown) - 1].id], b"schedules") if len(found) > len(shown) else ""
        return pb.ListSchedulesResponse(schedules=shown, next_page_token=token)

    async def update_schedule(self, call: Call, request: pb.UpdateScheduleRequest) -> pb.UpdateScheduleResponse:
        """UpdateSchedule."""
        wanted = request.schedule
        number = read_name(wanted.name, "operationSchedules")
        version = read_etag(wanted.etag)
        fields = list(masked_fields(request.update_mask.paths, convert.SCHEDULE_FIELDS))
        old = await self._schedules.get(call.caller, number)
        changed = msgspec.structs.replace(
            old, title=wanted.title.strip(), enabled=wanted.enabled, timetable=convert.read_timetable(wanted)
        )
        if "draft" in fields:
            changed = _with_draft(changed, wanted.draft)
        done = await self._schedules.update(call.caller, changed, fields, version=version)
        return pb.UpdateScheduleResponse(schedule=convert.schedule(done))

    async def delete_schedule(self, call: Call, request: pb.DeleteScheduleRequest) -> pb.DeleteScheduleResponse:
        """DeleteSchedule."""
        await self._schedules.delete(call.caller, read_name(request.name, "operationSchedules"))
        return pb.DeleteScheduleResponse()


def _with_draft(old: Schedule, message: pb.OperationDraft) -> Schedule:
    """Raises InvalidArgument for an address that was blotted out when it was read."""
    draft = convert.read_draft(message)
    if ":***@" in getattr(draft.order, "location", ""):
        raise InvalidArgument(
            "The password in the address was blotted out when you read it. Give it again.", reason="INVALID_LOCATION"
        )
    return msgspec.structs.replace(old, draft=draft)
