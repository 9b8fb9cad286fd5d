"""`make bench`: what a durable MeterValues costs, against a minimal server that stores nothing and against the floor.

Each server is pinned to the first core, PostgreSQL and the load to the others. CPU is read from the kernel's
account of the server's
process (all threads, user and system), so that a busy machine changes the throughput but hardly the cost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Client, Figures, saturate

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORES = {CORES[0]}, set(CORES[1:]) or {CORES[0]}


@dataclass
class Row:
    """One server in one round."""

    name: str
    per_second: float
    cpu_us: float
    postgres_us: float
    p50_ms: float
    p99_ms: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def tree(pid: int) -> list[int]:
    """A process's children, their children, …"""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == pid:
                    found += [int(entry.name), *tree(int(entry.name))]
    return found


def children_cpu(pid: int) -> float:
    """CPU of a process's present and past descendants."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = (int(fields[13]) + int(fields[14])) / TICK
    for child in tree(pid):
        with contextlib.suppress(OSError):
            total += cpu_seconds(child)
    return total


def memory_kib(pid: int) -> int:
    """Private memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    wanted = ("Private_Clean:", "Private_Dirty:")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(wanted))


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(arguments: list[str], port: int, *, patience: float = 60.0) -> Iterator[int]:
    """A server process, pinned; ends with the block."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL)
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
        process.wait(30)


def pin(pid: int, cores: set[int]) -> None:
    """All threads of a process onto these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


@contextlib.contextmanager
def node(folder: str, *flags: str) -> Iterator[tuple[int, int]]:
    """A whole node with its own PostgreSQL: (pid, OCPP port)."""
    port = free_port()
    arguments = ["csms", "serve", "--no-portal", f"--data-dir={folder}", f"--ocpp-listen=127.0.0.1:{port}"]
    arguments += ["--files-listen=127.0.0.1:0"]
    arguments += [
        f"--control-listen=127.0.0.1:{free_port()}",
        "--unknown-stations=accept",
        "--log-level=warning",
        *flags,
    ]
    with running(arguments, port) as pid:
        yield pid, port


