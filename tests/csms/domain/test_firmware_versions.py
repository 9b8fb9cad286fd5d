"""Which version is the newer one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.firmware_versions import Comparison, compare

SAME, NEWER, OLDER, DIFFERENT = Comparison


@pytest.mark.feature("F-OPS-2")
@pytest.mark.parametrize(
    ("offered", "present", "standing"),
    [
        ("1.2.10", "1.2.9", NEWER),
        ("1.2.9", "1.2.10", OLDER),
        ("1.2", "1.2.0", SAME),
        ("V1.3", "v1.2.7", NEWER),
        ("1.3", "v1.3", SAME),
        ("R2.0.1", "2.0.0", NEWER),
        ("Version 2.1", "2.0", NEWER),
        ("1.2.0", "1.2.0-rc1", NEWER),
        ("1.2.0-rc1", "1.2.0", OLDER),
        ("1.2.0-rc2", "1.2.0-rc10", OLDER),
        ("1.2.0-beta2", "1.2.0-rc1", OLDER),
        ("1.2.0b2", "1.2.0b1", NEWER),
        ("1.2.1-rc1", "1.2.0", NEWER),
        ("2026.05.04", "2025.12.31", NEWER),
        ("20260504", "20251231", NEWER),
        ("1.2.0 (abc)", "1.2.0 (def)", DIFFERENT),
        ("1.2.0-hotfix", "1.2.0", DIFFERENT),
        ("ACME-2.0", "OTHER-1.0", DIFFERENT),
        ("ACME-2.0", "ACME-1.9", NEWER),
        ("ACME v2.0", "acme V1.9", NEWER),
        ("", "1.0", DIFFERENT),
        ("stable", "1.0", DIFFERENT),
        ("stable", "Stable ", SAME),
        ("1_10", "1_9", NEWER),
    ],
)
def test_versions_are_compared_as_people_do(offered: str, present: str, standing: Comparison) -> None:
    assert compare(offered, present) is standing


@given(st.text(max_size=20), st.text(max_size=20))
def test_one_is_newer_or_the_other(one: str, other: str) -> None:
    turned = {NEWER: OLDER, OLDER: NEWER}
    there = compare(one, other)
    assert compare(other, one) is turned.get(there, there)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=4), st.lists(st.integers(0, 999), min_size=1, max_size=4))
def test_numbers_count_as_numbers(one: list[int], other: list[int]) -> None:
    while one and not one[-1]:
        one.pop()
    while other and not other[-1]:
        other.pop()
    wanted = SAME if one == other else NEWER if one > other else OLDER
    text = [".".join(map(str, numbers or [0])) for numbers in (one, other)]
    assert compare(*text) is wanted
