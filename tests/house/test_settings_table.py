"""The table of settings in the documents is the one that the code would print."""

from __future__ import annotations

import dataclasses

import pytest

from csms.config import Settings
from scripts.settings_table import BEGIN, DOCUMENT, END, replaced, settings_table, within


def test_the_operating_manual_has_the_table_of_today() -> None:
    assert within(DOCUMENT.read_text("utf-8")) == settings_table(), "python -m scripts.settings_table --write"


def test_every_setting_has_a_row_and_no_row_is_broken() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(dataclasses.fields(Settings))
    assert [row for row in rows if row.count("|") != 5] == []


def test_a_table_of_yesterday_is_replaced_and_the_rest_stays() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(document) == f"before\n{BEGIN}\n{settings_table()}{END}\nafter\n"


@pytest.mark.parametrize("document", ["no marks", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}{BEGIN}\n{END}"])
def test_missing_or_doubled_marks_are_refused(document: str) -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        within(document)
