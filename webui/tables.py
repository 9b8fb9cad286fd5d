"""Any list to CSV and XLSX: headings with how to fill them, rows page by page as they come from the control plane."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import anyio.from_thread
import anyio.to_thread
import rustpy_xlsxwriter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from webui.export import harmless
from webui.words import current

R = TypeVar("R")
Cell = str | int | float | bool | datetime | None
Column = tuple[str, Callable[[R], Cell]]
Pages = AsyncIterator[Sequence[R]]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def local(value: datetime | None) -> datetime | None:
    """A time as spreadsheets want it: in the reader's zone, to the second."""
    return value.astimezone(current.get().zone).replace(tzinfo=None, microsecond=0) if value else None


async def answer(name: str, ending: str, title: str, columns: Sequence[Column[R]], pages: Pages[R]) -> Response:
    """A download `name.csv` or `name.xlsx`. The first page is asked for before it begins: who may not, is told so."""
    first = await anext(pages, None)

    async def all_pages() -> AsyncIterator[Sequence[R]]:
        if first is not None:
            yield first
        async for page in pages:
            yield page

    headers = {"content-disposition": f'attachment; filename="{name}.{ending}"'}
    if ending == "csv":
        return StreamingResponse(csv_lines(columns, all_pages()), media_type="text/csv; charset=utf-8", headers=headers)
    path = await workbook(title, columns, all_pages())
    return FileResponse(path, media_type=XLSX, headers=headers, background=BackgroundTask(path.unlink, missing_ok=True))


async def csv_lines(columns: Sequence[Column[R]], pages: Pages[R]) -> AsyncIterator[bytes]:
    """CSV (RFC 4180, UTF-8 with byte order mark), a piece a page."""
    yield b"\xef\xbb\xbf" + _lines([[heading for heading, _fill in columns]])
    async for page in pages:
        yield _lines([[_text(fill(row)) for _heading, fill in columns] for row in page])


async def workbook(title: str, columns: Sequence[Column[R]], pages: Pages[R]) -> Path:
    """A workbook in a temporary file that the caller removes. Text is written as text, so nothing becomes a formula."""
    handle, name = tempfile.mkstemp(prefix="chargehouse-", suffix=".xlsx")
    os.close(handle)
    path, context = Path(name), copy_context()

    def rows() -> Iterator[dict[str, Cell]]:
        empty = True
        while (page := anyio.from_thread.run(_next, pages)) is not None:
            for row in page:
                empty = False
                yield {heading: fill(row) for heading, fill in columns}
        if empty:  # the headings are there all the same
            yield dict.fromkeys((heading for heading, _fill in columns), None)

    def write() -> None:
        rustpy_xlsxwriter.write_worksheets(
            [(title, rows())],
            name,
            bold_headers=True,
            freeze_panes={"general": {"row": 1, "col": 0}},
            datetime_format="yyyy-mm-dd hh:mm:ss",
            column_width={"general": 17.0},
        )

    try:
        await anyio.to_thread.run_sync(context.run, write)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


async def _next(pages: Pages[R]) -> Sequence[R] | None:
    return await anext(pages, None)


def _text(value: Cell) -> Cell:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return "" if value is None else harmless(value)


def _lines(lines: Sequence[Sequence[Cell]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()
