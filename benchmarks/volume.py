"""`python -m benchmarks.volume`: a million sessions and ten million meter values, and how fast lists and charts answer.

Loads a scratch PostgreSQL of its own (the embedded one, in a temporary folder), reckons all statistics from nothing,
and then asks through the very classes that answer the control API. Prints a table for docs/performance.md.

The data: stations at sites with two floors, people with tags who mostly come to the same few stations, on working days
in the morning, at week-ends over the day; 3.7 to 22 kW that fades at the end; ten meter values a session.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trio

from csms.aio import open_door
from csms.cluster.local import LocalFeed
from csms.domain.access import Principal, Role
from csms.domain.statistics import Bucket, ChartKind, ChartQuery, Split
from csms.domain.topology import Tree
from csms.domain.transaction import SessionState
from csms.ports.queries import SessionFilter
from csms.services.reckoning import whereabouts
from csms.services.scopes import Scopes
from csms.services.statistics import Statistics
from csms.storage.migrate import migrate
from csms.storage.places import PostgresPlaces
from csms.storage.pool import Database, open_database
from csms.storage.postgres import EmbeddedPostgres
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.sharing import PostgresSharing
from csms.storage.statistics import PostgresStatistics
from csms.storage.usage import PostgresUsage

DAYS = 730
END = datetime(2026, 11, 1, tzinfo=UTC)
STATIONS, SITES, USERS = 1_000, 20, 5_000
CALLER = Principal("users/1", "Bench", Role.ADMINISTRATOR, user_id=1)

PEOPLE_SQL = f"""
INSERT INTO place (id, parent_id, kind, name, time_zone)
SELECT 100 + n, 1, 'SITE', 'Site ' || n, (ARRAY['Europe/Stockholm', 'Europe/Amsterdam', 'Europe/London'])[1 + n % 3]
FROM generate_series(1, {SITES}) AS n;
INSERT INTO place (id, parent_id, kind, name)
SELECT 1000 + 2 * n + f, 100 + n, 'FLOOR', 'Floor ' || f FROM generate_series(1, {SITES}) AS n,
    generate_series(0, 1) AS f;
INSERT INTO station (identity, registration, place_id, online)
SELECT 'CP-' || n, 'Accepted', 1000 + 2 * (1 + n % {SITES}) + n / {SITES} % 2, n % 10 <> 0
FROM generate_series(1, {STATIONS}) AS n;
INSERT INTO connector SELECT id, 1, 1, 'Available', 'NoError', '', '', '', now(), now() FROM station;
INSERT INTO app_user (email, display_name, password_hash, role)
SELECT 'user' || n || '@example.org', 'User ' || n, '', 'ev-user' FROM generate_series(1, {USERS}) AS n;
INSERT INTO id_token (id_token, user_id) SELECT 'TAG-' || id, id FROM app_user;
"""
# Session n begins at its share of the whole span, moved to an hour at which people plug in.
SESSIONS_SQL = """
INSERT INTO session (id, station_id, station_id_at_start, station_identity, logged_at, progress_at, evse_id,
    connector_id, transaction_id, id_token, authentication, state, started_at, stopped_at, stop_logged_at,
    meter_start_wh, meter_stop_wh, energy_wh, register_last_wh, power_w, max_power_w, stop_reason, flags,
    needs_reconciliation, meter_value_count, last_meter_at, place_id, user_id)
SELECT n, station, station, 'CP-' || station, began, began + length, 1, 1, n::text, 'TAG-' || person, 'RFID',
       CASE WHEN n > $1 - 200 THEN 'ACTIVE' ELSE 'ENDED' END, began,
       CASE WHEN n > $1 - 200 THEN NULL ELSE began + length END,
       CASE WHEN n > $1 - 200 THEN NULL ELSE began + length END,
       n * 10, CASE WHEN n > $1 - 200 THEN NULL ELSE n * 10 + energy END, energy, n * 10 + energy,
       CASE WHEN n > $1 - 200 THEN power ELSE 0 END, power, '', '{}', n % 500 = 0, $6, began + length,
       1000 + 2 * (1 + station % $4) + station / $4 % 2, person
FROM generate_series($2::bigint, $3::bigint) AS n
CROSS JOIN LATERAL (SELECT 1 + (hashint8(n) & 2147483647) % $5 AS person, (hashint8(n * 7) & 1048575) / 1048576.0 AS r,
                           (hashint8(n * 13) & 1048575) / 1048576.0 AS s) AS a
CROSS JOIN LATERAL (SELECT 1 + (person * 37 + (r * 3)::integer * 11) % $7 AS station,
    (ARRAY[3700, 7400, 11000, 22000])[1 + person % 4]::float8 AS power,
    date_trunc('day', $8::timestamptz + (n::float8 / $1) * $9::interval)
        + (CASE WHEN r < 0.7 THEN 6 + 3 * s ELSE 9 + 11 * s END) * interval '1 hour' AS began,
    (0.3 + 6 * s * s + 2 * r) * interval '1 hour' AS length) AS b
