"""Where monthly reports, their subscriptions and the seller are kept. All methods raise Unavailable while the database
is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

import msgspec

from csms.domain.cost_report import Report, ReportDraft, ReportLine, Seller, Subject, Subscription


class ReportFilter(msgspec.Struct, frozen=True):
    """Which reports. `user_id`: only of this user (what EV users see)."""

    subject: Subject | None = None
    month: date | None = None
    replaced: bool = False
    user_id: int | None = None


class ChargedSessions(msgspec.Struct, frozen=True):
    """What was charged in a span. `pending`: so many sessions whose cost is not computed yet."""

    lines: tuple[ReportLine, ...]
    pending: int = 0


class ReportStore(Protocol):
    """Reports and what they are made of."""

    async def seller(self) -> Seller:
        """Who issues reports."""

    async def update_seller(self, seller: Seller, *, version: int | None) -> Seller:
        """All but the next number. Raises StaleVersion."""

    async def charged(self, subject: Subject, since: datetime, until: datetime) -> ChargedSessions:
        """Sessions of the subject that ended in the span, in the order of their ends."""

    async def create(self, draft: ReportDraft, at: datetime, *, replace: bool) -> Report:
        """With the next number. Raises AlreadyExists/REPORT_EXISTS unless the one that there is may be replaced."""

    async def get(self, report_id: int) -> Report | None:
        """One report."""

    async def find(self, subject: Subject, month: date) -> Report | None:
        """The one that counts."""

    async def page(self, wanted: ReportFilter, *, size: int, before: int | None) -> Sequence[Report]:
        """Newest first, after a place."""

    async def subscriptions(self, *, subject: Subject | None = None, active: bool = False) -> Sequence[Subscription]:
        """By subject. `active`: only those."""

    async def subscribe(self, subscription: Subscription) -> Subscription:
        """As it counts from now on; `since` of one that was active stays."""

    async def dispatched(self, subject: Subject, month: date) -> bool:
        """Was that month dealt with?"""

    async def dispatch(self, subject: Subject, month: date, report_id: int | None, recipients: Sequence[str]) -> bool:
        """Note that the month is dealt with, and put its mails in the queue, in one transaction. False: it was."""


class ReportPrinter(Protocol):
    """Makes files of reports."""

    async def pdf(self, report: Report) -> bytes:
        """To be read and printed."""

    async def xlsx(self, report: Report) -> bytes:
        """To be reckoned with."""
