"""The folder of the embedded PostgreSQL: whose it is, who may enter, one chargehouse at a time.

Layout::

    lock           flock: one chargehouse per folder; holds the process id of the one that has it
    pgdata/        the cluster; made as pgdata.new-… and renamed when complete
    run/           the unix socket (or a link to a short temporary folder: a socket path has 107 bytes at most)
    postgres.log   what PostgreSQL says

PostgreSQL refuses to run as root, so root hands it to another user: the owner of the cluster or of the folder
around it, and if that is root too, ``nobody``. That user owns ``pgdata`` and ``run`` (mode 700) and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

import structlog

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107  # bytes; sockaddr_un has 108 with the final zero
LOG_LIMIT = 16 * 1024 * 1024

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("csms.postgres")


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot do what it should; the message says what to do."""


class DataFolderInUse(PostgresError):
    """Another chargehouse works in this data folder."""


class DataFolderUnusable(PostgresError):
    """The data folder, or the way to it, is not ours to use."""


class DataFolder:
    """See the layout above. ``open()`` first; then the folder is ours until ``close()``."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()  # as the kernel names it, to know our processes by it
        self.cluster = self.path / "pgdata"
        self.run = self.path / "run"
        self.log = self.path / "postgres.log"
        self.socket_folder = self.run
        self.uid: int | None = None  # the user for PostgreSQL; None: the one that we are
        self.gid: int | None = None
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Make the folder if need be, lock it, clear away what a crash has left.

        Raises:
            DataFolderInUse, DataFolderUnusable
        """
        self._choose_user()
        try:
            self._make()
            self._take_lock()
        except PermissionError as error:
            raise DataFolderUnusable(
                f"The data folder {self.path} cannot be used: {error.strerror} ({error.filename}). "
                "Run chargehouse as the folder's owner or choose another one with --data-dir."
            ) from error
        for leftover in self.path.glob("pgdata.new-*"):  # an initdb that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def close(self) -> None:
        """Let go; may be called twice."""
        if self._lock is not None:
            self.remove_socket_folder()
            self._lock.close()
            self._lock = None

    def open_log(self) -> int:
        """A file descriptor to append to the log. No link is followed: root writes here, too."""
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    # ── the cluster ──────────────────────────────────────────────────────────────────────────────────────

    def new_cluster(self) -> Path:
        """An empty private folder to make a cluster in; ``keep_cluster`` puts it in its place."""
        new = Path(tempfile.mkdtemp(prefix="pgdata.new-", dir=self.path))
        self._make_private(new)
        return new

    def keep_cluster(self, new: Path) -> None:
        new.rename(self.cluster)
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def cluster_version(self) -> int | None:
        """The major version that wrote the cluster; None: there is none yet.

        Raises:
            DataFolderUnusable: it belongs to somebody else, or it is no cluster.
        """
        if not self.cluster.exists():
            return None
        try:
            return int((self.cluster / "PG_VERSION").read_text("ascii"))
        except PermissionError as error:
            raise DataFolderUnusable(
                f"The cluster in {self.cluster} belongs to another user (uid {self.cluster.stat().st_uid}). "
                "Run chargehouse as that user (or root), or choose another folder with --data-dir."
            ) from error
        except (FileNotFoundError, ValueError) as error:
            raise DataFolderUnusable(
                f"{self.cluster} is not a PostgreSQL cluster (no PG_VERSION). Move it away or restore it."
            ) from error

    def keep_programs(self, installation: Path) -> Path:
        """A copy of a PostgreSQL installation where our other user can reach it; made once per installation.

        A wheel's installation (package/pginstall) looks for its libraries beside the package (package.libs).
        """
        status = (installation / "bin" / "postgres").stat()
        copy = self.path / f"programs-{status.st_size:x}-{status.st_mtime_ns:x}"
        package = installation.parent
        if not copy.exists():
            new = Path(tempfile.mkdtemp(prefix="programs.new-", dir=self.path))
            shutil.copytree(installation, new / package.name / installation.name, symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, new / libraries.name)
            for place in (new, *new.rglob("*")):
                if not place.is_symlink():
                    place.chmod(place.stat().st_mode | (0o555 if place.is_dir() else 0o444))
            for program in (new / package.name / installation.name / "bin").iterdir():
                program.chmod(0o755)
            new.rename(copy)
            _log.info("postgres_programs_copied", to=str(copy), why="the user that runs them cannot enter their folder")
        return copy / package.name / installation.name

    # ── the socket ───────────────────────────────────────────────────────────────────────────────────────

    def make_socket_folder(self) -> None:
        self.remove_socket_folder()
        too_long = len(os.fsencode(self.run / SOCKET_NAME)) > SOCKET_PATH_LIMIT
        if not too_long and "," not in str(self.run):
            self.run.mkdir()
            self.socket_folder = self.run
        else:  # a comma separates hosts, for server and client
            reason = "path too long" if too_long else "comma in path"
            self.socket_folder = Path(tempfile.mkdtemp(prefix="chargehouse-"))
            self.run.symlink_to(self.socket_folder)
            _log.info("postgres_socket_elsewhere", reason=reason, folder=str(self.socket_folder))
        self._make_private(self.socket_folder)

    def remove_socket_folder(self) -> None:
        if self.run.is_symlink():
            target = self.run.readlink()
            if target.name.startswith("chargehouse-"):
                shutil.rmtree(target, ignore_errors=True)
            self.run.unlink()
        elif self.run.exists():
            shutil.rmtree(self.run)

    # ── whose it is ──────────────────────────────────────────────────────────────────────────────────────

    def _choose_user(self) -> None:
        if os.geteuid() != 0:
            return
        existing = next(path for path in (self.path, *self.path.parents) if path.exists())
        for path in (self.cluster, existing, existing.parent):
            if path.exists() and (status := path.stat()).st_uid != 0:
                self.uid, self.gid = status.st_uid, status.st_gid
                return
        try:
            nobody = pwd.getpwnam("nobody")
            self.uid, self.gid = nobody.pw_uid, nobody.pw_gid
        except KeyError:
            self.uid = self.gid = 65534

    def _make(self) -> None:
        is_new = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        if self.uid is None:
            self.path.chmod(0o700)
        elif is_new or self.path.stat().st_uid == 0:
            self.path.chmod(0o711)  # to be passed through; what is inside is private by itself

    def _make_private(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def _take_lock(self) -> None:
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        lock = os.fdopen(fd, "r+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DataFolderInUse(
                f"The data folder {self.path} is in use by another chargehouse (process {holder}). "
                "Stop that one first, or choose another folder with --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock


def open_to_others(path: Path) -> bool:
    """May any user go to ``path``?"""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (*path.parents, path) if folder.exists())


def first_closed(path: Path) -> str:
    """The outermost folder on the way to ``path`` that others may not enter."""
    for folder in (*reversed(path.parents), path):
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(folder.stat().st_mode)
            if not mode & stat.S_IXOTH:
                return f"{folder} (mode {mode:o})"
    return str(path)
