"""Files of monthly reports, made in worker threads: printing a thousand sessions takes a second of CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio
from reportlab.platypus.doctemplate import LayoutError

from csms.domain.cost_report import Report
from csms.outbox.report_pdf import report_pdf
from csms.outbox.report_xlsx import report_xlsx
from csms.ports.outbox import MailRefused

AT_ONCE: Final = 2


class ReportFiles:
    """csms.ports.cost_reports.ReportPrinter."""

    def __init__(self) -> None:
        self._room = trio.CapacityLimiter(AT_ONCE)

    async def pdf(self, report: Report) -> bytes:
        """See `ReportPrinter.pdf`."""
        return await self._print(report_pdf, report)

    async def xlsx(self, report: Report) -> bytes:
        """See `ReportPrinter.xlsx`."""
        return await self._print(report_xlsx, report)

    async def _print(self, make: Callable[[Report], bytes], report: Report) -> bytes:
        try:
            return await trio.to_thread.run_sync(make, report, limiter=self._room)
        except (LayoutError, ValueError) as error:
            raise MailRefused(f"Report {report.number} cannot be printed: {error}", reason="NOT_PRINTABLE") from error
