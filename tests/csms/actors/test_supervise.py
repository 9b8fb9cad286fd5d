"""Restarts, limits, and where a bug ends."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from csms.actors.supervise import Bug, RestartLimits, contain, supervise, translate, translate_reply
from csms.ocpp.faults import ErrorCode, Fault


async def test_it_is_started_again_until_it_returns(autojump_clock: trio.testing.MockClock) -> None:
    runs, crashes = [], []

    async def run() -> None:
        runs.append(trio.current_time())
        if len(runs) < 4:
            raise KeyError

    await supervise(run, on_crash=crashes.append, limits=RestartLimits())
    assert len(crashes) == 3
    assert runs == pytest.approx([0.0, 0.2, 0.6, 1.4])


async def test_too_many_crashes_put_it_down_until_it_has_cooled(autojump_clock: trio.testing.MockClock) -> None:
    events: list[tuple[str, float]] = []

    async def run() -> None:
        if len(events) >= 2:
            return
        raise KeyError

    await supervise(
        run,
        on_crash=lambda _error: None,
        limits=RestartLimits(crashes=3, cool_down=100, first_rest=0),
        on_down=lambda: events.append(("down", trio.current_time())),
        on_up=lambda: events.append(("up", trio.current_time())),
    )
    assert events == [("down", 0.0), ("up", 100.0)]


async def test_old_crashes_are_forgiven(autojump_clock: trio.testing.MockClock) -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        await trio.sleep(61)
        if runs < 20:
            raise KeyError

    def never() -> None:
        raise AssertionError

    await supervise(run, on_crash=lambda _error: None, limits=RestartLimits(), on_down=never)
    assert runs == 20


async def test_cancellation_is_no_crash(autojump_clock: trio.testing.MockClock) -> None:
    crashes: list[Exception] = []
    with trio.move_on_after(1) as scope:
        await supervise(trio.sleep_forever, on_crash=crashes.append, limits=RestartLimits())
    assert scope.cancelled_caught
    assert crashes == []


async def test_a_contained_bug_ends_where_it_is() -> None:
    crashes: list[Exception] = []

    async def work() -> None:
        raise KeyError("x")

    await contain(work, crashes.append)
    assert [type(error) for error in crashes] == [KeyError]


def test_a_fault_is_the_stations_and_a_bug_is_ours() -> None:
    def faulty(_value: int) -> None:
        raise Fault(ErrorCode.NOT_SUPPORTED, "no")

    def broken(value: int, _other: int = 0) -> None:
        raise KeyError(value)

    with pytest.raises(Fault):
        translate(faulty, 1)
    with pytest.raises(Bug, match="KeyError: 1"):
        translate(broken, 1)
    with pytest.raises(Bug, match="KeyError: 1"):
        translate_reply(broken, 1, 2)
