"""Many stations at once."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest
import trio
import trio.testing

from loadtest.ledger import SeenSession, compare
from loadtest.scenario import Scenario
from loadtest.station import Habits
from loadtest.swarm import SwarmResult, parse_target, raise_file_limit, run_swarm, too_few_ports
from loadtest.tally import Tally
from tests.kit.fake_csms import FakeCsms

SCENARIO = Scenario(stations=40, minutes=2, ramp=10, meter_interval=5, time_scale=80, connectors=2)
TARGET = parse_target("ws://127.0.0.1:9000/ocpp/")
HABITS = Habits(meter_interval=5, time_scale=80, call_timeout=10, retry_interval=1)


async def run(csms: FakeCsms, progress: Callable[[Tally, float], None] | None = None) -> SwarmResult:
    return await run_swarm(
        SCENARIO, TARGET, habits=HABITS, passwords={}, dial_for=lambda _: csms.dial, progress=progress
    )


def kept(csms: FakeCsms) -> list[SeenSession]:
    return [
        SeenSession(
            station=one.station,
            connector=one.connector,
            id_tag=one.id_tag,
            transaction_id=one.transaction_id,
            start_time=one.start_time,
            stop_time=one.stop_time,
            energy_wh=(one.meter_stop_wh or 0) - one.meter_start_wh,
            samples=list(one.samples.items()),
        )
        for one in csms.sessions.values()
    ]


async def test_a_fleet_lives_its_minutes_and_the_books_agree(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    csms = FakeCsms(nursery)
    ticks: list[float] = []
    result = await run(csms, lambda _, second: ticks.append(second))
    assert len(result.finished) >= 80
    assert result.unfinished == []
    assert result.unsettled_stations == 0
    assert 120 <= result.seconds < 125
    assert ticks == [float(n) for n in range(1, len(ticks) + 1)]
    assert result.tally.connects.count == 40
    assert result.tally.errors == {}
    assert compare(result.ledger, kept(csms)) == []


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
    assert compare(result.ledger, kept(csms)) == []


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


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "tls"),
    [
        ("ws://127.0.0.1:9000/ocpp", "127.0.0.1", 9000, "/ocpp", False),
        ("ws://csms.example/ocpp/", "csms.example", 80, "/ocpp", False),
        ("wss://csms.example", "csms.example", 443, "", True),
        ("ws://[::1]:9000/ocpp", "::1", 9000, "/ocpp", False),
    ],
)
def test_targets(url: str, host: str, port: int, path: str, tls: bool) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.tls) == (host, port, path, tls)


def test_identities_are_quoted_in_the_path() -> None:
    address = parse_target("ws://[::1]:9000/ocpp").address("A/B 1", None)
    assert (address.host, address.resource) == ("[::1]:9000", "/ocpp/A%2FB%201")


@pytest.mark.parametrize("url", ["http://x/", "127.0.0.1:9000", "ws:///ocpp", ""])
def test_a_target_that_is_none_is_told_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="ws://127"):
        parse_target(url)


def test_the_file_limit_is_raised_or_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (100, 1000)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))
    assert raise_file_limit(10) is None
    assert limits["now"] == (100, 1000)
    assert raise_file_limit(500) is None
    assert limits["now"] == (564, 1000)
    sentence = raise_file_limit(2000)
    assert sentence is not None
    assert "--stations 936" in sentence
    limits["now"] = (100, resource.RLIM_INFINITY)
    assert raise_file_limit(1_000_000) is None


def test_too_few_local_ports_are_told_with_the_cure() -> None:
    assert too_few_ports(28_000, ()) is None
    assert "127.0.0.1-127.0.0.3" in (too_few_ports(60_000, ()) or "")
    assert too_few_ports(60_000, ("127.0.0.1", "127.0.0.2", "127.0.0.3")) is None
