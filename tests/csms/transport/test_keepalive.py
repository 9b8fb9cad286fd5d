"""The sweeper, by the mock clock and with connections that are only clocks themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from csms.transport.keepalive import KeepAlive


@dataclass(eq=False)
class FakeConnection:
    answers: bool
    last_received: float = field(default_factory=trio.current_time)
    pings: list[float] = field(default_factory=list)
    aborted: float | None = None

    def ping_nowait(self) -> None:
        self.pings.append(trio.current_time())
        if self.answers:
            self.last_received = trio.current_time()

    def abort(self, reason: str = "") -> None:
        assert "half-open" in reason
        self.aborted = trio.current_time()


@pytest.fixture
async def keep_alive(nursery: trio.Nursery) -> KeepAlive:
    keep_alive = KeepAlive(interval=30, timeout=20, batch=7)
    nursery.start_soon(keep_alive.run)
    return keep_alive


async def test_a_silent_connection_is_pinged_once_and_then_aborted(
    autojump_clock: MockClock, keep_alive: KeepAlive
) -> None:
    dead = FakeConnection(answers=False)
    began = trio.current_time()
    keep_alive.add(dead)
    await trio.sleep(120)
    assert len(dead.pings) == 1
    assert dead.aborted is not None
    assert 50 <= dead.aborted - began <= 50 + 2 * 20 / 6
    assert (keep_alive.found_dead, len(keep_alive)) == (1, 0)


async def test_a_connection_that_answers_stays_for_days(autojump_clock: MockClock, keep_alive: KeepAlive) -> None:
    alive = FakeConnection(answers=True)
    keep_alive.add(alive)
    await trio.sleep(86_400)
    assert alive.aborted is None
    assert 86_400 / 35 <= len(alive.pings) <= 86_400 / 30


async def test_a_busy_connection_is_never_pinged(autojump_clock: MockClock, keep_alive: KeepAlive) -> None:
    busy = FakeConnection(answers=False)
    keep_alive.add(busy)
    for _ in range(100):
        await trio.sleep(10)
        busy.last_received = trio.current_time()
    assert busy.pings == []
    assert busy.aborted is None


async def test_any_byte_counts_as_an_answer(autojump_clock: MockClock, keep_alive: KeepAlive) -> None:
    chatty = FakeConnection(answers=False)
    keep_alive.add(chatty)
    while not chatty.pings:
        await trio.sleep(1)
    await trio.sleep(19)
    chatty.last_received = trio.current_time()
    await trio.sleep(25)
    assert chatty.aborted is None


async def test_one_that_went_meanwhile_is_left_alone(autojump_clock: MockClock, keep_alive: KeepAlive) -> None:
    gone = FakeConnection(answers=False)
    keep_alive.add(gone)
    keep_alive.discard(gone)
    keep_alive.discard(gone)
    await trio.sleep(120)
    assert (gone.pings, gone.aborted) == ([], None)


async def test_a_big_sweep_lets_others_run(autojump_clock: MockClock, keep_alive: KeepAlive) -> None:
    many = [FakeConnection(answers=n % 2 == 0) for n in range(100)]
    for connection in many:
        keep_alive.add(connection)
    await trio.sleep(120)
    assert [connection.aborted is None for connection in many] == [n % 2 == 0 for n in range(100)]


async def test_after_a_stall_nobody_is_judged_before_the_readers_had_their_turn(
    mock_clock: MockClock, keep_alive: KeepAlive
) -> None:
    connection = FakeConnection(answers=False)
    keep_alive.add(connection)
    while not connection.pings:
        mock_clock.jump(1)
        await trio.testing.wait_all_tasks_blocked()
    mock_clock.jump(3_600)  # the machine slept; the pong lies unread in the kernel
    await trio.testing.wait_all_tasks_blocked()
    assert connection.aborted is None
    connection.last_received = trio.current_time()  # now it was read
    mock_clock.jump(4)
    await trio.testing.wait_all_tasks_blocked()
    assert connection.aborted is None
