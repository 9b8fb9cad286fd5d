"""The plan of an operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.commands import ResetType, SetVariable
from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.domain.operations import (
    ENDED,
    Counts,
    Draft,
    Operation,
    OperationState,
    Plan,
    StepState,
    TargetFilter,
    Wave,
    check_change,
    check_draft,
    plan,
    waves_of,
)
from csms.domain.orders import ClearCacheOrder, FirmwareRolloutOrder, ResetOrder, UnlockOrder, VariablesOrder

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
S = StepState


def an_operation(**fields: object) -> Operation:
    draft = Draft(ClearCacheOrder(), (1,), concurrency=3, **fields)  # type: ignore[arg-type]
    return Operation(1, draft, OperationState.RUNNING, "users/1", "Ada", NOW, started_at=NOW, wave_started_at=NOW)


def replay(operation: Operation, count: int, outcomes: list[bool]) -> tuple[Operation, list[S], int]:
    """Carry out what is planned until nothing more comes; the end, the steps, and the most at a time."""
    waves = waves_of(count, operation.draft.waves)
    steps = [S.PENDING] * count
    results = iter(outcomes * count)
    now, most = NOW, 0
    for _ in range(10 * count + 100):
        counts: dict[int, dict[S, int]] = {}
        for wave, state in zip(waves, steps, strict=True):
            counts.setdefault(wave, {}).setdefault(state, 0)
            counts[wave][state] += 1
        planned = plan(operation, {wave: Counts(states) for wave, states in counts.items()}, now)
        begun = [n for n in range(count) if steps[n] is S.PENDING and waves[n] == operation.wave][: planned.start]
        for number in begun:
            steps[number] = S.RUNNING
        most = max(most, steps.count(S.RUNNING))
        if planned.wave_ends:
            operation = msgspec.structs.replace(operation, wave_ended_at=now)
        if planned.next_wave:
            operation = msgspec.structs.replace(operation, wave=operation.wave + 1, wave_ended_at=None)
        if planned.state is OperationState.PAUSED:  # somebody lets it go on
            planned = msgspec.structs.replace(planned, state=None)
        if planned.state is not None:
            operation = msgspec.structs.replace(operation, state=planned.state)
        if operation.state in ENDED:
            return operation, steps, most
        if S.RUNNING in steps:
            steps[steps.index(S.RUNNING)] = S.SUCCEEDED if next(results) else S.FAILED
        now = planned.wake_at or now
    raise AssertionError("it never ends")


waves = st.lists(
    st.builds(
        Wave,
        count=st.integers(0, 5),
        wait_s=st.integers(0, 100),
        success_percent=st.sampled_from([0.0, 50.0, 100.0]),
        by_hand=st.booleans(),
    ),
    max_size=4,
)


@given(st.integers(1, 30), waves, st.integers(0, 5), st.lists(st.booleans(), min_size=1, max_size=10))
def test_every_operation_comes_to_its_end(count: int, parts: list[Wave], stop_after: int, outcomes: list[bool]) -> None:
    operation = an_operation(waves=tuple(parts), stop_after_failures=stop_after)
    ended, steps, most = replay(operation, count, outcomes)
    assert most <= operation.draft.concurrency
    failed = steps.count(S.FAILED)
    if ended.state is OperationState.SUCCEEDED:
        assert set(steps) == {S.SUCCEEDED}
    elif ended.state is OperationState.FAILED:
        assert failed
        assert S.PENDING not in steps
        assert not stop_after or failed < stop_after
    else:
        assert ended.state is OperationState.STOPPED
        assert failed
        assert not stop_after or failed <= stop_after + operation.draft.concurrency


@given(st.integers(0, 300), waves)
def test_every_station_is_in_one_wave(count: int, parts: list[Wave]) -> None:
    found = waves_of(count, parts)
    assert len(found) == count
    assert found == sorted(found)


def test_a_rollout_is_one_a_tenth_and_the_rest() -> None:
    found = waves_of(45, [Wave(count=1), Wave(percent=10), Wave()])
    assert [found.count(wave) for wave in range(3)] == [1, 5, 39]


def test_nothing_begins_before_its_time_or_while_paused() -> None:
    later = NOW + timedelta(hours=1)
    waiting = {0: Counts({S.PENDING: 9})}
    scheduled = msgspec.structs.replace(an_operation(not_before=later), state=OperationState.SCHEDULED)
    assert plan(scheduled, waiting, NOW) == Plan(wake_at=later)
    assert plan(scheduled, waiting, later).state is OperationState.RUNNING
    for state in (OperationState.PAUSED, *ENDED):
        assert plan(msgspec.structs.replace(an_operation(), state=state), waiting, NOW) == Plan()
    assert plan(an_operation(), {0: Counts({S.PENDING: 9, S.RUNNING: 2})}, NOW).start == 1


def test_a_wave_that_went_badly_is_the_last() -> None:
    operation = an_operation(waves=(Wave(count=4, success_percent=75, wait_s=60), Wave()))
    rest = {1: Counts({S.PENDING: 5})}
    bad = plan(operation, {0: Counts({S.SUCCEEDED: 2, S.FAILED: 1, S.UNKNOWN: 1}), **rest}, NOW)
    assert bad.state is OperationState.STOPPED
    assert bad.detail == "Of wave 1, 2 of 4 stations succeeded; 75 % were to."
    good = {0: Counts({S.SUCCEEDED: 3, S.FAILED: 1}), **rest}
    assert plan(operation, good, NOW) == Plan(wave_ends=True)
    operation = msgspec.structs.replace(operation, wave_ended_at=NOW)
    assert plan(operation, good, NOW) == Plan(wake_at=NOW + timedelta(minutes=1))
    assert plan(operation, good, NOW + timedelta(minutes=1)) == Plan(next_wave=True)
    skipped = {0: Counts({S.SKIPPED: 4}), **rest}
    assert plan(msgspec.structs.replace(operation, wave_ended_at=None), skipped, NOW) == Plan(next_wave=True)


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (Draft(ClearCacheOrder()), "INVALID_TARGETS"),
        (Draft(ClearCacheOrder(), (1,), TargetFilter()), "INVALID_TARGETS"),
        (Draft(ClearCacheOrder(), tuple(range(1, 20_002))), "TOO_MANY_TARGETS"),
        (Draft(ClearCacheOrder(), (1,), concurrency=0), "INVALID_CONCURRENCY"),
        (Draft(ClearCacheOrder(), (1,), stop_after_failures=-1), "INVALID_STOP_AFTER"),
        (Draft(ClearCacheOrder(), (1,), offline_wait_s=10**9), "INVALID_WAIT"),
        (Draft(ClearCacheOrder(), (1,), timeout_s=-1), "INVALID_TIMEOUT"),
        (Draft(ClearCacheOrder(), (1,), waves=(Wave(count=1, percent=1),)), "INVALID_WAVES"),
        (Draft(ClearCacheOrder(), (1,), waves=(Wave(success_percent=101),)), "INVALID_WAVES"),
        (Draft(ResetOrder(ResetType.ON_IDLE, -1), (1,)), "INVALID_EVSE"),
        (Draft(UnlockOrder(0), (1,)), "INVALID_EVSE"),
        (Draft(VariablesOrder(()), (1,)), "INVALID_VARIABLES"),
        (Draft(VariablesOrder((SetVariable("SecurityCtrlr.BasicAuthPassword", "x"),)), (1,)), "SECRET_VARIABLE"),
        (Draft(FirmwareRolloutOrder(), (1,)), "INVALID_LOCATION"),
        (Draft(FirmwareRolloutOrder(1, signature="x"), (1,)), "INVALID_SIGNATURE"),
        (Draft(FirmwareRolloutOrder(1, window_end=1440), (1,)), "INVALID_WINDOW"),
    ],
)
def test_what_makes_no_sense_is_refused(draft: Draft, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_draft(draft)
    assert caught.value.reason == reason


def test_what_has_ended_is_not_paused() -> None:
    running = an_operation()
    check_change(running, OperationState.PAUSED)
    for state, wanted in (
        (OperationState.STOPPED, OperationState.CANCELLED),
        (OperationState.RUNNING, OperationState.RUNNING),
        (OperationState.PAUSED, OperationState.PAUSED),
    ):
        with pytest.raises(FailedPrecondition):
            check_change(msgspec.structs.replace(running, state=state), wanted)
