"""Several processes, one run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from loadtest import processes
from loadtest.processes import ChildrenFailed, Line, run_processes
from loadtest.swarm import SwarmResult
from loadtest.tally import Pulse, Tally

pytestmark = pytest.mark.system


@dataclass(frozen=True, slots=True)
class Clerk:
    """A child that does one thing, after it was told to go."""

    number: int
    does: str = "count"

    @property
    def name(self) -> str:
        return f"clerk {self.number}"

    def run(self, line: Line) -> SwarmResult:
        if self.does == "refuse":
            raise OSError("the pencil is broken")
        go = line.ready()
        began = datetime.now(UTC)
        if self.does == "die":
            os._exit(7)
        if self.does == "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "wait":
            line.pulse(Pulse(1.0, online=1))
            while not line.stopped(10):
                pass
        if self.does == "sulk":
            line.pulse(Pulse(1.0))
            time.sleep(60)
        tally = Tally(go.monotonic)
        tally.error("typing mistake", go.monotonic + self.number)
        line.pulse(Pulse(2.0, online=self.number))
        return SwarmResult(go.date, float(self.number), tally, identities=[self.name], interrupted=began < go.date)


def test_what_all_did_is_one_result() -> None:
    pulses: list[Pulse] = []
    result = run_processes([Clerk(1), Clerk(2), Clerk(3)], progress=pulses.append)
    assert sorted(result.identities) == ["clerk 1", "clerk 2", "clerk 3"]
    assert result.seconds == 3.0
    assert result.tally.errors == {"typing mistake": 3}
    assert sorted(result.tally.seconds) == [1, 2, 3]
    assert result.failures == []
    assert not result.interrupted
    assert all(pulse.online <= 6 for pulse in pulses)


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("die", "clerk 2 died (exit code 7)"),
        ("be killed", "clerk 2 died (killed by SIGKILL)"),
        ("refuse", "clerk 2 gave up: the pencil is broken"),
    ],
)
def test_a_child_that_dies_is_told_and_ends_the_others(does: str, words: str) -> None:
    result = run_processes([Clerk(1, "wait"), Clerk(2, does), Clerk(3, "wait")])
    (failure,) = result.failures
    assert words in failure
    assert sorted(result.identities) == ["clerk 1", "clerk 3"]


def test_nothing_at_all_is_an_error_in_words() -> None:
    with pytest.raises(ChildrenFailed, match="clerk 1 gave up: the pencil is broken"):
        run_processes([Clerk(1, "refuse")])


@contextmanager
def interrupting(when: Callable[[], bool]) -> Iterator[None]:
    """Press Ctrl-C once, as soon as `when` says so."""
    over = threading.Event()

    def press() -> None:
        while not over.wait(0.05):
            if when():
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_ctrl_c_ends_all_children_and_tells_what_there_is() -> None:
    pulses: list[Pulse] = []
    with interrupting(lambda: bool(pulses)):
        result = run_processes([Clerk(1, "wait"), Clerk(2, "wait")], progress=pulses.append)
    assert result.interrupted
    assert result.failures == []
    assert sorted(result.identities) == ["clerk 1", "clerk 2"]


def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LAST_WORDS", 0.5)
    pulses: list[Pulse] = []
    with interrupting(lambda: bool(pulses)):
        result = run_processes([Clerk(1, "wait"), Clerk(2, "sulk")], progress=pulses.append)
    assert result.identities == ["clerk 1"]
    assert "clerk 2 did not end when it was told to" in result.failures[0]
