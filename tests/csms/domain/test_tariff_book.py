"""Tariffs in the book: what they are assigned to, and which version counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.tariff import Element, PriceKind, Tariff
from csms.domain.tariff_book import (
    InForce,
    NamedTariff,
    TariffVersion,
    check_named,
    nearest,
    read_target,
    targets_of,
    version_at,
)

pytestmark = pytest.mark.feature("F-SES-6")
NOW = datetime(2026, 10, 25, tzinfo=UTC)
TERMS = Tariff("EUR", (Element(PriceKind.ENERGY, Decimal(1)),))


@pytest.mark.parametrize(
    "text", ["places/1", "stations/17", "stations/17/evses/2", "tagGroups/FLEET 1/2", "users/3", f"users/{2**63 - 1}"]
)
def test_what_a_tariff_may_be_assigned_to(text: str) -> None:
    assert str(read_target(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "places/0", "places/01", "sites/1", "stations/1/evses/0", "tagGroups/", "tagGroups/a\nb", f"users/{2**63}"],
)
def test_what_it_may_not(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_target(text)


def test_the_person_comes_before_the_place_and_the_near_before_the_far() -> None:
    found = [str(each) for each in targets_of([5, 2, 1], 17, 2, 3, "FLEET")]
    assert found == [
        "users/3",
        "tagGroups/FLEET",
        "stations/17/evses/2",
        "stations/17",
        "places/5",
        "places/2",
        "places/1",
    ]
    assert [str(each) for each in targets_of([1], None, 0, None, "")] == ["places/1"]


def a_version(number: int, days: int) -> TariffVersion:
    return TariffVersion(number, 1, number, NOW + timedelta(days=days), TERMS)


@given(st.lists(st.integers(-5, 5), max_size=6))
def test_the_version_in_force_is_the_last_that_began(days: list[int]) -> None:
    versions = [a_version(number, day) for number, day in enumerate(days, start=1)]
    found = version_at(versions, NOW)
    begun = [version for version in versions if version.valid_from <= NOW]
    assert (found is None) == (not begun)
    if found is not None:
        assert all((each.valid_from, each.number) <= (found.valid_from, found.number) for each in begun)


def test_the_nearest_counts_whatever_the_order() -> None:
    targets = targets_of([2, 1], 17, 2, None, "")
    held = [InForce(read_target(name), name, a_version(1, 0)) for name in ("places/1", "stations/17", "users/9")]
    found = nearest(targets, held)
    assert found is not None
    assert found.name == "stations/17"
    assert nearest(targets, []) is None


def test_a_name_is_short_and_printable() -> None:
    for name in ("", " ", "x" * 201, "a\nb"):
        with pytest.raises(InvalidArgument):
            check_named(NamedTariff(1, name))
