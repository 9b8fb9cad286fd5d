"""Monthly reports as workbooks. Plain functions: whoever calls them does so in a worker thread."""

from __future__ import annotations

import io
import zoneinfo
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from csms.domain.cost_report import Report, shares_of, totals_of
from csms.domain.tariff import minor_digits
from csms.services.report_texts import Words, month_text, words_of

Value = str | int | Decimal | datetime

_HEAD: Final = Font(bold=True)
_BAND: Final = PatternFill("solid", fgColor="F2F4F7")
_DATE: Final = "yyyy-mm-dd hh:mm"
_CONTROL: Final = dict.fromkeys(number for number in range(32) if number not in (9, 10, 13))


def report_xlsx(report: Report) -> bytes:
    """Two sheets: the sessions, and the totals with who and for whom."""
    draft = report.draft
    words = words_of(draft.language)
    book = Workbook()
    book.properties.title = f"{words.title} {report.number}"
    book.properties.creator = draft.seller.name.translate(_CONTROL)
    book.properties.created = book.properties.modified = report.created_at.replace(tzinfo=None)
    summary = book.active
    assert isinstance(summary, Worksheet)  # noqa: S101  a new workbook has one sheet
    summary.title = words.total[:31]
    _summary(summary, report, words)
    _sessions(book.create_sheet(words.session[:31]), report, words)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _summary(sheet: Worksheet, report: Report, words: Words) -> None:
    draft = report.draft
    facts = (
        (words.title, report.number),
        (words.month, month_text(draft.month, draft.language)),
        (words.made, report.created_at.astimezone(zoneinfo.ZoneInfo(draft.time_zone)).replace(tzinfo=None)),
        (words.seller, draft.seller.name),
        ("", draft.seller.address),
        ("", draft.seller.email),
        (words.vat_number, draft.seller.vat_number),
        (words.registration, draft.seller.registration),
        (words.recipient, draft.recipient.name),
        ("", draft.recipient.email),
        (words.customer_number, draft.recipient.customer_number),
        (words.employee_number, draft.recipient.employee_number),
        (words.energy, draft.energy_wh / 1000),
    )
    for name, value in facts:
        if value != "":
            _row(sheet, (name, value))
    _row(sheet, ())
    _row(sheet, (words.vat_rate, words.net, words.vat, words.gross, ""), bold=True)
    for share in shares_of(draft.lines):
        _money(sheet, f"{share.vat_percent:f} %", (share.net, share.vat, share.gross), share.currency)
    for total in totals_of(draft.lines):
        _money(sheet, words.total, (total.net, total.vat, total.gross), total.currency, bold=True)
    _row(sheet, ())
    _row(sheet, (words.time_zone.format(zone=draft.time_zone),))
    if draft.seller.footer:
        _row(sheet, (draft.seller.footer,))
    _widths(sheet, (30, 24, 16, 16, 8))


def _sessions(sheet: Worksheet, report: Report, words: Words) -> None:
    draft = report.draft
    zone = zoneinfo.ZoneInfo(draft.time_zone)
    titles = (
        words.session,
        words.began,
        words.ended,
        words.site,
        words.station,
        "EVSE",
        words.tag,
        words.energy,
        words.vat_rate,
        words.net,
        words.vat,
        words.gross,
        "",
    )
    _row(sheet, titles, bold=True)
    for line in draft.lines:
        amounts: tuple[Value, ...] = ("", "", "", "", words.no_tariff)
        if line.currency:
            amounts = (line.vat_percent, line.net, line.vat, line.gross, line.currency)
        cells = _row(
            sheet,
            (
                line.session_id,
                line.began_at.astimezone(zone).replace(tzinfo=None),
                line.ended_at.astimezone(zone).replace(tzinfo=None),
                line.site,
                line.station,
                line.outlet,
                line.tag,
                line.energy_wh / 1000,
                *amounts,
            ),
        )
        for cell in cells[9:12]:
            cell.number_format = _money_format(line.currency)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(titles) - 1)}{len(draft.lines) + 1}"
    _widths(sheet, (12, 17, 17, 24, 24, 7, 20, 14, 10, 12, 12, 12, 8))


def _money(sheet: Worksheet, name: str, amounts: Sequence[Decimal], currency: str, *, bold: bool = False) -> None:
    for cell in _row(sheet, (name, *amounts, currency), bold=bold)[1:4]:
        cell.number_format = _money_format(currency)


def _money_format(currency: str) -> str:
    digits = minor_digits(currency) if currency else 2
    return "#,##0" + ("." + "0" * digits if digits else "")


def _row(sheet: Worksheet, values: Sequence[Value], *, bold: bool = False) -> list[Cell]:
    """One more row. A text stays a text, whatever it begins with: names of people must not become formulas."""
    at = sheet.max_row + 1 if sheet.max_row > 1 or sheet.cell(1, 1).value is not None else 1
    if not values:
        sheet.cell(at, 1).value = " "
    cells = []
    for column, value in enumerate(values, start=1):
        cell = sheet.cell(at, column)
        assert isinstance(cell, Cell)  # noqa: S101  nothing is merged here
        cell.value = value.translate(_CONTROL) if isinstance(value, str) else value
        if isinstance(value, str):
            cell.data_type = "s"
        if isinstance(value, datetime):
            cell.number_format = _DATE
        if bold:
            cell.font, cell.fill = _HEAD, _BAND
        cells.append(cell)
    return cells


def _widths(sheet: Worksheet, widths: Sequence[int]) -> None:
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
