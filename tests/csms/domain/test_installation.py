"""A station as a piece of equipment."""

from __future__ import annotations

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.installation import EDITABLE, Installation, check_installation, check_secret


def test_texts_are_trimmed_and_a_note_may_have_lines() -> None:
    assert check_installation(Installation(1, installer=" A ", note="a\nb ")) == Installation(
        1, installer="A", note="a\nb"
    )
    with pytest.raises(InvalidArgument):
        check_installation(Installation(1, installer="a\nb"))


def test_what_people_edit_is_everything_but_the_bookkeeping() -> None:
    rest = {"station_id", "has_master_password", "has_access_code", "version", "updated_at"}
    assert set(Installation.__struct_fields__) - set(EDITABLE) == rest


def test_a_secret_is_kept_to_the_letter() -> None:
    assert check_secret(" 12 ") == " 12 "
    with pytest.raises(InvalidArgument):
        check_secret("x" * 201)
