"""Backups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from control.server import Servicer
from control.servicers.backups import BackupServicer
from csms.aio import Door
from csms.app.database import data_folder
from csms.app.parts import Parts
from csms.config import Settings
from csms.domain.errors import FailedPrecondition
from csms.services.backups import Backups
from csms.storage.backups import PostgresBackups
from csms.storage.data_folder import PostgresError
from csms.storage.postgres import find_programs


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    store = backups_of(parts.settings, parts.door, parts.database.dsn, parts.now)
    backups = Backups(
        store, daily_at=parts.settings.backup_time, now=parts.now, lease=parts.make_lease and parts.lease("backups")
    )
    parts.ground.start_soon(backups.run)
    return [BackupServicer(backups)]


def backups_of(settings: Settings, door: Door, dsn: str, now: Callable[[], datetime]) -> PostgresBackups:
    """The dumps of a database, where the settings say."""
    folder = Path(settings.backup_dir) if settings.backup_dir else data_folder(settings) / "backups"
    return PostgresBackups(
        door, dsn, programs(settings), folder, keep=settings.backup_keep, now=now, data=data_folder(settings)
    )


def programs(settings: Settings) -> Path:
    """PostgreSQL's programs. Raises FailedPrecondition when there are none."""
    try:
        return find_programs(Path(settings.postgres_bin) if settings.postgres_bin else None)
    except PostgresError as error:
        raise FailedPrecondition(str(error), reason="NO_PROGRAMS") from error
