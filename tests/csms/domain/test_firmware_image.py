"""Versions are compared as people do."""

from __future__ import annotations

import pytest

from csms.domain.firmware_image import version_key

pytestmark = pytest.mark.feature("F-OPS-2")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9", "1.10"),
        ("1.0-rc1", "1.0"),
        ("1.0-beta", "1.0-rc1"),
        ("v1.2", "1.3"),
        ("1.2", "1.2.1"),
        ("FW 4.1.7", "FW 4.2"),
        ("2025-12-31", "2026-01-01"),
        ("", "0.1"),
    ],
)
def test_the_newer_one_is_greater(older: str, newer: str) -> None:
    assert version_key(older) < version_key(newer)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("V2", "v2"), ("Release 3", "3")])
def test_these_are_the_same(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)
