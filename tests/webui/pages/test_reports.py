"""Monthly reports; the pages themselves are tested in tests/browser/chapters/test_reports.py."""

from __future__ import annotations

from datetime import UTC, datetime

from webui.pages.reports import last_month


def test_the_month_before_january_is_in_the_year_before():
    assert last_month(datetime(2026, 1, 31, tzinfo=UTC)) == "2025-12"
    assert last_month(datetime(2026, 11, 21, tzinfo=UTC)) == "2026-10"
