"""Reports as workbooks."""

from __future__ import annotations

import io
from decimal import Decimal

import openpyxl
import pytest

from csms.domain.cost_report import Seller
from csms.outbox.report_xlsx import report_xlsx
from tests.kit.cost_reports import a_line, a_report

pytestmark = pytest.mark.feature("F-SES-9")


def test_what_no_workbook_can_hold_is_left_out() -> None:
    nasty = "<b>&amp;</para> \0\x07 =1+1 \U0001f600 Łódź"
    report = a_report(
        a_line(station=nasty, site=nasty, tag="X" * 300), name=nasty, seller=Seller(nasty, f"{nasty}\n{nasty}")
    )
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
