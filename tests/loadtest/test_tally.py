"""Counting and percentiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.tally import Latencies, Tally


def test_percentiles_of_a_thousand_even_steps() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 1001):
        latencies.record(milliseconds / 1000)
    assert latencies.count == 1000
    assert latencies.percentile(50) == pytest.approx(500, rel=0.002)
    assert latencies.percentile(99) == pytest.approx(990, rel=0.002)
    assert latencies.summary() == {
        "p50": pytest.approx(500, rel=0.002),
        "p90": pytest.approx(900, rel=0.002),
        "p99": pytest.approx(990, rel=0.002),
        "p99.9": pytest.approx(999, rel=0.002),
        "max": pytest.approx(1000, rel=0.002),
    }


def test_one_slow_answer_in_a_thousand_shows_at_the_far_end_only() -> None:
    latencies = Latencies()
    for _ in range(998):
        latencies.record(0.001)
    for _ in range(2):
        latencies.record(5.0)
    summary = latencies.summary()
    assert summary["p99"] == pytest.approx(1, rel=0.01)
    assert summary["p99.9"] == pytest.approx(5000, rel=0.01)


def test_nothing_recorded_is_zero_and_out_of_range_is_the_end_of_it() -> None:
    latencies = Latencies()
    assert set(latencies.summary().values()) == {0.0}
    latencies.record(-1)
    latencies.record(1e9)
    assert latencies.count == 2
    assert latencies.highest == pytest.approx(3_600_000, rel=0.002)


def test_seconds_are_counted_from_the_begin() -> None:
    tally = Tally(100.0)
    tally.answered("Heartbeat", intended=101.0, sent=101.5, now=102.25)
    tally.error("boom", 102.9)
    tally.connected(0.5, 100.2)
    assert (tally.seconds[2].answered, tally.seconds[2].errors, tally.seconds[0].connected) == (1, 1, 1)
    times = tally.actions["Heartbeat"]
    assert times.latency.highest == pytest.approx(1250, rel=0.002)
    assert times.service.highest == pytest.approx(750, rel=0.002)


@given(st.lists(st.floats(1e-6, 3599.0), min_size=1, max_size=200), st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_right_to_three_digits(durations: list[float], percent: float) -> None:
    latencies = Latencies()
    for duration in durations:
        latencies.record(duration)
    exact = sorted(durations)[max(1, math.ceil(len(durations) * percent / 100)) - 1] * 1000
    assert latencies.percentile(percent) == pytest.approx(exact, rel=0.002, abs=0.0011)
    assert latencies.count == len(durations)
