"""What a tag looks like."""

from __future__ import annotations

import pytest

from csms.domain.typed_token import TypedToken, typed


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("04A2B3C4", "ISO14443"),
        ("04a2b3c4d5e680", "ISO14443"),
        ("04A2B3C4D5E680112233", "ISO14443"),
        ("E0040150ABCDEF01", "ISO15693"),
        ("F0040150ABCDEF01", "Central"),
        ("04A2B3C", "Central"),
        ("NL-TNM-C00000001", "Central"),
        ("٠٤٠٤٠٤٠٤", "Central"),  # digits, but not ours
    ],
)
def test_a_cards_number_is_told_from_a_name(tag: str, kind: str) -> None:
    assert typed(tag) == TypedToken(tag, kind)


def test_who_knows_the_type_says_it() -> None:
    assert typed("04A2B3C4", "KeyCode").type == "KeyCode"
