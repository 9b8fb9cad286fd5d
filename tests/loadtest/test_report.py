"""The figures of a run, and the file they are kept in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from loadtest.ledger import Discrepancy
from loadtest.report import Report, ReportError, read_json, write_json
from loadtest.report_server import ServerFigures
from tests.kit.reports import plain_report, rich_report, session

GONE = Discrepancy("missing", "LT-1", 7, "gone")


def test_a_run_passes_only_when_everything_is_right() -> None:
    assert plain_report(wrong=[]).passed
    assert plain_report(wrong=None).passed
    for failed, words in (
        (plain_report(wrong=[GONE]), "1 of 2 finished sessions are wrong"),
        (plain_report(wrong=[], records=[]), "no session finished"),
        (plain_report(wrong=[], records=[session(), session(finished=False)]), "1 sessions did not finish"),
        (plain_report(wrong=[], failures=["process 2 died"]), "process 2 died"),
    ):
        assert not failed.passed
        assert words in failed.verdict


def test_a_load_tester_that_was_late_itself_says_so() -> None:
    late = replace(plain_report(wrong=[]), lateness={"p50": 1.0, "p99": 300.0})
    assert "late by 300 ms" in late.warning
    assert replace(late, lateness={"p50": 1.0, "p99": 90.0}).warning == ""  # of latencies of 990 ms
    assert plain_report(wrong=[]).warning == ""


def saturated(*, own_us: float) -> Report:
    """A closed loop against a server that takes 0.42 cores."""
    whole = rich_report(seconds=60)
    quiet = [replace(second, answered=0 if n < 25 else 5_000) for n, second in enumerate(whole.per_second)]
    return replace(whole, per_second=quiet, saturation={"per_second": 5_000.0, "cpu_us_per_message": own_us})


def test_a_closed_loop_is_set_against_what_the_server_took_in_the_same_seconds() -> None:
    assert saturated(own_us=10.0).saturated_server_us == pytest.approx(84, rel=0.1)
    assert saturated(own_us=10.0).warning == ""
    assert "it may be the limit itself" in saturated(own_us=60.0).warning
    assert rich_report(seconds=30).saturated_server_us is None
    assert replace(saturated(own_us=60.0), server=ServerFigures()).warning == ""  # far away: nobody knows


def test_the_json_file_holds_everything(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_json(plain_report(wrong=[Discrepancy("doubled", "LT-1", "tx-7", "twice")]), file)
    content = json.loads(file.read_text())
    assert (content["format"], content["version"], content["passed"]) == ("chargehouse-loadtest", 1, False)
    assert content["settings"]["stations"] == 2
    assert content["settings"]["target"] == "ws://x/ocpp"
    assert content["actions"]["MeterValues"]["latency"]["p50"] == pytest.approx(500, rel=0.002)
    assert content["wrong"] == [{"kind": "doubled", "station": "LT-1", "transaction_id": "tx-7", "detail": "twice"}]
    assert content["machine"]["cores"] >= 1


def test_others_can_read_the_histograms(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_json(plain_report(wrong=[]), file)
    read = HdrHistogram.decode(json.loads(file.read_text())["actions"]["MeterValues"]["hdr"])
    assert read.get_total_count() == 1000
    assert read.get_value_at_percentile(99) == pytest.approx(990_000, rel=0.002)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    given = rich_report(seconds=10, wrong=[GONE])
    write_json(given, file)
    read = read_json(file)
    write_json(read, tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_bytes()) == json.loads(file.read_bytes())
    assert read.wrong == [GONE]
    assert read.server.groups["server"].looks[3] == given.server.groups["server"].looks[3]
    assert read.verdict == given.verdict


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "is not a report"),
        ("[1]", "is not a report"),
        ("no json", "is not a report"),
        ('{"format": "chargehouse-loadtest", "version": 99}', "format 99"),
        ('{"format": "chargehouse-loadtest", "version": 1}', "missing required field"),
    ],
)
def test_a_file_that_is_no_report_is_told_in_words(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(ReportError, match=words):
        read_json(file)
