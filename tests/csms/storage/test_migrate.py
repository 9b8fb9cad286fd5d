"""Migrations: in order, once, never changed, never backwards; with any number of starters."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from csms.aio import Door
from csms.storage.errors import DatabaseUnavailable
from csms.storage.migrate import (
    Migration,
    MigrationChanged,
    MigrationGap,
    SchemaTooNew,
    apply_migrations,
    known_migrations,
    migrate,
)

pytestmark = pytest.mark.postgres

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE first (n integer); INSERT INTO first VALUES (1);")
SECOND = Migration(2, "0002_second.sql", "ALTER TABLE first ADD COLUMN m text;")
BROKEN = Migration(3, "0003_broken.sql", "CREATE TABLE half (n integer); SELECT 1 / 0;")
CONCURRENT = Migration(
    3,
    "0003_index.sql",
    "-- chargehouse: no-transaction\n"
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS first_n ON first (n);\n"
    "-- chargehouse: next\n"
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS first_m ON first (m);\n",
)


async def fetchval(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_files_are_applied_in_order_and_once(door: Door, empty_database_url: str) -> None:
    assert await migrate(door, empty_database_url, [FIRST]) == ["0001_first.sql"]
    assert await migrate(door, empty_database_url, [FIRST, SECOND]) == ["0002_second.sql"]
    assert await migrate(door, empty_database_url, [FIRST, SECOND]) == []
    assert await door.call(fetchval, empty_database_url, "SELECT count(*) FROM first WHERE m IS NULL") == 1


async def test_four_starters_at_once_apply_each_file_once(door: Door, empty_database_url: str) -> None:
    async def four() -> list[list[str]]:
        connections = [await asyncpg.connect(empty_database_url) for _ in range(4)]
        try:
            return await asyncio.gather(*(apply_migrations(c, [FIRST, SECOND, CONCURRENT]) for c in connections))
        finally:
            for connection in connections:
                await connection.close()

    applied = await door.call(four)
    assert sorted(applied, key=len) == [[], [], [], [FIRST.name, SECOND.name, CONCURRENT.name]]
    assert await door.call(fetchval, empty_database_url, "SELECT count(*) FROM first") == 1


async def test_a_file_that_fails_leaves_nothing_of_itself(door: Door, empty_database_url: str) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(door, empty_database_url, [FIRST, SECOND, BROKEN])
    assert await door.call(fetchval, empty_database_url, "SELECT to_regclass('half')") is None
    assert await door.call(fetchval, empty_database_url, "SELECT max(version) FROM schema_migration") == 2
    assert await migrate(door, empty_database_url, [FIRST, SECOND, CONCURRENT]) == [CONCURRENT.name]


async def test_a_changed_or_renamed_file_is_refused(door: Door, empty_database_url: str) -> None:
    await migrate(door, empty_database_url, [FIRST])
    for changed in (Migration(1, FIRST.name, FIRST.sql + " "), Migration(1, "0001_fist.sql", FIRST.sql)):
        with pytest.raises(MigrationChanged, match="0001_first"):
            await migrate(door, empty_database_url, [changed, SECOND])
    assert await migrate(door, empty_database_url, [FIRST]) == []


async def test_an_older_version_works_on_with_a_newer_schema(door: Door, empty_database_url: str) -> None:
    await migrate(door, empty_database_url, [FIRST, SECOND])
    assert await migrate(door, empty_database_url, [FIRST]) == []
    with pytest.raises(MigrationChanged):
        await migrate(door, empty_database_url, [Migration(1, FIRST.name, FIRST.sql + " ")])
    assert await migrate(door, empty_database_url, [FIRST, SECOND, CONCURRENT]) == ["0003_index.sql"]


async def test_a_schema_that_is_not_for_older_versions_is_refused(door: Door, empty_database_url: str) -> None:
    parting = Migration(2, SECOND.name, f"-- chargehouse: not for older versions\n{SECOND.sql}")
    await migrate(door, empty_database_url, [FIRST, parting, CONCURRENT])
    with pytest.raises(SchemaTooNew, match="Update chargehouse"):
        await migrate(door, empty_database_url, [FIRST])
    assert await migrate(door, empty_database_url, [FIRST, parting]) == []


async def test_a_database_from_before_such_marks_goes_on(door: Door, empty_database_url: str) -> None:
    await migrate(door, empty_database_url, [FIRST])
    await door.call(fetchval, empty_database_url, "ALTER TABLE schema_migration DROP COLUMN not_for_older")
    assert await migrate(door, empty_database_url, [FIRST, SECOND]) == ["0002_second.sql"]


async def test_a_hole_in_the_recorded_history_is_refused(door: Door, empty_database_url: str) -> None:
    await migrate(door, empty_database_url, [FIRST, SECOND])
    await door.call(fetchval, empty_database_url, "DELETE FROM schema_migration WHERE version = 1")
    with pytest.raises(MigrationChanged):
        await migrate(door, empty_database_url, [FIRST, SECOND])


async def test_no_database_is_said_clearly(door: Door, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate(door, f"postgresql://nobody@/none?host={tmp_path}", [FIRST])


def test_gaps_and_doubles_in_the_numbers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("SELECT 1")
    (tmp_path / "README").write_text("not a migration")
    assert [migration.name for migration in known_migrations(tmp_path)] == ["0001_first.sql"]
    (tmp_path / "0003_third.sql").write_text("SELECT 3")
    with pytest.raises(MigrationGap, match="0002"):
        known_migrations(tmp_path)
    (tmp_path / "0002_second.sql").write_text("SELECT 2")
    (tmp_path / "0002_twice.sql").write_text("SELECT 2")
    with pytest.raises(MigrationGap, match="0003"):
        known_migrations(tmp_path)


async def test_the_schema_of_this_version_is_complete_and_settled(door: Door, database_url: str) -> None:
    assert await migrate(door, database_url) == []
    names = [migration.name for migration in known_migrations()]
    assert await door.call(fetchval, database_url, "SELECT count(*) FROM schema_migration") == len(names)
