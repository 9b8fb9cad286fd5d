"""Identities and tags are checked once."""

from __future__ import annotations

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.ids import parse_id_token, parse_identity


@pytest.mark.parametrize("text", ["CP-1", "a", "x" * 255, "Köln:1", "CP 1", "A+B@c=d|e*f"])
def test_good_identities(text: str) -> None:
    assert parse_identity(text) == text


@pytest.mark.parametrize("text", ["", "x" * 256, "a/b", "a\\b", " a", "a ", "a\x00b", "a\nb", "a%b", 'a"b', "a<b"])
def test_bad_identities(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_identity(text)
    assert caught.value.reason == "INVALID_IDENTITY"


def test_tags_are_upper_case() -> None:
    assert parse_id_token(" 04a2b3 ") == "04A2B3"


@pytest.mark.parametrize("text", ["", "  ", "x" * 37, "a\x07"])
def test_bad_tags(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_id_token(text)