def begin(port: int, count: int) -> tuple[list[Client], list[int]]:
    """Connected stations, each with a transaction under way."""
    clients = [Client("127.0.0.1", port, f"BENCH-{index}") for index in range(count)]
    transactions = []
    for client in clients:
        client.call("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "B1"})
        start = {"connectorId": 1, "idTag": "BENCH", "meterStart": 1_000_000, "timestamp": "2026-01-01T00:00:00Z"}
        answer = client.call("StartTransaction", start)
        transactions.append(int(answer["transactionId"]) if isinstance(answer, dict) else 1)
    return clients, transactions


def measure(name: str, pid: int, figures: Figures, cpu: float, postgres: float) -> Row:
    """A row from what the clients and the kernel say."""
    cuts = statistics.quantiles(figures.latencies_ms, n=100)
    each = 1e6 / figures.messages
    return Row(name, figures.messages / figures.seconds, cpu * each, postgres * each, cuts[49], cuts[98])


def run(name: str, pid: int, clients: list[Client], transactions: list[int], seconds: float) -> Row:
    """Load one server, after a warm-up of its own."""
    saturate(clients, transactions, 0.1, warm_up=2.0)
    drain(clients)
    cpu, postgres = cpu_seconds(pid), children_cpu(pid)
    figures = saturate(clients, transactions, seconds, warm_up=0.0)
    row = measure(name, pid, figures, cpu_seconds(pid) - cpu, children_cpu(pid) - postgres)
    drain(clients)
    for client in clients:
        client.sock.close()
    return row


def drain(clients: list[Client]) -> None:
    """Take in the answers still under way."""
    for client in clients:
        client.sock.settimeout(10)
        while not client.take():
            client.buffer += client.sock.recv(65536)


def bench_echo(seconds: float, stations: int) -> Row:
    """The floor."""
    port = free_port()
    with running(["benchmarks.echo", str(port)], port) as pid:
        clients = [Client("127.0.0.1", port, f"E{index}") for index in range(stations)]
        return run("bare echo on trio, sans I/O (the floor)", pid, clients, [1] * stations, seconds)


def bench_minimal(seconds: float, stations: int) -> Row:
    """The plain server."""
    port = free_port()
    with running(["benchmarks.minimal_ocpp", str(port)], port) as pid:
        clients, transactions = begin(port, stations)
        return run("ocpp + websockets on asyncio, stores nothing", pid, clients, transactions, seconds)


def bench_node(seconds: float, stations: int, *flags: str) -> Row:
    """Ours, with the group commit in front of each answer."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        with node(f"{folder}/data", *flags) as (pid, port):
            clients, transactions = begin(port, stations)
            name = "Chargehouse, durable" + (", message log off" if flags else "")
            return run(name, pid, clients, transactions, seconds)


def bench_memory(stations: int) -> float:
    """KiB of private memory per idle station that has booted."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        with node(f"{folder}/data") as (pid, port):
            boot = {"chargePointVendor": "Bench", "chargePointModel": "B1"}
            clients = []
            for index in range(200):  # the first ones pay for what is loaded once
                clients.append(Client("127.0.0.1", port, f"W{index}"))
                clients[-1].call("BootNotification", boot)
            time.sleep(2)
            before = memory_kib(pid)
            for index in range(stations):
                clients.append(Client("127.0.0.1", port, f"I{index}"))
                clients[-1].call("BootNotification", boot)
            time.sleep(5)
            after = memory_kib(pid)
            for client in clients:
                client.sock.close()
            return (after - before) / stations


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load per server and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stations", type=int, default=200, help="connections under load")
    parser.add_argument("--idle", type=int, default=3000, help="idle stations for the memory figure; 0 leaves it out")
    options = parser.parse_args()
    os.sched_setaffinity(0, OTHER_CORES)
    rounds: dict[str, list[Row]] = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for row in (
            bench_echo(options.seconds, options.stations),
            bench_minimal(options.seconds, options.stations),
            bench_node(options.seconds, options.stations),
            bench_node(options.seconds, options.stations, "--no-message-log"),
        ):
            rounds.setdefault(row.name, []).append(row)
    print_table(rounds)
    if options.idle:
        print(f"\nMemory per idle connected station: {bench_memory(options.idle):.1f} KiB ({options.idle} stations)")


def print_table(rounds: dict[str, list[Row]]) -> None:
    """Medians, spread, and the two ratios that matter."""
    print(f"\nPython {platform.python_version()}, {platform.machine()}, {len(CORES)} cores; medians (lowest–highest)\n")
    print("| server | messages/s | CPU µs per message | PostgreSQL µs | p50 ms | p99 ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    middle: dict[str, Row] = {}
    for name, rows in rounds.items():
        each = {
            key: [getattr(row, key) for row in rows]
            for key in ("per_second", "cpu_us", "postgres_us", "p50_ms", "p99_ms")
        }
        mid = {key: statistics.median(values) for key, values in each.items()}
        middle[name] = Row(name, **mid)
        low, high = min(each["cpu_us"]), max(each["cpu_us"])
        print(
            f"| {name} | {mid['per_second']:,.0f} | {mid['cpu_us']:.1f} ({low:.1f}–{high:.1f}) "
            f"| {mid['postgres_us']:.1f} | {mid['p50_ms']:.2f} | {mid['p99_ms']:.2f} |"
        )
    floor, minimal, *ours = middle.values()
    for row in ours:
        print(
            f"\n{row.name}: {minimal.cpu_us / row.cpu_us:.1f} × the minimal server's messages per core, "
            f"{row.cpu_us / floor.cpu_us:.1f} × the floor's CPU (median of ratios of CPU time)."
        )


if __name__ == "__main__":
    main()
