"""One order to many stations: what is kept of it, and the plan that says what comes next.

An operation goes through its stations in waves (without any: one wave of all). Within a wave at most `concurrency`
stations are at it at a time. It ends when every station has an end, when too many failed, or when somebody says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.domain.orders import WITH_JOB, Order, OrderKind, check_order, kind_of
from csms.domain.timetable import Timetable

MAX_TARGETS: Final = 20_000
MAX_CONCURRENCY: Final = 500
MAX_WAVES: Final = 20
MAX_TITLE: Final = 200
MAX_WAIT_S: Final = 30 * 24 * 3600
DEFAULT_CONCURRENCY: Final = 20
COMMAND_TIMEOUT_S: Final = 60
JOB_TIMEOUT_S: Final = 2 * 3600
"""How long a station may take for firmware or a log, unless said otherwise."""
MAX_TIMEOUT_S: Final = 7 * 24 * 3600


class OperationState(StrEnum):
    """Where an operation is."""

    SCHEDULED = "SCHEDULED"
    """Its time has not come."""
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    """By hand, or before a wave that somebody is to let go."""
    CANCELLED = "CANCELLED"
    """By hand. What stations were told already is followed to its end."""
    STOPPED = "STOPPED"
    """Too many failed; those not begun were left out."""
    SUCCEEDED = "SUCCEEDED"
    """Every station did it, or had no need to."""
    FAILED = "FAILED"
    """All have an end, and not every one is good."""


ENDED: Final = frozenset(
    {OperationState.CANCELLED, OperationState.STOPPED, OperationState.SUCCEEDED, OperationState.FAILED}
)
"""Nothing is begun any more."""


class StepState(StrEnum):
    """Where one station of an operation is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    """Not begun, as it had no need to or the operation ended before."""
    UNKNOWN = "UNKNOWN"
    """It may have happened. Never repeated by itself."""


BAD: Final = frozenset({StepState.FAILED, StepState.UNKNOWN})
OPEN: Final = frozenset({StepState.PENDING, StepState.RUNNING})


class Wave(msgspec.Struct, frozen=True):
    """A part of the stations: `count` of them, or `percent` of all; neither: the rest. Before the next wave begins,
    `wait_s` pass, and of this one `success_percent` must have succeeded (else the operation stops). `by_hand`: somebody
    lets the next one go."""

    count: int = 0
    percent: float = 0.0
    wait_s: int = 0
    success_percent: float = 0.0
    by_hand: bool = False


class TargetFilter(msgspec.Struct, frozen=True):
    """Which stations, among those that were accepted: all conditions must hold, empty ones always do."""

    place_id: int | None = None
    group_id: int | None = None
    vendors: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    firmware_versions: tuple[str, ...] = ()
    not_firmware_versions: tuple[str, ...] = ()
    query: str = ""
    """Part of an identity or a name."""


class Draft(msgspec.Struct, frozen=True):
    """What somebody wants done. The stations are named, or described by a filter.

    `offline_wait_s`: how long a station that is offline is waited for, from its wave's beginning; 0: it fails at once.
    `timeout_s`: how long a station may take; 0: as usual for the order. `stop_after_failures`: 0 never stops.
    """

    order: Order
    station_ids: tuple[int, ...] = ()
    filter: TargetFilter | None = None
    title: str = ""
    concurrency: int = DEFAULT_CONCURRENCY
    stop_after_failures: int = 0
    offline_wait_s: int = 0
    timeout_s: int = 0
    waves: tuple[Wave, ...] = ()
    not_before: datetime | None = None

    @property
    def station_timeout_s(self) -> int:
        """How long a station may take, in seconds."""
        usual = JOB_TIMEOUT_S if kind_of(self.order) in WITH_JOB else COMMAND_TIMEOUT_S
        return self.timeout_s or usual


