"""Percentiles, and the encoding that others read."""

from __future__ import annotations

import math
import pickle

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import HIGHEST_US, Latencies, highest_at, index_of

durations = st.floats(1e-6, 3599.0)


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
    assert latencies.curve() == []
    latencies.record(-1)
    latencies.record(1e9)
    latencies.record(1e9)
    assert latencies.count == 3
    assert latencies.highest == 3_600_000


def test_the_curve_rises_to_the_longest_and_goes_as_far_as_the_count_bears() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 1001):
        latencies.record(milliseconds / 1000)
    curve = latencies.curve()
    assert curve[0] == (0.0, 1.0)
    assert curve[-1] == (100.0, 1000.0)
    assert curve == sorted(curve)
    assert dict(curve)[50.0] == pytest.approx(500, rel=0.002)
    assert 99.8 < curve[-2][0] < 100


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_right_to_three_digits(durations: list[float], percent: float) -> None:
    latencies = Latencies()
    for duration in durations:
        latencies.record(duration)
    exact = sorted(durations)[max(1, math.ceil(len(durations) * percent / 100)) - 1] * 1000
    assert latencies.percentile(percent) == pytest.approx(exact, rel=0.002, abs=0.0011)
    assert latencies.count == len(durations)


@given(st.integers(0, HIGHEST_US))
def test_places_are_those_of_the_package(micros: int) -> None:
    package = HdrHistogram(1, HIGHEST_US, 3, word_size=2)
    package.record_value(micros)
    assert package.get_count_at_index(index_of(micros)) == 1
    assert highest_at(index_of(micros)) == package.get_highest_equivalent_value(micros)
    ours = Latencies()
    assert ours.record((micros + 0.5) / 1e6) == index_of(micros)


@given(st.lists(durations, max_size=100))
def test_the_package_reads_what_we_write(durations: list[float]) -> None:
    latencies = Latencies()
    package = HdrHistogram(1, HIGHEST_US, 3)
    for duration in durations:
        latencies.record(duration)
        package.record_value(int(duration * 1e6))
    read = HdrHistogram.decode(latencies.encoded())
    assert read.get_total_count() == len(durations)
    assert list(read.counts) == list(package.counts)


@given(st.lists(durations), st.lists(durations))
def test_two_processes_together_are_one(one: list[float], other: list[float]) -> None:
    a, b, both = Latencies(), Latencies(), Latencies()
    for duration in one:
        a.record(duration)
        both.record(duration)
    for duration in other:
        b.record(duration)
        both.record(duration)
    a.merge(pickle.loads(pickle.dumps(b)))
    assert (a.summary(), a.count, a.curve()) == (both.summary(), both.count, both.curve())
