"""What docs/scale.md reckons with and no other benchmark measures: WAL and room for rows, keys on three NATS servers.

python -m benchmarks.scale
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import trio

from csms.aio import open_door
from csms.app.database import own_database
from csms.cluster.bus import Bus, BusSettings
from csms.cluster.nats_directory import StationKeys
from csms.cluster.nats_server import EmbeddedNats
from csms.config import Settings
from csms.storage.migrate import apply_migrations, known_migrations

ROWS_AT_ONCE = 200
BATCHES = 500
KEYS = 5_000
# Four samples, as the other benchmarks send them.
METER_SQL = """
INSERT INTO meter_value (station_id, evse_id, session_id, measured_at, received_at, digest, energy_wh, power_w, samples)
SELECT (random() * 10000)::int, 1, (random() * 1000000)::int, now() + ($1 * 200 + n) * interval '1 ms', now(),
       (random() * 9e18)::bigint, 123456, 11000,
       convert_to('[["Energy.Active.Import.Register",123456,"Wh"],["Power.Active.Import",11000,"W"],'
                  '["Current.Import",16,"A","L1"],["SoC",40,"Percent"]]', 'UTF8')
FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING
"""
LOG_SQL = """
INSERT INTO message_log (sequence, station_id, at, direction, message_type, action, message_id, content)
SELECT $1 * 200 + n, (random() * 10000)::int, now(), 1 + n % 2, 'CALL', 'MeterValues', md5(random()::text),
       repeat('x', CASE n % 2 WHEN 0 THEN 420 ELSE 46 END)
FROM generate_series(1, 200) AS n
"""
WAL_SQL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
ROOM_SQL = """
SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = $1::text::regclass
"""


async def rows(dsn: str) -> None:
    """WAL and room for each row of the two tables that grow fastest."""
    connection = await asyncpg.connect(dsn)
    try:
        await apply_migrations(connection, known_migrations())
        for table, sql in (("meter_value", METER_SQL), ("message_log", LOG_SQL)):
            await connection.execute("CHECKPOINT")
            before = await connection.fetchval(WAL_SQL)
            for number in range(BATCHES):
                await connection.execute(sql, float(number))
            wal = (await connection.fetchval(WAL_SQL) - before) / (BATCHES * ROWS_AT_ONCE)
            room = await connection.fetchval(ROOM_SQL, table) / (BATCHES * ROWS_AT_ONCE)
            print(f"{table}: {wal:.0f} bytes of WAL, {room:.0f} bytes of room for each row, with indexes")
    finally:
        await connection.close()


@contextmanager
def three_servers(folder: Path) -> Iterator[list[EmbeddedNats]]:
    """A NATS cluster on loopback."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
        stack.close()
        servers = [
            EmbeddedNats(folder / str(port), name=f"n{port}", cluster_port=port, routes=ports, password="bench")
            for port in ports
        ]
        with ExitStack() as running:
            for server in servers:
                running.callback(server.stop)
                server.start()
            yield servers


def processor_seconds(pids: Sequence[int]) -> float:
    """User and system time of processes."""
    ticks = 0
    for pid in pids:
        told = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(told[11]) + int(told[12])
    return ticks / float(os.sysconf("SC_CLK_TCK"))


async def keys(servers: Sequence[EmbeddedNats]) -> None:
    """Entries of stations that come, and that come again."""
    pids = [server.pid for server in servers if server.pid is not None]
    settings = BusSettings((servers[0].url,), servers[0].user, "bench", prefix="bench", replicas=3)
    async with open_door() as door, trio.open_nursery() as nursery:
        bus = Bus(door, settings, "bench")
        await nursery.start(bus.run)
        held = StationKeys(bus, "node-1")
        await nursery.start(held.run)
        held.held(KEYS + 1, 1)  # makes the bucket
        await trio.sleep(3.0)
        for count, what in ((1, "stations that are new"), (2, "stations that come again")):
            began, busy, own = time.monotonic(), processor_seconds(pids), time.process_time()
            for station_id in range(1, KEYS + 1):
                held.held(station_id, 4096 * count)
            while held.behind:
                await trio.sleep(0.01)
            seconds = time.monotonic() - began
            await trio.sleep(0.5)
            print(
                f"{what}: {KEYS / seconds:,.0f} keys a second on three servers; "
                f"{(processor_seconds(pids) - busy) / KEYS * 1e6:.0f} µs of theirs and "
                f"{(time.process_time() - own) / KEYS * 1e6:.0f} µs of the node's for each"
            )
        nursery.cancel_scope.cancel()


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with own_database(Settings(data_dir=folder / "data")) as (dsn, _):
            asyncio.run(rows(dsn))
        with three_servers(folder) as servers:
            trio.run(keys, servers)


if __name__ == "__main__":
    main()
