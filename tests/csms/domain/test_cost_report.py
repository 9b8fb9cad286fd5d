"""Monthly reports: sums, months, and who may get one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from csms.domain.cost_report import (
    Seller,
    Subscription,
    check_seller,
    check_subscription,
    month_before,
    next_month,
    read_month,
    read_subject,
    shares_of,
    span_of,
    totals_of,
)
from csms.domain.errors import InvalidArgument
from tests.kit.cost_reports import a_line

pytestmark = pytest.mark.feature("F-SES-9")


def test_totals_add_up_by_rate() -> None:
    rates = [("21", "EUR"), ("21.0", "EUR"), ("6", "EUR"), ("25", "SEK"), ("0", "")]
    lines = [a_line(number, vat=vat, currency=currency) for number, (vat, currency) in enumerate(rates)]
    found = [(share.currency, str(share.vat_percent)) for share in shares_of(lines)]
    assert found == [("EUR", "6"), ("EUR", "21"), ("SEK", "25")]
    for total in totals_of(lines):
        of_it = [line for line in lines if line.currency == total.currency]
        assert (total.net, total.gross) == (sum(x.net for x in of_it), sum(x.gross for x in of_it))
        assert total.net + total.vat == total.gross


@pytest.mark.parametrize("text", ["2026-13", "26-10", "2026-1", "october", "2026-10-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_month(text)


@pytest.mark.parametrize("text", ["places/1", "users/0", "stations/3", "FLEET", ""])
def test_only_users_and_groups_get_reports(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_subject(text)


def test_months_follow_each_other() -> None:
    assert (next_month(date(2026, 12, 1)), next_month(date(2026, 1, 1))) == (date(2027, 1, 1), date(2026, 2, 1))
    assert (month_before(date(2027, 1, 31)), month_before(date(2026, 3, 1))) == (date(2026, 12, 1), date(2026, 2, 1))


def test_a_month_is_as_long_as_its_clock_says() -> None:
    since, until = span_of(date(2026, 10, 1), ZoneInfo("Europe/Stockholm"))
    assert until.astimezone(UTC) - since.astimezone(UTC) == timedelta(days=31, hours=1)
    assert until.astimezone(UTC) == datetime(2026, 10, 31, 23, 0, tzinfo=UTC)


def test_what_a_subscription_may_not_be() -> None:
    user, fleet = read_subject("users/3"), read_subject("tagGroups/FLEET")
    for wrong in (
        Subscription(fleet, True),
        Subscription(user, True, ("nobody",)),
        Subscription(user, True, tuple(f"a{number}@example.org" for number in range(11))),
        Subscription(user, True, language="xx"),
    ):
        with pytest.raises(InvalidArgument):
            check_subscription(wrong)
    check_subscription(Subscription(fleet, False))


def test_what_a_seller_may_not_be() -> None:
    for wrong in (Seller(email="nobody"), Seller(number_prefix="a b"), Seller(name="x" * 2_001)):
        with pytest.raises(InvalidArgument):
            check_seller(wrong)
