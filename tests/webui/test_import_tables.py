"""Files of all kinds become the same table, or are refused with a reason."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from webui.import_tables import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, UnreadableFile, read_table

pytestmark = pytest.mark.feature("F-STA-13")


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def reason_of(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read_table(content)
    assert str(refused.value).endswith(".")
    return refused.value.reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_in_whatever_form_is_the_same_table(delimiter: str, encoding: str) -> None:
    text = f'Identität{delimiter}name\r\n\r\nCP-1{delimiter}"a {delimiter} b"\r\nCP-2{delimiter} \r\n'
    table = read_table(text.encode(encoding))
    assert table.header == ("Identität", "name")
    assert table.rows == (("CP-1", f"a {delimiter} b"), ("CP-2", ""))
    assert table.lines == (3, 4)


def test_excels_own_word_for_the_delimiter_is_believed() -> None:
    assert read_table(b"sep=|\r\na,b|c\r\n1|2\r\n").rows == (("1", "2"),)


def test_cells_of_a_workbook_are_as_people_would_type_them() -> None:
    midnight, morning = datetime.fromisoformat("2026-03-31"), datetime.fromisoformat("2026-03-31 08:30")
    row = (7.0, 0.5, True, midnight, morning, date(2026, 4, 1), None, " x ", "'=1")
    table = read_table(workbook(tuple("abcdefghi"), (), row))
    wanted = ("7", "0.5", "yes", "2026-03-31", "2026-03-31 08:30:00", "2026-04-01", "", "x", "=1")
    assert (table.rows, table.lines) == ((wanted,), (3,))


def test_a_formula_is_only_a_text() -> None:
    assert read_table(workbook(("a",), ('=HYPERLINK("http://x")',))).rows == (('=HYPERLINK("http://x")',),)
    assert read_table(b"a;b\n=1+1;'=2\n").rows == (("=1+1", "=2"),)


def test_short_rows_are_filled_and_long_ones_cut() -> None:
    assert read_table(b"a;b\n1\n1;2;3\n").rows == (("1", ""), ("1", "2"))


def test_what_is_no_table_is_told() -> None:
    assert reason_of(b"") == "NO_ROWS"
    assert reason_of(b"only;a;header\n") == "NO_ROWS"
    assert reason_of(b"\x7fELF\0\0\0") == "NOT_A_TABLE"
    assert reason_of(b"\xd0\xcf\x11\xe0rest") == "OLD_EXCEL"
    assert reason_of(b"PK\x03\x04rest") == "BROKEN_WORKBOOK"
    assert reason_of(b'a;b\n"never closed') == "BROKEN_CSV"
    assert reason_of(b"\xff\xfea") == "NOT_A_TABLE"


def test_what_is_too_large_is_refused() -> None:
    assert reason_of(b"a\n" + b"1\n" * (MAX_BYTES // 2)) == "FILE_TOO_LARGE"
    assert reason_of(b"a\n" + b"1\n" * (MAX_ROWS + 1)) == "TOO_MANY_ROWS"
    assert reason_of(workbook(("a",), *[(1,)] * (MAX_ROWS + 1))) == "TOO_MANY_ROWS"
    assert reason_of((";".join("a" * (MAX_COLUMNS + 1)) + "\n1\n").encode()) == "TOO_MANY_COLUMNS"
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 70_000_000)
    assert reason_of(bomb.getvalue()) == "FILE_TOO_LARGE"


def test_a_zip_that_is_no_workbook_is_told() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert reason_of(out.getvalue()) == "BROKEN_WORKBOOK"


@given(st.binary(max_size=300))
def test_no_file_crashes_it(content: bytes) -> None:
    try:
        table = read_table(content)
    except UnreadableFile:
        return
    assert all(len(row) == len(table.header) for row in table.rows)
