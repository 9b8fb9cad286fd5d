"""The schema's way from any older version to this one: numbered SQL files, applied once, in order.

Files are ``NNNN_name.sql`` in ``csms/storage/migrations``, from 0001 without gaps. Each is one transaction, and
its SHA-256 is recorded in ``schema_migration``: a file that was applied must never change again. What cannot run
in a transaction (CREATE INDEX CONCURRENTLY) says so in its first line,

    -- chargehouse: no-transaction

and separates its statements by lines ``-- chargehouse: next``; such a file can fail half-way and is then run again
from its beginning, so each of its statements must bear that (IF NOT EXISTS).

A newer schema serves an older version of the program too, so that versions can run side by side while a cluster is
upgraded, and a version can be taken back: migrations only add (tests/house/test_migrations.py). One that older
versions cannot live with says so in a line of its own,

    -- chargehouse: not for older versions

and from then on they refuse to start.

Any number of processes may start at once: one migrates, the others wait for it and find nothing left to do.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import asyncpg

from csms.aio import Door
from csms.storage.errors import translated

NO_TRANSACTION = "-- chargehouse: no-transaction"
NOT_FOR_OLDER = re.compile(r"^-- chargehouse: not for older versions\s*$", re.MULTILINE)
NEXT_STATEMENT = re.compile(r"^-- chargehouse: next\s*$", re.MULTILINE)
FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
LOCK_KEY = 0x4348_4152_4745  # "CHARGE"
LOCK_POLL = 0.2  # seconds

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    not_for_older boolean NOT NULL DEFAULT false
)
"""
_HAS_MARK = (
    "SELECT count(*) FROM pg_attribute WHERE attrelid = 'schema_migration'::regclass AND attname = 'not_for_older'"
)
_ADD_MARK = "ALTER TABLE schema_migration ADD COLUMN not_for_older boolean NOT NULL DEFAULT false"
_RECORD = "INSERT INTO schema_migration (version, name, sha256, not_for_older) VALUES ($1, $2, $3, $4)"


class MigrationError(RuntimeError):
    """The schema cannot be brought to this version; the message says why and what to do."""


class MigrationGap(MigrationError):
    """The files are not numbered 1, 2, 3 …; a mistake in this version of the program."""


class MigrationChanged(MigrationError):
    """A file is not the one that was applied to this database."""


class SchemaTooNew(MigrationError):
    """A newer version of the program has been at this database, and its schema is not for this one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.sql.encode()).digest()

    @property
    def not_for_older(self) -> bool:
        """Versions of the program that do not have it cannot work with what it makes."""
        return NOT_FOR_OLDER.search(self.sql) is not None


def known_migrations(folder: Traversable | None = None) -> Sequence[Migration]:
    """The files of a folder, by default those of this version, in order.

    Raises:
        MigrationGap
    """
    if folder is None:
        folder = files("csms.storage") / "migrations"
    found = sorted(
        (
            Migration(int(match[1]), file.name, file.read_text("utf-8"))
            for file in folder.iterdir()
            if (match := FILE_NAME.fullmatch(file.name))
        ),
        key=lambda migration: migration.version,
    )
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise MigrationGap(f"There should be a migration {expected:04} before {migration.name}, or once only.")
    return found


async def migrate(door: Door, dsn: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database to this version; the names of the files applied. From trio.

    Raises:
        MigrationError, DatabaseUnavailable
    """
    return await door.call(_migrate_at, dsn, known_migrations() if migrations is None else migrations)


async def _migrate_at(dsn: str, migrations: Sequence[Migration]) -> list[str]:
    with translated():
        connection = await asyncpg.connect(dsn)
        try:
            return await apply_migrations(connection, migrations)
        finally:
            await connection.close()


async def apply_migrations(connection: asyncpg.Connection, migrations: Sequence[Migration]) -> list[str]:
    """The same on a connection of asyncpg. From asyncio."""
    # Polling: a blocked pg_advisory_lock() holds a snapshot, for which CREATE INDEX CONCURRENTLY of the one that
    # has the lock would wait for ever.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        await asyncio.sleep(LOCK_POLL)
    try:
        await connection.execute(_TABLE)
        if not await connection.fetchval(_HAS_MARK):
            await connection.execute(_ADD_MARK)
        todo = _missing(migrations, await connection.fetch("SELECT * FROM schema_migration ORDER BY version"))
        for migration in todo:
            await _apply(connection, migration)
        return [migration.name for migration in todo]
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


def _missing(migrations: Sequence[Migration], rows: Sequence[Any]) -> Sequence[Migration]:
    """What is still to apply; refuses a history that is not ours. Nothing, if a newer version was here."""
    for migration, row in zip(migrations, rows, strict=False):
        if (row["version"], row["name"], row["sha256"]) != (migration.version, migration.name, migration.sha256):
            raise MigrationChanged(
                f"Migration {migration.name} is not what was applied to this database as {row['name']} on "
                f"{row['applied_at']:%Y-%m-%d}. Restore the original file; changes belong into a new migration."
            )
    newer = rows[len(migrations) :]
    if any(row["not_for_older"] for row in newer):
        raise SchemaTooNew(
            f"The database is at schema version {rows[-1]['version']}, this version of chargehouse knows "
            f"{len(migrations)}. Update chargehouse, or restore a backup from before the update."
        )
    return migrations[len(rows) :]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    record = (_RECORD, migration.version, migration.name, migration.sha256, migration.not_for_older)
    if migration.sql.startswith(NO_TRANSACTION):
        for statement in NEXT_STATEMENT.split(migration.sql):
            await connection.execute(statement)
        await connection.execute(*record)
    else:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(*record)
