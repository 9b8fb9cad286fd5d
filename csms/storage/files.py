"""Rows of files and of the transfers by which they come and go (`csms.ports.files`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Scope
from csms.domain.errors import NotFound
from csms.domain.transfers import (
    MAX_ATTEMPTS,
    Direction,
    FileKind,
    FileLimits,
    StoredFile,
    Transfer,
    TransferState,
)
from csms.storage.pool import Database
from csms.storage.scoping import at_stations
from csms.storage.text import clean, fits_bigint

__all__ = ["INSERT_FILE_SQL", "PostgresFiles", "file_of", "file_values"]

FILE_FIELDS = (
    "id, kind, vault_name, filename, content_type, size_bytes, sha256, station_id, place_id, job_id, created_by, "
    "created_at"
)
LIMITS_SQL = """
SELECT quota_bytes, free_bytes, log_max_bytes, firmware_max_bytes, picture_max_bytes, log_days FROM file_settings
"""
SET_LIMITS_SQL = """
UPDATE file_settings SET quota_bytes = $1, free_bytes = $2, log_max_bytes = $3, firmware_max_bytes = $4,
    picture_max_bytes = $5, log_days = $6
"""
USAGE_SQL = "SELECT coalesce(sum(size_bytes), 0)::bigint AS used, count(*) AS files FROM stored_file"
FIND_FILE_SQL = f"SELECT {FILE_FIELDS} FROM stored_file WHERE id = $1"  # noqa: S608 - constants of ours
_PAGE_LOGS = f"""
SELECT {FILE_FIELDS} FROM stored_file
WHERE kind = 'LOG' AND id < $1 AND ($2::bigint IS NULL OR station_id = $2)
  AND ($3::bigint IS NULL OR job_id = $3){{scope}}
