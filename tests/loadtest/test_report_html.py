"""The report as a page of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadtest.ledger import Discrepancy
from loadtest.report import read_json, write_json
from loadtest.report_html import render, write_html
from tests.kit.reports import plain_report, rich_report

VOID = {"meta", "link", "path", "circle", "br"}


class Outline(HTMLParser):
    """Checks that what opens closes, and gathers the words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


def test_everything_is_on_one_page() -> None:
    page = Outline(render(rich_report(seconds=60)))
    for text in (
        "steady, 500 stations",
        "All 569 finished sessions are right on the server.",
        "Answers per second",
        "Latency by percentile",
        "Errors by kind",
        "time-out of MeterValues",
        "RequestStartTransaction",
        "RemoteStartTransaction",
        "Processor",
        "Memory that is theirs alone",
        "Garbage collector, generation 2: 3 pauses",
        "message to answer",
        "commits per second",
        "load tester late",
        "settled: (all)",
        "time scale",
    ):
        assert text in page.text, text


def test_no_address_but_its_own() -> None:
    page = render(rich_report(seconds=30))
    assert Outline(page).addresses == ["data:,"]
    rest = page.replace("ws://127.0.0.1:9000/ocpp", "")
    assert re.findall(r"url\(|@import|https?:|wss?:", rest) == []
    assert "default-src 'none'" in page


def test_each_wrong_session_is_named_and_markup_in_it_is_not_markup() -> None:
    evil = Discrepancy("altered", "<script>alert(1)</script>", "</script><b>", "energy in Wh is 8413 instead of 8412")
    page = render(rich_report(seconds=10, wrong=[evil, Discrepancy("missing", "LT-9", None, "gone")]))
    assert "<script>alert" not in page
    text = Outline(page).text
    assert "energy in Wh is 8413" in text
    assert "LT-9" in text
    assert "2 of 569 finished sessions are wrong" in text


def test_names_in_the_figures_cannot_end_the_script() -> None:
    report = rich_report(seconds=5)
    named = {"</script><b>": next(iter(report.actions.values()))}
    assert "</script><b>" not in render(replace(report, actions=named))


@pytest.mark.parametrize("wrong", [None, []])
def test_the_smallest_report_is_a_page_too(wrong: list[Discrepancy] | None) -> None:
    Outline(render(plain_report(wrong=wrong)))
    Outline(render(plain_report(wrong=wrong, records=[])))
    assert "process died" in Outline(render(plain_report(wrong=wrong, failures=["process died"]))).text


def test_a_page_can_be_made_from_the_json_file(tmp_path: Path) -> None:
    report = rich_report(seconds=10)
    write_json(report, tmp_path / "report.json")
    write_html(read_json(tmp_path / "report.json"), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == render(report)


def test_an_hour_takes_no_more_room_than_ten_minutes() -> None:
    assert len(render(rich_report(seconds=900))) < 2_500_000
