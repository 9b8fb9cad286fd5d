"""What the run takes of this machine: processor and memory of the server, of its PostgreSQL and of ourselves.

A thread of its own looks once a second, so that the run is not held up; it sees the server only when that runs on the
same machine.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import platform
import socket
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from loadtest.scrape import Scrape, Scraper

EVERY = 1.0
LOOK_FOR_CHILDREN_EVERY = 5  # looks; finding them costs more than all the rest
MIB = 1024 * 1024

SERVER, POSTGRES, NATS, TESTER = "server", "postgresql", "nats", "load tester"


@dataclass(frozen=True, slots=True)
class Look:
    """One group of processes at one time. `cpu` is in cores (1.0: one of them is busy), memory in MiB.

    `private` is what would come free if the processes ended; None where it may not be seen.
    """

    second: float
    cpu: float
    resident: float
    private: float | None
    processes: int
    threads: int
    descriptors: int | None


@dataclass(slots=True)
class Group:
    """Processes that are counted as one."""

    name: str
    looks: list[Look] = field(default_factory=list)
    _spent: dict[int, float] = field(default_factory=dict)

    def look(self, processes: Iterable[psutil.Process], second: float, passed: float) -> None:
        """Add one look; `passed` seconds after the one before."""
        cpu, resident, threads, found = 0.0, 0, 0, 0
        private = 0
        descriptors: int | None = 0
        for process in processes:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    memory = process.memory_info()
                    running = process.num_threads()
                    alone = _private_of(process, memory.rss - memory.shared)
            except psutil.Error:
                continue  # it has ended
            spent = times.user + times.system
            # One that came between two looks has spent all of it since.
            cpu += spent - self._spent.get(process.pid, 0.0 if self.looks else spent)
            self._spent[process.pid] = spent
            resident += memory.rss
            private += alone
            threads += running
            descriptors = _sum(descriptors, _descriptors_of(process.pid))
            found += 1
        self.looks.append(
            Look(
                second=round(second, 2),
                cpu=round(cpu / passed, 4) if passed else 0.0,
                resident=round(resident / MIB, 2),
                private=round(private / MIB, 2),
                processes=found,
                threads=threads,
                descriptors=descriptors,
            )
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _private_of(process: psutil.Process, guess: int) -> int:
    """The unique set in bytes; another user's processes show only what is not shared by files."""
    if process.name().startswith("postgres"):
        return guess  # dozens of them, and each would walk the same shared buffers
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return guess


def _descriptors_of(pid: int) -> int | None:
    folder = f"/proc/{pid}/fd"
    try:
        return os.stat(folder).st_size or len(os.listdir(folder))  # the size is their number since Linux 6.2
    except OSError:
        return None


