"""Two reports beside each other."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.comparison import Difference, compare_files, differences, different_settings
from loadtest.report import Report, ReportError, write_json
from tests.kit.reports import plain_report, rich_report


def shown(tmp_path: Path, first: Report, second: Report) -> str:
    files = tmp_path / "a.json", tmp_path / "b.json"
    write_json(first, files[0])
    write_json(second, files[1])
    out = StringIO()
    compare_files(*files, Console(file=out, width=160))
    return out.getvalue()


def test_a_run_beside_itself_has_no_difference(tmp_path: Path) -> None:
    one = rich_report(seconds=20)
    assert list(different_settings(one, one)) == []
    assert all(row.ratio in (None, 1.0) and row.verdict == 0 for section in differences(one, one) for row in section)
    assert "× 1.00" in shown(tmp_path, one, one)


def test_twice_as_slow_is_told_action_by_action() -> None:
    rows = {
        row.what: row
        for section in differences(rich_report(seconds=20), rich_report(seconds=20, slower=2.0))
        for row in section
    }
    assert rows["MeterValues, p50 ms"].ratio == pytest.approx(2, rel=0.15)
    assert rows["MeterValues, p50 ms"].verdict == -1
    assert rows["all actions, p99 ms"].verdict == -1
    assert rows["connect, p99 ms"].verdict == 0


def test_what_was_not_the_same_is_said_before_the_figures(tmp_path: Path) -> None:
    text = shown(tmp_path, plain_report(wrong=[]), rich_report(seconds=20))
    assert "differs: stations 2 and 500" in text
    assert "Heartbeat, p99 ms" in text  # only in one of them
    assert "postgresql, resident MiB" in text


def test_more_answers_are_better_and_more_milliseconds_are_worse() -> None:
    assert Difference("answers", 100, 120, 1).verdict == 1
    assert Difference("ms", 100, 120).verdict == -1
    assert Difference("ms", 100, 104).verdict == 0
    assert Difference("ms", None, 104).verdict == 0
    assert Difference("errors", 0, 3).verdict == -1
    assert Difference("errors", 0, 3).ratio is None
    assert Difference("count", 100, 200, 0).verdict == 0


def test_a_file_that_is_no_report_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ReportError, match="--json"):
        compare_files(tmp_path / "a.json", tmp_path / "a.json", Console(file=StringIO()))
