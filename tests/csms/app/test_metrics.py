"""What a node measures of itself."""

from __future__ import annotations

import gc

import trio
from prometheus_client import generate_latest
from trio.testing import MockClock

from csms.actors.registry import RegistryCounts
from csms.app.metrics import BusFigures, CallMetrics, LoopMetrics, NodeCollector, Sources, open_registry
from csms.ports.message_log import Direction
from csms.services.traffic import Traffic
from csms.storage.journal import JournalStatistics
from csms.storage.message_log import MessageLogStatistics


def sources(traffic: Traffic) -> Sources:
    return Sources(
        registry=lambda: RegistryCounts(actors=3, online=2, down=1, crashes=4, bugs=5),
        journal=lambda: JournalStatistics(10, 200, 1, 7, 20, 0.5, (0, 0, 0, 9, 1, *[0] * 8)),
        message_log=lambda: MessageLogStatistics(8, 1, 2),
        connections=lambda: 2,
        available=lambda: True,
        draining=lambda: False,
        traffic=traffic,
        refused_proxied=lambda: 6,
        bus=lambda: BusFigures(connected=False, outages=3, keys_behind=12, events_behind=5, works=True),
    )


def test_everything_that_an_alert_would_watch_is_there() -> None:
    traffic = Traffic()
    traffic.count(Direction.RECEIVED, "CALL", "Heartbeat", None)
    traffic.count(Direction.SENT, "CALLRESULT", "Heartbeat", 0.004)
    registry = open_registry()
    registry.register(NodeCollector(sources(traffic)))
    told = generate_latest(registry).decode()
    for line in (
        "chargehouse_stations_online 2.0",
        "chargehouse_actors_down 1.0",
        "chargehouse_link_bugs_total 5.0",
        'chargehouse_ocpp_messages_total{action="Heartbeat",direction="received",type="CALL"} 1.0',
        'chargehouse_ocpp_answer_seconds_bucket{le="0.0025"} 0.0',
        'chargehouse_ocpp_answer_seconds_bucket{le="0.005"} 1.0',
        'chargehouse_ocpp_answer_seconds_bucket{le="+Inf"} 1.0',
        "chargehouse_ocpp_answer_seconds_count 1.0",
        "chargehouse_journal_records_total 200.0",
        'chargehouse_journal_commit_wait_seconds_bucket{le="0.008"} 9.0',
        'chargehouse_journal_commit_wait_seconds_bucket{le="+Inf"} 10.0',
        "chargehouse_message_log_dropped_total 1.0",
        "chargehouse_database_available 1.0",
        "chargehouse_draining 0.0",
        "chargehouse_proxy_headers_refused_total 6.0",
        "chargehouse_bus_connected 0.0",
        "chargehouse_bus_outages_total 3.0",
        "chargehouse_bus_keys_behind 12.0",
        "chargehouse_bus_events_behind 5.0",
        "chargehouse_work_here 1.0",
    ):
        assert f"\n{line}\n" in told, line
    assert "process_resident_memory_bytes" in told


def test_calls_count_by_method_and_outcome() -> None:
    registry = open_registry()
    calls = CallMetrics(registry)
    calls.ended("/control.v1.SystemService/GetSystemInfo", "OK", 0.01, streaming=False)
    calls.ended("/control.v1.WatchService/WatchStations", "CANCELLED", 300.0, streaming=True)
    told = generate_latest(registry).decode()
    assert 'chargehouse_control_calls_total{code="OK",method="System.GetSystemInfo"} 1.0' in told
    assert 'chargehouse_control_calls_total{code="CANCELLED",method="Watch.WatchStations"} 1.0' in told
    assert 'chargehouse_control_call_seconds_count{method="System.GetSystemInfo"} 1.0' in told
    assert 'chargehouse_control_call_seconds_count{method="Watch' not in told


async def test_lateness_and_pauses_are_measured_and_the_hook_goes_again(autojump_clock: MockClock) -> None:
    registry = open_registry()
    before = len(gc.callbacks)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(LoopMetrics(registry).run)
        await trio.sleep(2.5)
        gc.collect()
        nursery.cancel_scope.cancel()
    assert len(gc.callbacks) == before
    told = generate_latest(registry).decode()
    assert "chargehouse_loop_lag_seconds_count 2.0" in told
    assert 'chargehouse_gc_pause_seconds_count{generation="2"}' in told