CROSS JOIN LATERAL (SELECT CASE WHEN n % 40 = 0 THEN 0
    ELSE round((power * least(extract(epoch FROM length) / 3600, 1 + 3 * r) * 0.9)::numeric, 0) END::float8 AS energy)
    AS c
"""
VALUES_SQL = """
INSERT INTO meter_value (station_id, evse_id, session_id, measured_at, received_at, digest, energy_wh, power_w, samples)
SELECT station_id, 1, s.id, at, at, s.id * 16 + k, energy, power, convert_to(
    '[["Energy.Active.Import.Register",' || energy::bigint || ',"Wh"],["Power.Active.Import",' || power::bigint
    || ',"W"]]', 'UTF8')
FROM session AS s CROSS JOIN generate_series(1, $3::integer) AS k
CROSS JOIN LATERAL (SELECT s.began_at + (s.progress_at - s.began_at) * (k / ($3 + 1.0)) AS at,
    s.meter_start_wh + s.energy_wh * (1 - (1 - k / ($3 + 1.0)) ^ 2) AS energy,
    s.max_power_w * (1 - k / ($3 + 1.0)) AS power) AS v
WHERE s.id BETWEEN $1 AND $2
"""
INDEXES_SQL = """
SELECT c.relname::text AS name, pg_get_indexdef(i.indexrelid) AS sql
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = 'session'::regclass AND NOT i.indisunique
"""


async def load(database: Database, sessions: int, values: int, days: int) -> None:
    """Fill the tables, the indexes of sessions last."""
    await database.execute(PEOPLE_SQL)
    begin = END - timedelta(days=days)
    for day in (begin.date() + timedelta(days=n) for n in range(-1, days + 3)):
        until = day + timedelta(days=1)
        await database.execute(
            f"CREATE TABLE meter_value_{day:%Y%m%d} PARTITION OF meter_value FOR VALUES FROM ('{day} 00:00+00')"
            f" TO ('{until} 00:00+00')"
        )
    await database.execute("ALTER TABLE session DISABLE TRIGGER USER")
    indexes = await database.fetch(INDEXES_SQL)
    for row in indexes:
        await database.execute(f"DROP INDEX {row['name']}")
    for first in range(1, sessions + 1, 100_000):
        last = min(sessions, first + 99_999)
        span = (begin, timedelta(days=days))
        arguments = (sessions, first, last, SITES, USERS, values, STATIONS, *span)
        await database.execute(SESSIONS_SQL, *arguments, timeout=600)
    say("sessions")
    await trio.sleep(0)
    async with trio.open_nursery() as nursery:
        for half in range(2):
            nursery.start_soon(load_values, database, sessions * half // 2 + 1, sessions * (half + 1) // 2, values)
    say("meter values")
    for row in indexes:
        await database.execute(row["sql"], timeout=600)
    await database.execute("ALTER TABLE session ENABLE TRIGGER USER")
    say("indexes of sessions")


async def load_values(database: Database, first: int, last: int, values: int) -> None:
    """Of some sessions, in the order of time."""
    for start in range(first, last + 1, 50_000):
        await database.execute(VALUES_SQL, start, min(last, start + 49_999), values, timeout=600)


_began = time.monotonic()


def say(what: str) -> None:
    """How far we are."""
    print(f"{time.monotonic() - _began:7.0f} s  {what}", file=sys.stderr, flush=True)


async def measure(name: str, ask: Callable[[], Awaitable[object]], rounds: int) -> str:
    """A line of the table; the first answer, which may have to read from disk, does not count."""
    await ask()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    line = f"| {name} | {statistics.median(times):.1f} | {times[min(len(times) - 1, round(len(times) * 0.99))]:.1f} |"
    print(line, flush=True)
    return line


SPANS = (
    ("hour", timedelta(hours=1)),
    ("day", timedelta(days=1)),
    ("month", timedelta(days=30)),
    ("year", timedelta(days=365)),
    ("two years", timedelta(days=DAYS)),
)


async def measure_lists(database: Database, rounds: int) -> None:
    """Pages of sessions and their totals."""
    queries = PostgresSessionQueries(database)
    month = {"started_from": END - timedelta(days=30), "started_to": END}
    filters = {
        "all": SessionFilter(),
        "one station": SessionFilter(station_id=17),
        "one tag": SessionFilter(id_token="TAG-17"),
        "one user, a year": SessionFilter(user_id=17, started_from=END - timedelta(days=365)),
        "a site": SessionFilter(place_ids=frozenset({101, 1002, 1003})),
        "a month": SessionFilter(**month),  # type: ignore[arg-type]
        "running": SessionFilter(state=SessionState.ACTIVE),
        "to be reconciled": SessionFilter(needs_reconciliation=True),
    }
    for name, wanted in filters.items():
        await measure(
            f"sessions, {name}: page of 50", lambda w=wanted: queries.page_sessions(w, size=50, after=None), rounds
        )
        await measure(f"sessions, {name}: totals", lambda w=wanted: queries.total_sessions(w), rounds)


async def measure_charts(charts: Statistics, rounds: int) -> None:
    """Every chart over every span, and the slower ways to split."""
    for kind in ChartKind:
        for name, span in SPANS:
            query = ChartQuery(kind, END - span, END)
            await measure(f"{kind.lower()}, {name}", lambda q=query: charts.chart(CALLER, q), rounds)
    for split in (Split.SITE, Split.STATION, Split.USER, Split.TAG, Split.HOUR_OF_WEEK):
        for name, span in SPANS[1:]:
            query = ChartQuery(ChartKind.ENERGY, END - span, END, split=split)
            await measure(f"energy by {split.lower()}, {name}", lambda q=query: charts.chart(CALLER, q), rounds)
    year = END - timedelta(days=365)
    others = {
        "energy, a site, year by day": ChartQuery(ChartKind.ENERGY, year, END, Bucket.DAY, place_id=101),
        "combined power, a site, year": ChartQuery(ChartKind.COMBINED_POWER, year, END, place_id=101),
        "combined power, 20 stations, year": ChartQuery(
            ChartKind.COMBINED_POWER, year, END, station_ids=frozenset(range(1, 21))
        ),
        "energy, 20 stations, year": ChartQuery(ChartKind.ENERGY, year, END, station_ids=frozenset(range(1, 21))),
        "energy, a floor by tag, year": ChartQuery(ChartKind.ENERGY, year, END, place_id=1002, split=Split.TAG),
        "energy, year, with the year before": ChartQuery(ChartKind.ENERGY, year, END, compare=True),
    }
    for name, query in others.items():
        await measure(name, lambda q=query: charts.chart(CALLER, q), rounds)
    await measure("dashboard, 7 days", lambda: charts.dashboard(CALLER, None, None, 7, ""), rounds)


async def whole(dsn: str, options: argparse.Namespace) -> None:
    """Load, reckon, measure."""
    async with open_door() as door, open_database(door, dsn, max_size=4, timeout=600) as database:
        await migrate(door, dsn)
        await load(database, options.sessions, options.values, options.days)
        tree = Tree(await PostgresPlaces(database).load_all())
        now = lambda: END  # noqa: E731
        await database.execute("INSERT INTO usage_change (session_id) SELECT id FROM session ORDER BY id")
        say("changes noted")
        await database.execute("VACUUM ANALYZE", timeout=1200)
        say("vacuumed")
        store, places = PostgresUsage(database, rest=0.0), whereabouts(tree)
        started, done = time.monotonic(), 0
        while count := await store.reckon(places, END, limit=5_000):
            done += count
            if done % 100_000 < count:
                say(f"{done} sessions reckoned")
        took = time.monotonic() - started
        await database.execute("VACUUM ANALYZE", timeout=1200)
        say("vacuumed")
        feed = LocalFeed(now)
        scopes = Scopes(PostgresSharing(database), lambda: tree, lambda: feed.revision)
        charts = Statistics(PostgresStatistics(database), scopes, lambda: tree, feed, keep_days={}, now=now)
        cores = len(os.sched_getaffinity(0))
        print(
            f"Python {platform.python_version()}, {platform.machine()}, {cores} cores; {options.sessions:,} sessions,"
        )
        print(
            f"{options.sessions * options.values:,} meter values over {options.days} days at {STATIONS:,} stations;"
            " milliseconds\n"
        )
        print("| question | p50 | p99 |\n| --- | ---: | ---: |", flush=True)
        await measure_lists(database, options.rounds)
        await measure_charts(charts, options.rounds)
        print(f"\nReckoned from nothing: {done / took:,.0f} sessions a second. Sizes:", end=" ")
        sizes = await charts.storage(CALLER)
        print(", ".join(f"{each.name} {each.size_bytes / 2**20:,.0f} MiB" for each in sizes.data) + ".", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.volume", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--values", type=int, default=10, help="meter values a session")
    parser.add_argument("--days", type=int, default=DAYS, help="over how many days")
    parser.add_argument("--rounds", type=int, default=15, help="answers that are measured to each question")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        settings = {"max_wal_size": "4GB", "synchronous_commit": "off", "maintenance_work_mem": "256MB"}
        cluster = EmbeddedPostgres(Path(folder) / "pg", settings=settings)
        cluster.start()
        say("database")
        try:
            trio.run(whole, cluster.dsn, options)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
