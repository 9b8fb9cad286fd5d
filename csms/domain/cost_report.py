"""Monthly reports: what somebody charged in a month, with totals by currency and VAT rate.

A report is made once and never changes; it holds all that is printed, so the same report always prints the same.
A session belongs to the month in which it ended, by the clock of the report's time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.people import LANGUAGES, check_email
from csms.domain.tariff_book import Target, TargetKind, read_target

MAX_RECIPIENTS: Final = 10
MAX_TEXT: Final = 2_000
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9/_.-]{0,20}", re.ASCII)

Subject = Target
"""Of whom a report is: a user or a group of tags."""


class Seller(msgspec.Struct, frozen=True):
    """Who issues reports. `next_number` is that of the next one."""

    name: str = ""
    address: str = ""
    email: str = ""
    vat_number: str = ""
    registration: str = ""
    footer: str = ""
    number_prefix: str = ""
    next_number: int = 1
    version: int = 1


class Recipient(msgspec.Struct, frozen=True):
    """For whom a report is."""

    name: str
    email: str = ""
    customer_number: str = ""
    employee_number: str = ""


class ReportLine(msgspec.Struct, frozen=True):
    """A session. Energy in Wh. Without a tariff the currency is empty."""

    session_id: int
    began_at: datetime
    ended_at: datetime
    station: str
    site: str
    outlet: int
    tag: str
    energy_wh: Decimal
    currency: str
    vat_percent: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    place_id: int = 0


class VatShare(msgspec.Struct, frozen=True):
    """What comes under one VAT rate."""

    currency: str
    vat_percent: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal


class Total(msgspec.Struct, frozen=True):
    """What is to be paid in one currency."""

    currency: str
    net: Decimal
    vat: Decimal
    gross: Decimal


class ReportDraft(msgspec.Struct, frozen=True):
    """A report without a number. `month`: its first day."""

    subject: str
    month: date
    time_zone: str
    language: str
    seller: Seller
    recipient: Recipient
    lines: tuple[ReportLine, ...]

    @property
    def energy_wh(self) -> Decimal:
        """Of all sessions."""
        return sum((line.energy_wh for line in self.lines), Decimal(0))


class Report(msgspec.Struct, frozen=True):
    """A report. `replaced_by`: another one stands in its place."""

    id: int
    number: str
    draft: ReportDraft
    created_at: datetime
    replaced_by: int | None = None


class Subscription(msgspec.Struct, frozen=True):
    """Who gets reports by mail. Without recipients: the user. `since`: the first month that is reported."""

    subject: Subject
    active: bool
    recipients: tuple[str, ...] = ()
    language: str = ""
    time_zone: str = ""
    since: date | None = None


def read_subject(text: str) -> Subject:
    """From its name. Raises InvalidArgument/INVALID_SUBJECT."""
    try:
        found = read_target(text)
    except InvalidArgument:
        found = None
    if found is None or found.kind not in (TargetKind.USER, TargetKind.TAG_GROUP):
        raise InvalidArgument(
            f"{text[:100]!r} gets no reports. Name a user (users/3) or a group of tags (tagGroups/FLEET).",
            reason="INVALID_SUBJECT",
        )
    return found


def read_month(text: str) -> date:
    """From "2026-10". Raises InvalidArgument/INVALID_MONTH."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise InvalidArgument("Months look like 2026-10.", reason="INVALID_MONTH")
    return date(int(found[1]), int(found[2]), 1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_before(day: date) -> date:
    """The first day of the month before that of the day."""
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)


def span_of(month: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """When it begins and when it is over."""
    end = next_month(month)
    return (
        datetime(month.year, month.month, 1, tzinfo=zone),
        datetime(end.year, end.month, 1, tzinfo=zone),
    )


def shares_of(lines: Iterable[ReportLine]) -> tuple[VatShare, ...]:
    """By currency and VAT rate; they add up, since each session is rounded by itself."""
    found: dict[tuple[str, Decimal], VatShare] = {}
    for line in lines:
        if line.currency:
            key = (line.currency, line.vat_percent.normalize())
            old = found.get(key, VatShare(*key, Decimal(0), Decimal(0), Decimal(0)))
            found[key] = VatShare(*key, old.net + line.net, old.vat + line.vat, old.gross + line.gross)
    return tuple(found[key] for key in sorted(found))


def totals_of(lines: Iterable[ReportLine]) -> tuple[Total, ...]:
    """By currency."""
    found: dict[str, Total] = {}
    for share in shares_of(lines):
        old = found.get(share.currency, Total(share.currency, Decimal(0), Decimal(0), Decimal(0)))
        found[share.currency] = Total(share.currency, old.net + share.net, old.vat + share.vat, old.gross + share.gross)
    return tuple(found.values())


def check_seller(seller: Seller) -> None:
    """Raises InvalidArgument with a sentence."""
    texts = (seller.name, seller.address, seller.email, seller.vat_number, seller.registration, seller.footer)
    if any(len(text) > MAX_TEXT for text in texts):
        raise InvalidArgument(f"Texts on a report have at most {MAX_TEXT} characters.", reason="TEXT_TOO_LONG")
    if seller.email:
        check_email(seller.email)
    if not _PREFIX.fullmatch(seller.number_prefix):
        raise InvalidArgument(
            "Numbers begin with at most 20 letters, digits and / _ . -, for example INV-.", reason="INVALID_PREFIX"
        )


def check_subscription(subscription: Subscription) -> None:
    """Raises InvalidArgument with a sentence."""
    if len(subscription.recipients) > MAX_RECIPIENTS:
        raise InvalidArgument(f"At most {MAX_RECIPIENTS} people get a report.", reason="TOO_MANY_RECIPIENTS")
    for address in subscription.recipients:
        check_email(address)
    if subscription.language and subscription.language not in LANGUAGES:
        raise InvalidArgument(f"Languages are {', '.join(LANGUAGES)}.", reason="INVALID_LANGUAGE")
    if subscription.active and not subscription.recipients and subscription.subject.kind is not TargetKind.USER:
        raise InvalidArgument("Say who gets the reports of the group.", reason="RECIPIENTS_MISSING")
