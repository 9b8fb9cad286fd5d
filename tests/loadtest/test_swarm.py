"""Many stations at once."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
import trio.testing

from loadtest.ledger import compare
from loadtest.scenario import Scenario
from loadtest.station import Habits
from loadtest.swarm import Share, SwarmResult, run_swarm
from loadtest.tally import Pulse
from loadtest.target import parse_target
from tests.kit.fake_csms import FakeCsms
from tests.kit.seen_sessions import seen_sessions

SCENARIO = Scenario(stations=40, minutes=2, ramp=10, meter_interval=5, time_scale=80, connectors=2)
TARGET = parse_target("ws://127.0.0.1:9000/ocpp/")
HABITS = Habits(meter_interval=5, time_scale=80, call_timeout=10, retry_interval=1)


async def run(csms: FakeCsms, progress: Callable[[Pulse], None] | None = None) -> SwarmResult:
    return await run_swarm(
        SCENARIO, TARGET, habits=HABITS, passwords={}, dial_for=lambda _: csms.dial, progress=progress
    )


async def test_a_fleet_lives_its_minutes_and_the_books_agree(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    ticks: list[float] = []
    result = await run(csms, lambda pulse: ticks.append(pulse.second))
    assert len(result.finished) >= 80
    assert result.unfinished == []
    assert result.unsettled_stations == 0
    assert 120 <= result.seconds < 125
    assert ticks == [float(n) for n in range(1, len(ticks) + 1)]
    assert result.tally.connects.count == 40
    assert result.tally.errors == {}
    assert compare(result.ledger, seen_sessions(csms)) == []


async def test_stations_come_over_the_ramp_not_at_once(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    result = await run(csms)
    by_second = [result.tally.seconds[n].connected for n in range(12)]
    assert by_second[:10] == [4] * 10
    assert sum(by_second[10:]) == 0


async def test_power_cuts_in_the_middle_lose_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)

    async def cuts() -> None:
        for seconds in (25, 20, 30):
            await trio.sleep(seconds)
            csms.unreachable = True
            csms.cut()
            await trio.sleep(5)
            csms.unreachable = False

    nursery.start_soon(cuts)
    result = await run(csms)
    assert result.unfinished == []
    assert result.tally.connects.count >= 160
    assert compare(result.ledger, seen_sessions(csms)) == []


async def test_a_server_that_never_answers_a_stop_leaves_sessions_unfinished(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    csms.lost_answers["StopTransaction"] = 1_000_000
    result = await run(csms)
    assert result.finished == []
    assert result.unsettled_stations == 40
    assert result.seconds == pytest.approx(150, abs=2)  # the run and the grace, not for ever


async def test_nobody_there_is_counted_and_leaves_no_session_behind(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    csms.unreachable = True
    result = await run(csms)
    assert set(result.tally.errors) == {"connect: ConnectionRefusedError"}
    assert result.finished == []
    assert len(result.unfinished) >= 40  # the cars came all the same
    assert result.tally.answered_total == 0


async def test_each_process_has_its_share_of_the_stations(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    parts: list[SwarmResult] = []

    async def run_share(index: int) -> None:
        share = Share(index, 3)
        parts.append(
            await run_swarm(SCENARIO, TARGET, habits=HABITS, passwords={}, share=share, dial_for=lambda _: csms.dial)
        )

    async with trio.open_nursery() as together:
        for index in range(3):
            together.start_soon(run_share, index)
    whole = parts[0]
    counted = [len(part.identities) for part in parts]
    for part in parts[1:]:
        whole.merge(part)
    assert sorted(counted) == [13, 13, 14]
    assert len(set(whole.identities)) == 40
    assert whole.tally.connects.count == 40
    assert compare(whole.ledger, seen_sessions(csms)) == []
    assert pickle.loads(pickle.dumps(whole)).seconds == whole.seconds


async def test_a_run_that_is_stopped_ends_soon_and_tells_what_there_is(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    stop = trio.Event()

    async def press() -> None:
        await trio.sleep(60)
        stop.set()

    nursery.start_soon(press)
    result = await run_swarm(SCENARIO, TARGET, habits=HABITS, passwords={}, stop=stop, dial_for=lambda _: csms.dial)
    assert result.interrupted
    assert 60 <= result.seconds < 70
    assert result.finished
    assert compare(result.ledger, seen_sessions(csms)) == []


async def test_a_load_tester_that_sleeps_is_told_to_be_late(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    scenario = replace(SCENARIO, stations=1, minutes=0.06, ramp=0, connectors=1, time_scale=2000, grace=0)

    async def hog() -> None:
        await trio.sleep(1)
        time.sleep(0.3)

    nursery.start_soon(hog)
    result = await run_swarm(scenario, TARGET, habits=HABITS, passwords={}, dial_for=lambda _: csms.dial)
    late = result.tally.lateness
    assert late.highest >= 250
    assert late.percentile(95) >= 20  # the moments that passed unseen count as well
