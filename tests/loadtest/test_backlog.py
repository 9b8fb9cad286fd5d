"""Hours lived offline, told afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
import trio.testing

from loadtest.ledger import compare
from loadtest.scenario import Scenario
from loadtest.station import Habits
from loadtest.swarm import SwarmResult, run_swarm
from loadtest.target import parse_target
from tests.kit.fake_csms import FakeCsms
from tests.kit.seen_sessions import seen_sessions

SCENARIO = Scenario(
    stations=4, minutes=1, ramp=2, meter_interval=5, time_scale=80, connectors=2, backlog_hours=6, grace=60
)
HABITS = Habits(meter_interval=5, time_scale=80, call_timeout=10, retry_interval=1, backlog_meter_interval=300)


async def replay(csms: FakeCsms) -> SwarmResult:
    target = parse_target("ws://127.0.0.1:9000/ocpp")
    return await run_swarm(SCENARIO, target, habits=HABITS, passwords={}, dial_for=lambda _: csms.dial)


async def test_hours_are_told_once_in_order_and_to_the_wh(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    result = await replay(csms)
    old = [record for record in result.ledger if record.start_time < result.began]
    assert len(old) >= 4 * 2 * 2
    assert all(record.finished and record.energy_wh > 0 for record in old)
    assert min(record.start_time for record in old) < result.began - timedelta(hours=4)
    assert sum(len(record.samples_acknowledged) for record in old) > 100
    assert compare(result.ledger, seen_sessions(csms)) == []
    for station in result.identities:
        stamps = [
            str(call.payload["timestamp"])
            for call in csms.received
            if call.station == station and call.action in ("StartTransaction", "StopTransaction")
        ]
        assert stamps == sorted(stamps)


async def test_a_replay_that_is_cut_again_and_again_loses_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    csms.delays["MeterValues"] = 0.05

    async def cuts() -> None:
        for _ in range(4):
            await trio.sleep(5)
            csms.cut()

    nursery.start_soon(cuts)
    result = await replay(csms)
    assert result.unfinished == []
    assert compare(result.ledger, seen_sessions(csms)) == []


async def test_a_backlog_is_not_late_for_having_waited(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    csms.delays["StartTransaction"] = 0.5
    result = await replay(csms)
    times = result.tally.actions["StartTransaction"]
    assert times.latency.percentile(50) == pytest.approx(500, rel=0.1)
