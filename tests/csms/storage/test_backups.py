"""Backups that were proven, and ones that are not good."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from csms.aio import Door
from csms.domain.errors import FailedPrecondition, NotFound, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.storage.backups import (
    SESSION_IDS_SKIPPED,
    PostgresBackups,
    check_file,
    database_of,
    other_database,
    replace_database,
)
from csms.storage.pool import Database, open_database
from csms.storage.postgres import find_programs
from csms.storage.stations import PostgresStations

pytestmark = [pytest.mark.postgres, pytest.mark.feature("F-SYS-3")]

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = T0

    def __call__(self) -> datetime:
        self.time += timedelta(days=1)
        return self.time


@pytest.fixture
def backups(door: Door, database_url: str, tmp_path: Path) -> PostgresBackups:
    return PostgresBackups(door, database_url, find_programs(), tmp_path / "backups", keep=2, now=Clock())


async def test_a_backup_is_made_and_proven(backups: PostgresBackups, database: Database) -> None:
    await PostgresStations(database).create("CP-é", RegistrationStatus.ACCEPTED)
    made = await backups.make()
    assert made.error == ""
    assert made.verified_at is not None
    assert made.tables["station"][0] == 1
    assert made.tables["meter_value"][0] == 0
    assert backups.path(made).stat().st_size == made.size_bytes
    assert backups.path(made).stat().st_mode & 0o777 == 0o600
    assert backups.all() == [made] == [backups.get(made.name)]
    assert made.good


async def test_files_beside_the_database_are_proven_too(door: Door, database_url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "secret.key").write_bytes(b"key")
    where = tmp_path / "backups"
    backups = PostgresBackups(door, database_url, find_programs(), where, keep=1, now=Clock(), data=data)
    made = await backups.make()
    assert (made.error, set(made.files)) == ("", {"secret.key"})
    (backups.files(made) / "secret.key").unlink()
    assert "secret.key cannot be read" in (await backups.verify(made.name)).error
    with pytest.raises(FailedPrecondition, match="use another backup"):
        await check_file(backups.path(made))
    newer = [await backups.make(), await backups.make()]
    assert sorted(path.name for path in where.glob("*.files")) == [backups.files(newer[1]).name]


async def test_a_dump_that_was_changed_is_not_good(backups: PostgresBackups) -> None:
    made = await backups.make()
    with backups.path(made).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\0\0")
    checked = await backups.verify(made.name)
    assert "not what was written" in checked.error
    assert not checked.good
    assert backups.all() == [checked]
    with pytest.raises(FailedPrecondition, match="use another backup"):
        await check_file(backups.path(made))


async def test_a_dump_that_holds_something_else_is_not_good(backups: PostgresBackups) -> None:
    made = await backups.make()
    note = backups.path(made).with_suffix(".json")
    wrong = msgspec.structs.replace(made, tables=made.tables | {"station": (7, "12345")})
    note.write_bytes(msgspec.json.encode(wrong))
    assert (await backups.verify(made.name)).error == "Restored, these tables differ: station."


async def test_what_is_too_old_is_taken_away_but_never_for_one_that_is_not_good(backups: PostgresBackups) -> None:
    made = [await backups.make() for _ in range(3)]
    assert [backup.name for backup in backups.all()] == [made[2].name, made[1].name]
    assert not backups.path(made[0]).exists()
    backups.path(made[2]).write_bytes(b"")
    assert (await backups.verify(made[2].name)).error
    fourth = await backups.make()
    assert [b.name for b in backups.all()] == [fourth.name, made[2].name, made[1].name]


async def test_a_note_that_cannot_be_read_hides_nothing_else(backups: PostgresBackups) -> None:
    made = await backups.make()
    backups.path(made).with_name("chargehouse-20200101T000000Z.json").write_text("{")
    assert backups.all() == [made]
    with pytest.raises(NotFound):
        backups.get("chargehouse-20200101T000000Z")


async def test_a_database_is_put_back(backups: PostgresBackups, database_url: str, door: Door, tmp_path: Path) -> None:
    async with open_database(door, database_url, max_size=2) as database:
        stations = PostgresStations(database)
        kept = await stations.create("KEPT", RegistrationStatus.ACCEPTED)
        await database.execute("UPDATE station SET online = true")
        before = await database.fetchval("SELECT nextval('session_id_seq')")
        made = await backups.make()
        await stations.delete(kept.id)
        await stations.create("TOO-LATE", RegistrationStatus.ACCEPTED)
    assert await check_file(backups.path(made)) == made
    await replace_database(door, database_url, find_programs(), backups.path(made))
    async with open_database(door, database_url, max_size=2) as database:
        stations = PostgresStations(database)
        assert await stations.find_by_identity("KEPT") == kept
        assert await stations.find_by_identity("TOO-LATE") is None
        assert await database.fetchval("SELECT count(*) FROM station WHERE online") == 0
        assert await database.fetchval("SELECT nextval('session_id_seq')") > before + SESSION_IDS_SKIPPED
    names = await _databases(door, database_url)
    assert not [name for name in names if name.startswith(database_of(database_url) + "_")]


async def test_a_dump_that_cannot_be_restored_leaves_all_as_it_was(
    database: Database, door: Door, database_url: str, tmp_path: Path
) -> None:
    await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)
    dump = tmp_path / "x.dump"
    dump.write_bytes(b"PGDMP nonsense")
    assert await check_file(dump) is None
    with pytest.raises(FailedPrecondition, match="pg_restore failed"):
        await replace_database(door, database_url, find_programs(), dump)
    assert await database.fetchval("SELECT count(*) FROM station") == 1
    assert f"{database_of(database_url)}_restored" not in await _databases(door, database_url)


async def test_without_programs_a_sentence_says_what_to_do(door: Door, database_url: str, tmp_path: Path) -> None:
    lost = PostgresBackups(door, database_url, tmp_path, tmp_path / "backups", keep=1, now=Clock())
    with pytest.raises(FailedPrecondition, match="--postgres-bin"):
        await lost.make()
    assert list((tmp_path / "backups").iterdir()) == []


async def test_without_a_database_nothing_is_left_behind(door: Door, tmp_path: Path) -> None:
    dsn = f"postgresql://nobody@/nothing?host={tmp_path}"
    lost = PostgresBackups(door, dsn, find_programs(), tmp_path / "backups", keep=1, now=Clock())
    with pytest.raises(Unavailable):
        await lost.make()
    assert list((tmp_path / "backups").iterdir()) == []


async def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await check_file(tmp_path / "none.dump")
    (tmp_path / "a.dump").write_bytes(b"")
    (tmp_path / "a.json").write_text(json.dumps({"name": 1}))
    with pytest.raises(FailedPrecondition, match="cannot be read"):
        await check_file(tmp_path / "a.dump")


def test_another_database_of_the_same_server() -> None:
    dsn = "postgresql://me:p%40ss@db:5433/main%20one?sslmode=require&host=%2Frun%2Fpg"
    assert database_of(dsn) == "main one"
    assert other_database(dsn, "b c") == "postgresql://me:p%40ss@db:5433/b%20c?sslmode=require&host=%2Frun%2Fpg"
    with pytest.raises(FailedPrecondition, match="names no database"):
        database_of("postgresql://db/")


async def _databases(door: Door, dsn: str) -> list[str]:
    async def ask() -> list[str]:
        connection = await asyncpg.connect(dsn)
        try:
            return [row[0] for row in await connection.fetch("SELECT datname FROM pg_database")]
        finally:
            await connection.close()

    return await door.call(ask)
