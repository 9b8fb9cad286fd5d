"""Monthly reports as PDF. Plain functions: whoever calls them does so in a worker thread."""

from __future__ import annotations

import io
import os
import zoneinfo
from collections.abc import Sequence
from functools import cache
from typing import Final
from xml.sax.saxutils import escape

import font_roboto
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from csms.domain.cost_report import Report, ReportLine, shares_of, totals_of
from csms.services.report_texts import (
    Words,
    day_text,
    energy_text,
    money_text,
    month_text,
    percent_text,
    time_text,
    words_of,
)

FONT: Final = "ChargehouseSans"
BOLD: Final = "ChargehouseSans-Bold"
MARGIN: Final = 18 * mm
PADDING: Final = 6
"""Points that a page has inside of its margins."""
_INK, _FAINT, _LINE = colors.HexColor("#1c2430"), colors.HexColor("#5a6472"), colors.HexColor("#c8ced6")
_BAND: Final = colors.HexColor("#f2f4f7")
_WIDTHS: Final = tuple(width * mm for width in (26, 26, 41, 28, 17, 12, 24))


def report_pdf(report: Report) -> bytes:
    """The same bytes for the same report."""
    _fonts()
    draft = report.draft
    words = words_of(draft.language)
    target = io.BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=MARGIN - PADDING,
        rightMargin=MARGIN - PADDING,
        topMargin=MARGIN,
        bottomMargin=22 * mm,
        title=f"{words.title} {report.number}",
        author=draft.seller.name,
        lang=draft.language,
        invariant=1,
    )

    def frame(canvas: Canvas, page: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(FONT, 7.5)
        canvas.setFillColor(_FAINT)
        canvas.drawString(MARGIN, 12 * mm, f"{words.title} {report.number}")
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, words.page.format(page=page.page))
        canvas.restoreState()

    document.build(_story(report, words), onFirstPage=frame, onLaterPages=frame)
    return target.getvalue()


def _story(report: Report, words: Words) -> list[Flowable]:
    draft = report.draft
    story: list[Flowable] = [
        Paragraph(_text(words.title), _style(20, bold=True)),
        Spacer(1, 2 * mm),
        Paragraph(_text(month_text(draft.month, draft.language)), _style(12, faint=True)),
        Spacer(1, 8 * mm),
        _head(report, words),
        Spacer(1, 8 * mm),
        _sessions(draft.lines, words, draft.language, zoneinfo.ZoneInfo(draft.time_zone)),
        Spacer(1, 6 * mm),
        _totals(draft.lines, words, draft.language),
        Spacer(1, 6 * mm),
        Paragraph(_text(words.time_zone.format(zone=draft.time_zone)), _style(8, faint=True)),
    ]
    if draft.seller.footer:
        story += [Spacer(1, 4 * mm), Paragraph(_lines(draft.seller.footer), _style(8.5))]
    return story


