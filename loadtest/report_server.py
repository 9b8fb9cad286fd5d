"""What the server took and what it said of itself, summed up for the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

from loadtest.resources import SERVER, Group, Look, ResourceWatch
from loadtest.scrape import Scrape, bucket_percentile

PAUSES = "chargehouse_gc_pause_seconds"
LAG = "chargehouse_loop_lag_seconds"
ANSWERS = "chargehouse_ocpp_answer_seconds"
COMMITS = "chargehouse_journal_commits_total"
RECORDS = "chargehouse_journal_records_total"
MOST_LOOKS = 1200  # in the report; figures are made of all of them
Seen = TypeVar("Seen")
MANY_STATIONS = 100  # fewer do not show beside what a server takes anyway
WAIT = "chargehouse_journal_wait_seconds_total"


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group of processes over the run.

    `cpu_us_per_message`: of processor time, for each message answered. `kib_per_station`: by how much the server's
    private memory grew, for each of the most stations that were online at once; None when there were few.
    """

    cpu_seconds: float
    cpu_mean: float
    cpu_peak: float
    cpu_us_per_message: float
    resident_peak: float
    private_peak: float | None
    looks: Sequence[Look] = ()
    kib_per_station: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram of Prometheus over the run. Percentiles are the upper bounds of their buckets, in ms; None: above
    the last bound. `buckets`: (upper bound in ms or None, how many fell into it alone).
    """

    count: int
    total: float
    p50: float | None
    p99: float | None
    highest: float | None
    buckets: Sequence[tuple[float | None, int]] = ()


@dataclass(frozen=True, slots=True)
class MetricsSecond:
    """What came between one reading of the metrics and the one before."""

    second: float
    gc_ms: float
    commits: float
    records: float


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """All of it; empty where the server is on another machine and no metrics were given."""

    groups: Mapping[str, GroupFigures] = field(default_factory=dict)
    gc: Mapping[str, Spread] = field(default_factory=dict)
    """Pauses of the garbage collector by generation."""
    loop_lag: Spread | None = None
    answers: Spread | None = None
    """From a message's arrival to its answer, as the server sees it."""
    journal: Mapping[str, float] = field(default_factory=dict)
    waits: Mapping[str, Spread] = field(default_factory=dict)
    """Other histograms of the journal, by name."""
    per_second: Sequence[MetricsSecond] = ()
    note: str = ""

    def spreads(self) -> dict[str, Spread]:
        """Everything that the server said as a histogram, by what it is about."""
        named = {"message to answer": self.answers, "event loop late": self.loop_lag}
        named |= {name.replace("_", " "): spread for name, spread in self.waits.items()}
        named |= {f"garbage collector, generation {name}": spread for name, spread in self.gc.items()}
        return {name: spread for name, spread in named.items() if spread is not None}


def server_figures(watch: ResourceWatch, answered: int, online: int = 0) -> ServerFigures:
    """Sum up what was watched; `answered` messages and `online` stations, for the share of each."""
    groups = {name: _group(group, answered) for name, group in watch.groups.items() if len(group.looks) > 1}
    if SERVER in groups and online >= MANY_STATIONS:
        groups[SERVER] = replace(groups[SERVER], kib_per_station=_growth(groups[SERVER], online))
    note = watch.scraper.failure or ""
    scrapes = watch.scrapes
    if len(scrapes) < 2:
        return ServerFigures(groups, note=note)
    whole = scrapes[-1].since(scrapes[0])
    return ServerFigures(
        groups=groups,
        gc={
            name.partition("/")[2]: spread
            for name in sorted(whole.buckets)
            if name.startswith(PAUSES + "/") and (spread := _spread(whole, name)) is not None
        },
        loop_lag=_spread(whole, LAG),
        answers=_spread(whole, ANSWERS),
        journal=_journal(whole),
        waits={
            name.removeprefix("chargehouse_").removesuffix("_seconds"): spread
            for name in sorted(whole.buckets)
            if name.startswith("chargehouse_journal_") and (spread := _spread(whole, name)) is not None
        },
        per_second=[_second(before, after) for before, after in pairwise(_some(scrapes))],
        note=note,
    )


def _group(group: Group, answered: int) -> GroupFigures:
    passed = group.looks[-1].second - group.looks[0].second
    cpu_seconds = sum(after.cpu * (after.second - before.second) for before, after in pairwise(group.looks))
    privates = [look.private for look in group.looks if look.private is not None]
    return GroupFigures(
        cpu_seconds=round(cpu_seconds, 3),
        cpu_mean=round(cpu_seconds / passed, 4) if passed else 0.0,
        cpu_peak=max(look.cpu for look in group.looks[1:]),
        cpu_us_per_message=round(cpu_seconds * 1e6 / answered, 1) if answered else 0.0,
        resident_peak=max(look.resident for look in group.looks),
        private_peak=max(privates, default=None),
        looks=_some(group.looks),
    )


def _some(seen: Sequence[Seen]) -> Sequence[Seen]:
    """All of them; of a run of hours every n-th, and the last."""
    step = -(-len(seen) // MOST_LOOKS)
    return tuple(seen) if step < 2 else (*seen[:-1:step], seen[-1])


def _growth(group: GroupFigures, online: int) -> float | None:
    first = group.looks[0].private
    if first is None or group.private_peak is None:
        return None
    return round((group.private_peak - first) * 1024 / online, 1)


def _spread(whole: Scrape, name: str) -> Spread | None:
    cumulative = whole.buckets.get(name, {})
    bounds = sorted(cumulative)
    if not bounds or not cumulative[bounds[-1]]:
        return None
    histogram, slash, generation = name.partition("/")
    alone: list[tuple[float | None, int]] = []
    before = 0.0
    for bound in bounds:
        alone.append((_ms(bound), round(cumulative[bound] - before)))
        before = cumulative[bound]
    return Spread(
        count=round(cumulative[bounds[-1]]),
        total=round(whole.values.get(histogram + "_sum" + slash + generation, 0.0) * 1000, 3),
        p50=_ms(bucket_percentile(cumulative, 50)),
        p99=_ms(bucket_percentile(cumulative, 99)),
        highest=_ms(bucket_percentile(cumulative, 100)),
        buckets=alone,
    )


def _ms(seconds: float) -> float | None:
    return None if math.isinf(seconds) else round(seconds * 1000, 3)


def _journal(whole: Scrape) -> dict[str, float]:
    commits, records = whole.values.get(COMMITS, 0.0), whole.values.get(RECORDS, 0.0)
    if not commits:
        return {}
    return {
        "commits_per_second": round(commits / whole.second, 1),
        "records_per_second": round(records / whole.second, 1),
        "records_per_commit": round(records / commits, 2),
        "wait_ms_mean": round(whole.values.get(WAIT, 0.0) * 1000 / commits, 3),
    }


def _second(before: Scrape, after: Scrape) -> MetricsSecond:
    passed = after.since(before)
    each = max(passed.second, 1e-9)
    return MetricsSecond(
        second=after.second,
        gc_ms=round(passed.values.get(f"{PAUSES}_sum", 0.0) * 1000 / each, 3),
        commits=round(passed.values.get(COMMITS, 0.0) / each, 2),
        records=round(passed.values.get(RECORDS, 0.0) / each, 2),
    )
