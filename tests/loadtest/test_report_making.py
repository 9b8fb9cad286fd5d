"""The figures of a run."""

from __future__ import annotations

import pytest

from loadtest.report import ALL
from tests.kit.reports import plain_report, rich_report


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