def _head(report: Report, words: Words) -> Table:
    draft, seller, who = report.draft, report.draft.seller, report.draft.recipient
    made = report.created_at.astimezone(zoneinfo.ZoneInfo(draft.time_zone))
    left = [
        (words.seller, f"<b>{_text(seller.name)}</b><br/>{_lines(seller.address)}" if seller.name else ""),
        ("", _text(seller.email)),
        (words.vat_number, _text(seller.vat_number)),
        (words.registration, _text(seller.registration)),
    ]
    right = [
        (words.recipient, f"<b>{_text(who.name)}</b>" + (f"<br/>{_text(who.email)}" if who.email else "")),
        (words.customer_number, _text(who.customer_number)),
        (words.employee_number, _text(who.employee_number)),
        (words.number, _text(report.number)),
        (words.made, _text(day_text(made, draft.language))),
    ]
    table = Table([[_facts(left), _facts(right)]], colWidths=[87 * mm, 87 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _facts(facts: Sequence[tuple[str, str]]) -> list[Flowable]:
    """Each as its name and what it is; those that are not known are left out."""
    shown: list[Flowable] = []
    for name, markup in facts:
        if markup:
            head = f'<font color="#5a6472" size="7.5">{_text(name)}</font><br/>' if name else ""
            shown += [Paragraph(head + markup, _style(9)), Spacer(1, 1.5 * mm)]
    return shown


def _sessions(lines: Sequence[ReportLine], words: Words, language: str, zone: zoneinfo.ZoneInfo) -> Table:
    titles = (words.began, words.ended, words.station, words.tag, words.energy, words.vat, words.gross)
    rows: list[list[Flowable]] = [
        [Paragraph(_text(title), _style(7.5, bold=True, right=at > 3)) for at, title in enumerate(titles)]
    ]
    for line in lines:
        where = _text(line.station) + (f" / {line.outlet}" if line.outlet else "")
        if line.site:
            where = f'{_text(line.site)}<br/><font color="#5a6472">{where}</font>'
        cost = money_text(line.gross, line.currency, language) if line.currency else words.no_tariff
        rate = percent_text(line.vat_percent, language) if line.currency else ""
        rows.append(
            [
                Paragraph(_text(time_text(line.began_at, zone, language)), _style(7.5)),
                Paragraph(_text(time_text(line.ended_at, zone, language)), _style(7.5)),
                Paragraph(where, _style(7.5)),
                Paragraph(_text(line.tag), _style(7.5, anywhere=True)),
                Paragraph(_text(energy_text(line.energy_wh, language)), _style(7.5, right=True)),
                Paragraph(_text(rate), _style(7.5, right=True)),
                Paragraph(_text(cost), _style(7.5, right=True)),
            ]
        )
    table = Table(rows, colWidths=_WIDTHS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), _BAND),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def _totals(lines: Sequence[ReportLine], words: Words, language: str) -> Table:
    titles = ("", words.vat_rate, words.net, words.vat, words.gross)
    rows: list[list[Flowable]] = [[Paragraph(_text(t), _style(8, bold=True, right=True)) for t in titles]]
    for share in shares_of(lines):
        amounts = [money_text(each, share.currency, language) for each in (share.net, share.vat, share.gross)]
        texts = ["", percent_text(share.vat_percent, language), *amounts]
        rows.append([Paragraph(_text(text), _style(8, right=True)) for text in texts])
    energy = energy_text(sum((line.energy_wh for line in lines), start=lines[0].energy_wh * 0), language)
    counted = words.sessions.format(count=len(lines), energy=energy)
    bold = [f"{words.total}"]
    for index, total in enumerate(totals_of(lines)):
        amounts = [money_text(each, total.currency, language) for each in (total.net, total.vat, total.gross)]
        texts = [counted if index == 0 else "", *bold, *amounts]
        rows.append([Paragraph(_text(text), _style(8, bold=True, right=at > 0)) for at, text in enumerate(texts)])
    if len(rows) == 1:
        rows = [[Paragraph(_text(text), _style(8, bold=True)) for text in (counted, "", "", "", "")]]
    table = Table(rows, colWidths=[62 * mm, 22 * mm, 30 * mm, 30 * mm, 30 * mm])
    table.setStyle(
        TableStyle(
            [
                ("LINEABOVE", (0, 0), (-1, 0), 0.8, _INK),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def _style(
    size: float, *, bold: bool = False, right: bool = False, faint: bool = False, anywhere: bool = False
) -> ParagraphStyle:
    return ParagraphStyle(
        f"s{size}{bold}{right}{faint}{anywhere}",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.3,
        textColor=_FAINT if faint else _INK,
        alignment=TA_RIGHT if right else 0,
        splitLongWords=1,
        wordWrap="CJK" if anywhere else None,
    )


def _text(text: str) -> str:
    """What stands in a paragraph is markup. A letter that the font has not is a question mark, and no empty box."""
    known = _fonts().face.charToGlyph
    kept = (letter for letter in text if letter.isprintable() or letter == "\N{NO-BREAK SPACE}")
    return escape("".join(letter if ord(letter) in known else "?" for letter in kept))


def _lines(text: str) -> str:
    return "<br/>".join(_text(line) for line in text.splitlines())


@cache
def _fonts() -> TTFont:
    """Roboto (Apache 2.0), whatever the machine has: Latin letters of all languages, Greek and Cyrillic ones."""
    plain = TTFont(FONT, os.path.join(font_roboto.font_directory, "Roboto-Regular.ttf"))
    pdfmetrics.registerFont(plain)
    pdfmetrics.registerFont(TTFont(BOLD, os.path.join(font_roboto.font_directory, "Roboto-Bold.ttf")))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)
    return plain