class ResourceWatch:
    """Watches from `start` to `stop`. Give the server's processes, or none to watch only ourselves."""

    def __init__(self, servers: Sequence[int] = (), metrics: Sequence[str] = (), *, every: float = EVERY) -> None:
        self._roots = [psutil.Process(pid) for pid in servers]
        self._every = every
        self._began = time.monotonic()
        self._began_date = datetime.now(UTC)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._lists: dict[str, list[psutil.Process]] = {}
        self.groups: dict[str, Group] = {}
        self.scraper = Scraper(metrics)

    def start(self) -> None:
        """Take the first look and go on in a thread. The seconds are counted from here, until `count_from`."""
        self._began = time.monotonic()
        self._began_date = datetime.now(UTC)
        self._look_around(0)
        self._thread = threading.Thread(target=self._run, name="resources", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more looks."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10)

    def count_from(self, began: datetime) -> None:
        """Count the seconds from the begin of the run, and forget what was more than a second before."""
        offset = (began - self._began_date).total_seconds()
        self._began_date = began
        for group in self.groups.values():
            shifted = [replace(look, second=round(look.second - offset, 2)) for look in group.looks]
            group.looks = [look for look in shifted if look.second >= -self._every]
        for scrape in self.scraper.scrapes:
            scrape.second = round(scrape.second - offset, 2)
        self.scraper.scrapes = [scrape for scrape in self.scraper.scrapes if scrape.second >= -self._every]

    @property
    def scrapes(self) -> list[Scrape]:
        """What the server's metrics said, each second."""
        return self.scraper.scrapes

    def _run(self) -> None:
        number = 0
        while True:
            number += 1
            wait = self._began + number * self._every - time.monotonic()
            if self._stopped.wait(max(wait, 0.05)):
                return
            self._look_around(number)

    def _look_around(self, number: int) -> None:
        if number < LOOK_FOR_CHILDREN_EVERY or number % LOOK_FOR_CHILDREN_EVERY == 0:  # ours come in the beginning
            self._lists = find_groups(self._roots)
        second = time.monotonic() - self._began
        for name, processes in self._lists.items():
            group = self.groups.setdefault(name, Group(name))
            last = group.looks[-1].second if group.looks else second
            group.look(processes, second, second - last)
        self.scraper.scrape(second)


def find_groups(roots: Sequence[psutil.Process]) -> dict[str, list[psutil.Process]]:
    """Who belongs to whom: the server and its children, those of them that are PostgreSQL or NATS, ourselves."""
    below = _with_children(roots)
    postgres = [process for process in below if _is(POSTGRES, process)] or _postgres_beside(roots)
    nats = [process for process in below if _is(NATS, process)]
    taken = {process.pid for process in (*postgres, *nats)}
    found = {
        SERVER: [process for process in below if process.pid not in taken],
        POSTGRES: postgres,
        NATS: nats,
        TESTER: [process for process in _with_children([psutil.Process()]) if process not in below],
    }
    return {name: processes for name, processes in found.items() if processes}


def _postgres_beside(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    """A database that is not below the server: started by the server's own parent, or the only one here."""
    if not roots:
        return []
    all_here = {process.pid: process for process in psutil.process_iter() if _is(POSTGRES, process)}
    parents = {pid: _parent_of(process) for pid, process in all_here.items()}
    masters = [pid for pid, parent in parents.items() if parent not in all_here]
    ours = {_parent_of(process) for process in roots} - {None, 1}
    chosen = [pid for pid in masters if parents[pid] in ours] or masters
    return _with_children([all_here[chosen[0]]]) if len(chosen) == 1 else []


def _parent_of(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.Error:
        return None


def _with_children(roots: Iterable[psutil.Process]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for root in roots:
        with contextlib.suppress(psutil.Error):
            for process in (root, *root.children(recursive=True)):
                found.setdefault(process.pid, process)
    return list(found.values())


def _is(what: str, process: psutil.Process) -> bool:
    try:
        return bool(process.name().startswith({POSTGRES: "postgres", NATS: "nats-server"}[what]))
    except psutil.Error:
        return False


def server_pids(host: str, port: int) -> list[int]:
    """The processes of this machine that listen on the target's port; none when the target is elsewhere."""
    if not is_here(host):
        return []
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:  # another user's server, and not the rights to see it
        return []
    found = {c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid}
    return [keeper] if (keeper := _keeper_of(found)) else sorted(found)


def _keeper_of(nodes: Collection[int]) -> int | None:
    """The process that runs several nodes on one port, with all that belongs to them; never one of our own kin."""
    if len(nodes) < 2:
        return None
    parents = {_parent_of(psutil.Process(pid)) for pid in nodes if psutil.pid_exists(pid)}
    kin = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    keeper = parents.pop() if len(parents) == 1 else None
    return None if keeper in (None, 1) or keeper in kin else keeper


def wanted_pids(host: str, port: int, given: Sequence[int]) -> list[int]:
    """The server's processes: those of `--server-pid`, else those that are found. Raises ValueError in a sentence."""
    for pid in given:
        if not psutil.pid_exists(pid):
            raise ValueError(f"--server-pid: there is no process {pid} on this machine")
    return list(given) or server_pids(host, port)


def is_here(host: str) -> bool:
    """Whether the name or address is one of this machine."""
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    mine = {address.address.partition("%")[0] for several in psutil.net_if_addrs().values() for address in several}
    return any(ipaddress.ip_address(a.partition("%")[0]).is_loopback or a in mine for a in addresses)


def machine_facts() -> dict[str, object]:
    """What ran here: for the reader who wonders whether two reports can be compared."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor() or platform.machine(),
        "cores": usable,
        "memory_mib": round(psutil.virtual_memory().total / MIB),
        "load_average": round(load[0], 2),
    }


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
