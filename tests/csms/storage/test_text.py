"""Text on its way into a statement."""

from __future__ import annotations

import pytest

from csms.storage.text import clean, fits_bigint, pattern


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", ""), ("plain", "plain"), ("a\0b", "ab"), ("é\0", "é"), ("x\ud800y", "xy"), ("🔌", "🔌")],
)
def test_only_what_postgresql_cannot_keep_is_left_out(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize(("text", "like"), [("", ""), ("  ", ""), (" a ", "%a%"), ("50%_\\", "%50\\%\\_\\\\%")])
def test_a_search_finds_what_is_written(text: str, like: str) -> None:
    assert pattern(text) == like


def test_ids_that_fit() -> None:
    assert [fits_bigint(n) for n in (-1, 0, 1, 2**63 - 1, 2**63)] == [False, False, True, True, False]
