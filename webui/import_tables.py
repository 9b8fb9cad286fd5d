"""Files that people upload, as tables of texts: CSV whatever its delimiter and encoding, and XLSX.

Nothing is evaluated: a formula is the text that it is written in. What is too large is refused before it is unpacked.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

MAX_BYTES: Final = 5_000_000
MAX_UNPACKED: Final = 60_000_000
MAX_ROWS: Final = 5_000
MAX_LINES: Final = 20_000  # empty ones, too
MAX_COLUMNS: Final = 100
MAX_CELL: Final = 10_000
DELIMITERS: Final = (";", ",", "\t", "|")
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_RISKY: Final = ("=", "+", "-", "@")  # our own exports write an apostrophe before these (webui.export)


class UnreadableFile(Exception):
    """Nothing can be made of a file. `reason` is a stable word, the text a sentence that says what to do."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Table:
    """A header, and under it rows of texts without blanks at their ends. `lines` are the numbers of the rows in the
    file, as a spreadsheet counts them; rows without any text are left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


def read_table(content: bytes) -> Table:
    """What kind of file it is shows in its content, whatever it is called. Raises UnreadableFile."""
    if len(content) > MAX_BYTES:
        raise UnreadableFile("FILE_TOO_LARGE", f"A file may have at most {MAX_BYTES // 1_000_000} MB. Split it.")
    if content.startswith(_OLD_EXCEL):
        raise UnreadableFile("OLD_EXCEL", "This is a workbook of an old kind. Save it as XLSX or CSV.")
    rows = _xlsx(content) if content.startswith(_ZIP) else _csv(_decoded(content))
    return _table(rows)


def _table(rows: Iterable[tuple[int, list[str]]]) -> Table:
    header: tuple[str, ...] | None = None
    found: list[tuple[str, ...]] = []
    lines: list[int] = []
    for line, cells in rows:
        if not any(cells):
            continue
        if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
            raise UnreadableFile("TOO_MANY_COLUMNS", f"Line {line} has more than {MAX_COLUMNS} columns.")
        if header is None:
            header = tuple(cells[: max(place for place, cell in enumerate(cells, 1) if cell)])
            continue
        if len(found) == MAX_ROWS:
            raise UnreadableFile("TOO_MANY_ROWS", f"A file may have at most {MAX_ROWS} rows. Split it.")
        found.append(tuple(cells[: len(header)]) + ("",) * (len(header) - len(cells)))
        lines.append(line)
    if header is None or not found:
        raise UnreadableFile("NO_ROWS", "There are no rows in this file: the first line has the names of the columns.")
    return Table(header, tuple(found), tuple(lines))


# -- CSV -----------------------------------------------------------------------------------------------------------


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(content, "utf-16")
    if b"\0" in content:
        raise UnreadableFile("NOT_A_TABLE", "This is neither CSV nor XLSX.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # what Excel on Windows writes as "CSV"


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile("NOT_A_TABLE", "This file is broken: its text cannot be read.") from error


def _csv(text: str) -> Iterator[tuple[int, list[str]]]:
    lines = text.splitlines(keepends=True)
    named = lines[0].strip().lower() if lines else ""
    delimiter = _delimiter(text)
    if named.startswith("sep=") and len(named) == 5:  # Excel's own way to tell it
        delimiter = lines[0].strip()[4]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if reader.line_num == 1 and named.startswith("sep="):
                continue
            yield reader.line_num, [_cell(cell) for cell in cells]
    except csv.Error as error:
        raise UnreadableFile("BROKEN_CSV", f"Line {reader.line_num} cannot be read: {error}.") from error


def _delimiter(text: str) -> str:
    """The one that splits the first line into most parts; quoted ones do not count."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    parts = {each: len(next(csv.reader([first], delimiter=each), [])) for each in DELIMITERS}
    return max(DELIMITERS, key=lambda each: parts[each])


# -- XLSX ----------------------------------------------------------------------------------------------------------


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > MAX_UNPACKED:
            raise UnreadableFile("FILE_TOO_LARGE", "Unpacked, this workbook is too large. Keep the list alone.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, OSError) as error:
        raise UnreadableFile("BROKEN_WORKBOOK", "This workbook cannot be read. Save it again as XLSX.") from error
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            return
        sheet.reset_dimensions()  # some programs write wrong ones
        rows = sheet.iter_rows(max_row=MAX_LINES, max_col=MAX_COLUMNS + 1, values_only=True)
        for line, values in enumerate(rows, start=1):
            yield line, [_value(value) for value in values]
    except (ValueError, SyntaxError, KeyError, zipfile.BadZipFile) as error:
        raise UnreadableFile("BROKEN_WORKBOOK", "This workbook cannot be read. Save it again as XLSX.") from error
    finally:
        book.close()


def _value(value: object) -> str:
    """As a person would type it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
        case date():
            return value.isoformat()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return _cell(str(value))


def _cell(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == "'" and text[1] in _RISKY:
        text = text[1:]
    return text[:MAX_CELL]
