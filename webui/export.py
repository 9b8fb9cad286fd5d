"""Sessions to CSV and XLSX in flat memory: rows flow from the control plane's export stream straight into the file."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import rustpy_xlsxwriter

from webui import view
from webui.api import Client
from webui.values import ApiError, MeterValue, Session, SessionBatch, SessionQuery
from webui.words import _, current

ROWS_PER_SHEET = 1_048_575  # Excel's 1,048,576 less the header
RESUMES = 5
# Spreadsheets take a text that begins like this for a formula, and a tab or line end as the begin of one.
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | float | bool | datetime | None


class Batch(Protocol):
    """A part of any export."""

    @property
    def resume_cursor(self) -> str:
        """To go on after it."""


B = TypeVar("B", bound=Batch)


def resuming(client: Client, query: SessionQuery) -> AsyncIterator[SessionBatch]:
    """The export, going on after its cursor when the control plane goes away for a moment. Raises ApiError."""
    return going_on(partial(client.export_sessions, query))


async def going_on(batches_after: Callable[[str], AsyncIterator[B]]) -> AsyncIterator[B]:
    """The same for any export. Raises ApiError."""
    cursor = ""
    left = RESUMES
    while True:
        try:
            async for batch in batches_after(cursor):
                cursor = batch.resume_cursor
                left = RESUMES
                yield batch
        except ApiError as error:
            if not error.away or left == 0 or not cursor:
                raise
            left -= 1
            await anyio.sleep(0.5 * (RESUMES - left))
        else:
            return


def columns() -> list[tuple[str, Callable[[Session], Cell]]]:
    """Headings and how to fill them; the same for both formats. Times are in the reader's zone."""
    zone = current.get().zone

    def local(value: datetime | None) -> datetime | None:
        return value.astimezone(zone).replace(tzinfo=None, microsecond=0) if value else None

    def minutes(session: Session) -> float | None:
        lasted = view.duration(session)
        return round(lasted.total_seconds() / 60, 1) if lasted is not None else None

    return [
        (_("Session"), lambda s: s.key),
        (_("Station"), lambda s: s.station_display_name),
        (_("Station identity"), lambda s: s.station_identity),
        (_("EVSE"), lambda s: s.evse_id or None),
        (_("Connector"), lambda s: s.connector_id or None),
        (_("Transaction"), lambda s: s.transaction_id),
        (_("Start"), lambda s: local(s.start_time)),
        (_("End"), lambda s: local(s.stop_time)),
        (_("Duration (min)"), minutes),
        (_("Energy (kWh)"), lambda s: round(s.energy_wh / 1000, 3)),
        (_("Highest power (kW)"), lambda s: round(s.max_power_w / 1000, 2)),
        (_("Meter start (kWh)"), lambda s: None if s.meter_start_wh is None else round(s.meter_start_wh / 1000, 3)),
        (_("Meter stop (kWh)"), lambda s: None if s.meter_stop_wh is None else round(s.meter_stop_wh / 1000, 3)),
        (_("Tag"), lambda s: s.id_token),
        (_("Tag alias"), lambda s: s.id_token_alias),
        (_("Authentication"), lambda s: view.authentication(s.authentication)),
        (_("Authorisation"), lambda s: s.authorization_status),
        (_("State"), lambda s: view.session_state(s).label),
        (_("Stop reason"), lambda s: s.stop_reason),
        (_("Flags"), lambda s: ", ".join(s.flags)),
        (_("Needs a look"), lambda s: _("yes") if s.needs_reconciliation else ""),
        (_("Server log time"), lambda s: local(s.server_log_time)),
    ]


# ---- CSV


