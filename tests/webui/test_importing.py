"""Lists in four languages become rows that control.v1 takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from control.v1 import id_tokens_pb2, imports_pb2
from webui.api.wire import fill
from webui.import_tables import UnreadableFile
from webui.importing import COLUMNS, ImportKind, read_import, template

pytestmark = pytest.mark.feature("F-STA-13")
MESSAGES = {
    ImportKind.STATIONS: imports_pb2.StationImportRow,
    ImportKind.USERS: imports_pb2.UserImportRow,
    ImportKind.TAGS: id_tokens_pb2.IdToken,
}


@pytest.mark.parametrize(
    "header",
    [
        "identity;name;place;fuse",
        "Identitet;Namn;Plats;Säkring (A)",
        "Identiteit;Naam;Locatie;Zekering",
        "Kennung;Bezeichnung;Standort;Sicherung [A]",
    ],
)
def test_columns_are_known_in_four_languages(header: str) -> None:
    read = read_import(ImportKind.STATIONS, f"{header}\nCP-1;One;North/Deck;63 A\n".encode())
    assert read.rows == ({"identity": "CP-1", "display_name": "One", "place": "North/Deck", "fuse_amperes": 63},)
    assert (read.lines, read.faults, read.ignored) == ((2,), (), ())


def test_users_have_words_for_roles_and_lists_of_sites() -> None:
    content = "E-post,Roll,Platser,Språk,Larmmejl\nann@example.org,Platsadministratör,North|South,Svenska,ja\n"
    assert read_import(ImportKind.USERS, content.encode()).rows == (
        {
            "email": "ann@example.org",
            "role": "site-administrator",
            "sites": ("North", "South"),
            "language": "sv",
            "alarm_mails": True,
        },
    )


def test_tags_keep_their_leading_zeros_and_have_their_times() -> None:
    content = "UID;Type;Gültig bis;Gesperrt;User\n00A1B2C3;zakelijk;31.12.2026;nein;ann@example.org\n"
    assert read_import(ImportKind.TAGS, content.encode()).rows == (
        {
            "id_token": "00A1B2C3",
            "type": "BUSINESS",
            "expire_time": datetime(2026, 12, 31, tzinfo=UTC),
            "blocked": False,
            "user_email": "ann@example.org",
        },
    )


def test_every_cell_that_means_nothing_is_told_with_its_line() -> None:
    content = b"identity;fuse;installed;colour\nCP-1;many;3/4/2026;red\n\n;16;2026-02-30;blue\n"
    read = read_import(ImportKind.STATIONS, content)
    assert [(fault.line, fault.column, fault.reason, fault.value) for fault in read.faults] == [
        (2, "fuse", "NO_NUMBER", "many"),
        (2, "installed", "NO_DATE", "3/4/2026"),
        (4, "identity", "MISSING", ""),
        (4, "installed", "NO_DATE", "2026-02-30"),
    ]
    assert read.ignored == ("colour",)
    tags = read_import(ImportKind.TAGS, b"tag;type;blocked\nA1;weird;perhaps\n")
    assert [fault.reason for fault in tags.faults] == ["UNKNOWN_WORD", "NO_YES_OR_NO"]


def test_a_list_without_its_main_column_is_refused() -> None:
    for kind in ImportKind:
        with pytest.raises(UnreadableFile) as refused:
            read_import(kind, b"colour;shape\nred;round\n")
        assert refused.value.reason == "COLUMN_MISSING"


@pytest.mark.parametrize("kind", ImportKind)
def test_every_column_is_a_field_of_its_message_and_the_template_is_read(kind: ImportKind) -> None:
    cells = {"_number": "3", "_flag": "yes", "_day": "2026-03-31", "_moment": "2026-03-31T12:00:00"}
    words = {"kind": "card", "type": "business"}
    row = ";".join(words.get(each.name, cells.get(each.read.__name__, "x")) for each in COLUMNS[kind])
    read = read_import(kind, (template(kind) + row + "\r\n").encode())
    assert (read.faults, read.ignored) == ((), ())
    assert list(read.rows[0]) == [each.name for each in COLUMNS[kind]]
    fill(MESSAGES[kind](), read.rows[0])


def test_no_name_means_two_columns_of_a_list() -> None:
    for fields in COLUMNS.values():
        names = [name for field in fields for name in field.names.split()]
        assert len(names) == len(set(names))
