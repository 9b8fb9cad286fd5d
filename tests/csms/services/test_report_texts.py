"""Numbers and days in each language."""

from __future__ import annotations

from decimal import Decimal

import pytest

from csms.services.report_texts import energy_text, money_text, number_text, percent_text

pytestmark = pytest.mark.feature("F-SES-9")


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
