"""What the server took, summed up."""

from __future__ import annotations

import pytest

from loadtest.report_server import server_figures
from loadtest.resources import SERVER, Group, Look, ResourceWatch
from loadtest.scrape import Scrape

FIRST = {
    "chargehouse_gc_pause_seconds_sum": 1.0,
    "chargehouse_gc_pause_seconds_sum/2": 0.4,
    "chargehouse_journal_commits_total": 100.0,
    "chargehouse_journal_records_total": 1000.0,
    "chargehouse_journal_wait_seconds_total": 1.0,
}
LAST = {
    "chargehouse_gc_pause_seconds_sum": 1.6,
    "chargehouse_gc_pause_seconds_sum/2": 0.9,
    "chargehouse_journal_commits_total": 300.0,
    "chargehouse_journal_records_total": 3000.0,
    "chargehouse_journal_wait_seconds_total": 1.8,
}
PAUSES = "chargehouse_gc_pause_seconds"


def watched() -> ResourceWatch:
    """Ten seconds at half a core."""
    watch = ResourceWatch()
    group = Group(SERVER, [Look(0.0, 0.0, 50, 40, 1, 9, 10), Look(10.0, 0.5, 80, None, 1, 9, 10)])
    watch.groups = {SERVER: group}
    watch.scraper.scrapes = [
        Scrape(0.0, FIRST, {f"{PAUSES}/2": {0.001: 5.0, 0.1: 5.0, float("inf"): 5.0}, f"{PAUSES}/0": {0.001: 7.0}}),
        Scrape(10.0, LAST, {f"{PAUSES}/2": {0.001: 7.0, 0.1: 9.0, float("inf"): 10.0}, f"{PAUSES}/0": {0.001: 7.0}}),
    ]
    return watch


def test_processor_time_is_shared_out_among_the_messages() -> None:
    group = server_figures(watched(), 10_000).groups[SERVER]
    assert (group.cpu_mean, group.cpu_peak, group.cpu_us_per_message) == (0.5, 0.5, 500.0)
    assert (group.resident_peak, group.private_peak) == (80, 40)


def test_memory_is_shared_out_among_the_stations_when_they_are_many() -> None:
    watch = watched()
    watch.groups[SERVER].looks.append(Look(11.0, 0.5, 90, 60.0, 1, 9, 10))
    assert server_figures(watch, 1, online=1000).groups[SERVER].kib_per_station == pytest.approx(20.5)
    assert server_figures(watch, 1, online=10).groups[SERVER].kib_per_station is None


def test_of_a_run_of_hours_only_some_looks_are_kept_but_all_are_counted() -> None:
    watch = watched()
    watch.groups[SERVER].looks = [Look(float(n), 2.0 if n == 7001 else 0.5, 50, 40, 1, 9, 10) for n in range(10_001)]
    watch.scraper.scrapes = [Scrape(float(n), {"chargehouse_journal_commits_total": 3.0 * n}) for n in range(10_001)]
    figures = server_figures(watch, 1)
    group = figures.groups[SERVER]
    assert len(group.looks) <= 1201
    assert group.looks[-1].second == 10_000
    assert group.cpu_peak == 2.0
    assert len(figures.per_second) <= 1201
    assert {second.commits for second in figures.per_second} == {3.0}


def test_pauses_are_those_of_the_run_alone() -> None:
    gc = server_figures(watched(), 1).gc
    assert set(gc) == {"2"}  # no pause of generation 0 in the run
    spread = gc["2"]
    assert (spread.count, spread.total) == (5, pytest.approx(500))
    assert (spread.p50, spread.p99, spread.highest) == (100.0, None, None)
    assert spread.buckets == [(1.0, 2), (100.0, 2), (None, 1)]


def test_the_journal_is_told_by_the_second() -> None:
    figures = server_figures(watched(), 1)
    assert figures.journal == {
        "commits_per_second": 20.0,
        "records_per_second": 200.0,
        "records_per_commit": 10.0,
        "wait_ms_mean": 4.0,
    }
    (second,) = figures.per_second
    assert (second.second, second.gc_ms, second.commits) == (10.0, 60.0, 20.0)


def test_whatever_the_journal_says_as_a_histogram_is_told() -> None:
    watch = watched()
    for scrape, count in zip(watch.scraper.scrapes, (10.0, 110.0), strict=True):
        scrape.buckets["chargehouse_journal_durable_seconds"] = {0.005: count * 0.9, float("inf"): count}
    figures = server_figures(watch, 1)
    assert figures.waits["journal_durable"].count == 100
    assert list(figures.spreads()) == ["journal durable", "garbage collector, generation 2"]


def test_a_run_too_short_for_two_looks_has_none() -> None:
    watch = ResourceWatch(metrics=["http://127.0.0.1:1"])
    watch.start()
    watch.stop()
    figures = server_figures(watch, 0)
    assert figures.groups == {}
    assert figures.gc == {}
    assert "could not be read" in figures.note
