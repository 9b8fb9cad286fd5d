"""Reports for tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from csms.domain.cost_report import Recipient, Report, ReportDraft, ReportLine, Seller


def a_line(
    number: int = 1, *, gross: str = "10.54", vat: str = "21", currency: str = "EUR", **more: object
) -> ReportLine:
    """A session of an hour on the day of its number in October 2026."""
    began = datetime(2026, 10, 1 + number % 28, 17, 0, tzinfo=UTC)
    net = round(Decimal(gross) / (1 + Decimal(vat) / 100), 2)
    fields: dict[str, object] = {
        "session_id": number,
        "began_at": began,
        "ended_at": began + timedelta(hours=1),
        "station": f"Berth {number}",
        "site": "Harbour",
        "outlet": 1,
        "tag": "04A2B3C4D5E680",
        "energy_wh": Decimal(35_134),
        "currency": currency,
        "vat_percent": Decimal(vat) if currency else Decimal(0),
        "net": net,
        "vat": Decimal(gross) - net,
        "gross": Decimal(gross),
        "place_id": 1,
    }
    return ReportLine(**{**fields, **more})  # type: ignore[arg-type]


def a_report(*lines: ReportLine, language: str = "en", seller: Seller | None = None, name: str = "") -> Report:
    """Of October 2026."""
    if seller is None:
        seller = Seller(
            "Exempel Laddning AB",
            "Kajvägen 1\n111 22 Stockholm",
            "billing@example.org",
            "SE556677889901",
            "556677-8899",
            "To be paid within 30 days.\nBankgiro 123-4567",
        )
    draft = ReportDraft(
        "users/3",
        date(2026, 10, 1),
        "Europe/Stockholm",
        language,
        seller,
        Recipient(name or "Åsa Öberg <&>", "asa@example.org", "C-7", "E-12"),
        lines or (a_line(),),
    )
    return Report(5, "INV-000005", draft, datetime(2026, 11, 1, 6, 0, tzinfo=UTC))
