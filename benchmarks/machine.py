"""Processes on their cores, and the kernel's account of what they took."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from csms.storage.postgres import EmbeddedPostgres

TICK: Final = os.sysconf("SC_CLK_TCK")
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = {CORES[0]}
OTHER_CORES: Final = set(CORES[1:]) or {CORES[0]}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICK


def busy_seconds(pid: int) -> float:
    """The same to the nanosecond, of the threads that still live; 0 for a process that is gone."""
    total = 0
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def children_cpu(pid: int) -> float:
    """CPU of a process's present and past descendants."""
    fields = _stat(pid)
    total = (int(fields[13]) + int(fields[14])) / TICK
    for child in tree(pid):
        with contextlib.suppress(OSError):
            total += cpu_seconds(child)
    return total


def tree(pid: int) -> list[int]:
    """A process's children, their children, …"""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = list(children.get(pid, ()))
    for each in found:  # grows as it goes
        found += children.get(each, ())
    return found


def memory_kib(pid: int) -> int:
    """Private memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    wanted = ("Private_Clean:", "Private_Dirty:")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(wanted))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def pin(pid: int, cores: set[int]) -> None:
    """All threads of a process onto these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


@contextlib.contextmanager
def running(
    arguments: Sequence[str], port: int, *, patience: float = 120.0, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A server process, pinned; ends with the block. Its children are given the other cores."""
    process = subprocess.Popen(list(arguments), stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    try:
        deadline = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(arguments)} did not start.")
            time.sleep(0.1)
        pin(process.pid, SERVER_CORE)
        for child in tree(process.pid):
            pin(child, OTHER_CORES)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def until_open(port: int, patience: float = 60.0) -> None:
    """Return once somebody listens there: a node opens its doors one after the other. Raises SystemExit."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"Nobody listens at port {port}.")
        time.sleep(0.05)


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a module."""
    return [sys.executable, "-m", module, *arguments]


@functools.cache
def _fresh_data() -> Path:
    """A data folder with a database in which nothing is, made once: each node under test gets a copy."""
    folder = Path(tempfile.mkdtemp(prefix="chargehouse-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    subprocess.run(python("csms", "migrate", f"--data-dir={folder}/data"), check=True, stdout=subprocess.DEVNULL)
    return folder / "data"


@contextlib.contextmanager
def node(*flags: str) -> Iterator[tuple[int, int, str]]:
    """A whole node with a PostgreSQL of its own, in a scratch folder: (pid, OCPP port, data folder)."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        subprocess.run(["cp", "-a", str(_fresh_data()), folder], check=True)
        port = free_port()
        arguments = python(
            "csms",
            "serve",
            "--no-portal",
            f"--data-dir={folder}/data",
            f"--ocpp-listen=127.0.0.1:{port}",
            "--files-listen=127.0.0.1:0",
            "--unknown-stations=accept",
            "--station-rate=100000",  # a closed loop sends more than any station would be let
            "--log-level=warning",
            *flags,
        )
        if not any(flag.startswith("--control-listen") for flag in flags):
            arguments.append(f"--control-listen=127.0.0.1:{free_port()}")
        with running(arguments, port) as pid:
            yield pid, port, f"{folder}/data"


@contextlib.contextmanager
def scratch_postgres() -> Iterator[str]:
    """A PostgreSQL with the node's own settings and nothing in it: its address. It runs on the other cores."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        cluster = EmbeddedPostgres(Path(folder) / "pg")
        cluster.start()
        try:
            yield cluster.dsn
        finally:
            cluster.stop()
