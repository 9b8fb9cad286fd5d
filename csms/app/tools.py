"""Errands beside a server: migrate the schema, make an API key."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import trio

from csms.aio import open_door
from csms.app.database import any_database, data_folder
from csms.app.serve import migrated
from csms.config import Settings
from csms.domain.access import Principal, Role
from csms.services.access import AccessControl
from csms.storage.access import PostgresAccess
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


async def _new_key(database: Database, name: str, role: Role, days: int) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    access = AccessControl(PostgresAccess(database))
    return (await access.create_api_key(_COMMAND_LINE, name, role, expires_at))[1]


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
