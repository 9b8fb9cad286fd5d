"""Errands beside a server: migrate the schema, make an API key, make a backup, put one back."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import trio

from csms.aio import open_door
from csms.app.chapters.backups import backups_of, programs
from csms.app.database import any_database, data_folder, own_database
from csms.app.serve import migrated
from csms.config import Settings
from csms.domain.access import Principal, Role
from csms.domain.errors import FailedPrecondition
from csms.services.api_keys import ApiKeys
from csms.storage.access import PostgresAccess
from csms.storage.backup_files import put_back as put_files_back
from csms.storage.backups import check_file, replace_database
from csms.storage.pool import Database, open_database
from csms.telemetry import set_up_logging

_COMMAND_LINE = Principal("commandLine", "command line", Role.ADMINISTRATOR)
"""Who can read the database's files may do everything anyway."""


def migrate_database(settings: Settings) -> int:
    """Bring the schema up to date. Raises DomainError with a sentence."""

    async def nothing_more(_: Database) -> None:
        return None

    return _errand(settings, nothing_more)


def borrow_key(settings: Settings) -> str:
    """An administrator's key for a day, from a server that runs on this machine; empty when none does.

    Who can reach the server's database may do everything anyway. Raises DomainError.
    """
    if settings.database_url or not (data_folder(settings) / "run").exists():
        return ""
    made: list[str] = []

    async def create(database: Database) -> None:
        made.append(await _new_key(database, "load test", Role.ADMINISTRATOR, 1))

    _errand(settings, create)
    return made[0]


def create_key(settings: Settings, name: str, role: Role, days: int) -> int:
    """Make an API key and print its secret, alone on a line. Raises DomainError with a sentence."""

    async def create(database: Database) -> None:
        sys.stdout.write(await _new_key(database, name, role, days) + "\n")

    return _errand(settings, create)


def make_backup(settings: Settings) -> int:
    """Make a backup, prove it, and print where it is. Raises DomainError with a sentence."""
    set_up_logging(settings.log_format, "warning")

    async def make(dsn: str) -> Path:
        async with open_door() as door:
            backups = backups_of(settings, door, dsn, lambda: datetime.now(UTC))
            made = await backups.make()
            if made.error:
                raise FailedPrecondition(f"The backup is not good: {made.error}", reason="BACKUP_FAILED")
            return backups.path(made)

    with any_database(settings) as dsn:
        sys.stdout.write(f"{trio.run(make, dsn)}\n")
    return 0


def restore_backup(settings: Settings, dump: Path, keep_old_as: str = "") -> int:
    """Put a dump in the place of the database, while no server runs on it. Raises DomainError with a sentence."""
    set_up_logging(settings.log_format, "warning")

    async def put_back(dsn: str) -> None:
        await check_file(dump)
        async with open_door() as door:
            await replace_database(door, dsn, programs(settings), dump, keep_old_as)
            await migrated(door, dsn)
        beside = dump.with_suffix(".files")
        if beside.is_dir():
            put_files_back(beside, data_folder(settings))

    with own_database(settings) as (dsn, _):
        trio.run(put_back, dsn)
    sys.stdout.write(f"{dump} is in place. Start the server again.\n")
    return 0


async def _new_key(database: Database, name: str, role: Role, days: int) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    keys = ApiKeys(PostgresAccess(database))
    return (await keys.create(_COMMAND_LINE, name, role, expires_at))[1]


def _errand(settings: Settings, work: Callable[[Database], Awaitable[None]]) -> int:
    set_up_logging(settings.log_format, "warning")
    with any_database(settings) as dsn:
        trio.run(partial(_run, dsn, work))
    return 0


async def _run(dsn: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async with open_door() as door:
        await migrated(door, dsn)
        async with open_database(door, dsn, max_size=1) as database:
            await work(database)
