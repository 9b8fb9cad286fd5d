"""Monthly reports."""

from __future__ import annotations

from control.convert.common import timestamp
from control.convert.names import print_name
from control.convert.tariffs import amount
from control.v1 import cost_reports_pb2
from csms.domain.cost_report import Report, Seller, Subscription, read_subject, totals_of

SELLER_FIELDS = {
    "display_name": "name",
    "address": "address",
    "email": "email",
    "vat_number": "vat_number",
    "registration": "registration",
    "footer": "footer",
    "number_prefix": "number_prefix",
}
"""Paths of an update mask → fields of a Seller."""


def report(found: Report) -> cost_reports_pb2.CostReport:
    """Without its lines: those are in its files."""
    draft = found.draft
    return cost_reports_pb2.CostReport(
        name=print_name("costReports", found.id),
        number=found.number,
        subject=draft.subject,
        subject_display_name=draft.recipient.name,
        month=f"{draft.month:%Y-%m}",
        session_count=len(draft.lines),
        energy_wh=float(draft.energy_wh),
        totals=[
            cost_reports_pb2.ReportTotal(
                currency=total.currency,
                total_excl=amount(total.net),
                vat=amount(total.vat),
                total_incl=amount(total.gross),
            )
            for total in totals_of(draft.lines)
        ],
        create_time=timestamp(found.created_at),
        replaced_by="" if found.replaced_by is None else print_name("costReports", found.replaced_by),
    )


def subscription(found: Subscription) -> cost_reports_pb2.ReportSubscription:
    """All of it."""
    return cost_reports_pb2.ReportSubscription(
        subject=str(found.subject),
        active=found.active,
        recipients=found.recipients,
        language=found.language,
        time_zone=found.time_zone,
    )


def read_subscription(message: cost_reports_pb2.ReportSubscription) -> Subscription:
    """What it says. Raises InvalidArgument."""
    return Subscription(
        read_subject(message.subject),
        message.active,
        tuple(dict.fromkeys(address.strip() for address in message.recipients)),
        message.language,
        message.time_zone,
    )


def seller(found: Seller) -> cost_reports_pb2.Seller:
    """All of it."""
    return cost_reports_pb2.Seller(
        **{path: getattr(found, field) for path, field in SELLER_FIELDS.items()},
        next_number=found.next_number,
        etag=str(found.version),
    )
