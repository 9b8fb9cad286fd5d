"""Lists as files."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import openpyxl

from webui import tables

COLUMNS: list[tables.Column[tuple[str, datetime | None]]] = [
    ("Name", lambda row: row[0]),
    ("When", lambda row: tables.local(row[1])),
]


async def pages(*given: Sequence[tuple[str, datetime | None]]) -> AsyncIterator[Sequence[tuple[str, datetime | None]]]:
    for page in given:
        yield page


def test_csv_has_every_page_and_no_formula():
    async def scene() -> bytes:
        when = datetime(2026, 11, 21, 9, 30, 15, 999, tzinfo=UTC)
        return b"".join([part async for part in tables.csv_lines(COLUMNS, pages([("=1+1", None)], [("B", when)]))])

    lines = list(csv.reader(io.StringIO(asyncio.run(scene()).decode("utf-8-sig"))))
    assert lines == [["Name", "When"], ["'=1+1", ""], ["B", "2026-11-21 09:30:15"]]


def test_a_workbook_of_nothing_still_has_its_headings():
    async def scene(*given: Sequence[tuple[str, datetime | None]]) -> list[list[object]]:
        path = await tables.workbook("Stations", COLUMNS, pages(*given))
        try:
            return [[cell.value for cell in row] for row in openpyxl.load_workbook(path).active.iter_rows()]
        finally:
            path.unlink()

    assert asyncio.run(scene())[0] == ["Name", "When"]
    assert [row[0] for row in asyncio.run(scene([("=A", None)], [("B", None)]))] == ["Name", "=A", "B"]
