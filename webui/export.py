"""Sessions to CSV, XLSX and PDF in flat memory: rows flow from the control plane's export stream into the file."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import rustpy_xlsxwriter

from webui import view
from webui.api import Client
from webui.pdf import TablePdf
from webui.session_columns import Cell as Cell
from webui.session_columns import Column, mask
from webui.session_list import SessionList
from webui.values import ApiError, MeterValue, Session, SessionBatch
from webui.words import _, ngettext

ROWS_PER_SHEET = 1_048_575  # Excel's 1,048,576 less the header
RESUMES = 5
# Spreadsheets take a text that begins like this for a formula, and a tab or line end as the begin of one.
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")

Batches = AsyncIterator[SessionBatch]
Pieces = AsyncIterator[bytes]
Count = Callable[[int], None]
"""Is told how many rows there are so far."""


class Batch(Protocol):
    """A part of any export."""

    @property
    def resume_cursor(self) -> str:
        """To go on after it."""


B = TypeVar("B", bound=Batch)


def resuming(client: Client, wanted: SessionList) -> AsyncIterator[SessionBatch]:
    """The export, going on after its cursor when the control plane goes away for a moment. Raises ApiError."""
    fields, read_mask = wanted.fields, mask(wanted.columns)

    def after(cursor: str) -> AsyncIterator[SessionBatch]:
        return client.desk.stream(
            "SessionService/ExportSessions",
            SessionBatch,
            resume_cursor=cursor,
            filter=fields,
            order=wanted.order,
            ascending=wanted.ascending,
            read_mask=read_mask,
        )

    return going_on(after)


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


# ---- CSV


def harmless(value: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return "'" + value if isinstance(value, str) and value.startswith(RISKY) else value


async def csv_stream(
    batches: AsyncIterator[SessionBatch], table: Sequence[Column], count: Count = lambda _rows: None
) -> AsyncIterator[bytes]:
    """CSV (RFC 4180, UTF-8 with byte order mark so that spreadsheets read it right), a piece per batch.

    A stream that breaks for good breaks the download: a short file must not look like a whole one.
    """
    rows = 0
    yield b"\xef\xbb\xbf" + _csv_lines([[column.file_label for column in table]])
    async for batch in batches:
        yield _csv_lines([[_text(column.cell(session)) for column in table] for session in batch.sessions])
        rows += len(batch.sessions)
        count(rows)


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


# ---- PDF


async def pdf_stream(
    batches: AsyncIterator[SessionBatch], table: Sequence[Column], title: str, count: Count = lambda _rows: None
) -> AsyncIterator[bytes]:
    """A printed table, as the screen shows it, a piece per batch."""
    labels = [column.label for column in table]
    widths = [max(column.width, len(label) + 1) for column, label in zip(table, labels, strict=True)]
    made = TablePdf(title, labels, widths, [column.kind == "number" for column in table])
    rows, energy_wh = 0, 0.0
    yield made.begin()
    async for batch in batches:
        pieces = [made.row([_printed(column, session) for column in table]) for session in batch.sessions]
        rows += len(batch.sessions)
        energy_wh += sum(session.energy_wh for session in batch.sessions)
        count(rows)
        yield b"".join(pieces)
    remark = ngettext("%(n)s session", "%(n)s sessions", rows) % {"n": view.number(rows)}
    if any("energy_wh" in column.fields for column in table):
        remark += f" · {view.kwh(energy_wh, 1)}"
    yield made.end(remark)


def _printed(column: Column, session: Session) -> str:
    text = column.text(session)
    return "" if text == view.DASH else text


# ---- XLSX


async def xlsx_file(
    batches: AsyncIterator[SessionBatch],
    total: int,
    table: Sequence[Column],
    rows_per_sheet: int = ROWS_PER_SHEET,
    count: Count = lambda _rows: None,
) -> Path:
    """A workbook in a temporary file that the caller removes; as many sheets as ``total`` needs.

    Text is written as text, so nothing becomes a formula. The writer runs in a worker thread and pulls batch by batch.
    """
    path = empty_file("xlsx")
    context = copy_context()  # the worker speaks the reader's language too
    rows = _Rows(batches, table, count)
    with_spare = total + total // 200  # sessions that begin while a big export runs
    sheets = 1 + max(0, with_spare - 1) // rows_per_sheet
    try:
        await anyio.to_thread.run_sync(context.run, _write, rows, path, sheets, rows_per_sheet)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def empty_file(ending: str) -> Path:
    """A temporary file that the caller removes."""
    handle, name = tempfile.mkstemp(prefix="chargehouse-", suffix=f".{ending}")
    os.close(handle)
    return Path(name)


class _Rows:
    """The rows, pulled from the event loop by the worker thread."""

    def __init__(self, batches: AsyncIterator[SessionBatch], table: Sequence[Column], count: Count) -> None:
        labels = [column.file_label for column in table]
        self._table = list(zip(labels, (column.cell for column in table), strict=True))
        self._count = count
        self._rows = self._pull(batches)

    def _pull(self, batches: AsyncIterator[SessionBatch]) -> Iterator[dict[str, Cell]]:
        done = 0
        while True:
            batch = anyio.from_thread.run(_next, batches)
            if batch is None:
                return
            for session in batch.sessions:
                yield {name: fill(session) for name, fill in self._table}
            done += len(batch.sessions)
            self._count(done)

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
