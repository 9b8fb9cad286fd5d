"""Page sizes, tokens, masks, etags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.paging import (
    MAX_PAGE_BYTES,
    fitting,
    make_token,
    masked_fields,
    moment_value,
    page_size,
    read_etag,
    read_moment,
    read_token,
)
from control.v1 import messages_pb2
from csms.domain.errors import InvalidArgument, StaleVersion


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_page_sizes_are_defaulted_and_clamped(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


def test_a_negative_page_size_is_a_mistake() -> None:
    with pytest.raises(InvalidArgument):
        page_size(-1)


@given(st.text(st.characters(codec="utf-8"), max_size=255), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=50))
def test_a_token_tells_its_place_again(text: str, number: int, query: bytes) -> None:
    token = make_token([text, number], query)
    assert read_token(token, query, (str, int)) == (text, number)
    assert "=" not in token


@given(st.text(max_size=100))
def test_rubbish_is_refused_and_never_a_crash(rubbish: str) -> None:
    if rubbish:
        with pytest.raises(InvalidArgument) as raised:
            read_token(rubbish, b"q", (str,))
        assert raised.value.reason == "INVALID_PAGE_TOKEN"


def test_a_token_is_for_its_query_and_its_kind_of_place() -> None:
    token = make_token(["a", 1], b"q")
    for query, kinds in ((b"r", (str, int)), (b"q", (str,)), (b"q", (int, str))):
        with pytest.raises(InvalidArgument):
            read_token(token, query, kinds)
    assert read_token("", b"q", (str,)) is None
    with pytest.raises(InvalidArgument):
        read_token("A" * 3000, b"q", (str,))


def test_times_in_tokens_keep_their_microseconds() -> None:
    moment = datetime(2026, 5, 4, 12, 0, 0, 1, tzinfo=UTC)
    assert read_moment(moment_value(moment)) == moment
    for wrong in ("yesterday", "2026-05-04T12:00:00"):
        with pytest.raises(InvalidArgument):
            read_moment(wrong)


def test_a_mask_names_what_can_be_changed() -> None:
    allowed = {"note": "note", "expire_time": "expires_at"}
    assert masked_fields(["expire_time", "expire_time"], allowed) == ("expires_at",)
    assert masked_fields(["*"], allowed) == ("note", "expires_at")
    for paths in ([], ["id"], ["note", "id"]):
        with pytest.raises(InvalidArgument):
            masked_fields(paths, allowed)


def test_an_etag_that_we_never_gave_is_stale() -> None:
    assert (read_etag(""), read_etag("12")) == (None, 12)
    for etag in ("x", "-1", "1.0", "9" * 40, "²"):
        with pytest.raises(StaleVersion):
            read_etag(etag)


def test_a_page_ends_before_it_is_too_big_but_is_never_empty() -> None:
    big = messages_pb2.MessageLogEntry(content="x" * (MAX_PAGE_BYTES // 2))
    assert len(fitting([big, big, big])) == 1
    small = messages_pb2.MessageLogEntry(content="x")
    assert len(fitting([small] * 100)) == 100
    assert fitting([]) == []
