"""OperationStore in memory, which passes the same contract as the real one (tests/contracts/test_operations.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from csms.domain.access import Scope
from csms.domain.errors import NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.operations import Counts, Operation, OperationState, Schedule, Step, StepState, Target, TargetFilter
from csms.ports.inventory import Job
from csms.ports.operations import DueStep, Followed, OperationFilter
from tests.kit.fake_tables import FakeTables, StationData

replace = msgspec.structs.replace


class FakeOperations:
    """As PostgreSQL would. `job_of` gives jobs by their ids."""

    def __init__(self, tables: FakeTables, job_of: Callable[[int], Job | None] = lambda _: None) -> None:
        self._tables = tables
        self._job_of = job_of
        self._operations: dict[int, Operation] = {}
        self._steps: dict[int, dict[int, Step]] = {}
        self._schedules: dict[int, Schedule] = {}
        self._ids, self._schedule_ids = itertools.count(1), itertools.count(1)
        self.writes = 0
        """How many statements changed steps."""

    async def resolve(
        self,
        station_ids: Sequence[int] | None,
        wanted: TargetFilter,
        *,
        place_ids: frozenset[int] = frozenset(),
        scope: Scope | None = None,
        accepted_only: bool = True,
        limit: int,
    ) -> Sequence[Target]:
        self._tables.check()
        if station_ids is not None:
            return [_target(self._tables.stations[n]) for n in station_ids if n in self._tables.stations][:limit]
        found = []
        for data in sorted(self._tables.stations.values(), key=lambda each: (each.identity, each.id)):
            target = _target(data)
            if accepted_only and data.registration is not RegistrationStatus.ACCEPTED:
                continue
            if place_ids and data.place_id not in place_ids:
                continue
            if scope is not None and not scope.holds(data.id, data.place_id):
                continue
            if _matches(target, wanted):
                found.append(target)
        return found[:limit]

    async def create(self, operation: Operation, targets: Sequence[tuple[Target, int]]) -> Operation:
        self._tables.check()
        made = replace(operation, id=next(self._ids), revision=1)
        self._operations[made.id] = made
        self._steps[made.id] = {
            number: Step(made.id, number, target.station_id, target.identity, target.display_name, wave)
            for number, (target, wave) in enumerate(targets, 1)
        }
        return made

    async def find(self, operation_id: int) -> Operation | None:
        self._tables.check()
        return self._operations.get(operation_id)

    async def counts(self, operation_ids: Collection[int]) -> Mapping[int, Mapping[int, Counts]]:
        self._tables.check()
        found: dict[int, dict[int, dict[StepState, int]]] = {number: {} for number in operation_ids}
        for number in operation_ids:
            for step in self._steps.get(number, {}).values():
                states = found[number].setdefault(step.wave, {})
                states[step.state] = states.get(step.state, 0) + 1
        return {number: {wave: Counts(states) for wave, states in waves.items()} for number, waves in found.items()}

    async def page(
        self, wanted: OperationFilter, *, size: int, after: int | None = None, oldest_first: bool = False
    ) -> tuple[Sequence[Operation], int]:
        self._tables.check()
        found = [each for each in self._operations.values() if self._wanted(each, wanted)]
        found.sort(key=lambda each: each.id if oldest_first else -each.id)
        left = [each for each in found if after is None or (each.id > after if oldest_first else each.id < after)]
        return left[:size], len(found)

    def _wanted(self, each: Operation, wanted: OperationFilter) -> bool:
        stations = {step.station_id for step in self._steps[each.id].values()}
        return (
            (not wanted.states or each.state in wanted.states)
            and (not wanted.kinds or each.kind in wanted.kinds)
            and wanted.created_by in ("", each.created_by)
            and wanted.schedule_id in (None, each.schedule_id)
            and (wanted.station_id is None or wanted.station_id in stations)
            and (wanted.created_from is None or each.created_at >= wanted.created_from)
            and (wanted.created_to is None or each.created_at < wanted.created_to)
            and wanted.query.strip().casefold() in each.draft.title.casefold()
        )

    async def page_steps(
        self, operation_id: int, states: Sequence[StepState], query: str, *, size: int, after: int = 0
    ) -> tuple[Sequence[Step], int]:
        self._tables.check()
        found = [
            step
            for step in self._steps.get(operation_id, {}).values()
            if (not states or step.state in states)
            and query.strip().casefold() in f"{step.identity}\n{step.display_name}\n{step.detail}".casefold()
        ]
        return [step for step in found if step.number > after][:size], len(found)

    async def changed_steps(self, operation_id: int, after: int, *, size: int, skip: int = 0) -> Sequence[Step]:
        self._tables.check()
        found = [step for step in self._steps.get(operation_id, {}).values() if step.revision > after]
        return sorted(found, key=lambda step: (step.revision, step.number))[skip : skip + size]

    async def change(self, operation: Operation, expected: Collection[OperationState]) -> Operation | None:
        self._tables.check()
        old = self._operations.get(operation.id)
        if old is None or old.state not in expected:
            return None
        kept = {"id", "draft", "created_by", "created_by_name", "created_at", "schedule_id", "revision"}
        names = [name for name in Operation.__struct_fields__ if name not in kept]
        new = replace(old, revision=old.revision + 1, **{name: getattr(operation, name) for name in names})
        self._operations[old.id] = new
        return new

    async def under_way(self) -> Sequence[Operation]:
        self._tables.check()
        return [each for each in self._operations.values() if each.finished_at is None]

    async def due_steps(
        self, operation_id: int, wave: int, now: datetime, *, size: int, online_only: bool
    ) -> Sequence[DueStep]:
        self._tables.check()
        found = []
        for step in self._steps[operation_id].values():
            data = self._tables.stations.get(step.station_id)
            there = data is None or data.online or not online_only
            due = step.not_before is None or step.not_before <= now
            if step.state is StepState.PENDING and step.wave == wave and due and there:
                found.append(DueStep(step, None if data is None else _target(data)))
        return found[:size]

    async def claim(self, operation_id: int, numbers: Sequence[int], now: datetime) -> Sequence[Step]:
        steps = [self._steps[operation_id][number] for number in sorted(numbers)]
        made = [
            replace(
                step,
                state=StepState.RUNNING,
                attempt=step.attempt + 1,
                started_at=now,
                ended_at=None,
                answer="",
                reason="",
                detail="",
                job_id=None,
            )
            for step in steps
            if step.state is StepState.PENDING
        ]
        return self._write(operation_id, made)

    async def put_steps(self, operation_id: int, steps: Sequence[Step]) -> None:
        names = ("state", "answer", "reason", "detail", "job_id", "not_before", "ended_at")
        made = []
        for step in steps:
            old = self._steps[operation_id][step.number]
            if old.state in (StepState.PENDING, StepState.RUNNING):
                made.append(replace(old, **{name: getattr(step, name) for name in names}))
        self._write(operation_id, made)

    async def running_steps(self, operation_id: int) -> Sequence[Step]:
        self._tables.check()
        return [step for step in self._steps[operation_id].values() if step.state is StepState.RUNNING]

    async def followed(self, operation_id: int) -> Sequence[Followed]:
        self._tables.check()
        found = []
        for step in self._steps[operation_id].values():
            if step.state is StepState.RUNNING and step.job_id is not None:
                job, data = self._job_of(step.job_id), self._tables.stations.get(step.station_id)
                target = None if data is None else _target(data)
                gone = job is None or data is None
                told: tuple[Any, str, str] = (
                    (None, "", "") if gone or job is None else (job.state, job.status, job.detail)
                )
                found.append(Followed(step, *told, target))
        return found

    async def give_up_waiting(
        self, operation_id: int, wave: int, begun_before: datetime, now: datetime, detail: str
    ) -> int:
        began = self._operations[operation_id].wave_started_at
        made = []
        for step in self._steps[operation_id].values():
            data = self._tables.stations.get(step.station_id)
            since = max((moment for moment in (began, step.not_before) if moment is not None), default=None)
            waits = step.state is StepState.PENDING and step.wave == wave and not (data and data.online)
            if waits and since is not None and since < begun_before:
                made.append(
                    replace(step, state=StepState.FAILED, reason="STATION_OFFLINE", detail=detail, ended_at=now)
                )
        return len(self._write(operation_id, made))

    async def skip_pending(self, operation_id: int, now: datetime, detail: str) -> int:
        made = [
            replace(step, state=StepState.SKIPPED, reason="NOT_BEGUN", detail=detail, ended_at=now)
            for step in self._steps[operation_id].values()
            if step.state is StepState.PENDING
        ]
        return len(self._write(operation_id, made))

    async def reopen(self, operation: Operation, states: Collection[StepState], now: datetime) -> int:
        old = self._operations[operation.id]
        if old.finished_at is None:
            return 0
        made = [
            replace(step, state=StepState.PENDING, not_before=None)
            for step in self._steps[operation.id].values()
            if step.state in states and (step.state is not StepState.SKIPPED or step.reason == "NOT_BEGUN")
        ]
        self._write(operation.id, made)
        if made:
            self._operations[operation.id] = replace(
                self._operations[operation.id],
                state=OperationState.QUEUED,
                detail="",
                finished_at=None,
                wave=min(step.wave for step in made),
                wave_started_at=now,
                wave_ended_at=None,
            )
        return len(made)

    def _write(self, operation_id: int, steps: Sequence[Step]) -> Sequence[Step]:
        self._tables.check()
        self.writes += 1
        operation = self._operations[operation_id]
        operation = replace(operation, revision=operation.revision + 1)
        self._operations[operation_id] = operation
        made = [replace(step, revision=operation.revision) for step in steps]
        self._steps[operation_id].update({step.number: step for step in made})
        return made

    # -- schedules ---------------------------------------------------------------------------------------------------

    async def create_schedule(self, schedule: Schedule) -> Schedule:
        self._tables.check()
        made = replace(schedule, id=next(self._schedule_ids), version=1)
        self._schedules[made.id] = made
        return made

    async def find_schedule(self, schedule_id: int) -> Schedule | None:
        self._tables.check()
        return self._schedules.get(schedule_id)

    async def page_schedules(self, created_by: str, *, size: int, before: int | None = None) -> Sequence[Schedule]:
        self._tables.check()
        found = [
            each
            for each in reversed(self._schedules.values())
            if created_by in ("", each.created_by) and (before is None or each.id < before)
        ]
        return found[:size]

    async def update_schedule(self, schedule: Schedule, *, version: int | None) -> Schedule:
        self._tables.check()
        old = self._schedules.get(schedule.id)
        if old is None:
            raise NotFound(f"There is no schedule {schedule.id} (any more).", reason="SCHEDULE_NOT_FOUND")
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this schedule meanwhile. Reload it and try again.")
        self._schedules[old.id] = made = replace(schedule, version=old.version + 1)
        return made

    async def delete_schedule(self, schedule_id: int) -> None:
        self._tables.check()
        if self._schedules.pop(schedule_id, None) is None:
            raise NotFound(f"There is no schedule {schedule_id} (any more).", reason="SCHEDULE_NOT_FOUND")

    async def due_schedules(self, now: datetime) -> Sequence[Schedule]:
        self._tables.check()
        found = [each for each in self._schedules.values() if each.enabled and each.next_run_at is not None]
        return [each for each in found if each.next_run_at is not None and each.next_run_at <= now]

    async def take_run(self, schedule: Schedule, next_run_at: datetime | None, now: datetime) -> bool:
        self._tables.check()
        old = self._schedules.get(schedule.id)
        if old is None or not old.enabled or (old.version, old.next_run_at) != (schedule.version, schedule.next_run_at):
            return False
        self._schedules[old.id] = replace(old, next_run_at=next_run_at, last_run_at=now, last_detail="")
        return True

    async def note_run(self, schedule_id: int, detail: str) -> None:
        self._tables.check()
        if schedule_id in self._schedules:
            self._schedules[schedule_id] = replace(self._schedules[schedule_id], last_detail=detail)


class HeldLease:
    """Always ours, unless `lost`."""

    def __init__(self) -> None:
        self.lost = False

    async def holds(self) -> bool:
        return not self.lost

    async def release(self) -> None:
        self.lost = True


def _matches(target: Target, wanted: TargetFilter) -> bool:
    text = f"{target.identity}\n{target.display_name}".casefold()
    return (
        (not wanted.vendors or target.vendor in wanted.vendors)
        and (not wanted.models or target.model in wanted.models)
        and (not wanted.firmware_versions or target.firmware_version in wanted.firmware_versions)
        and target.firmware_version not in wanted.not_firmware_versions
        and wanted.query.strip().casefold() in text
    )


def _target(data: StationData) -> Target:
    boot = data.boot
    return Target(
        data.id,
        data.identity,
        data.display_name,
        data.place_id,
        "" if boot is None else boot.vendor,
        "" if boot is None else boot.model,
        "" if boot is None else boot.firmware_version,
        data.online,
        data.booted_at,
    )
