"""Backups: PostgreSQL's own dumps in a folder, each with a note beside it, proven by restoring.

`NAME.dump` is pg_dump's custom format; `NAME.json` says when it was made, its SHA-256, and a fingerprint of every table
as it was in the very snapshot that was dumped. `verify` restores the dump into a database of its own, takes the
fingerprints there and compares. What does not match, or was never verified, is not called good.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg
import msgspec
import structlog
import trio

from csms.aio import Door
from csms.domain.errors import FailedPrecondition, NotFound, Unavailable
from csms.ports.backups import Backup
from csms.storage.backup_files import digests, gather, missing_or_wrong
from csms.storage.errors import translated

__all__ = ["PostgresBackups", "check_file", "replace_database"]

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("csms.backups")

SESSION_IDS_SKIPPED: Final = 1_000_000
"""After a restore: stations may hold ids of sessions that began after the dump, and must not meet them again."""
_CHUNK: Final = 1 << 20

TABLES_SQL = """
SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


class PostgresBackups:
    """The dumps of one database in one folder. All methods raise Unavailable while the database is away,
    FailedPrecondition with a sentence when a program or the disk says no."""

    def __init__(
        self,
        door: Door,
        dsn: str,
        programs: Path,
        folder: Path,
        *,
        keep: int,
        now: Callable[[], datetime],
        data: Path | None = None,
    ) -> None:
        """`programs`: PostgreSQL's bin folder. `keep`: how many good dumps stay. `data`: the folder whose files belong
        to the database."""
        self._data = data
        self._door = door
        self._dsn = dsn
        self._programs = programs
        self._folder = folder
        self._keep = keep
        self._now = now
        self._busy = trio.Lock()

    def all(self) -> Sequence[Backup]:
        """Newest first; dumps whose note cannot be read are left out."""
        found: list[Backup] = []
        for path in sorted(self._folder.glob("chargehouse-*.json"), reverse=True):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Backup))
            except (OSError, msgspec.DecodeError):
                _log.warning("the note of a backup cannot be read", file=path.name)
        return found

    def get(self, name: str) -> Backup:
        """Raises NotFound."""
        for backup in self.all():
            if backup.name == name:
                return backup
        raise NotFound(f"There is no backup {name[:60]!r} (any more).", reason="BACKUP_NOT_FOUND")

    def path(self, backup: Backup) -> Path:
        """The dump itself."""
        return self._folder / f"{backup.name}.dump"

    def files(self, backup: Backup) -> Path:
        """What lay beside the database."""
        return self._folder / f"{backup.name}.files"

    async def make(self) -> Backup:
        """Dump, restore elsewhere, compare, take away what is too old. One at a time."""
        async with self._busy:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = await self._dump()
            verified = await self._verify(made)
            self._rotate()
            return verified

    async def verify(self, name: str) -> Backup:
        """Restore an old one once more and compare. Raises NotFound."""
        async with self._busy:
            return await self._verify(self.get(name))

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _dump(self) -> Backup:
        at = self._now()
        name = f"chargehouse-{at:%Y%m%dT%H%M%SZ}"
        partial, beside = self._folder / f".{name}.part", self._folder / f"{name}.files"
        snapshot = await self._door.call(_Snapshot.open, self._dsn)
        try:
            await self._gather(beside)
            tables = await self._door.call(snapshot.fingerprints)
            await self._run(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--snapshot={snapshot.name}",
                f"--file={partial}",
                f"--dbname={self._dsn}",
            )
            size, digest = await trio.to_thread.run_sync(_digest, partial)
            await self._gather(beside)  # what came meanwhile may be in the snapshot, too
            files = await trio.to_thread.run_sync(digests, beside)
        except BaseException:
            partial.unlink(missing_ok=True)
            shutil.rmtree(beside, ignore_errors=True)
            raise
        finally:
            with trio.CancelScope(shield=True):
                await self._door.call(snapshot.close)
        os.chmod(partial, 0o600)
        partial.rename(self._folder / f"{name}.dump")
        made = Backup(name, at, size, digest, tables, files=files)
        self._note(made)
        _log.info("backup made", name=name, size_bytes=size)
        return made

    async def _verify(self, backup: Backup) -> Backup:
        error = await trio.to_thread.run_sync(_wrong_with_file, self.path(backup), backup)
        if not error:
            error = await trio.to_thread.run_sync(missing_or_wrong, self.files(backup), backup.files)
        if not error:
            error = await self._restore_elsewhere(backup)
        checked = msgspec.structs.replace(backup, verified_at=self._now(), error=error)
        self._note(checked)
        if error:
            _log.error("a backup is not good", name=backup.name, error=error)
        return checked

    async def _restore_elsewhere(self, backup: Backup) -> str:
        """What is wrong with it, or nothing."""
        scratch = f"chargehouse_verify_{os.getpid()}"
        await self._door.call(_recreate, self._dsn, scratch)
        try:
            dsn = other_database(self._dsn, scratch)
            await restore(self._programs, self.path(backup), dsn)
            snapshot = await self._door.call(_Snapshot.open, dsn)
            try:
                tables = await self._door.call(snapshot.fingerprints)
            finally:
                with trio.CancelScope(shield=True):
                    await self._door.call(snapshot.close)
        except FailedPrecondition as failed:
            return failed.message
        finally:
            with trio.CancelScope(shield=True):
                await self._door.call(_drop, self._dsn, scratch)
        differing = sorted(name for name in backup.tables | tables if backup.tables.get(name) != tables.get(name))
        return f"Restored, these tables differ: {', '.join(differing)}." if differing else ""

    def _rotate(self) -> None:
        """Take away what is older than the newest `keep` good ones; of the others, the newest stays to be looked at."""
        good = [backup for backup in self.all() if backup.good]
        if len(good) <= self._keep:
            return
        oldest = good[self._keep - 1].made_at
        for backup in self.all():
            if backup.made_at < oldest:
                self.path(backup).unlink(missing_ok=True)
                shutil.rmtree(self.files(backup), ignore_errors=True)
                (self._folder / f"{backup.name}.json").unlink(missing_ok=True)
                _log.info("backup taken away", name=backup.name)

    async def _gather(self, into: Path) -> None:
        if self._data is None:
            into.mkdir(mode=0o700, exist_ok=True)
        else:
            await trio.to_thread.run_sync(gather, self._data, into)

    def _note(self, backup: Backup) -> None:
        path = self._folder / f"{backup.name}.json"
        partial = self._folder / f".{backup.name}.note"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(backup)))
        os.chmod(partial, 0o600)
        partial.rename(path)

    async def _run(self, program: str, *arguments: str) -> None:
        await run_program(self._programs, program, *arguments)


