"""Files are made beside the loop."""

from __future__ import annotations

import pytest

from csms.outbox.report_files import ReportFiles
from tests.kit.cost_reports import a_report

pytestmark = pytest.mark.feature("F-SES-9")


async def test_files_are_made_in_threads() -> None:
    files = ReportFiles()
    report = a_report()
    assert (await files.pdf(report)).startswith(b"%PDF-")
    assert (await files.xlsx(report)).startswith(b"PK")
