"""A calm fleet on real sockets, against small servers. Nothing here is about how long anything takes."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from loadtest.fleet import Fleet, run_fleet
from loadtest.ledger import SeenSession
from loadtest.saturate import check
from loadtest.scenario import Scenario
from loadtest.tally import Tally
from loadtest.target import Target
from tests.kit.fake_csms import FakeCsms, KeptSession
from tests.kit.fake_csms_2 import FakeCsms2
from tests.kit.tls_authority import Authority, client_context

QUICK = Scenario(
    engine="fleet",
    stations=4,
    minutes=60,
    ramp=0.2,
    heartbeat_interval=0.4,
    meter_interval=0.2,
    charging_share=0.5,
    back_off=0.1,
    grace=10,
    prefix="F-",
)


async def target_of(nursery: trio.Nursery, csms: FakeCsms) -> Target:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, csms.serve, [listener])
    return Target("127.0.0.1", listener.socket.getsockname()[1], "/ocpp", False)


async def live(
    target: Target,
    scenario: Scenario = QUICK,
    *,
    until: Callable[[Tally], bool] | None,
    tls: ssl.SSLContext | None = None,
) -> tuple[Fleet, Tally]:
    """Live until that is so, or with None to the end of the scenario."""
    stop = threading.Event()
    tally = Tally(time.monotonic())
    passwords = {"F-00001": "secret-secret"}
    numbers = range(scenario.stations)
    fleet = Fleet(scenario, target, numbers, tally, time.monotonic, passwords=passwords, tls=tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, run_fleet, fleet, stop)
        with trio.move_on_after(50):
            while until is not None and not stop.is_set():
                await trio.sleep(0.01)
                with suppress(RuntimeError):  # the thread counts while we look
                    if until(tally):
                        stop.set()
        came = until is None or stop.is_set()
        if not came:
            stop.set()
    assert came, f"it never came to that: {tally.errors}, {tally.connects.count} connections"
    return fleet, tally


def answers(tally: Tally, action: str, times: int) -> bool:
    return action in tally.actions and tally.actions[action].latency.count >= times


def seen(kept: KeptSession, name: str | int) -> SeenSession:
    return SeenSession(
        station=kept.station,
        connector=1,
        id_tag=kept.id_tag,
        transaction_id=name,
        start_time=kept.start_time,
        stop_time=kept.stop_time,
        energy_wh=(kept.meter_stop_wh or kept.meter_start_wh) - kept.meter_start_wh,
        meter_values=None,
    )


async def test_all_stay_some_charge_and_every_session_is_right(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    fleet, tally = await live(
        await target_of(nursery, csms),
        until=lambda tally: answers(tally, "Heartbeat", 4) and answers(tally, "MeterValues", 4),
    )
    assert tally.errors == {}
    assert (tally.connects.count, tally.online) == (4, 0)
    assert len(csms.payloads("BootNotification")) == len(csms.payloads("StatusNotification")) == 4
    assert len(csms.payloads("Heartbeat")) >= 4
    assert 1 <= len(fleet.books) < 4  # half of them, as far as a few can be halved
    assert all(book.finished for book in fleet.books)
    assert sum(book.acknowledged for book in fleet.books) == len(csms.payloads("MeterValues")) > 1
    assert check(fleet.books, [seen(kept, number) for number, kept in csms.sessions.items()]) == []
    assert tally.lateness.count > 8  # how late the load tester was is counted with each thing that it did
    assert ["authorization" in headers for headers in csms.headers].count(True) == 1


async def test_2_x_counts_its_events_without_a_gap(nursery: trio.Nursery) -> None:
    csms = FakeCsms2(nursery)
    fleet, tally = await live(
        await target_of(nursery, csms),
        replace(QUICK, versions={"2.0.1": 1}),
        until=lambda tally: answers(tally, "TransactionEvent", 8),
    )
    assert tally.errors == {}
    assert check(fleet.books, [seen(kept, name) for name, kept in csms.named.items()]) == []
    for book in fleet.books:
        events = [event for event in csms.events() if event["transactionInfo"]["transactionId"] == book.transaction_id]  # type: ignore[index]
        assert [event["seqNo"] for event in events] == list(range(len(events)))
        assert len(events) == book.acknowledged


async def test_who_is_cut_off_comes_back_and_tells_the_rest(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    scenario = replace(QUICK, stations=2, charging_share=0.95)
    target = await target_of(nursery, csms)

    async def cut() -> None:
        await csms.wait_for("MeterValues", 4)
        csms.lost_answers["MeterValues"] = 1  # this one is told twice
        while csms.lost_answers["MeterValues"]:
            await trio.sleep(0.01)
        await csms.hang_up()

    nursery.start_soon(cut)
    fleet, tally = await live(
        target,
        scenario,
        until=lambda tally: tally.connects.count >= 3 and tally.online == 2 and answers(tally, "MeterValues", 10),
    )
    assert set(tally.errors) <= {"link lost", "closed by the server"}
    assert check(fleet.books, [seen(kept, number) for number, kept in csms.sessions.items()]) == []
    assert all(book.finished for book in fleet.books)
    assert len(csms.sessions) == len(fleet.books)  # nobody began anew


async def test_after_a_power_cut_all_are_back_and_go_on_with_their_sessions(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    scenario = replace(QUICK, storms=(0.4,), storm_seconds=0.5, minutes=10 / 60, charging_share=0.95)
    fleet, tally = await live(await target_of(nursery, csms), scenario, until=lambda tally: tally.connects.count == 8)
    assert tally.errors == {}
    assert len(csms.payloads("BootNotification")) >= 7  # the last one may have come too late
    assert check(fleet.books, [seen(kept, number) for number, kept in csms.sessions.items()]) == []
    assert all(book.finished for book in fleet.books)
    assert len(csms.sessions) == len(fleet.books)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_hours_offline_are_told_in_order_before_the_day_goes_on(nursery: trio.Nursery, version: str) -> None:
    csms = FakeCsms(nursery) if version == "1.6" else FakeCsms2(nursery)
    scenario = replace(
        QUICK,
        stations=2,
        minutes=3 / 60,
        charging_share=0.95,
        backlog_hours=8,
        backlog_meter_interval=600,
        versions={version: 1},
    )
    fleet, tally = await live(await target_of(nursery, csms), scenario, until=None)
    assert tally.errors == {}
    assert tally.replays.count == 2
    past = [book for book in fleet.books if book.offline]
    assert len(past) >= 6
    assert [book.offline for book in fleet.residents[0].books] == [True] * (len(fleet.residents[0].books) - 1) + [False]
    kept = csms.named.items() if isinstance(csms, FakeCsms2) else csms.sessions.items()
    assert check(fleet.books, [seen(session, name) for name, session in kept]) == []
    for book in past:
        session = next(one for name, one in kept if str(name) == book.transaction_id)
        readings = list(session.samples.values())
        assert readings == sorted(readings)
        assert session.meter_stop_wh == book.last_wh > book.meter_start_wh
    registers = [(book.meter_start_wh, book.last_wh) for book in fleet.residents[0].books]
    assert [start for start, _ in registers[1:]] == [end for _, end in registers[:-1]]
    if isinstance(csms, FakeCsms2):
        assert {event.get("offline") for event in csms.events("Started")} == {True, None}


async def test_a_link_lost_in_the_middle_of_a_queue_loses_nothing(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    scenario = replace(QUICK, stations=1, charging_share=0.0, backlog_hours=8, backlog_meter_interval=300)
    target = await target_of(nursery, csms)

    async def cut() -> None:
        await csms.wait_for("MeterValues", 5)
        await csms.hang_up()

    nursery.start_soon(cut)
    fleet, tally = await live(
        target, scenario, until=lambda tally: tally.connects.count == 2 and answers(tally, "Heartbeat", 1)
    )
    assert set(tally.errors) <= {"link lost", "closed by the server"}
    assert fleet.residents[0].past is None
    assert check(fleet.books, [seen(kept, number) for number, kept in csms.sessions.items()]) == []
    assert all(book.finished for book in fleet.books)


async def test_silence_is_given_up(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.lost_answers["Heartbeat"] = 1
    silent = replace(QUICK, call_timeout=3.0)
    _, tally = await live(await target_of(nursery, csms), silent, until=lambda tally: tally.connects.count >= 5)
    assert tally.errors["time-out of Heartbeat"] >= 1


async def test_a_refused_start_leaves_a_session_that_never_finished(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.refusals["StartTransaction"] = 1
    target = await target_of(nursery, csms)
    fleet, tally = await live(target, replace(QUICK, grace=1), until=lambda tally: bool(tally.errors))
    assert tally.errors == {"CALLERROR InternalError to StartTransaction": 1}
    assert sum(not book.finished for book in fleet.books) == 1


async def test_a_station_that_is_turned_away_tries_again(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.reject_with = 503
    scenario = replace(QUICK, stations=1)

    async def relent() -> None:
        while not csms.paths:
            await trio.sleep(0.01)
        csms.reject_with = None

    nursery.start_soon(relent)
    target = await target_of(nursery, csms)
    fleet, tally = await live(target, scenario, until=lambda tally: answers(tally, "StatusNotification", 1))
    assert tally.errors["handshake: HTTP 503"] >= 1
    assert fleet.residents[0].accepted


async def test_nobody_there_is_an_error_each_time_and_no_crash() -> None:
    nobody = Target("127.0.0.1", 1, "/ocpp", False)
    _, tally = await live(nobody, until=lambda tally: tally.errors.total() >= 6)
    assert set(tally.errors) == {"connect: ConnectionRefusedError"}


async def test_the_time_is_over(nursery: trio.Nursery) -> None:
    fleet, tally = await live(await target_of(nursery, FakeCsms(nursery)), replace(QUICK, minutes=2 / 60), until=None)
    assert all(book.finished for book in fleet.books)
    assert tally.online == 0


async def test_over_tls(nursery: trio.Nursery, tmp_path: Path) -> None:
    csms = FakeCsms(nursery)
    authority = Authority()
    chain, key = authority.server().files(tmp_path, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    (listener,) = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, csms.serve, [listener])
    port = listener.transport_listener.socket.getsockname()[1]  # type: ignore[attr-defined]
    target = Target("localhost", port, "/ocpp", True)
    fleet, tally = await live(
        target, tls=client_context(authority), until=lambda tally: answers(tally, "MeterValues", 2)
    )
    assert tally.errors == {}
    assert all(book.finished for book in fleet.books)
    _, strangers = await live(target, until=lambda tally: bool(tally.errors))
    assert set(strangers.errors) == {"handshake: SSLCertVerificationError"}


@pytest.mark.parametrize("share", [0.0, 0.2, 0.95])
def test_that_share_of_them_charges(share: float) -> None:
    scenario = replace(QUICK, stations=1000, charging_share=share, ramp=0)
    fleet = Fleet(scenario, Target("127.0.0.1", 1, "", False), range(1000), Tally(0.0), time.monotonic, passwords={})
    assert sum(resident.charges for resident in fleet.residents) == pytest.approx(1000 * share, abs=5)
