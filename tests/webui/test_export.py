"""Exports: exactly what is filtered, harmless text, many sheets, a stream that breaks."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import weakref
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import msgspec
import openpyxl
import pytest

from control.v1 import sessions_pb2
from tests.kit.portal_client import Browser, Portal, World, running_portal
from webui import export
from webui.api import convert
from webui.session_columns import COLUMNS, Column, chosen
from webui.values import ApiError, Role, Session, SessionBatch

ALL = "session.station.energy.start.duration.alias"
TABLE = chosen(ALL.split("."), Role.ADMINISTRATOR)


def sample(number: int = 1, **changes: object) -> Session:
    session = convert.session(sessions_pb2.Session(name=f"sessions/{number}", energy_wh=1234.5))
    return msgspec.structs.replace(session, **changes)


async def batches(*groups: list[Session]) -> AsyncIterator[SessionBatch]:
    for group in groups:
        yield SessionBatch(sessions=tuple(group), resume_cursor="x")


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def workbook(tmp_path: Path):
    """Writes sessions to a workbook and reads it with openpyxl."""

    def write(sessions: list[Session], total: int | None = None, rows_per_sheet: int = 1000) -> openpyxl.Workbook:
        made = export.xlsx_file(batches(sessions), len(sessions) if total is None else total, TABLE, rows_per_sheet)
        path = asyncio.run(made)
        try:
            return openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
        finally:
            path.unlink()

    return write


def test_csv_has_exactly_what_is_filtered(admin: Browser, portal: Portal):
    answer = admin.get("/sessions.csv?q=Harbour")
    assert answer.header("content-type") == "text/csv; charset=utf-8"
    assert 'filename="sessions-' in answer.header("content-disposition")
    rows = read_csv(answer.body)
    expected = [s for s in portal.fake.world.sessions.values() if "Harbour" in s.station_display_name]
    assert {row["Session"] for row in rows} == {s.name.partition("/")[2] for s in expected}
    assert round(sum(float(row["Energy (kWh)"]) for row in rows), 1) == round(
        sum(s.energy_wh for s in expected) / 1000, 1
    )


def test_xlsx_has_exactly_what_is_filtered(admin: Browser):
    answer = admin.get("/sessions.xlsx?state=ACTIVE")
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0][0] == "Session"
    assert len(rows) == 1 + 6


def test_times_in_an_export_are_in_the_readers_zone(admin: Browser):
    admin.cookies["zone"] = "Asia/Tokyo"
    [row] = read_csv(admin.get("/sessions.csv?q=sessions/5161").body)
    admin.cookies["zone"] = "UTC"
    [plain] = read_csv(admin.get("/sessions.csv?q=sessions/5161").body)
    shift = datetime.fromisoformat(row["Start"]) - datetime.fromisoformat(plain["Start"])
    assert shift.total_seconds() == 9 * 3600


@pytest.mark.parametrize("text", ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\t=1+1"])
def test_text_never_becomes_a_formula(workbook, text: str):
    sessions = [sample(id_token_alias=text, station_display_name=text)]
    [row] = read_csv(b"".join(asyncio.run(collect(sessions))))
    assert row["Tag alias"] == "'" + text
    cell = next(c for c in workbook(sessions).active[2] if c.value == text)
    assert cell.data_type == "s"


async def collect(sessions: list[Session]) -> list[bytes]:
    return [piece async for piece in export.csv_stream(batches(sessions), TABLE)]


def test_negative_numbers_stay_numbers(workbook):
    sessions = [sample(energy_wh=-5.0)]
    [row] = read_csv(b"".join(asyncio.run(collect(sessions))))
    assert row["Energy (kWh)"] == "-0.005"


def test_times_are_times_in_a_workbook(workbook):
    start = datetime(2026, 5, 12, 8, 30, tzinfo=UTC)
    sheet = workbook([sample(start_time=start, stop_time=start)]).active
    found = {sheet.cell(1, c).value: sheet.cell(2, c).value for c in range(1, sheet.max_column + 1)}
    assert found["Start"] == datetime(2026, 5, 12, 8, 30)  # noqa: DTZ001  Excel knows no zones
    assert found["Duration (min)"] == 0


def test_a_full_sheet_is_followed_by_another_with_its_own_headings(workbook):
    book = workbook([sample(n) for n in range(1, 26)], rows_per_sheet=10)
    assert book.sheetnames == ["Sessions", "Sessions 2", "Sessions 3"]
    keys = [row[0] for sheet in book for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert keys == list(range(1, 26))
    assert all(sheet.cell(1, 1).value == "Session" for sheet in book)


def test_a_workbook_that_would_leave_rows_out_is_refused(workbook):
    with pytest.raises(ApiError, match="Try again"):
        workbook([sample(n) for n in range(1, 26)], total=10, rows_per_sheet=10)


def test_an_empty_export_still_has_headings(workbook):
    sheet = workbook([]).active
    assert sheet.cell(1, 1).value == "Session"
    assert all(cell is None for row in sheet.iter_rows(min_row=2, values_only=True) for cell in row)


def test_an_export_goes_on_after_its_cursor_when_the_control_plane_was_away_for_a_moment():
    with running_portal() as portal:
        portal.fake.failures["ExportSessions"] = (grpc.StatusCode.UNAVAILABLE, "")
        browser = portal.browser(signed_in="admin@example.org")
        rows = read_csv(browser.get("/sessions.csv").body)
        assert len(rows) == len({row["Session"] for row in rows}) == len(portal.fake.world.sessions)
        assert [method for method, _ in portal.fake.calls].count("ExportSessions") == 2


def test_an_export_that_breaks_for_good_does_not_look_whole():
    with running_portal() as portal:
        portal.fake.failures["ExportSessions"] = (grpc.StatusCode.INTERNAL, "BROKEN")
        browser = portal.browser(signed_in="admin@example.org")
        with pytest.raises(
            Exception, match="already started"
        ):  # the connection is cut: the browser reports a failed download
            browser.get("/sessions.csv")


def test_a_refused_export_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def broken() -> AsyncIterator[SessionBatch]:
        yield SessionBatch(sessions=(sample(),), resume_cursor="1")
        raise ConnectionResetError

    with pytest.raises(Exception):  # noqa: B017, PT011  whatever the writer makes of it
        asyncio.run(export.xlsx_file(broken(), 1, TABLE))
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_export_is_a_file_too():
    with running_portal(World(stations=0)) as portal:
        browser = portal.browser(signed_in="admin@example.org")
        assert len(read_csv(browser.get("/sessions.csv").body)) == 0
        assert browser.get("/sessions.xlsx").body.startswith(b"PK")


async def printed(sessions: list[Session], table: tuple[Column, ...]) -> bytes:
    return b"".join([piece async for piece in export.pdf_stream(batches(sessions), table, "Sessions (2026)")])


def pages_of(pdf: bytes) -> list[list[str]]:
    """The texts on each page; every object is where the table at the end says."""
    start = int(pdf.rpartition(b"startxref\n")[2].split()[0])
    for number, entry in enumerate(re.findall(rb"(\d{10}) 00000 n", pdf[start:]), 1):
        assert pdf[int(entry) :].startswith(b"%d 0 obj" % number)
    streams = re.findall(rb"/FlateDecode >>\nstream\n(.*?)\nendstream", pdf, re.DOTALL)
    drawn = [zlib.decompress(stream).decode("cp1252") for stream in streams]
    return [re.findall(r"\(((?:[^()\\]|\\.)*)\) Tj", page) for page in drawn]


def test_a_pdf_has_every_session_over_as_many_pages_as_it_takes():
    pages = pages_of(asyncio.run(printed([sample(n) for n in range(1, 201)], TABLE)))
    texts = [text for page in pages for text in page]
    assert len(pages) > 3
    assert all(str(n) in texts for n in (1, 77, 200))
    assert "200 sessions · 246.9 kWh" in texts
    assert all(page[0] == r"Sessions \(2026\)" for page in pages)


def test_every_column_can_be_printed_and_odd_letters_do_no_harm():
    odd = sample(id_token_alias="(\\Ω→…" * 40, station_display_name="Łódź\n2", user_email="a\u202fb")
    assert len(pages_of(asyncio.run(printed([odd], COLUMNS)))) == 1
    assert len({column.key for column in COLUMNS}) == len({column.file_label for column in COLUMNS}) == len(COLUMNS)
    assert len(COLUMNS) > 35


def test_the_columns_of_a_file_are_those_asked_for_in_their_order(admin: Browser):
    [head, *_rows] = (
        admin.get("/sessions.csv?state=ACTIVE&columns=energy.session").body.decode("utf-8-sig").split("\r\n")
    )
    assert head == "Energy (kWh),Session"
    pdf = admin.get("/sessions.pdf?state=ACTIVE&columns=energy.session")
    assert pdf.header("content-type") == "application/pdf"
    assert pdf.body.startswith(b"%PDF-1.5")


class Mortal:
    """Looks like a session, and of it is known whether anybody still has it."""

    def __init__(self, given: Session) -> None:
        self._given = given

    def __getattr__(self, name: str) -> object:
        return getattr(self._given, name)


@pytest.mark.parametrize("ending", ["csv", "pdf", "xlsx"])
def test_what_is_written_is_let_go_however_many_there_are(ending: str):
    alive: weakref.WeakSet[Mortal] = weakref.WeakSet()
    most, given = 0, sample()

    def batch() -> SessionBatch:
        made = tuple(Mortal(given) for _ in range(10))
        alive.update(made)
        return SessionBatch(sessions=made, resume_cursor="x")  # type: ignore[arg-type]

    async def many() -> AsyncIterator[SessionBatch]:
        nonlocal most
        for _ in range(100):
            most = max(most, len(alive))
            yield batch()

    async def write() -> None:
        if ending == "xlsx":
            (await export.xlsx_file(many(), 1_000, TABLE)).unlink()
        else:
            pieces = export.csv_stream(many(), TABLE) if ending == "csv" else export.pdf_stream(many(), TABLE, "All")
            assert sum([len(piece) async for piece in pieces]) > 10_000

    asyncio.run(write())
    assert 0 < most <= 30, "of a thousand"