class Operation(msgspec.Struct, frozen=True):
    """As it is kept. `wave`: the one under way, from 0. `detail`: why it is where it is, for people."""

    id: int
    draft: Draft
    state: OperationState
    created_by: str
    created_by_name: str
    created_at: datetime
    detail: str = ""
    schedule_id: int | None = None
    wave: int = 0
    wave_started_at: datetime | None = None
    wave_ended_at: datetime | None = None
    """Set when all of the wave have an end and the next one waits."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    """Ended, and no station is at it any more."""
    revision: int = 1

    @property
    def kind(self) -> OrderKind:
        """What is done."""
        return kind_of(self.draft.order)

    @property
    def last_wave(self) -> int:
        """Its number."""
        return max(0, len(self.draft.waves) - 1)


class Target(msgspec.Struct, frozen=True):
    """A station as an operation finds it."""

    station_id: int
    identity: str
    display_name: str
    place_id: int
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    online: bool = False
    booted_at: datetime | None = None


class Step(msgspec.Struct, frozen=True):
    """One station of an operation. `answer` is its last word, `reason` a code for machines, `detail` for people."""

    operation_id: int
    number: int
    station_id: int
    identity: str
    display_name: str
    wave: int
    state: StepState = StepState.PENDING
    attempt: int = 0
    answer: str = ""
    reason: str = ""
    detail: str = ""
    job_id: int | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    revision: int = 1


class Schedule(msgspec.Struct, frozen=True):
    """Begins an operation whenever it is due, with the rights of whoever made it."""

    id: int
    title: str
    draft: Draft
    timetable: Timetable
    created_by: str
    created_by_name: str
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_detail: str = ""
    version: int = 1


# -- checks and waves ------------------------------------------------------------------------------------------------


def check_draft(draft: Draft) -> None:
    """Raises InvalidArgument with a sentence."""
    check_order(draft.order)
    if bool(draft.station_ids) == (draft.filter is not None):
        raise InvalidArgument("Name the stations, or describe them by a filter: one of both.", reason="INVALID_TARGETS")
    if len(draft.station_ids) > MAX_TARGETS:
        raise InvalidArgument(f"At most {MAX_TARGETS} stations go into one operation.", reason="TOO_MANY_TARGETS")
    if len(draft.title) > MAX_TITLE:
        raise InvalidArgument(f"A title has at most {MAX_TITLE} characters.", reason="INVALID_TITLE")
    if not 0 < draft.concurrency <= MAX_CONCURRENCY:
        raise InvalidArgument(f"At a time, 1 to {MAX_CONCURRENCY} stations.", reason="INVALID_CONCURRENCY")
    if draft.stop_after_failures < 0:
        raise InvalidArgument("After how many failures to stop; 0 never stops.", reason="INVALID_STOP_AFTER")
    if not 0 <= draft.offline_wait_s <= MAX_WAIT_S:
        raise InvalidArgument("A station is waited for at most 30 days.", reason="INVALID_WAIT")
    if not 0 <= draft.timeout_s <= MAX_TIMEOUT_S:
        raise InvalidArgument("A station may take at most a week.", reason="INVALID_TIMEOUT")
    _check_waves(draft.waves)


def _check_waves(waves: Sequence[Wave]) -> None:
    if len(waves) > MAX_WAVES:
        raise InvalidArgument(f"At most {MAX_WAVES} waves.", reason="INVALID_WAVES")
    for wave in waves:
        if wave.count < 0 or not 0 <= wave.percent <= 100 or (wave.count and wave.percent):
            raise InvalidArgument("A wave has a number of stations, or a percentage of all.", reason="INVALID_WAVES")
        if not 0 <= wave.success_percent <= 100 or not 0 <= wave.wait_s <= MAX_WAIT_S:
            raise InvalidArgument(
                "A wave waits at most 30 days, and asks for 0 to 100 % of success.", reason="INVALID_WAVES"
            )


def waves_of(count: int, waves: Sequence[Wave]) -> list[int]:
    """The wave of each of `count` stations, in their order. The last wave takes all that is left."""
    found: list[int] = []
    for number, wave in enumerate(waves):
        left = count - len(found)
        size = wave.count or -(-count * wave.percent // 100)
        size = left if number == len(waves) - 1 or not size else min(left, int(size))
        found += [number] * size
    return found or [0] * count


# -- the plan ----------------------------------------------------------------------------------------------------------


class Counts(msgspec.Struct, frozen=True):
    """How many steps are in which state."""

    by_state: Mapping[StepState, int] = {}

    def of(self, *states: StepState) -> int:
        """How many are in one of these."""
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        """All."""
        return sum(self.by_state.values())

    @property
    def bad(self) -> int:
        """Failed, or nobody knows."""
        return self.of(*BAD)


def total_of(waves: Iterable[Counts]) -> Counts:
    """The counts of several waves together."""
    found: dict[StepState, int] = {}
    for counts in waves:
        for state, count in counts.by_state.items():
            found[state] = found.get(state, 0) + count
    return Counts(found)


class Plan(msgspec.Struct, frozen=True):
    """What comes next. `start`: how many more stations of the operation's wave may begin. `state`: where the operation
    goes, None: it stays. `next_wave`: begin it. `wave_ends`: note that the wave has ended. `wake_at`: look again then;
    None: when something happens."""

    start: int = 0
    state: OperationState | None = None
    detail: str = ""
    next_wave: bool = False
    wave_ends: bool = False
    wake_at: datetime | None = None


def plan(operation: Operation, waves: Mapping[int, Counts], now: datetime) -> Plan:
    """What comes next. `waves`: the counts of each wave's steps. Never starts more than the draft's concurrency, and
    nothing in an operation that is paused or has ended."""
    draft = operation.draft
    running = sum(counts.of(StepState.RUNNING) for counts in waves.values())
    if operation.state in ENDED or operation.state is OperationState.PAUSED:
        return Plan()
    if draft.not_before is not None and now < draft.not_before:
        return Plan(wake_at=draft.not_before)
    if operation.state is not OperationState.RUNNING:
        return Plan(state=OperationState.RUNNING)
    bad = sum(counts.bad for counts in waves.values())
    if draft.stop_after_failures and bad >= draft.stop_after_failures:
        return _stopped(f"{bad} stations failed, and the operation was to stop at {draft.stop_after_failures}.")
    current = waves.get(operation.wave, Counts())
    if current.of(StepState.PENDING):
        return Plan(start=max(0, draft.concurrency - running))
    if current.of(StepState.RUNNING):
        return Plan()
    if operation.wave < operation.last_wave:
        return _between(operation, current, now)
    if running:
        return Plan()
    return Plan(state=OperationState.FAILED if bad else OperationState.SUCCEEDED)


def _between(operation: Operation, current: Counts, now: datetime) -> Plan:
    """All stations of a wave have an end, and there is another wave."""
    wave = operation.draft.waves[operation.wave]
    good, counted = current.of(StepState.SUCCEEDED), current.of(StepState.SUCCEEDED, *BAD)
    if counted and good * 100 < wave.success_percent * counted:
        return _stopped(
            f"Of wave {operation.wave + 1}, {good} of {counted} stations succeeded; {wave.success_percent:g} % were to."
        )
    if operation.wave_ended_at is None:
        if wave.by_hand and counted:
            said = f"Wave {operation.wave + 1} is done ({good} of {counted} succeeded). Resume to begin the next one."
            return Plan(state=OperationState.PAUSED, detail=said, wave_ends=True)
        return Plan(next_wave=True) if not wave.wait_s or not counted else Plan(wave_ends=True)
    wait = 0 if wave.by_hand else wave.wait_s
    due = operation.wave_ended_at + timedelta(seconds=wait)
    return Plan(next_wave=True) if now >= due else Plan(wake_at=due)


def _stopped(detail: str) -> Plan:
    return Plan(state=OperationState.STOPPED, detail=detail)


def check_change(operation: Operation, wanted: OperationState) -> None:
    """May somebody pause, resume (RUNNING) or cancel it? Raises FailedPrecondition."""
    state = operation.state
    if state in ENDED:
        raise FailedPrecondition(
            f"The operation has ended ({state.value.lower()}). Retry what failed, or make a new one.",
            reason="OPERATION_ENDED",
        )
    if wanted is OperationState.PAUSED and state is OperationState.PAUSED:
        raise FailedPrecondition("The operation is paused already.", reason="OPERATION_PAUSED")
    if wanted is OperationState.RUNNING and state is not OperationState.PAUSED:
        raise FailedPrecondition("The operation is not paused.", reason="OPERATION_NOT_PAUSED")
