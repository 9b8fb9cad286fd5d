"""How the figures are printed."""

from __future__ import annotations

import dataclasses
from io import StringIO

from rich.console import Console

from loadtest.ledger import Discrepancy
from loadtest.report import Report
from loadtest.report_server import ServerFigures
from loadtest.report_terminal import print_report
from tests.kit.reports import plain_report, rich_report


def shown(given: Report) -> str:
    out = StringIO()
    print_report(given, Console(file=out, width=140))
    return out.getvalue()


def test_the_terminal_shows_the_figures_and_each_wrong_session() -> None:
    text = shown(plain_report(wrong=[Discrepancy("missing", "LT-1", 7, "gone [really]")]))
    assert "MeterValues" in text
    assert "999" in text
    assert "link lost" in text
    assert "1 wrong" in text
    assert "missing: station LT-1, transaction 7: gone [really]" in text


def test_the_terminal_says_what_befell_stations_and_how_long_their_queues_took() -> None:
    quiet = plain_report(wrong=[])
    assert "Troubles by plan" not in shown(quiet)
    assert "(queue told)" not in shown(quiet)
    spread = {"p50": 1.0, "p90": 2.0, "p99": 3.0, "p99.9": 4.0, "max": 4321.5}
    text = shown(dataclasses.replace(quiet, troubles={"half-open": 17}, replays=12, replay=spread))
    assert "half-open" in text
    assert "(queue told)" in text
    assert "4,321.5" in text


def test_a_closed_loop_says_what_it_cost_itself_and_the_server() -> None:
    found = {"per_second": 5_000.0, "seconds": 40.0, "cpu_us_per_message": 10.0}
    report = dataclasses.replace(rich_report(seconds=60), saturation=found)
    assert "5,000 a second in 40 measured seconds; the load tester spent 10 µs on each message" in shown(report)
    assert "on each message, the server " in shown(report)
    assert "on each message, the server " not in shown(dataclasses.replace(report, server=ServerFigures()))


def test_the_terminal_says_what_was_not_done() -> None:
    assert "Not checked" in shown(plain_report(wrong=None))
    assert "All 2 finished sessions are right" in shown(plain_report(wrong=[]))
    assert "no session finished" in shown(plain_report(wrong=[], records=[]))
    failed = shown(plain_report(wrong=[], failures=["process [2] died"]))
    assert "process [2] died" in failed
    assert "are right" not in failed


def test_hundreds_of_wrong_sessions_are_cut_short() -> None:
    text = shown(plain_report(wrong=[Discrepancy("missing", "LT-1", n, "gone") for n in range(300)]))
    assert "and 250 more" in text


def test_the_server_and_what_the_load_tester_asked_of_it_are_there() -> None:
    text = shown(rich_report(seconds=30))
    assert "µs a message" in text
    assert "postgresql" in text
    assert "garbage collector, generation 2" in text
    assert "message to answer" in text
    assert "61 commits/s" in text
    assert "RequestStartTransaction" in text
    assert "(load tester late)" in text
