"""What a connection costs: its handshakes, its boot, and its memory while it is idle; with TLS and without.

The floor is a bare listener that does the same handshakes and nothing else.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.figures import spread, table
from benchmarks.load import Client
from benchmarks.machine import cpu_seconds, free_port, memory_kib, node, python, running, until_open
from loadtest.saturate_wire import Wire

OPENERS: Final = 16
SETTLE: Final = 2.0  # seconds between the last boot and the look at the memory
BARE, BARE_TLS = "bare listener", "bare listener, TLS"
OURS, OURS_TLS = "Chargehouse", "Chargehouse, TLS"
NAMES: Final = (BARE, BARE_TLS, OURS, OURS_TLS)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of `stations` connections: wall time, CPU of the server for handshakes and for a boot, memory that stays."""

    per_second: float
    handshake_ms: float
    boot_ms: float | None
    kib: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate for localhost, in files."""

    chain: Path
    key: Path

    def trusting(self) -> ssl.SSLContext:
        """A client's side of TLS that trusts it."""
        return ssl.create_default_context(cafile=str(self.chain))


def measure(stations: int, rounds: int) -> str:
    """A table, as Markdown."""
    found: dict[str, list[Cost]] = {name: [] for name in NAMES}
    for number in range(rounds):
        print(f"{stations:,} connections, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name, cost in _one(stations):
            found[name].append(cost)
    rows = []
    for name, costs in found.items():
        boots = [cost.boot_ms for cost in costs if cost.boot_ms is not None]
        rows.append(
            (
                name,
                spread(cost.per_second for cost in costs),
                spread((cost.handshake_ms for cost in costs), ".2f"),
                spread(boots, ".2f"),
                spread((cost.kib for cost in costs), ".1f"),
            )
        )
    columns = ("server", "handshakes/s", "CPU ms per handshake", "CPU ms per boot", "KiB per idle station")
    return table(columns, rows)


def bare_rate(stations: int) -> float:
    """Handshakes per second of the bare listener without TLS."""
    with _bare() as (pid, port):
        return _connections(pid, port, "BARE", stations, tls=None, boots=False).per_second


def _one(stations: int) -> Iterator[tuple[str, Cost]]:
    """One round, each server anew."""
    with certificate() as made:
        with _bare() as (pid, port):
            yield BARE, _connections(pid, port, "A", stations, tls=None, boots=False)
        with _bare(made) as (pid, port):
            yield BARE_TLS, _connections(pid, port, "A", stations, tls=made.trusting(), boots=False)
        with node() as (pid, port, _):
            _connections(pid, port, "FIRST", 50, tls=None, boots=True)  # what is imported and made once
            yield OURS, _connections(pid, port, "A", stations, tls=None, boots=True)
        with tls_node(made) as (pid, port):
            _connections(pid, port, "FIRST", 50, tls=made.trusting(), boots=True)
            yield OURS_TLS, _connections(pid, port, "A", stations, tls=made.trusting(), boots=True)


def _connections(pid: int, port: int, prefix: str, stations: int, *, tls: ssl.SSLContext | None, boots: bool) -> Cost:
    """Open them, let them boot, look at the memory, close them."""
    memory, cpu, began = memory_kib(pid), cpu_seconds(pid), time.perf_counter()

    def dial(number: int) -> Client:
        client = Client.__new__(Client)
        Wire.__init__(client, "localhost", port, f"/ocpp/{prefix}-{number}", f"{prefix}-{number}", tls=tls)
        return client

    with ThreadPoolExecutor(OPENERS) as pool:
        clients = list(pool.map(dial, range(stations)))
        took = time.perf_counter() - began
        handshakes = cpu_seconds(pid) - cpu
        boot_ms = None
        if boots:
            cpu = cpu_seconds(pid)
            said = {"chargePointVendor": "Bench", "chargePointModel": "B1"}
            list(pool.map(lambda client: client.call("BootNotification", said), clients))
            boot_ms = (cpu_seconds(pid) - cpu) * 1000 / stations
    time.sleep(SETTLE)
    kib = (memory_kib(pid) - memory) / stations
    for client in clients:
        client.close()
    return Cost(stations / took, handshakes * 1000 / stations, boot_ms, kib)


@contextlib.contextmanager
def _bare(tls: Certificate | None = None) -> Iterator[tuple[int, int]]:
    port = free_port()
    files = [] if tls is None else [str(tls.chain), str(tls.key)]
    with running(python("benchmarks.echo", str(port), *files), port) as pid:
        yield pid, port


@contextlib.contextmanager
def tls_node(made: Certificate) -> Iterator[tuple[int, int]]:
    """A node whose stations come over TLS: (pid, port)."""
    port = free_port()
    flags = (
        f"--ocpp-tls-listen=127.0.0.1:{port}",
        f"--ocpp-tls-cert={made.chain}",
        f"--ocpp-tls-key={made.key}",
    )
    with node(*flags) as (pid, _, _folder):
        until_open(port)
        yield pid, port


@contextlib.contextmanager
def certificate() -> Iterator[Certificate]:
    """Valid for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        chain, private = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        yield Certificate(chain, private)
