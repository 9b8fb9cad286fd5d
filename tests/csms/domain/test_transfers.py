"""Names that are safe, limits that make sense."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.transfers import MAX_FILENAME, FileKind, FileLimits, check_limits, clean_filename


@pytest.mark.parametrize(
    ("told", "clean"),
    [
        ("diag.zip", "diag.zip"),
        ("../../etc/passwd", "passwd"),
        ("C:\\logs\\a b.log", "a b.log"),
        ("..", "otherwise"),
        ("", "otherwise"),
        ("a\0b\r\nc", "a_b_c"),
        ('x".html', "x_.html"),
        ("größe.txt", "größe.txt"),
        ("y" * 300 + ".tar", "y" * 116 + ".tar"),
    ],
)
def test_a_name_is_cleaned(told: str, clean: str) -> None:
    assert clean_filename(told, "otherwise") == clean


@given(st.text(max_size=400))
def test_whatever_is_told_the_name_is_safe(told: str) -> None:
    name = clean_filename(told, "log")
    assert 0 < len(name) <= MAX_FILENAME
    assert name not in (".", "..")
    assert not set(name) & set('/\\\0\n\r"<>|:*?')


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_max_bytes": 0},
        {"quota_bytes": -1},
        {"picture_max_bytes": 4_000_000},
        {"free_bytes": -1},
        {"log_days": -1},
        {"firmware_max_bytes": 2**63},
    ],
)
def test_limits_that_make_no_sense(wrong: dict[str, int]) -> None:
    check_limits(FileLimits())
    with pytest.raises(InvalidArgument):
        check_limits(msgspec.structs.replace(FileLimits(), **wrong))


def test_each_kind_has_its_limit() -> None:
    limits = FileLimits(log_max_bytes=1, firmware_max_bytes=2, picture_max_bytes=3)
    assert [limits.largest(kind) for kind in FileKind] == [1, 2, 3, 3]
