"""One operation on its way: claims steps, has them done, keeps what became of them, follows jobs, ends.

A step is RUNNING on disk before its station is told, and what became of it is written in batches. The counts are kept
in memory, so that a turn costs the same however many stations there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Principal
from csms.domain.errors import Unavailable
from csms.domain.firmware_versions import is_same
from csms.domain.operations import ENDED, Counts, Operation, OperationState, Plan, Step, StepState, Target, plan
from csms.domain.orders import FirmwareRolloutOrder
from csms.domain.records import JobState
from csms.domain.timetable import is_open, opens_at
from csms.ports.operations import DueStep, Followed, OperationStore
from csms.services.order_work import OrderWork

TURN_S: Final = 0.05
"""Between two turns: what ends within is one batch."""
LOOK_S: Final = 2.0
"""How often to look at what nobody tells: jobs, stations that were offline, hours."""
OUTAGE_S: Final = 2.0
_log = structlog.get_logger("csms.operations")


class Tools(msgspec.Struct, frozen=True):
    """What drives work with. `zone_of`: the time zone of a place. `ended`: told of every operation that has."""

    store: OperationStore
    work: OrderWork
    rights: Callable[[str], Awaitable[Principal | None]]
    zone_of: Callable[[int], str]
    changed: Callable[[], None]
    now: Callable[[], datetime]


class Drive:
    """`run` ends when the operation has, or is gone."""

    def __init__(self, operation: Operation, tools: Tools) -> None:
        self._operation = operation
        self._tools = tools
        self._store = tools.store
        self._tally: dict[int, dict[StepState, int]] = {}
        self._results: list[Step] = []
        self._lost: list[Step] = []
        """Under way, and nobody knows yet whether the station was told."""
        self._wake = trio.Event()
        self._looked_at = -LOOK_S

    def look(self) -> None:
        """Something about it was changed by somebody."""
        self._looked_at = -LOOK_S
        self._wake.set()

    async def run(self) -> Operation | None:
        """The operation as it ended; None: it was ended elsewhere."""
        await self._patiently(self._begin)
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                wait = await self._patiently(partial(self._turn, nursery))
                if wait is None:
                    return self._operation if self._operation.finished_at is not None else None
                with trio.move_on_after(wait):
                    await self._wake.wait()
                await trio.sleep(TURN_S)

    async def _patiently(self, work: Callable[[], Awaitable[float | None]]) -> float | None:
        """Again and again until the database is there."""
        while True:
            try:
                return await work()
            except Unavailable:
                _log.warning("operation waits: the database is away", operation_id=self._operation.id)
                await trio.sleep(OUTAGE_S)

    async def _begin(self) -> None:
        """What a restart has left: steps that were under way."""
        operation = self._operation
        running = await self._store.running_steps(operation.id)
        recovered = [await self._tools.work.recovered(operation.draft, step) for step in running]
        if recovered:
            await self._store.put_steps(operation.id, recovered)
            self._tools.changed()
        counts = (await self._store.counts([operation.id]))[operation.id]
        self._tally = {wave: dict(each.by_state) for wave, each in counts.items()}

    # -- a turn --------------------------------------------------------------------------------------------------------

    async def _turn(self, nursery: trio.Nursery) -> float | None:
        """Everything that can be done now. How long to wait then (seconds); None: it has ended."""
        await self._flush()
        await self._look()
        while True:
            operation = self._operation
            if operation.finished_at is not None:
                return None
            if operation.state in ENDED:
                return await self._wind_up()
            now = self._tools.now()
            planned = plan(operation, {wave: Counts(states) for wave, states in self._tally.items()}, now)
            if planned.start:
                await self._start(planned.start, nursery)
            if not await self._carry_out(planned, now):
                wait = LOOK_S
                if planned.wake_at is not None:
                    wait = min(wait, max(0.0, (planned.wake_at - now).total_seconds()))
                return wait

    async def _flush(self) -> None:
        """Write what became of steps."""
        if not self._results:
            return
        batch = self._results[:]
        await self._store.put_steps(self._operation.id, batch)
        del self._results[: len(batch)]
        for step in batch:
            self._move(step.wave, StepState.RUNNING, step.state)
        self._tools.changed()

    async def _look(self) -> None:
        """Every LOOK_S: has somebody changed the operation, what do jobs say, who is offline for too long?"""
        if trio.current_time() < self._looked_at + LOOK_S:
            return
        found = await self._store.find(self._operation.id)
        if found is None:
            self._operation = msgspec.structs.replace(self._operation, finished_at=self._tools.now())
            return
        self._operation = found
        await self._follow()
        await self._give_up()
        self._looked_at = trio.current_time()

    async def _carry_out(self, planned: Plan, now: datetime) -> bool:
        """Change the operation as planned. False: there was nothing to change."""
        old = self._operation
        new = old
        if planned.wave_ends:
            new = msgspec.structs.replace(new, wave_ended_at=now)
        if planned.next_wave:
            new = msgspec.structs.replace(new, wave=old.wave + 1, wave_started_at=now, wave_ended_at=None, detail="")
        if planned.state is not None:
            new = msgspec.structs.replace(new, state=planned.state, detail=planned.detail)
        if planned.state is OperationState.RUNNING:
            new = msgspec.structs.replace(new, started_at=old.started_at or now, wave_started_at=now)
        if planned.state in (OperationState.SUCCEEDED, OperationState.FAILED):
            new = msgspec.structs.replace(new, finished_at=now)
        if new == old:
            return False
        await self._change(new, old.state)
        return True

    async def _change(self, new: Operation, expected: OperationState) -> None:
        changed = await self._store.change(new, [expected])
        if changed is None:
            changed = await self._store.find(new.id) or msgspec.structs.replace(new, finished_at=self._tools.now())
        self._operation = changed
        self._tools.changed()

    async def _wind_up(self) -> float | None:
        """It was ended: what has not begun is left out, what is under way is followed to its end."""
        operation = self._operation
        if any(states.get(StepState.PENDING) for states in self._tally.values()):
            word = "cancelled" if operation.state is OperationState.CANCELLED else "stopped"
            await self._store.skip_pending(operation.id, self._tools.now(), f"The operation was {word} before.")
            for wave in self._tally:
                self._move(wave, StepState.PENDING, StepState.SKIPPED, self._tally[wave].get(StepState.PENDING, 0))
        if any(states.get(StepState.RUNNING) for states in self._tally.values()):
            return LOOK_S
        await self._change(msgspec.structs.replace(operation, finished_at=self._tools.now()), operation.state)
        return None

    # -- steps ---------------------------------------------------------------------------------------------------------

    async def _start(self, room: int, nursery: trio.Nursery) -> None:
        """Begin so many more stations, as far as there are any whose time has come."""
        operation = self._operation
        now = self._tools.now()
        patient = operation.draft.offline_wait_s > 0
        while room > 0:
            due = await self._store.due_steps(operation.id, operation.wave, now, size=room, online_only=patient)
            put_off = [step for each in due if (step := self._put_off(each, now)) is not None]
            if put_off:
                await self._store.put_steps(operation.id, put_off)
                for step in put_off:
                    self._move(step.wave, StepState.PENDING, step.state)
            later = {step.number for step in put_off}
            numbers = [each.step.number for each in due if each.step.number not in later]
            claimed = await self._store.claim(operation.id, numbers, now) if numbers else []
            for step in claimed:
                self._move(step.wave, StepState.PENDING, StepState.RUNNING)
                nursery.start_soon(self._perform, step)
            if due:
                self._tools.changed()
            if not put_off:  # else there may be others behind them
                return
            room -= len(claimed)

    def _put_off(self, due: DueStep, now: datetime) -> Step | None:
        """The step, if it need not or must not begin now."""
        order, target = self._operation.draft.order, due.target
        if target is None or not isinstance(order, FirmwareRolloutOrder):
            return None
        if order.version and is_same(order.version, target.firmware_version):
            return msgspec.structs.replace(
                due.step,
                state=StepState.SKIPPED,
                reason="ALREADY_INSTALLED",
                detail=f"The station runs {target.firmware_version} already.",
                ended_at=now,
            )
        zone = self._tools.zone_of(target.place_id)
        if is_open(order.window_start, order.window_end, now, zone):
            return None
        return msgspec.structs.replace(
            due.step,
            not_before=opens_at(order.window_start, order.window_end, now, zone),
            detail="Waits for the hours in which updates may begin.",
        )

    async def _perform(self, step: Step) -> None:
        caller = await self._patient_rights()
        done = await self._tools.work.perform(caller, self._operation.draft, step)
        if done.state is StepState.RUNNING and done.job_id is None:
            self._lost.append(done)
            return
        self._results.append(done)
        self._wake.set()

    async def _patient_rights(self) -> Principal | None:
        while True:
            try:
                return await self._tools.rights(self._operation.created_by)
            except Unavailable:
                await trio.sleep(OUTAGE_S)

    def _move(self, wave: int, old: StepState, new: StepState, count: int = 1) -> None:
        states = self._tally.setdefault(wave, {})
        states[old] = states.get(old, 0) - count
        states[new] = states.get(new, 0) + count

    # -- what takes longer than an answer ------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Steps with a job: what became of it."""
        lost, self._lost = self._lost, []
        for step in lost:
            try:
                self._results.append(await self._tools.work.recovered(self._operation.draft, step))
            except Unavailable:
                self._lost.append(step)
                raise
        if not any(states.get(StepState.RUNNING) for states in self._tally.values()):
            return
        waiting = {step.number for step in self._results}
        for each in await self._store.followed(self._operation.id):
            news = None if each.step.number in waiting else self._followed(each)
            if news is not None:
                self._results.append(news)
        await self._flush()

    def _followed(self, each: Followed) -> Step | None:
        """The step, if there is news."""
        step, draft, now = each.step, self._operation.draft, self._tools.now()
        if isinstance(draft.order, FirmwareRolloutOrder) and _runs(each.target, draft.order.version, step.started_at):
            return _end(step, StepState.SUCCEEDED, now, each.job_status, "", f"The station runs {draft.order.version}.")
        if each.job_state is JobState.SUCCEEDED:
            return _end(step, StepState.SUCCEEDED, now, each.job_status)
        if each.job_state is None:
            return _end(step, StepState.UNKNOWN, now, "", "JOB_GONE", "What became of it is not kept any more.")
        if each.job_state in (JobState.FAILED, JobState.CANCELED):
            said = each.job_detail.strip()[-500:]
            detail = f"The station said {each.job_status}{f' ({said})' if said else ''}."
            return _end(step, StepState.FAILED, now, each.job_status, "REFUSED", detail)
        if step.started_at is not None and now >= step.started_at + timedelta(seconds=draft.station_timeout_s):
            detail = f"After {draft.station_timeout_s // 60} minutes the station was not done; its last word is kept."
            return _end(step, StepState.FAILED, now, each.job_status, "TIMEOUT", detail)
        return msgspec.structs.replace(step, answer=each.job_status) if step.answer != each.job_status else None

    async def _give_up(self) -> None:
        """Stations that are offline for longer than they are waited for."""
        operation, now = self._operation, self._tools.now()
        states = self._tally.get(operation.wave, {})
        wait = operation.draft.offline_wait_s
        if not wait or operation.state is not OperationState.RUNNING or not states.get(StepState.PENDING):
            return
        begun_before = now - timedelta(seconds=wait)
        if operation.wave_started_at is None or operation.wave_started_at >= begun_before:
            return
        detail = "The station did not connect in the time that it was waited for."
        count = await self._store.give_up_waiting(operation.id, operation.wave, begun_before, now, detail)
        if count:
            self._move(operation.wave, StepState.PENDING, StepState.FAILED, count)
            self._tools.changed()


def _runs(target: Target | None, version: str, since: datetime | None) -> bool:
    """Has the station booted with this version since?"""
    if target is None or not version or since is None or target.booted_at is None:
        return False
    return target.booted_at >= since and is_same(version, target.firmware_version)


def _end(step: Step, state: StepState, now: datetime, answer: str, reason: str = "", detail: str = "") -> Step:
    return msgspec.structs.replace(step, state=state, answer=answer, reason=reason, detail=detail, ended_at=now)
