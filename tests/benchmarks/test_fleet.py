"""What the benchmarks make of the load tester's reports, without a run."""

from __future__ import annotations

import pytest

from benchmarks import fleet
from loadtest.report import ALL, Report
from tests.kit.reports import rich_report


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The flags of the runs that were wanted; none is made."""
    wanted: list[tuple[str, ...]] = []

    def run(scenario: str, *flags: str, **_: object) -> Report:
        wanted.append((scenario, *flags))
        if "--stations=13" in flags:
            raise SystemExit("full-house: no luck\nand more")
        return rich_report()

    monkeypatch.setattr(fleet, "run", run)
    return wanted


def test_small_fleets_are_connected_anew_and_the_parts_of_large_ones_are_the_runs(runs: list[tuple[str, ...]]) -> None:
    lines = fleet.measure_fleet([500, 6000], 10.0, 3, None).splitlines()
    assert [flags[1] for flags in runs] == ["--stations=500"] * 3 + ["--stations=6000"]
    assert len(lines) == 4
    assert all(len(line.split("|")) == len(fleet.COLUMNS) + 2 for line in lines)
    assert lines[3].startswith("| 6,000 | ")
    parts = [one.p99 for one in rich_report().settled[ALL]]
    assert f"({min(parts):,.0f}–{max(parts):,.0f})" in lines[3]


def test_a_fleet_that_fails_does_not_take_the_others_with_it(runs: list[tuple[str, ...]]) -> None:
    told = fleet.measure_fleet([13, 20], 10.0, 1, None)
    assert "| 20 |" in told
    assert told.endswith("A fleet of 13 failed: full-house: no luck")
    with pytest.raises(SystemExit, match="no luck"):
        fleet.measure_fleet([13], 10.0, 1, None)


def test_how_long_until_they_have_booted_again() -> None:
    points = [(0.0, 0.0), (0.5, 40.0), (1.5, 99.0), (2.5, 100.0)]
    assert fleet._reached(points, 50) == 1.5
    assert fleet._reached(points, 100) == 2.5
    assert fleet._reached(points, 101) == float("inf")


def test_boots_are_counted_from_the_return_of_the_power() -> None:
    report = rich_report()
    each = {line.second: line.count for line in report.windows["BootNotification"]}
    points = fleet._boots(report, 30.5, 33.0)
    assert points == [
        (0.0, 0.0),
        (0.5, each[30]),
        (1.5, each[30] + each[31]),
        (2.5, sum(each[n] for n in (30, 31, 32))),
    ]
