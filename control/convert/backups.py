"""Backups."""

from __future__ import annotations

from control.convert.common import timestamp
from control.v1 import backups_pb2
from csms.domain.errors import InvalidArgument
from csms.ports.backups import Backup

_PREFIX = "backups/"


def backup(found: Backup) -> backups_pb2.Backup:
    """All of it."""
    if found.error:
        state = backups_pb2.BACKUP_STATE_BAD
    elif found.good:
        state = backups_pb2.BACKUP_STATE_GOOD
    else:
        state = backups_pb2.BACKUP_STATE_UNVERIFIED
    return backups_pb2.Backup(
        name=_PREFIX + found.name,
        create_time=timestamp(found.made_at),
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        state=state,
        verify_time=timestamp(found.verified_at),
        error=found.error,
        row_count=sum(rows for rows, _ in found.tables.values()),
    )


def read_backup_name(name: str) -> str:
    """Raises InvalidArgument/INVALID_NAME."""
    if not name.startswith(_PREFIX) or not 0 < len(name) - len(_PREFIX) <= 60:
        raise InvalidArgument(
            f"{name[:100]!r} is not a backup's name; list them to see how they look.", reason="INVALID_NAME"
        )
    return name.removeprefix(_PREFIX)