async def run_program(programs: Path, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs to its end. Raises FailedPrecondition with its last words."""
    try:
        done = await trio.run_process(
            [str(programs / program), *arguments], capture_stdout=True, capture_stderr=True, check=False
        )
    except OSError as error:
        raise FailedPrecondition(
            f"{program} cannot be run: {error.strerror}. Name PostgreSQL's programs with --postgres-bin.",
            reason="BACKUP_FAILED",
        ) from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise FailedPrecondition(f"{program} failed: {words[-1] if words else done.returncode}", reason="BACKUP_FAILED")


async def restore(programs: Path, dump: Path, dsn: str) -> None:
    """Fill an empty database from a dump, all or nothing. Raises FailedPrecondition."""
    await run_program(
        programs,
        "pg_restore",
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={dsn}",
        str(dump),
    )


async def check_file(dump: Path) -> Backup | None:
    """The note that lies beside a dump, if one does. Raises NotFound, FailedPrecondition when they disagree."""
    if not dump.is_file():
        raise NotFound(f"There is no file {dump}.", reason="BACKUP_NOT_FOUND")
    note = dump.with_suffix(".json")
    if not note.is_file():
        return None
    try:
        backup = msgspec.json.decode(note.read_bytes(), type=Backup)
    except msgspec.DecodeError as error:
        raise FailedPrecondition(f"{note} cannot be read. Take it away to go on without it.") from error
    wrong = await trio.to_thread.run_sync(_wrong_with_file, dump, backup)
    if not wrong:
        wrong = await trio.to_thread.run_sync(missing_or_wrong, dump.with_suffix(".files"), backup.files)
    if wrong:
        raise FailedPrecondition(f"{wrong} It was damaged or changed: use another backup.", reason="BACKUP_DAMAGED")
    return backup


async def replace_database(door: Door, dsn: str, programs: Path, dump: Path, keep_old_as: str = "") -> None:
    """Put a dump in the place of a database: it is restored beside it first, then the names are exchanged.

    Nobody else may be connected. The old database is dropped, or kept under another name. Raises Unavailable,
    FailedPrecondition.
    """
    name = database_of(dsn)
    fresh = f"{name}_restored"
    await door.call(_recreate, dsn, fresh)
    try:
        await restore(programs, dump, other_database(dsn, fresh))
        await door.call(_after_restore, other_database(dsn, fresh))
        await door.call(_exchange, dsn, name, fresh, keep_old_as)
    except BaseException:
        with trio.CancelScope(shield=True):
            await door.call(_drop, dsn, fresh)
        raise


def database_of(dsn: str) -> str:
    """The database that a DSN names. Raises FailedPrecondition when it names none."""
    name = unquote(urlsplit(dsn).path.lstrip("/"))
    if not name:
        raise FailedPrecondition(
            "The database URL names no database: write postgresql://HOST/NAME.", reason="DATABASE_URL"
        )
    return name


def other_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(dsn)
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key != "dbname"], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, f"/{quote(name)}", query, ""))


def _digest(path: Path) -> tuple[int, str]:
    found = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
        os.fsync(file.fileno())
    return size, found.hexdigest()


def _wrong_with_file(path: Path, backup: Backup) -> str:
    try:
        size, digest = _digest(path)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}."
    if (size, digest) != (backup.size_bytes, backup.sha256):
        return f"{path.name} is not what was written."
    return ""


# -- asyncio side ------------------------------------------------------------------------------------------------------


class _Snapshot:
    """A read-only transaction whose view of the database others can share."""

    def __init__(self, connection: asyncpg.Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    @classmethod
    async def open(cls, dsn: str) -> _Snapshot:
        with translated():
            connection = await asyncpg.connect(dsn, timeout=10, server_settings={"timezone": "UTC"})
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await connection.execute("SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'")
            return cls(connection, await connection.fetchval("SELECT pg_export_snapshot()"))

    async def fingerprints(self) -> dict[str, tuple[int, str]]:
        """Rows and a hash over them, whatever their order, of each table."""
        found: dict[str, tuple[int, str]] = {}
        with translated():
            for row in await self._connection.fetch(TABLES_SQL):
                name = row["name"]  # as PostgreSQL itself writes it
                one = await self._connection.fetchrow(
                    f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM {name} t",  # noqa: S608
                    timeout=3600,
                )
                found[name] = (one[0], one[1])
        return found

    async def close(self) -> None:
        self._connection.terminate()


async def _recreate(dsn: str, name: str) -> None:
    drop, create = f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)", f"CREATE DATABASE {_quoted(name)}"
    await _administer(dsn, [drop, f"{create} TEMPLATE template0"])


async def _drop(dsn: str, name: str) -> None:
    await _administer(dsn, [f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)"])


async def _exchange(dsn: str, name: str, fresh: str, keep_old_as: str) -> None:
    old = keep_old_as or f"{name}_replaced"
    statements = [
        *([] if keep_old_as else [f"DROP DATABASE IF EXISTS {_quoted(old)} WITH (FORCE)"]),
        f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(old)}",
        f"ALTER DATABASE {_quoted(fresh)} RENAME TO {_quoted(name)}",
        *([] if keep_old_as else [f"DROP DATABASE {_quoted(old)} WITH (FORCE)"]),
    ]
    await _administer(other_database(dsn, "postgres"), statements)


async def _after_restore(dsn: str) -> None:
    with translated():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute(
                "SELECT setval('session_id_seq', least(nextval('session_id_seq') + $1, 2147483647))",
                SESSION_IDS_SKIPPED,
            )
            await connection.execute("UPDATE station SET online = false, link_epoch = 0")
        finally:
            connection.terminate()


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


async def _administer(dsn: str, statements: Sequence[str]) -> None:
    with translated():
        connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=120)
    except asyncpg.InsufficientPrivilegeError as error:
        raise FailedPrecondition(
            f"The database's user may not make databases, which a restore needs: {error}. Grant it CREATEDB.",
            reason="BACKUP_FAILED",
        ) from error
    except asyncpg.ObjectInUseError as error:
        raise FailedPrecondition(
            f"Somebody is still connected to the database: {error}. Stop the server first.", reason="DATABASE_IN_USE"
        ) from error
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Unavailable("The database cannot be reached. Try again in a moment.") from error
    finally:
        connection.terminate()
