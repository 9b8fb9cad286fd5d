"""Reports of the load tester as a run would leave them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from loadtest.ledger import Discrepancy, SessionRecord
from loadtest.report import Report
from loadtest.report_making import make_report
from loadtest.report_server import GroupFigures, MetricsSecond, ServerFigures, Spread
from loadtest.resources import POSTGRES, SERVER, TESTER, Look
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult
from loadtest.tally import Tally

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
ACTIONS = {
    "MeterValues": (9.0, 60),
    "StatusNotification": (7.0, 12),
    "Authorize": (5.0, 4),
    "StartTransaction": (14.0, 4),
    "StopTransaction": (16.0, 4),
    "BootNotification": (11.0, 3),
    "Heartbeat": (2.0, 10),
}
"""Usual latency in ms, and how often a second."""


def session(*, finished: bool = True) -> SessionRecord:
    """A session of nine seconds and 2,500 Wh."""
    return SessionRecord(
        "LT-1",
        1,
        "A",
        BEGAN,
        1000,
        transaction_id=1,
        stop_time=BEGAN + timedelta(seconds=9),
        meter_stop_wh=3500,
        stop_acknowledged=finished,
        samples_acknowledged={BEGAN: 1000, BEGAN + timedelta(seconds=1): 1100},
    )


def plain_report(
    *, wrong: list[Discrepancy] | None = None, records: list[SessionRecord] | None = None, failures: Sequence[str] = ()
) -> Report:
    """A thousand meter values within a second, each a millisecond later than the one before."""
    tally = Tally(0.0)
    for n in range(1, 1001):
        tally.answered("MeterValues", intended=0.0, sent=n / 2000, now=n / 1000)
    tally.error("link lost", 0.5)
    tally.connected(0.004, 0.1)
    ledger = [session(), session()] if records is None else records
    result = SwarmResult(BEGAN, 10.0, tally, ledger, failures=list(failures))
    return make_report(Scenario(stations=2), "ws://x/ocpp", result, wrong)


def rich_report(*, seconds: int = 120, slower: float = 1.0, wrong: Sequence[Discrepancy] = ()) -> Report:
    """A run with everything in it: a ramp, a stall in the middle, a server and its garbage collector."""
    random = Random(7)
    tally = Tally(0.0)
    for second in range(seconds):
        share = min(1.0, (second + 1) / 20)
        stall = 8.0 if seconds * 0.6 < second < seconds * 0.6 + 4 else 1.0
        tally.online = int(500 * share)
        for action, (usual, often) in ACTIONS.items():
            for _ in range(int(often * share * random.uniform(0.7, 1.3))):
                took = usual * slower * stall * random.lognormvariate(0, 0.45) / 1000
                now = second + random.random()
                tally.answered(action, intended=now - took, sent=now - took * 0.8, now=now)
        if second < 20:
            for _ in range(25):
                tally.connected(random.lognormvariate(math.log(0.03), 0.3), second + 0.5)
        if stall > 1:
            tally.error("time-out of MeterValues", second + 0.5)
        if second == 40:
            for _ in range(17):
                tally.error("link lost", 40.5)
        tally.late(random.lognormvariate(math.log(0.0008), 0.6))
        tally.commanded("RemoteStartTransaction", second + 0.1)
        tally.requested("RequestStartTransaction", intended=second, sent=second, now=second + 0.02 * stall)
        tally.pulse(second + 1)
    tally.retries["MeterValues"] = 4
    ledger = [session() for _ in range(569)]
    result = SwarmResult(BEGAN, float(seconds), tally, ledger, skipped_sessions=3)
    report = make_report(Scenario(stations=500, minutes=seconds / 60), "ws://127.0.0.1:9000/ocpp", result, list(wrong))
    return replace(report, server=_server(seconds, random))


def _server(seconds: int, random: Random) -> ServerFigures:
    def group(cpu: float, memory: float, threads: int, descriptors: int | None) -> GroupFigures:
        looks = [
            Look(
                float(n),
                cpu * min(1, n / 20) * random.uniform(0.9, 1.1),
                memory * (1 + 0.2 * min(1, n / 40)),
                memory * (0.7 + 0.2 * min(1, n / 40)),
                2,
                threads,
                None if descriptors is None else int(descriptors * min(1, n / 20)) + 40,
            )
            for n in range(seconds)
        ]
        return GroupFigures(cpu * seconds, cpu, cpu * 1.1, cpu * 5000, memory * 1.2, memory * 0.9, looks)

    pauses = Spread(412, 96.2, 1.0, 5.0, 10.0, [(1.0, 390), (5.0, 18), (10.0, 4), (50.0, 0), (None, 0)])
    old = Spread(3, 71.0, 10.0, 50.0, 50.0, [(1.0, 0), (5.0, 1), (10.0, 1), (50.0, 1), (None, 0)])
    return ServerFigures(
        groups={
            SERVER: group(0.42, 140, 14, 500),
            POSTGRES: group(0.31, 90, 1, None),
            TESTER: group(0.55, 110, 9, 500),
        },
        gc={"0": pauses, "2": old},
        loop_lag=pauses,
        answers=Spread(10_373, 91_000.0, 10.0, 25.0, 100.0, [(10.0, 9000), (25.0, 1300), (100.0, 73), (None, 0)]),
        journal={
            "commits_per_second": 61.0,
            "records_per_second": 190.0,
            "records_per_commit": 3.1,
            "wait_ms_mean": 4.2,
        },
        per_second=[
            MetricsSecond(float(n), random.choice([0, 0, 0.4, 1.2, 9.0]), 61 * random.uniform(0.8, 1.2), 190.0)
            for n in range(1, seconds)
        ],
    )