def harmless(value: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return "'" + value if isinstance(value, str) and value.startswith(RISKY) else value


async def csv_stream(batches: AsyncIterator[SessionBatch]) -> AsyncIterator[bytes]:
    """CSV (RFC 4180, UTF-8 with byte order mark so that spreadsheets read it right), a piece per batch.

    A stream that breaks for good breaks the download: a short file must not look like a whole one.
    """
    table = columns()
    yield b"\xef\xbb\xbf" + _csv_lines([[name for name, _fill in table]])
    async for batch in batches:
        yield _csv_lines([[_text(fill(session)) for _name, fill in table] for session in batch.sessions])


def _text(value: Cell) -> Cell:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return "" if value is None else harmless(value)


def _csv_lines(lines: Sequence[Sequence[Cell]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()


def meter_values_csv(values: Sequence[MeterValue]) -> bytes:
    """All numbers of a session, one a line, times in UTC."""
    lines: list[Sequence[Cell]] = [["time", "measurand", "phase", "value", "unit", "context", "location"]]
    for value in values:
        moment = value.sample_time.astimezone(UTC).isoformat() if value.sample_time else ""
        lines.extend(
            [moment, *(harmless(x) for x in (s.measurand, s.phase, s.value, s.unit, s.context, s.location))]
            for s in value.samples
        )
    return b"\xef\xbb\xbf" + _csv_lines(lines)


# ---- XLSX


async def xlsx_file(batches: AsyncIterator[SessionBatch], total: int, rows_per_sheet: int = ROWS_PER_SHEET) -> Path:
    """A workbook in a temporary file that the caller removes; as many sheets as ``total`` needs.

    Text is written as text, so nothing becomes a formula. The writer runs in a worker thread and pulls batch by batch.
    """
    handle, name = tempfile.mkstemp(prefix="chargehouse-", suffix=".xlsx")
    os.close(handle)
    path = Path(name)
    table = columns()
    context = copy_context()  # the worker speaks the reader's language too
    rows = _Rows(batches, table)
    with_spare = total + total // 200  # sessions that begin while a big export runs
    sheets = 1 + max(0, with_spare - 1) // rows_per_sheet
    try:
        await anyio.to_thread.run_sync(context.run, _write, rows, path, sheets, rows_per_sheet)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


class _Rows:
    """The rows, pulled from the event loop by the worker thread."""

    def __init__(
        self, batches: AsyncIterator[SessionBatch], table: Sequence[tuple[str, Callable[[Session], Cell]]]
    ) -> None:
        self._table = table
        self._rows = self._pull(batches)

    def _pull(self, batches: AsyncIterator[SessionBatch]) -> Iterator[dict[str, Cell]]:
        while True:
            batch = anyio.from_thread.run(_next, batches)
            if batch is None:
                return
            for session in batch.sessions:
                yield {name: fill(session) for name, fill in self._table}

    def sheet(self, at_most: int) -> Iterator[dict[str, Cell]]:
        """The next rows; a sheet without any session still has its headings."""
        taken = 0
        while taken < at_most:
            row = next(self._rows, None)
            if row is None:
                break
            taken += 1
            yield row
        if taken == 0:
            yield dict.fromkeys((name for name, _fill in self._table), None)

    def check_end(self) -> None:
        """A workbook that left rows out must not look whole."""
        if next(self._rows, None) is not None:
            raise ApiError("ABORTED", "", _("Too many sessions began while the file was written. Try again."))


async def _next(batches: AsyncIterator[SessionBatch]) -> SessionBatch | None:
    return await anext(batches, None)


def _write(rows: _Rows, path: Path, sheets: int, rows_per_sheet: int) -> None:
    title = _("Sessions")
    names = [title if number == 1 else f"{title} {number}" for number in range(1, sheets + 1)]
    rustpy_xlsxwriter.write_worksheets(
        [(name, rows.sheet(rows_per_sheet)) for name in names],
        str(path),
        bold_headers=True,
        freeze_panes={"general": {"row": 1, "col": 0}},
        datetime_format="yyyy-mm-dd hh:mm:ss",
        column_width={"general": 17.0},
    )
    rows.check_end()
