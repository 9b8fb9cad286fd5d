"""What the children of a run do, each in a thread here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import trio

from loadtest.jobs import StationsJob, habits_of, record_of
from loadtest.ledger import compare
from loadtest.processes import Go
from loadtest.saturate_words import Book
from loadtest.scenario import Scenario
from loadtest.swarm import Share
from loadtest.tally import Pulse
from loadtest.target import Target
from tests.kit.fake_csms import FakeCsms
from tests.kit.seen_sessions import seen_sessions

SHORT = Scenario(stations=3, minutes=0.08, ramp=0.2, time_scale=900, meter_interval=0.5, grace=10)


@dataclass
class Parent:
    """The other end of the line. `stop` is Ctrl-C."""

    pulses: list[Pulse] = field(default_factory=list)
    pipe: tuple[int, int] = field(default_factory=os.pipe)
    over: bool = False

    def ready(self) -> Go:
        return Go(time.monotonic(), datetime.now(UTC))

    def pulse(self, pulse: Pulse) -> None:
        self.pulses.append(pulse)

    def stopped(self, patience: float) -> bool:
        if not self.over:
            time.sleep(patience)
        return self.over

    def fileno(self) -> int:
        return self.pipe[0]

    def stop(self) -> None:
        self.over = True
        os.write(self.pipe[1], b"!")


@pytest.fixture
def parent() -> Iterator[Parent]:
    made = Parent()
    yield made
    for end in made.pipe:
        os.close(end)


async def served(nursery: trio.Nursery, csms: FakeCsms) -> Target:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, csms.serve, [listener])
    return Target("127.0.0.1", listener.socket.getsockname()[1], "/ocpp", False)


async def test_stations_live_their_share(nursery: trio.Nursery, parent: Parent) -> None:
    csms = FakeCsms(nursery)
    target = await served(nursery, csms)
    job = StationsJob(SHORT, target, {"LT-00001": "secret"}, (), None, False, Share(0, 2))
    result = await trio.to_thread.run_sync(job.run, parent)
    assert result.identities == ["LT-00001", "LT-00003"]
    assert len(result.finished) >= 2
    assert compare(result.ledger, seen_sessions(csms)) == []
    assert parent.pulses[-1].connects == 2
    assert not result.interrupted
    assert sorted("authorization" in headers for headers in csms.headers) == [False, True]


async def test_stations_end_when_the_parent_says_so(nursery: trio.Nursery, parent: Parent) -> None:
    csms = FakeCsms(nursery)
    target = await served(nursery, csms)
    long = Scenario(stations=2, minutes=10, ramp=0, time_scale=900, meter_interval=0.5)
    job = StationsJob(long, target, {}, (), None, False, Share())

    async def press() -> None:
        while not parent.pulses:
            await trio.sleep(0.05)
        parent.stop()

    nursery.start_soon(press)
    result = await trio.to_thread.run_sync(job.run, parent)
    assert result.interrupted
    assert result.seconds < 60


async def test_a_closed_loop_brings_back_its_books(nursery: trio.Nursery, parent: Parent) -> None:
    csms = FakeCsms(nursery)
    target = await served(nursery, csms)
    loop = Scenario(engine="saturate", stations=6, minutes=0.02, ramp=0)
    result = await trio.to_thread.run_sync(StationsJob(loop, target, {}, (), None, False, Share(2, 3)).run, parent)
    assert result.identities == ["LT-00005", "LT-00006"]
    assert {record.station for record in result.finished} == {"LT-00005", "LT-00006"}
    (done,) = result.saturated
    assert done.messages == result.tally.answered_total > 0
    assert parent.pulses


async def test_a_calm_fleet_brings_back_its_books(nursery: trio.Nursery, parent: Parent) -> None:
    csms = FakeCsms(nursery)
    target = await served(nursery, csms)
    calm = Scenario(engine="fleet", stations=4, minutes=0.02, ramp=0.1, charging_share=0.95, meter_interval=0.2)
    result = await trio.to_thread.run_sync(StationsJob(calm, target, {}, (), None, False, Share(1, 2)).run, parent)
    assert result.identities == ["LT-00002", "LT-00004"]
    assert {record.station for record in result.finished} == {"LT-00002", "LT-00004"}
    assert {book.station for book in result.books} == {"LT-00002", "LT-00004"}
    assert result.unsettled_stations == 0
    assert parent.pulses


def test_nobody_there_is_an_error_of_the_child(parent: Parent) -> None:
    nobody = Target("127.0.0.1", 1, "/ocpp", False)
    with pytest.raises(OSError):  # noqa: PT011  whose words are told elsewhere
        StationsJob(Scenario(engine="saturate", stations=1), nobody, {}, (), None, False, Share()).run(parent)


def test_habits_follow_the_scenario() -> None:
    habits = habits_of(Scenario(heartbeat_interval=7, fault_share=0.5, backlog_meter_interval=60, minutes=0.5))
    assert (habits.heartbeat_interval, habits.fault_share, habits.backlog_meter_interval) == (7, 0.5, 60)
    patient = habits_of(Scenario(back_off=2, longest_back_off=9, retry_interval=3, attempts=7, call_timeout=4))
    assert (patient.back_off, patient.longest_back_off, patient.retry_interval) == (2, 9, 3)
    assert (patient.attempts, patient.call_timeout, patient.connect_timeout) == (7, 4, 30)
    assert habits.remote_session_length == pytest.approx(6)  # so that the last ones end with the run


def test_a_session_that_never_began_is_told_as_unfinished() -> None:
    assert not record_of(Book("LT-1", "TAG", 5, "")).finished
