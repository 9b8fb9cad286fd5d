"""Tags that are typed into the form of a new user."""

from __future__ import annotations

import pytest

from webui.pages.users_tags import MOST, lines
from webui.values import ApiError


def test_each_line_is_an_id_and_perhaps_a_name() -> None:
    tags = lines("04aa11  Pool car\r\n\r\n  0012345678\n")
    assert [(tag.id_token, tag.alias) for tag in tags] == [("04AA11", "Pool car"), ("0012345678", "")]
    assert lines("") == ()


def test_all_of_one_form_are_of_the_type_that_was_chosen_and_nonsense_is_none() -> None:
    assert [tag.type for tag in lines("04AA\n04BB", "BUSINESS")] == ["BUSINESS", "BUSINESS"]
    assert [tag.type for tag in lines("04AA", "LOOT")] == ["OTHER"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("04aa\n04AA Twice", "stands there twice"),
        ("0" * 37, "is no tag's id"),
        ("04\x07aa", "is no tag's id"),
        ("\n".join(str(number) for number in range(MOST + 1)), "At most 20 tags"),
    ],
)
def test_what_cannot_be_tags_is_a_sentence(typed: str, told: str) -> None:
    with pytest.raises(ApiError, match=told):
        lines(typed)
