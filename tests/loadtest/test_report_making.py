"""The figures of a run."""

from __future__ import annotations

import pytest

from loadtest.report import ALL
from loadtest.report_making import make_report
from loadtest.saturate import Saturated
from loadtest.saturate_words import Book
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult
from loadtest.tally import Tally
from tests.kit.reports import BEGAN, plain_report, rich_report


def test_throughput_and_percentiles_are_those_of_the_tally() -> None:
    given = plain_report(wrong=[])
    assert given.answered == 1000
    assert given.answered_per_second == 100
    line = given.actions["MeterValues"]
    assert line.count == given.latency.count == 1000
    assert line.latency["p50"] == pytest.approx(500, rel=0.002)
    assert line.latency["p99.9"] == pytest.approx(999, rel=0.002)
    assert line.service["p50"] == pytest.approx(250, rel=0.002)
    assert sum(second.answered for second in given.per_second) == 1000
    assert given.peak_per_second == 999
    assert given.errors == {"link lost": 1}


def test_latencies_over_time_are_there_for_each_action_and_for_all_together() -> None:
    given = rich_report(seconds=60)
    assert set(given.windows) == {ALL, *given.actions}
    assert sum(line.count for line in given.windows[ALL]) == given.answered
    usual, stalled = (next(line for line in given.windows[ALL] if line.second == second) for second in (30, 38))
    assert stalled.p50 > 4 * usual.p50
    assert usual.p50 <= usual.p99 <= usual.highest


def test_sessions_are_summed_to_the_wh() -> None:
    sessions = plain_report(wrong=[]).sessions
    assert (sessions["finished"], sessions["checked"], sessions["wrong"]) == (2, 2, 0)
    assert (sessions["energy_wh"], sessions["meter_values"]) == (5000, 4)


def test_troubles_and_replays_are_those_of_the_tally() -> None:
    tally = Tally(0.0)
    tally.trouble("garbage")
    tally.replays.record(2.5)
    report = make_report(Scenario(), "ws://x/ocpp", SwarmResult(BEGAN, 7.0, tally), None)
    assert (report.troubles, report.replays, report.replay["max"]) == ({"garbage": 1}, 1, 2500.0)


def test_processes_of_a_closed_loop_are_added_up() -> None:
    book = Book("LT-1", "A", 1_000_000, "2025-01-01T00:00:00Z", "7", 9, 8, 1_000_050, finished=True)
    done = [
        Saturated("meter-values", "1.6", 10, BEGAN, 5.0, 10_000, 0, 0.5, [book]),
        Saturated("meter-values", "1.6", 10, BEGAN, 5.0, 20_000, 1, 0.5, []),
    ]
    result = SwarmResult(BEGAN, 7.0, Tally(0.0), saturated=done, books=[book])
    report = make_report(Scenario(), "ws://x/ocpp", result, None)
    assert report.saturation == {
        "messages": 30_000,
        "seconds": 5.0,
        "per_second": 6000.0,
        "errors": 1,
        "cpu_us_per_message": pytest.approx(33.3),
    }
    assert report.sessions["meter_values"] == 8


def test_the_settled_time_is_told_in_three_parts() -> None:
    tally = Tally(0.0)
    for second in range(60):
        slow = 0.5 if 20 <= second < 30 else 0.01
        tally.answered("Heartbeat", intended=second - slow, sent=float(second), now=float(second))
        tally.requested("→Reset", intended=second - 0.1, sent=float(second), now=float(second))
        tally.late(0.002, float(second))
    whole = Tally(0.0)
    whole.merge(tally)
    scenario = Scenario(ramp=8, minutes=1)  # settled from 18 s to 55 s
    settled = make_report(scenario, "ws://x/ocpp", SwarmResult(BEGAN, 60.0, whole), None).settled
    assert set(settled) == {"(all)", "(commands)", "(load tester late)"}
    assert [(part.second, part.count) for part in settled["(all)"]] == [(18, 12), (30, 12), (42, 12)]
    assert [part.p99 for part in settled["(all)"]] == pytest.approx([500, 10, 10], rel=0.02)
    assert [part.p50 for part in settled["(commands)"]] == pytest.approx([100, 100, 100], rel=0.02)
    assert [part.highest for part in settled["(load tester late)"]] == pytest.approx([2, 2, 2], rel=0.02)


def test_a_run_that_never_settles_has_no_such_parts() -> None:
    assert make_report(Scenario(ramp=50), "ws://x/ocpp", SwarmResult(BEGAN, 60.0, Tally(0.0)), None).settled == {}
