"""The figures and how they are printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.ledger import Discrepancy, SessionRecord
from loadtest.report import Report, make_report, print_report, write_json
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult
from loadtest.tally import Tally

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)


def session(*, finished: bool = True) -> SessionRecord:
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


def report(*, wrong: list[Discrepancy] | None = None, records: list[SessionRecord] | None = None) -> Report:
    tally = Tally(0.0)
    for n in range(1, 1001):
        tally.answered("MeterValues", intended=0.0, sent=n / 2000, now=n / 1000)
    tally.error("link lost", 0.5)
    tally.connected(0.004, 0.1)
    ledger = [session(), session()] if records is None else records
    return make_report(Scenario(stations=2), "ws://x/ocpp", SwarmResult(BEGAN, 10.0, tally, ledger), wrong)


def shown(given: Report) -> str:
    out = StringIO()
    print_report(given, Console(file=out, width=140))
    return out.getvalue()


def test_throughput_and_percentiles_are_those_of_the_tally() -> None:
    given = report(wrong=[])
    assert given.answered == 1000
    assert given.answered_per_second == 100
    line = given.actions["MeterValues"]
    assert line.count == 1000
    assert line.latency["p50"] == pytest.approx(500, rel=0.002)
    assert line.latency["p99.9"] == pytest.approx(999, rel=0.002)
    assert line.service["p50"] == pytest.approx(250, rel=0.002)
    assert sum(second["answered"] for second in given.per_second) == 1000
    assert given.peak_per_second == 999
    assert given.errors == {"link lost": 1}


def test_sessions_are_summed_to_the_wh() -> None:
    sessions = report(wrong=[]).sessions
    assert (sessions["finished"], sessions["checked"], sessions["wrong"]) == (2, 2, 0)
    assert (sessions["energy_wh"], sessions["meter_values"]) == (5000, 4)


def test_a_run_passes_only_when_everything_is_right() -> None:
    assert report(wrong=[]).passed
    assert report(wrong=None).passed
    assert not report(wrong=[Discrepancy("missing", "LT-1", 7, "gone")]).passed
    assert not report(wrong=[], records=[]).passed
    assert not report(wrong=[], records=[session(), session(finished=False)]).passed


def test_the_terminal_shows_the_figures_and_each_wrong_session() -> None:
    text = shown(report(wrong=[Discrepancy("missing", "LT-1", 7, "gone [really]")]))
    assert "MeterValues" in text
    assert "999" in text
    assert "link lost" in text
    assert "1 wrong" in text
    assert "missing: station LT-1, transaction 7: gone [really]" in text


def test_the_terminal_says_what_was_not_done() -> None:
    assert "Not checked" in shown(report(wrong=None))
    assert "All 2 finished sessions are right" in shown(report(wrong=[]))
    assert "no session finished" in shown(report(wrong=[], records=[]))


def test_hundreds_of_wrong_sessions_are_cut_short() -> None:
    text = shown(report(wrong=[Discrepancy("missing", "LT-1", n, "gone") for n in range(300)]))
    assert "and 250 more" in text


def test_the_json_file_holds_everything(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_json(report(wrong=[Discrepancy("doubled", "LT-1", 7, "twice")]), file)
    content = json.loads(file.read_text())
    assert content["settings"]["stations"] == 2
    assert content["settings"]["target"] == "ws://x/ocpp"
    assert content["actions"]["MeterValues"]["latency"]["p50"] == pytest.approx(500, rel=0.002)
    assert content["wrong"] == [{"kind": "doubled", "station": "LT-1", "transaction_id": 7, "detail": "twice"}]
    assert content["machine"]["cores"] >= 1
