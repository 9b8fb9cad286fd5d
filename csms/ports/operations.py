"""Where operations, their steps and schedules are kept. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.operations import Counts, Operation, OperationState, Schedule, Step, StepState, Target, TargetFilter
from csms.domain.orders import OrderKind
from csms.domain.records import JobState


class OperationFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do."""

    states: tuple[OperationState, ...] = ()
    kinds: tuple[OrderKind, ...] = ()
    created_by: str = ""
    schedule_id: int | None = None
    station_id: int | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    query: str = ""


class DueStep(msgspec.Struct, frozen=True):
    """A step that could begin, and its station; None: it was deleted."""

    step: Step
    target: Target | None


class Followed(msgspec.Struct, frozen=True):
    """A step whose station was told, with what has become of its job since."""

    step: Step
    job_state: JobState | None
    job_status: str
    job_detail: str
    target: Target | None


class OperationStore(Protocol):
    """Operations and steps."""

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
        """These stations, in the order asked, or (None) those that match, by identity. At most `limit`."""

    async def create(self, operation: Operation, targets: Sequence[tuple[Target, int]]) -> Operation:
        """With a step for each (station, wave). `operation.id` is ignored."""

    async def find(self, operation_id: int) -> Operation | None:
        """By id."""

    async def counts(self, operation_ids: Collection[int]) -> Mapping[int, Mapping[int, Counts]]:
        """Operation → wave → how many steps are where."""

    async def page(
        self, wanted: OperationFilter, *, size: int, after: int | None = None, oldest_first: bool = False
    ) -> tuple[Sequence[Operation], int]:
        """By id, newest first unless asked otherwise, after a place; and how many match in all."""

    async def page_steps(
        self, operation_id: int, states: Sequence[StepState], query: str, *, size: int, after: int = 0
    ) -> tuple[Sequence[Step], int]:
        """By number, after one; and how many match in all."""

    async def changed_steps(self, operation_id: int, after: int, *, size: int, skip: int = 0) -> Sequence[Step]:
        """Those with a revision above `after`, by (revision, number), without the first `skip`."""

    async def change(self, operation: Operation, expected: Collection[OperationState]) -> Operation | None:
        """Keep its state, detail, wave and times. None: it is in none of the expected states any more."""

    async def under_way(self) -> Sequence[Operation]:
        """Those that are not finished, oldest first."""

    async def due_steps(
        self, operation_id: int, wave: int, now: datetime, *, size: int, online_only: bool
    ) -> Sequence[DueStep]:
        """Pending steps of the wave whose time has come, by number; `online_only`: whose station is there (or gone for
        good)."""

    async def claim(self, operation_id: int, numbers: Sequence[int], now: datetime) -> Sequence[Step]:
        """Those of them that were pending are running now, one attempt more. On disk when it returns."""

    async def put_steps(self, operation_id: int, steps: Sequence[Step]) -> None:
        """Keep state, answer, reason, detail, job and times of steps."""

    async def running_steps(self, operation_id: int) -> Sequence[Step]:
        """All that are under way."""

    async def followed(self, operation_id: int) -> Sequence[Followed]:
        """Those under way that have a job."""

    async def give_up_waiting(
        self, operation_id: int, wave: int, begun_before: datetime, now: datetime, detail: str
    ) -> int:
        """Pending steps whose station is offline and was waited for since before that (since the wave began, or the
        step's own time came) fail. How many."""

    async def skip_pending(self, operation_id: int, now: datetime, detail: str) -> int:
        """What has not begun is left out. How many."""

    async def reopen(self, operation: Operation, states: Collection[StepState], now: datetime) -> int:
        """Steps in these states are pending again, and the operation is queued, if it is still finished. How many."""

    # -- schedules ---------------------------------------------------------------------------------------------------

    async def create_schedule(self, schedule: Schedule) -> Schedule:
        """`schedule.id` is ignored."""

    async def find_schedule(self, schedule_id: int) -> Schedule | None:
        """By id."""

    async def page_schedules(self, created_by: str, *, size: int, before: int | None = None) -> Sequence[Schedule]:
        """Newest first, with an id below `before`; of one creator, where one is given."""

    async def update_schedule(self, schedule: Schedule, *, version: int | None) -> Schedule:
        """Raises NotFound, StaleVersion."""

    async def delete_schedule(self, schedule_id: int) -> None:
        """Raises NotFound."""

    async def due_schedules(self, now: datetime) -> Sequence[Schedule]:
        """Those switched on whose time has come."""

    async def take_run(self, schedule: Schedule, next_run_at: datetime | None, now: datetime) -> bool:
        """Its run is ours, and the next one is then. False: somebody else took it, or it was changed meanwhile."""

    async def note_run(self, schedule_id: int, detail: str) -> None:
        """What became of its last run."""
