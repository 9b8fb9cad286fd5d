"""The servers that are measured beside the node, each as a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import children_cpu, cpu_seconds, free_port, node, python, running, scratch_postgres

NODE_FOLDER: Final = Path(__file__).parent / "node"


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that listens on `port`. `postgres_cpu`: CPU seconds of its database so far."""

    pid: int
    port: int
    postgres_cpu: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Peer:
    """One server. `answers`: it knows OCPP; else it echoes."""

    key: str
    name: str
    start: Callable[[], AbstractContextManager[Running]]
    answers: bool = True


@contextlib.contextmanager
def _module(name: str, *arguments: str) -> Iterator[Running]:
    port = free_port()
    with running(python(name, str(port), *arguments), port) as pid:
        yield Running(pid, port, lambda: 0.0)


@contextlib.contextmanager
def _plain() -> Iterator[Running]:
    with scratch_postgres() as dsn, _module("benchmarks.plain_asyncpg", dsn) as server:
        yield Running(server.pid, server.port, lambda: children_cpu(os.getpid()) - cpu_seconds(server.pid))


@contextlib.contextmanager
def _node_js() -> Iterator[Running]:
    port = free_port()
    with running(["node", str(NODE_FOLDER / "server.cjs"), str(port)], port) as pid:
        yield Running(pid, port, lambda: 0.0)


@contextlib.contextmanager
def _ours(*flags: str) -> Iterator[Running]:
    with node(*flags) as (pid, port, _folder):
        yield Running(pid, port, lambda: children_cpu(pid))


def has_node_js() -> bool:
    """Whether the peer on Node can run; installs its package when npm is there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    if not (NODE_FOLDER / "node_modules" / "ocpp-rpc").is_dir():
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        done = subprocess.run(command, cwd=NODE_FOLDER, check=False, capture_output=True)
        return done.returncode == 0
    return True


ECHO: Final = Peer("echo", "bare echo on trio, sans I/O (the floor)", lambda: _module("benchmarks.echo"), answers=False)
MINIMAL: Final = Peer(
    "minimal", "ocpp + websockets on asyncio, stores nothing", lambda: _module("benchmarks.minimal_ocpp")
)
PLAIN: Final = Peer("plain", "the same, and asyncpg inserts before each answer", _plain)
NODE_JS: Final = Peer("node", "Node's ocpp-rpc, strict, stores nothing", _node_js)
OURS: Final = Peer("ours", "Chargehouse, durable", _ours)
OURS_QUIET: Final = Peer("quiet", "Chargehouse, durable, message log off", lambda: _ours("--no-message-log"))
