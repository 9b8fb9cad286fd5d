"""The task that keeps operations going and begins those that are due, in one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.errors import DomainError, Unavailable
from csms.domain.notifications import NotificationKind
from csms.domain.operations import Operation, OperationState, Schedule, StepState, total_of
from csms.domain.people import AuditEntry
from csms.domain.timetable import next_run
from csms.ports.lease import Lease
from csms.ports.notifications import Notifier
from csms.services.audit import AuditLog
from csms.services.operation_drive import Drive, Tools
from csms.services.operations import Operations

SWEEP_S: Final = 1.0
LEASE_S: Final = 5.0
LATE: Final = timedelta(hours=1)
"""A run that is later than this (the server was down) is left out."""
REST_S: Final = 60.0
"""After a bug in one operation, before it is tried again."""
_log = structlog.get_logger("csms.operations")


class OperationRunner:
    """`run` is the task."""

    def __init__(
        self,
        operations: Operations,
        tools: Tools,
        lease: Lease,
        *,
        notifier: Notifier | None,
        audit: AuditLog,
        now: Callable[[], datetime],
    ) -> None:
        self._operations = operations
        self._tools = tools
        self._store = tools.store
        self._lease = lease
        self._notifier = notifier
        self._audit = audit
        self._now = now
        self._drives: dict[int, Drive] = {}
        self._resting: dict[int, float] = {}

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                try:
                    if await self._lease.holds():
                        await self._lead()
                except Unavailable:
                    _log.warning("operations wait: the database is away")
                await trio.sleep(LEASE_S)
        finally:
            with trio.CancelScope(shield=True):
                await self._lease.release()

    async def _lead(self) -> None:
        """Until the lease is lost."""
        async with trio.open_nursery() as nursery:
            checked_at, poked = trio.current_time(), False
            while True:
                try:
                    if trio.current_time() - checked_at >= LEASE_S:
                        if not await self._lease.holds():
                            _log.warning("another process has taken over the operations")
                            break
                        checked_at = trio.current_time()
                    await self._begin_due()
                    await self._begin_drives(nursery, poked)
                except Unavailable:
                    _log.warning("operations wait: the database is away")
                poked = await self._operations.poked(SWEEP_S)
            nursery.cancel_scope.cancel()
        self._drives.clear()

    async def _begin_drives(self, nursery: trio.Nursery, poked: bool) -> None:
        for operation in await self._store.under_way():
            drive = self._drives.get(operation.id)
            if drive is not None:
                if poked:
                    drive.look()
            elif trio.current_time() >= self._resting.get(operation.id, 0.0) and self._is_due(operation):
                self._drives[operation.id] = drive = Drive(operation, self._tools)
                nursery.start_soon(self._drive, operation.id, drive)

    def _is_due(self, operation: Operation) -> bool:
        not_before = operation.draft.not_before
        waits = operation.state is OperationState.SCHEDULED and not_before is not None
        return not waits or not_before is None or self._now() >= not_before

    async def _drive(self, operation_id: int, drive: Drive) -> None:
        async def work() -> None:
            ended = await drive.run()
            if ended is not None:
                await self._tell(ended)

        def crashed(error: Exception) -> None:
            _log.error("an operation crashed; it rests for a minute", operation_id=operation_id, exc_info=error)
            self._resting[operation_id] = trio.current_time() + REST_S

        await contain(work, crashed)
        self._drives.pop(operation_id, None)

    async def _tell(self, operation: Operation) -> None:
        """Its creator, and the audit log. Losing this (a crash just now) does no harm: the operation itself says it."""
        counts = total_of((await self._store.counts([operation.id]))[operation.id].values())
        good = operation.state is OperationState.SUCCEEDED
        values = {
            "event": "done" if good else "failed",
            "operation": operation.draft.title or operation.kind.value,
            "state": operation.state.value,
            "succeeded": str(counts.of(StepState.SUCCEEDED)),
            "failed": str(counts.bad),
        }
        name = f"operations/{operation.id}"
        await self._audit.write(
            AuditEntry(
                0,
                self._now(),
                operation.created_by,
                operation.created_by_name,
                "/operations/end",
                name,
                operation.state.value,
                after=msgspec.json.encode(values).decode(),
            )
        )
        collection, _, number = operation.created_by.partition("/")
        if self._notifier is not None and collection == "users" and number.isdecimal():
            await self._notifier.notify([int(number)], NotificationKind.OPERATION, values, target=name)

    # -- schedules -----------------------------------------------------------------------------------------------------

    async def _begin_due(self) -> None:
        for schedule in await self._store.due_schedules(self._now()):
            await contain(partial(self._run_schedule, schedule), partial(_report, schedule.id))

    async def _run_schedule(self, schedule: Schedule) -> None:
        now = self._now()
        due = schedule.next_run_at
        if due is None or not await self._store.take_run(schedule, next_run(schedule.timetable, now), now):
            return
        if now - due > LATE:
            await self._store.note_run(schedule.id, "The server was down when it was due, so this run was left out.")
            return
        try:
            made = await self._operations.begin(schedule)
        except DomainError as error:
            await self._store.note_run(schedule.id, f"It could not begin: {error.message}")
        else:
            await self._store.note_run(schedule.id, f"It began operations/{made.id}.")


def _report(schedule_id: int, error: Exception) -> None:
    if isinstance(error, Unavailable):
        _log.warning("a schedule waits: the database is away", schedule_id=schedule_id)
    else:
        _log.error("a schedule failed", schedule_id=schedule_id, exc_info=error)
