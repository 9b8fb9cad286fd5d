"""Limits of a month."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.limits import ChargeLimit, Used, checked_limit, month_begin, parse_target


def test_a_month_begins_at_midnight_of_its_zone_whatever_the_summer_did() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert month_begin(datetime(2026, 3, 31, 12, tzinfo=UTC), berlin) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert month_begin(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), berlin) == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert month_begin(datetime(2026, 10, 31, 23, 30, tzinfo=UTC), berlin) == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_a_limit_is_reached_by_energy_or_by_money() -> None:
    both = ChargeLimit("users/1", 1000.0, Decimal("5.50"), "EUR")
    assert not both.is_reached(Used(999.9, Decimal("5.49")))
    assert both.is_reached(Used(1000.0, Decimal(0)))
    assert both.is_reached(Used(0.0, Decimal("5.5")))
    assert ChargeLimit("users/1", 0.0).is_reached(Used())
    assert not ChargeLimit("users/1").is_reached(Used(1e9, Decimal(10**6)))


def test_whose_it_is() -> None:
    assert (ChargeLimit("users/7").user_id, ChargeLimit("users/7").group) == (7, "")
    assert (ChargeLimit("tagGroups/FLEET").user_id, ChargeLimit("tagGroups/FLEET").group) == (None, "FLEET")
    assert parse_target("tagGroups/ fleet") == "tagGroups/FLEET"
    for text in ("", "users/", "users/0", "users/07", "users/x", "users/" + "9" * 30, "tagGroups/", "FLEET"):
        with pytest.raises(InvalidArgument):
            parse_target(text)


def test_what_makes_no_sense_is_refused() -> None:
    assert checked_limit(ChargeLimit("users/1", None, Decimal(5), " eur ")).currency == "EUR"
    assert checked_limit(ChargeLimit("users/1", 5.0, None, "EUR")).currency == ""
    for limit in (
        ChargeLimit("users/1", -1.0),
        ChargeLimit("users/1", float("nan")),
        ChargeLimit("users/1", None, Decimal(-1), "EUR"),
        ChargeLimit("users/1", None, Decimal("NaN"), "EUR"),
        ChargeLimit("users/1", None, Decimal(5)),
    ):
        with pytest.raises(InvalidArgument):
            checked_limit(limit)