ORDER BY id DESC LIMIT $4
"""  # noqa: S608 - constants of ours
INSERT_FILE_SQL = f"""
INSERT INTO stored_file (kind, vault_name, filename, content_type, size_bytes, sha256, station_id, place_id, job_id,
    created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING {FILE_FIELDS}
"""  # noqa: S608 - constants of ours
DELETE_FILE_SQL = f"DELETE FROM stored_file WHERE id = $1 RETURNING {FILE_FIELDS}"  # noqa: S608 - constants of ours
OLD_LOGS_SQL = f"""
SELECT {FILE_FIELDS} FROM stored_file WHERE kind = 'LOG' AND created_at < $1 ORDER BY created_at LIMIT $2
"""  # noqa: S608 - constants of ours
VAULT_NAMES_SQL = "SELECT vault_name FROM stored_file"
BEGIN_SQL = """
INSERT INTO file_transfer (token_digest, direction, station_id, job_id, file_id, filename, max_bytes, created_at,
    expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
"""
TAKE_SQL = """
UPDATE file_transfer SET attempts = attempts + 1, address = $3
WHERE token_digest = $1 AND state = 'OPEN' AND expires_at > $2 AND attempts < $4 RETURNING *
"""
DONE_SQL = """
UPDATE file_transfer SET state = 'DONE', ended_at = $2, filename = $3
WHERE id = $1 AND state = 'OPEN' AND direction = 'UPLOAD' AND expires_at > $2 RETURNING id
"""
LINK_SQL = "UPDATE file_transfer SET file_id = $2 WHERE id = $1"
CLOSE_SQL = "UPDATE file_transfer SET state = 'CLOSED', ended_at = $2 WHERE job_id = $1 AND state = 'OPEN'"
CLOSE_ENDED_SQL = """
UPDATE file_transfer SET state = 'CLOSED', ended_at = $1 FROM station_job
WHERE station_job.id = file_transfer.job_id AND file_transfer.state = 'OPEN'
  AND station_job.finished_at < $1::timestamptz - interval '1 hour'
"""
CLEAR_SQL = """
WITH gone AS (DELETE FROM file_transfer WHERE expires_at < $1 RETURNING id) SELECT count(*) FROM gone
"""


class PostgresFiles:
    """csms.ports.files.FileStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def limits(self) -> FileLimits:
        """See the port."""
        row = await self._database.fetchrow(LIMITS_SQL)
        return FileLimits(**dict(row)) if row is not None else FileLimits()

    async def set_limits(self, limits: FileLimits) -> None:
        """See the port."""
        await self._database.execute(SET_LIMITS_SQL, *msgspec.structs.astuple(limits))

    async def usage(self) -> tuple[int, int]:
        """See the port."""
        row = await self._database.fetchrow(USAGE_SQL)
        return (int(row["used"]), int(row["files"])) if row is not None else (0, 0)

    async def find(self, file_id: int) -> StoredFile | None:
        """See the port."""
        if not fits_bigint(file_id):
            return None
        row = await self._database.fetchrow(FIND_FILE_SQL, file_id)
        return None if row is None else file_of(row)

    async def page_logs(
        self,
        scope: Scope | None,
        *,
        station_id: int | None = None,
        job_id: int | None = None,
        size: int,
        before: int | None = None,
    ) -> Sequence[StoredFile]:
        """See the port."""
        if any(number is not None and not fits_bigint(number) for number in (station_id, job_id)):
            return []
        last = before if before is not None and fits_bigint(before) else 2**62
        args: list[object] = [last, station_id, job_id, size]
        sql = _PAGE_LOGS.format(scope=at_stations(scope, args))
        return [file_of(row) for row in await self._database.fetch(sql, *args)]

    async def add(self, file: StoredFile) -> StoredFile:
        """See the port."""
        try:
            row = await self._database.fetchrow(INSERT_FILE_SQL, *file_values(file))
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("What this file belongs to is gone.", reason="OWNER_NOT_FOUND") from error
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return file_of(row)

    async def delete(self, file_id: int) -> StoredFile | None:
        """See the port."""
        if not fits_bigint(file_id):
            return None
        row = await self._database.fetchrow(DELETE_FILE_SQL, file_id)
        return None if row is None else file_of(row)

    async def old_logs(self, before: datetime, size: int) -> Sequence[StoredFile]:
        """See the port."""
        return [file_of(row) for row in await self._database.fetch(OLD_LOGS_SQL, before, size)]

    async def vault_names(self) -> frozenset[str]:
        """See the port."""
        return frozenset(row["vault_name"] for row in await self._database.fetch(VAULT_NAMES_SQL))

    async def begin(self, transfer: Transfer) -> Transfer:
        """See the port."""
        try:
            row = await self._database.fetchrow(
                BEGIN_SQL,
                transfer.token_digest,
                transfer.direction.value,
                transfer.station_id,
                transfer.job_id,
                transfer.file_id,
                clean(transfer.filename),
                transfer.max_bytes,
                transfer.created_at,
                transfer.expires_at,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("The station or the file is gone.", reason="OWNER_NOT_FOUND") from error
        assert row is not None  # noqa: S101  an INSERT … RETURNING gives its row
        return _transfer(row)

    async def take(self, token_digest: bytes, now: datetime, address: str) -> tuple[Transfer, StoredFile | None] | None:
        """See the port."""
        row = await self._database.fetchrow(TAKE_SQL, token_digest, now, clean(address), MAX_ATTEMPTS)
        if row is None:
            return None
        transfer = _transfer(row)
        return transfer, None if transfer.file_id is None else await self.find(transfer.file_id)

    async def arrived(self, transfer_id: int, file: StoredFile, now: datetime) -> StoredFile | None:
        """See the port."""
        return await self._database.transaction(_arrived, transfer_id, file, now)

    async def close_transfers(self, *, job_id: int, now: datetime) -> None:
        """See the port."""
        await self._database.execute(CLOSE_SQL, job_id, now)

    async def clear_transfers(self, before: datetime, now: datetime) -> int:
        """See the port."""
        await self._database.execute(CLOSE_ENDED_SQL, now)
        return int(await self._database.fetchval(CLEAR_SQL, before))


async def _arrived(
    connection: asyncpg.Connection, transfer_id: int, file: StoredFile, now: datetime
) -> StoredFile | None:
    if await connection.fetchrow(DONE_SQL, transfer_id, now, clean(file.filename)) is None:
        return None
    kept = file_of(await connection.fetchrow(INSERT_FILE_SQL, *file_values(file)))
    await connection.execute(LINK_SQL, transfer_id, kept.id)
    return kept


def file_values(file: StoredFile) -> tuple[object, ...]:
    """For INSERT_FILE_SQL."""
    return (
        file.kind.value,
        file.vault_name,
        clean(file.filename),
        clean(file.content_type),
        file.size_bytes,
        file.sha256,
        file.station_id,
        file.place_id,
        file.job_id,
        clean(file.created_by),
        file.created_at,
    )


def file_of(row: asyncpg.Record) -> StoredFile:
    """Of a row with FILE_FIELDS."""
    return StoredFile(
        row["id"],
        FileKind(row["kind"]),
        row["vault_name"],
        row["filename"],
        row["content_type"],
        row["size_bytes"],
        row["sha256"],
        row["station_id"],
        row["place_id"],
        row["job_id"],
        row["created_by"],
        row["created_at"],
    )


def _transfer(row: asyncpg.Record) -> Transfer:
    return Transfer(
        row["id"],
        row["token_digest"],
        Direction(row["direction"]),
        row["station_id"],
        row["job_id"],
        row["file_id"],
        row["filename"],
        row["max_bytes"],
        row["attempts"],
        TransferState(row["state"]),
        row["address"],
        row["created_at"],
        row["expires_at"],
        row["ended_at"],
    )
