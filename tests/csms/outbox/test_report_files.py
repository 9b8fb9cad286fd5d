"""Reports as files."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import openpyxl
import pytest

from csms.domain.cost_report import Seller
from csms.outbox.report_files import ReportFiles
from csms.outbox.report_pdf import report_pdf
from csms.outbox.report_xlsx import report_xlsx
from csms.services.report_texts import WORDS, energy_text, money_text, number_text, percent_text
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
    book = openpyxl.load_workbook(io.BytesIO(report_xlsx(report)))
    assert book.worksheets[1]["E2"].value == "<b>&amp;</para>  =1+1 \U0001f600 Łódź"


def test_a_text_never_becomes_a_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(report_xlsx(a_report(a_line(station='=HYPERLINK("http://x")')))))
    cell = book.worksheets[1]["E2"]
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x")')


def test_a_workbook_has_numbers_that_add_up() -> None:
    lines = [a_line(1), a_line(2, vat="6"), a_line(3, currency="", gross="0")]
    book = openpyxl.load_workbook(io.BytesIO(report_xlsx(a_report(*lines))))
    summary, sessions = book.worksheets
    assert [summary.title, sessions.title] == ["Total", "Session"]
    rows = list(sessions.iter_rows(min_row=2, values_only=True))
    assert len(rows) == 3
    assert sum(Decimal(str(row[11])) for row in rows if row[11]) == Decimal("21.08")
    totals = [row for row in summary.iter_rows(values_only=True) if row[0] == "Total"]
    assert [(row[3], row[4]) for row in totals] == [(21.08, "EUR")]
    assert rows[0][1].hour == 19, "17:00 in UTC is 19:00 in Stockholm"
    assert rows[2][12] == "no tariff"


def test_a_report_without_prices_prints() -> None:
    assert pages_of(report_pdf(a_report(a_line(currency="", gross="0"), seller=Seller()))) == 1


async def test_files_are_made_in_threads() -> None:
    files = ReportFiles()
    report = a_report()
    assert (await files.pdf(report)).startswith(b"%PDF-")
    assert (await files.xlsx(report)).startswith(b"PK")


def test_each_language_writes_numbers_its_own_way() -> None:
    number = Decimal("-1234567.895")
    assert [number_text(number, 2, language) for language in ("en", "sv", "de")] == [
        "-1,234,567.90",
        "-1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,90",
        "-1.234.567,90",
    ]
    assert money_text(Decimal(1000), "JPY", "en") == "1,000\N{NO-BREAK SPACE}JPY"
    assert energy_text(Decimal("35134"), "nl") == "35,134"
    assert [percent_text(Decimal(text), "sv") for text in ("21", "21.0", "5.5", "100")] == [
        f"{text}\N{NO-BREAK SPACE}%" for text in ("21", "21", "5,5", "100")
    ]
