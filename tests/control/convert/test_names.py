"""Resource names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.convert.names import MAX_ID, print_name, read_name
from csms.domain.errors import InvalidArgument


@given(st.integers(1, MAX_ID))
def test_a_name_comes_back(number: int) -> None:
    assert read_name(print_name("stations", number), "stations") == number


@pytest.mark.parametrize(
    "name",
    [
        "",
        "17",
        "stations/",
        "stations/0",
        "stations/-1",
        "stations/017",
        "stations/1/x",
        "sessions/1",
        "stations/²",
        "stations/9223372036854775808",
        "stations/" + "9" * 5000,
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        read_name(name, "stations")
    assert raised.value.reason == "INVALID_NAME"
    assert len(raised.value.message) < 250
