"""Migrations only add, so that the version before goes on working with the schema of the next one.

While a cluster is upgraded both run side by side; and who takes a version back keeps the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from csms.storage.migrate import Migration, known_migrations

# Up to here nobody has upgraded a cluster.
BASE = 24
# File → what of it takes away or narrows, and why the version before does not mind.
EXCEPTIONS: dict[str, str] = {
    "0025_preferences.sql": "a size that the version before cannot reach",
}

# Patterns for a statement in upper case, without comments and strings.
TAKES_AWAY = {
    # Indexes too: ON CONFLICT of the version before may need them.
    "takes something away": re.compile(r"\b(DROP|TRUNCATE|DELETE FROM)\b(?! (NOT NULL|DEFAULT)\b)"),
    "gives something another name": re.compile(r"\bRENAME\b"),
    "gives a column another type": re.compile(r"\bALTER( COLUMN)? \S+( SET DATA)? TYPE\b"),
    "asks more of a column": re.compile(r"\bALTER( COLUMN)? \S+ SET NOT NULL\b"),
    "takes a default away": re.compile(r"\bDROP DEFAULT\b"),
    "adds a column that older versions do not fill": re.compile(
        r"\bADD (COLUMN )?(IF NOT EXISTS )?(?!CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\w+ "
        r"(?![^,]*\b(DEFAULT|GENERATED)\b)[^,]*\bNOT NULL\b"
    ),
    "asks more of rows": re.compile(
        r"\bALTER TABLE\b.*\bADD (CONSTRAINT \w+ )?(CHECK|UNIQUE|EXCLUDE|FOREIGN|PRIMARY)\b"
    ),
    "asks more of rows that are there": re.compile(r"\bCREATE UNIQUE INDEX\b"),
}


def statements(migration: Migration) -> Iterator[str]:
    """In upper case and on one line, without comments, and without what stands in quotes."""
    text = re.sub(r"--[^\n]*", "", migration.sql)
    text = re.sub(r"\$(\w*)\$.*?\$\1\$", "''", text, flags=re.DOTALL)
    text = re.sub(r"'(?:[^']|'')*'", "''", text)
    for each in text.split(";"):
        if statement := " ".join(each.upper().split()):
            yield statement


def complaints(migration: Migration) -> list[str]:
    """Why the version before could not work with what this makes. Tables that it makes itself are its own matter."""
    text = list(statements(migration))
    new = {name for each in text for name in re.findall(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", each)}
    found = []
    for each in text:
        table = re.match(r"(?:ALTER TABLE (?:ONLY |IF EXISTS )*|CREATE UNIQUE INDEX .*? ON (?:ONLY )?)(\w+)", each)
        if table is None or table[1] not in new:
            found += [f"{why}: {each[:90]}" for why, pattern in TAKES_AWAY.items() if pattern.search(each)]
    return found


def test_migrations_only_add() -> None:
    wrong = [
        f"{each.name} {why}"
        for each in known_migrations()
        if each.version > BASE and each.name not in EXCEPTIONS and not each.not_for_older
        for why in complaints(each)
    ]
    assert wrong == [], (
        "add instead; or say in EXCEPTIONS why older versions do not mind; or '-- chargehouse: not for …'"
    )


def test_exceptions_are_still_needed() -> None:
    known = {each.name: each for each in known_migrations()}
    assert [name for name in EXCEPTIONS if name not in known or not complaints(known[name])] == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE session",
        "ALTER TABLE session DROP COLUMN energy_wh",
        "alter table session rename column a to b",
        "ALTER TABLE session ALTER COLUMN energy TYPE bigint",
        "ALTER TABLE session ALTER energy SET DATA TYPE bigint",
        "ALTER TABLE session ALTER COLUMN energy SET NOT NULL",
        "ALTER TABLE session ALTER COLUMN energy DROP DEFAULT",
        "ALTER TABLE session ADD COLUMN note text NOT NULL",
        "ALTER TABLE session ADD COLUMN a int, ADD COLUMN note text NOT NULL",
        "ALTER TABLE session ADD CONSTRAINT sane CHECK (energy_wh >= 0)",
        "CREATE UNIQUE INDEX one ON session (tag)",
        "TRUNCATE session",
        "DROP INDEX session_start_key",
    ],
)
def test_what_would_break_the_version_before_is_seen(sql: str) -> None:
    assert complaints(Migration(99, "0099_x.sql", f"SELECT 1;\n{sql};"))


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE session ADD COLUMN note text NOT NULL DEFAULT ''",
        "ALTER TABLE session ADD COLUMN note text, ADD COLUMN n integer NOT NULL DEFAULT 0",
        "ALTER TABLE session ALTER COLUMN note DROP NOT NULL",
        "CREATE TABLE news (id bigint PRIMARY KEY, text text NOT NULL); CREATE UNIQUE INDEX one ON news (text)",
        "CREATE INDEX some ON session (tag)",
        "-- DROP TABLE session\nSELECT 'RENAME'",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM x; END $$",
    ],
)
def test_what_only_adds_is_let_through(sql: str) -> None:
    assert complaints(Migration(99, "0099_x.sql", sql)) == []
