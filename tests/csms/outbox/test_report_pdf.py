"""Reports as PDF."""

from __future__ import annotations

import re

import pytest

from csms.domain.cost_report import Seller
from csms.outbox.report_pdf import _text, report_pdf
from csms.services.report_texts import WORDS
from tests.kit.cost_reports import a_line, a_report

pytestmark = pytest.mark.feature("F-SES-9")


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


@pytest.mark.parametrize("language", [*WORDS, "xx"])
def test_the_same_report_prints_the_same_in_every_language(language: str) -> None:
    report = a_report(*(a_line(number) for number in range(1, 29)), language=language)
    pdf = report_pdf(report)
    assert pdf.startswith(b"%PDF-")
    assert pages_of(pdf) == 2
    assert report_pdf(report) == pdf


def test_nothing_in_a_name_is_markup() -> None:
    nasty = "<b>&amp;</para> \0\x07 =1+1 \U0001f600 Łódź"
    report = a_report(
        a_line(station=nasty, site=nasty, tag="X" * 300), name=nasty, seller=Seller(nasty, f"{nasty}\n{nasty}")
    )
    assert pages_of(report_pdf(report)) == 1


def test_a_report_without_prices_prints() -> None:
    assert pages_of(report_pdf(a_report(a_line(currency="", gross="0"), seller=Seller()))) == 1


def test_names_of_many_languages_are_printed_and_what_the_font_lacks_is_told() -> None:
    for name in (
        "Łódź żółć",
        "Příliš žluťoučký",
        "Ștefan Țiriac",
        "Őrült",
        "Ağaç İşık",
        "Ωμέγα Άλφα",
        "Щука їжак Ђорђе",
        "€ „–“ ×",
    ):
        assert _text(name) == name
    assert _text("東京 \U0001f600 & co") == "?? ? &amp; co"
    assert pages_of(report_pdf(a_report(a_line(site="Щука", station="Łódź"), name="Ωμέγα"))) == 1
