"""Troubles of a station, with a small server on memory streams: whatever befalls it, the books agree afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import trio
import trio.testing

from loadtest.client import Address
from loadtest.ledger import Discrepancy, SeenSession, compare
from loadtest.meter import Car
from loadtest.scenario import TROUBLES, SessionPlan, StationPlan, Trouble
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Tally
from tests.kit.fake_csms import FakeCsms

DATE = datetime(2026, 1, 1, 12, tzinfo=UTC)
CAR = Car(capacity_wh=60_000, soc=0.2, max_power_w=11_000, phases=3)
NAME = "LT-00001"
TOLD = ("StartTransaction", "MeterValues", "StopTransaction")


class Stage:
    """One station with its troubles and a fake central system. Visits at 5 and 105 s, for 60 s each."""

    def __init__(self, nursery: trio.Nursery, *troubles: Trouble, connectors: int = 1) -> None:
        self.csms = FakeCsms(nursery)
        self.csms.newest_wins = True
        self.tally = Tally(trio.current_time())
        clock = RunClock(trio.current_time(), DATE)
        self.csms.clock = clock.now
        visits = tuple(
            tuple(SessionPlan(start, 60.0, f"{NAME}-{number}", CAR) for start in (5.0 + number, 105.0 + number))
            for number in range(connectors)
        )
        self.station = Station(
            StationPlan(NAME, 0.0, "1/" + NAME, visits, troubles=troubles),
            self.csms.dial,
            Address("csms", f"/ocpp/{NAME}", NAME, "a-long-password!"),
            tally=self.tally,
            clock=clock,
            habits=Habits(meter_interval=10.0, time_scale=30.0, call_timeout=10.0, retry_interval=2.0),
        )
        nursery.start_soon(self.station.run)

    async def until_done(self) -> None:
        with trio.fail_after(900):
            while not (self.station.finished and self.tally.troubles.total() == len(self.station.plan.troubles)):
                await trio.sleep(1)

    def wrong(self) -> list[Discrepancy]:
        seen = [
            SeenSession(
                station=kept.station,
                connector=kept.connector,
                id_tag=kept.id_tag,
                transaction_id=kept.transaction_id,
                start_time=kept.start_time,
                stop_time=kept.stop_time,
                energy_wh=(kept.meter_stop_wh or kept.meter_start_wh) - kept.meter_start_wh,
                meter_start_wh=kept.meter_start_wh,
                meter_stop_wh=kept.meter_stop_wh,
                samples=sorted(kept.samples.items()),
            )
            for kept in self.csms.sessions.values()
        ]
        return compare(self.station.ledger, seen)

    def told_times(self) -> Sequence[str]:
        return [
            str(p["timestamp"] if "timestamp" in p else p["meterValue"][0]["timestamp"])  # type: ignore[index]
            for p in (call.payload for call in self.csms.received if call.action in TOLD)
        ]


@pytest.mark.parametrize("kind", TROUBLES)
async def test_nothing_is_lost_doubled_or_altered(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, kind: str
) -> None:
    stage = Stage(nursery, Trouble(20.0, kind, 15.0), Trouble(115.0, kind, 8.0))
    await stage.until_done()
    assert stage.tally.troubles == {kind: 2}
    assert len(stage.station.ledger) == len(stage.csms.sessions) == 2
    assert all(record.finished for record in stage.station.ledger)
    assert stage.wrong() == []


async def test_all_of_them_in_a_row(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    plan = [Trouble(6.0 + 18.0 * number, kind, 6.0) for number, kind in enumerate(TROUBLES)]
    stage = Stage(nursery, *plan, connectors=2)
    await stage.until_done()
    assert stage.wrong() == []


async def test_offline_the_queue_grows_and_is_told_in_order(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(20.0, "offline", 140.0))
    await trio.sleep(150)
    before = len(stage.told_times())
    assert stage.station.outbox.durable_waiting == 10
    await stage.until_done()
    assert len(stage.told_times()) == before + 12
    assert all(a <= b for a, b in pairwise(stage.told_times()))
    assert stage.csms.actions("BootNotification") == ["BootNotification"]  # no reboot
    assert set(stage.tally.errors) <= {"link lost", "connect: NoNetwork"}
    assert stage.tally.replays.count == 1


async def test_power_cut_ends_the_session_and_boots(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(20.0, "power-cut", 30.0))
    await trio.sleep(45)
    assert stage.csms.actions("StopTransaction") == []
    await stage.until_done()
    assert [kept.reason for kept in stage.csms.sessions.values()] == ["PowerLoss", "Local"]
    assert len(stage.csms.payloads("BootNotification")) == 2
    first = stage.station.ledger[0]
    assert first.stop_time is not None
    assert first.stop_time - DATE == timedelta(seconds=20)


async def test_nobody_charges_while_the_power_is_away(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(100.0, "power-cut", 30.0))
    await stage.until_done()
    assert stage.station.skipped_sessions == 1
    assert len(stage.csms.sessions) == 1


async def test_everybody_returns_at_the_moment_the_power_does(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stages = [Stage(nursery, Trouble(20.0, "power-cut", 90.0)) for _ in range(5)]
    for stage in stages:
        await stage.until_done()
    backs = [call.at for s in stages for call in s.csms.received if call.action == "BootNotification"]
    began = stages[0].tally.began
    assert sum(110.0 <= at - began < 110.5 for at in backs) == 5


async def test_half_open_the_message_is_told_on_the_next_connection(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(14.0, "half-open", 25.0))
    await stage.until_done()
    assert len(stage.csms.paths) == 2
    assert stage.tally.errors["time-out of MeterValues"] >= 1
    assert stage.wrong() == []


async def test_garbage_comes_as_it_is_and_the_station_goes_on(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(20.0, "garbage", 0.0))
    await stage.until_done()
    assert "not JSON at all" in stage.csms.garbage
    assert len(stage.csms.garbage) >= 5  # trio-websocket's server hears no more after some of it
    assert len(stage.csms.paths) > 1
    assert "answer that nobody waits for" not in stage.tally.errors


async def test_a_slow_reader_reads_on(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, Trouble(20.0, "slow-reader", 9.5))
    await stage.until_done()
    assert len(stage.csms.payloads("Heartbeat")) >= 50
    assert stage.tally.actions["MeterValues"].latency.highest > 1000


async def test_a_duplicate_takes_the_place_and_the_station_takes_it_back(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(20.0, "duplicate", 30.0))
    await stage.until_done()
    assert len(stage.csms.paths) == 3
    assert stage.csms.actions("BootNotification") == ["BootNotification"]


async def test_repeated_messages_come_with_the_same_and_with_a_new_id(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(0.0, "repeat", 90.0))
    await stage.until_done()
    starts = [call for call in stage.csms.received if call.action == "StartTransaction"][:3]
    assert starts[0].payload == starts[1].payload == starts[2].payload
    assert starts[0].message_id == starts[1].message_id != starts[2].message_id
    assert stage.tally.errors == {}


async def test_a_server_that_starts_twice_is_caught(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(0.0, "repeat", 90.0))
    stage.csms.forgets_starts = True
    await trio.sleep(100)
    assert stage.tally.errors["repeated start has another transaction id"] == 2
    assert stage.wrong() != []


async def test_reordered_a_transaction_still_begins_and_ends(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(1.0, "reorder", 200.0), connectors=2)
    await stage.until_done()
    times = stage.told_times()
    assert list(times) != sorted(times)
    assert stage.csms.actions("StartTransaction", "StopTransaction").count("StartTransaction") == 4
    assert stage.wrong() == []


async def test_a_wrong_clock_is_in_the_books_until_the_server_puts_it_right(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(1.0, "wrong-clock", 80.0))
    await stage.until_done()
    odd, right = stage.station.ledger
    assert abs(odd.start_time - DATE) > timedelta(hours=2)
    assert abs(right.start_time - DATE) < timedelta(minutes=3)
    assert (odd.allowed_flags, right.allowed_flags) == ({"CLOCK_WRONG"}, set())
    assert stage.station.clock.skew.by == timedelta(0)
    assert stage.wrong() == []


async def test_without_a_connection_a_trouble_of_the_wire_does_not_happen(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(1.0, "half-open", 5.0), Trouble(2.0, "duplicate", 5.0), Trouble(3.0, "repeat", 1.0))
    stage.csms.unreachable = True
    await trio.sleep(200)
    assert stage.tally.troubles == {"repeat": 1}


async def test_power_lost_in_the_middle_of_a_handshake(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, Trouble(1.0, "offline", 3.0), Trouble(20.0, "power-cut", 5.0))

    async def deaf(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    serve, stage.csms.serve = stage.csms.serve, deaf  # type: ignore[method-assign]
    await trio.sleep(21)
    stage.csms.serve = serve  # type: ignore[method-assign]
    await trio.sleep(5)
    assert stage.csms.actions("BootNotification") == ["BootNotification"]  # not half a minute later
    await stage.until_done()
    assert stage.wrong() == []
