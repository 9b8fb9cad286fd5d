"""What is asked of the sums is what looking at every slice of every session says, whatever came in which order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.aio import open_door
from csms.domain.access import Scope
from csms.domain.statistics import Bucket, Cell, Split
from csms.domain.time_axis import Axis, axis_of
from csms.domain.usage import Charge, Point, usage_of
from csms.ports.queries import SessionFilter
from csms.ports.statistics import Order, Selection, Whereabouts
from csms.storage.pool import Database, open_database
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.statistics import PostgresStatistics
from csms.storage.usage import PostgresUsage
from tests.kit.fake_statistics import FakeStatistics
from tests.kit.fake_tables import FakeTables

pytestmark = [pytest.mark.postgres, pytest.mark.feature("F-SES-7")]

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
FIRST = datetime(2026, 3, 27, tzinfo=UTC)  # the night to the 29th has 23 hours in Stockholm
PLACES = {1: Whereabouts(1, "UTC"), 2: Whereabouts(2, "Europe/Stockholm"), 3: Whereabouts(2, "Europe/Stockholm")}
MOVED = PLACES | {4: Whereabouts(4, "Asia/Kathmandu"), 2: Whereabouts(2, "America/New_York")}
WIPE = (
    "TRUNCATE session, meter_value, usage_change, session_usage, usage_peak, usage_day, usage_month, usage_hour,"
    " usage_quarter, usage_place, usage_site_day, usage_station_month, usage_user_month, usage_tag_month CASCADE"
)
INSERT = """
INSERT INTO session (id, station_id_at_start, station_identity, logged_at, progress_at, evse_id, connector_id,
    transaction_id, id_token, authentication, state, started_at, stopped_at, stop_logged_at, meter_start_wh,
    meter_stop_wh, energy_wh, power_w, max_power_w, stop_reason, flags, needs_reconciliation, meter_value_count,
    last_meter_at, place_id)
VALUES ($1, $2, 'CP', $3, $4, 1, 1, $1::bigint::text, $5, 'RFID', $6, $3, $7, $7, 1000, $8, $9, 0, $10, '', '{}', false,
    0, $11, $12)
"""
VALUE = """
INSERT INTO meter_value (station_id, evse_id, session_id, measured_at, received_at, digest, energy_wh, power_w, samples)
VALUES ($1, 1, $2, $3, $3, $4, $5, $6, '') ON CONFLICT DO NOTHING
"""

# Rows of a sum of sums that are not what they are made of says, and the other way round.
ROLLUPS = (
    ("usage_site_day", "site_id, day", "usage_hour"),
    ("usage_station_month", "station_id, day, place_id", "usage_month"),
    ("usage_user_month", "user_id, day", "usage_month"),
    ("usage_tag_month", "id_token, day", "usage_month"),
)
DIFFERENT = """
WITH made AS (SELECT {keys}, sum(energy_mwh) AS energy, sum(charging_s) AS charging, sum(occupied_s) AS occupied,
                     sum(sessions) AS sessions, sum(with_energy) AS energetic, sum(begun_mwh) AS mwh, sum(begun_s) AS s
              FROM {source} GROUP BY {keys}),
     kept AS (SELECT {keys}, energy_mwh, charging_s, occupied_s, sessions, with_energy, begun_mwh, begun_s FROM {table}
              WHERE (energy_mwh, charging_s, occupied_s, sessions, with_energy, begun_mwh, begun_s)
                  <> (0, 0, 0, 0, 0, 0, 0))
(SELECT * FROM kept EXCEPT SELECT * FROM made) UNION ALL
(SELECT * FROM made WHERE (energy, charging, occupied, sessions, energetic, mwh, s) <> (0, 0, 0, 0, 0, 0, 0)
 EXCEPT SELECT * FROM kept)
"""


class World:
    """Sessions in PostgreSQL, and beside them what holds of each."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.store = PostgresUsage(database)
        self.places = PLACES
        self.now = NOW
        self.next = 1

    async def act(self, action: str) -> None:
        """Something happens."""
        await getattr(self, f"_{action}")()

    async def _begin(self) -> None:
        r = self.random
        began = FIRST + timedelta(seconds=r.randrange(0, 12 * 86_400))
        active = r.random() < 0.3
        length = timedelta(seconds=r.choice((0, 900, r.randrange(1, 30_000), r.randrange(1, 400_000))))
        energy = r.choice((0.0, round(r.uniform(0, 60_000), 3)))
        stopped = None if active else began + length
        newest = began + length
        stop = None if active or r.random() < 0.3 else 1000.0 + energy
        number, self.next = self.next, self.next + 1
        arguments = (began, newest, r.choice(("", "TAG-1", "TAG-2")), "ACTIVE" if active else "ENDED", stopped, stop)
        await self.database.execute(
            INSERT, number, r.randrange(1, 5), *arguments, energy, r.uniform(0, 22_000), newest, r.choice((1, 2, 3))
        )
        for index in range(r.randrange(0, 6)):
            await self._value_of(number, began, length, energy, index)

    async def _value(self) -> None:
        """One that is late, of any session."""
        row = await self.database.fetchrow("SELECT * FROM session ORDER BY random() LIMIT 1")
        if row is not None:
            at = row["began_at"]
            await self._value_of(row["id"], at, timedelta(hours=2), row["energy_wh"], self.random.randrange(100))
            await self.database.execute(
                "UPDATE session SET meter_value_count = meter_value_count + 1 WHERE id = $1", row["id"]
            )

    async def _value_of(self, number: int, began: datetime, length: timedelta, energy: float, index: int) -> None:
        share = self.random.random()
        register = 1000.0 + energy * share if self.random.random() < 0.8 else None
        power = self.random.uniform(0, 11_000) if self.random.random() < 0.6 else None
        await self.database.execute(VALUE, 1, number, began + length * share, index, register, power)

    async def _correct(self) -> None:
        await self.database.execute(
            """UPDATE session SET corrected_energy_wh = $1, corrected_id_token = $2,
                corrected_stopped_at = CASE state WHEN 'ENDED' THEN began_at + $3::interval END, max_power_w = $4
            WHERE id = (SELECT id FROM session ORDER BY random() LIMIT 1)""",
            round(self.random.uniform(0, 9_000), 2),
            self.random.choice((None, "TAG-9")),
            timedelta(seconds=self.random.randrange(0, 90_000)),
            self.random.uniform(0, 5_000),
        )

    async def _end(self) -> None:
        await self.database.execute(
            """UPDATE session SET state = 'ENDED', stopped_at = progress_at + interval '20 minutes',
                plugged_out_at = progress_at + interval '2 hours', energy_wh = energy_wh + 500
            WHERE id = (SELECT id FROM session WHERE state = 'ACTIVE' ORDER BY random() LIMIT 1)"""
        )

    async def _delete(self) -> None:
        await self.database.execute("DELETE FROM session WHERE id = (SELECT id FROM session ORDER BY random() LIMIT 1)")

    async def _move(self) -> None:
        self.places = MOVED
        await self.database.execute(
            "UPDATE session SET place_id = 4 WHERE id = (SELECT id FROM session ORDER BY random() LIMIT 1)"
        )

    async def _sweep(self) -> None:
        await self.store.reckon(self.places, self.now, limit=3)
        self.now += timedelta(minutes=self.random.choice((0, 1, 6)))

    async def finish(self) -> None:
        """Until nothing is left to do."""
        while True:
            self.now += timedelta(minutes=6)
            if not await self.store.reckon(self.places, self.now, limit=50):
                break

    async def expected(self) -> FakeStatistics:
        """Each session's slices, made from nothing but the session and all its meter values."""
        fake = FakeStatistics(FakeTables())
        for row in await self.database.fetch("SELECT *, state = 'ACTIVE' AS active FROM session"):
            where = self.places.get(row["place_id"], Whereabouts(1, "UTC"))
            began = int(row["began_at"].timestamp())
            newest = max(row["progress_at"], row["last_meter_at"]) if row["active"] else row["ended_at"]
            ended = max(began, int(newest.timestamp()))
            out = row["plugged_out_at"]
            charge = Charge(
                row["id"],
                row["station_id_at_start"],
                row["place_id"],
                where.site_id,
                0,
                row["shown_token"],
                where.zone,
                began,
                ended,
                max(ended, int(out.timestamp())) if out else ended,
                round(row["charged_wh"] * 1000),
                row["max_power_w"],
            )
            fake.usages.append(usage_of(charge, await self._points(row["id"], charge, row)))
        return fake

    async def _points(self, number: int, charge: Charge, row: asyncpg.Record) -> list[Point]:
        minutes: dict[int, Point] = {}
        for value in await self.database.fetch("SELECT * FROM meter_value WHERE session_id = $1", number):
            at = value["measured_at"].timestamp()
            # Rounded up to the second as the range is
            if not charge.began_s <= at <= charge.ended_s + 1:
                continue
            old = minutes.get(int(at // 60), Point(at, None, None))
            minutes[int(at // 60)] = Point(
                max(at, old.at), _most(old.energy_wh, value["energy_wh"]), _most(old.power_w, value["power_w"])
            )
        points = [minutes[minute] for minute in sorted(minutes)]
        points.insert(0, Point(float(charge.began_s), row["meter_start_wh"], None))
        if row["meter_stop_wh"] is not None:
            points.append(Point(float(charge.ended_s), row["meter_stop_wh"], None))
        return points


def _most(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return max(known) if known else None


def run_against(url: str, seed: int, actions: list[str]) -> None:
    import trio

    async def whole() -> None:
        async with open_door() as door, open_database(door, url, max_size=2) as database:
            await database.execute(WIPE)
            world = World(database, seed)
            await world._begin()
            for action in actions:
                await world.act(action)
                await compare_totals(database)
            await world.finish()
            await compare(world, await world.expected())

    trio.run(whole)


async def compare_totals(database: Database) -> None:
    """What the sums say of sessions, and what is still to be reckoned, is what looking at each says: at any time."""
    queries = PostgresSessionQueries(database)
    for places in ((), (3,), (1, 2, 4)):
        of_places = frozenset(places)
        for wanted in (SessionFilter(place_ids=of_places), SessionFilter(scope=Scope(place_ids=of_places))):
            row = await database.fetchrow(
                """SELECT count(*) AS count, coalesce(sum(charged_wh), 0) AS energy_wh FROM session
                WHERE $2 OR place_id = ANY($1::bigint[])""",
                list(places),
                not places and wanted.scope is None,
            )
            assert row is not None
            found = await queries.total_sessions(wanted)
            assert found.count == row["count"]
            assert found.energy_wh == pytest.approx(row["energy_wh"], abs=0.1)  # a mWh for each session


async def compare(world: World, fake: FakeStatistics) -> None:
    real = PostgresStatistics(world.database)
    total = sum(usage.charge.energy_mwh for usage in fake.usages)
    assert await world.database.fetchval("SELECT coalesce(sum(energy_mwh), 0) FROM usage_day") == total
    assert await world.database.fetchval("SELECT coalesce(sum(energy_mwh), 0) FROM usage_month") == total
    assert (
        await world.database.fetchval("SELECT coalesce(sum(energy_mwh), 0) FROM usage_hour WHERE site_id = 0") == total
    )
    assert (
        await world.database.fetchval("SELECT coalesce(sum(energy_mwh), 0) FROM usage_quarter WHERE site_id > 0")
        == total
    )
    for table, keys, source in ROLLUPS:
        assert await world.database.fetch(DIFFERENT.format(table=table, keys=keys, source=source)) == [], table
    for selection in SELECTIONS:
        for axis in AXES:
            for split in Split:
                if split is Split.HOUR_OF_WEEK and axis.bucket is not Bucket.TOTAL:
                    continue
                if split is Split.HOUR_OF_WEEK and selection.site_ids is None:
                    continue  # by the zone of the question at the ends of the span: compared where all sites are one
                for by_time in (True, False):
                    asked = (selection, axis, split)
                    found = await real.cells(*asked, by_time=by_time)
                    wanted = await fake.cells(*asked, by_time=by_time)
                    assert told(found) == told(wanted), (asked, by_time)
            for split, order in ORDERS:
                asked_for = (selection, axis, split, order, 2)
                assert await real.greatest(*asked_for) == await fake.greatest(*asked_for), asked_for
            if selection.site_ids is not None and not axis.fine:
                for split in (Split.NONE, Split.SITE):
                    peaks = await real.site_peaks(selection, axis, split)
                    assert told(peaks) == told(await fake.site_peaks(selection, axis, split)), (axis, split)
            power = await real.combined_power(selection, axis, Split.NONE)
            assert told(power) == told(await fake.combined_power(selection, axis, Split.NONE)), (selection, axis)


def told(cells: object) -> dict[object, object]:
    """What is not nothing."""
    assert isinstance(cells, list | tuple)
    return {
        (cell.key, cell.at): (tuple(cell.amounts), round(cell.peak_w, 6))
        for cell in cells
        if isinstance(cell, Cell) and (any(cell.amounts) or cell.peak_w)
    }


AXES: list[Axis] = [
    axis_of(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC), Bucket.TOTAL, "UTC"),
    axis_of(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 11, tzinfo=UTC), Bucket.TOTAL, "UTC"),
    axis_of(datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 4, 12, tzinfo=UTC), Bucket.DAY, "Europe/Stockholm"),
    axis_of(datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 4, 12, tzinfo=UTC), Bucket.WEEK, "UTC"),
    axis_of(datetime(2025, 12, 26, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC), Bucket.MONTH, "UTC"),
    axis_of(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC), Bucket.YEAR, "UTC"),
    axis_of(datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 9, tzinfo=UTC), Bucket.HOUR, "Asia/Kathmandu"),
    axis_of(datetime(2026, 3, 29, 0, 20, tzinfo=UTC), datetime(2026, 3, 29, 9, tzinfo=UTC), Bucket.QUARTER_HOUR, "UTC"),
]
ORDERS = (
    (Split.STATION, Order("energy_mwh")),
    (Split.TAG, Order("begun_s", each_session=True)),
    (Split.STATION, Order()),
    (Split.USER, Order("sessions", descending=False)),
)
SELECTIONS = [
    Selection(site_ids=frozenset({0})),
    Selection(),
    Selection(station_ids=frozenset({1, 2})),
    Selection(place_ids=frozenset({3})),
    Selection(scope=Scope(place_ids=frozenset({2, 3}), station_ids=frozenset({4}))),
    Selection(scope=Scope(place_ids=frozenset({1, 2, 3, 4}), only=frozenset({1, 3}))),
    Selection(scope=Scope(user_id=7)),
]
ACTIONS = st.sampled_from(("begin", "begin", "value", "value", "correct", "end", "delete", "move", "sweep", "sweep"))


@pytest.fixture(scope="module")
def shared_url(postgres: object, template_database: str) -> Iterator[str]:
    from tests.kit.database import fresh_database

    with fresh_database(postgres, template_database) as url:  # type: ignore[arg-type]
        yield url


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), actions=st.lists(ACTIONS, max_size=14))
def test_sums_are_what_looking_at_everything_says(shared_url: str, seed: int, actions: list[str]) -> None:
    run_against(shared_url, seed, actions)


def test_no_slice_is_lost_when_sweeps_come_between(shared_url: str) -> None:
    run_against(
        shared_url, 7, ["begin", "sweep", "value", "sweep", "end", "correct", "sweep", "move", "delete", "sweep"] * 3
    )


async def a_session(database: Database, number: int, energy: float) -> None:
    """An hour long, all of it flowed in the second quarter."""
    end = FIRST + timedelta(hours=1)
    arguments = (FIRST, end, "TAG", "ENDED", end, 1000.0 + energy, energy, 4_000.0, end, 1)
    await database.execute(INSERT, number, number, *arguments)
    for minute, register in ((15, 1000.0), (30, 1000.0 + energy)):
        await database.execute(VALUE, 1, number, FIRST + timedelta(minutes=minute), minute, register, None)


async def shape(database: Database) -> list[int]:
    return [
        row["energy_mwh"] for row in await database.fetch("SELECT * FROM usage_quarter WHERE site_id = 0 ORDER BY at")
    ]


async def test_sums_outlive_the_meter_values_that_they_were_made_of(database: Database) -> None:
    usage = PostgresUsage(database)
    await a_session(database, 1, 3_000.0)
    assert await usage.reckon(PLACES, NOW) == 1
    assert await shape(database) == [0, 3_000_000, 0, 0]
    await database.execute("DELETE FROM meter_value")
    await database.execute("UPDATE session SET corrected_energy_wh = 1000")
    await usage.reckon(PLACES, NOW, kept_since=NOW - timedelta(days=1))
    assert await shape(database) == [0, 1_000_000, 0, 0]


async def test_what_dies_half_way_has_done_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = PostgresUsage(database)
    await a_session(database, 1, 3_000.0)
    await usage.reckon(PLACES, NOW)
    await database.execute("UPDATE session SET corrected_energy_wh = 500")
    with monkeypatch.context() as broken:
        broken.setattr("csms.storage.usage.ADD_QUARTER_SQL", "SELECT 1 / 0")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await usage.reckon(PLACES, NOW)
    assert await shape(database) == [0, 3_000_000, 0, 0]
    await usage.reckon(PLACES, NOW)
    assert await shape(database) == [0, 500_000, 0, 0]


async def test_a_change_that_is_committed_late_is_not_missed(database: Database, database_url: str) -> None:
    usage = PostgresUsage(database)
    await a_session(database, 1, 3_000.0)
    own = await database.dedicated()

    async def begin(connection: asyncpg.Connection) -> None:
        await connection.execute("BEGIN")
        await connection.execute("UPDATE session SET corrected_energy_wh = 700")

    async def commit(connection: asyncpg.Connection) -> None:
        await connection.execute("COMMIT")

    await own.run(begin)
    await a_session(database, 2, 1_000.0)
    await usage.reckon(PLACES, NOW)
    assert sum(await shape(database)) == 4_000_000
    await own.run(commit)
    await usage.reckon(PLACES, NOW)
    assert sum(await shape(database)) == 1_700_000
    await own.close()


async def test_only_one_process_reckons_at_a_time(database: Database) -> None:
    own = await database.dedicated()

    async def take(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_advisory_lock(hashtext('chargehouse statistics'))")

    await own.run(take)
    assert await PostgresUsage(database).reckon(PLACES, NOW) is None
    await own.close()


@pytest.mark.feature("F-DASH-1")
async def test_how_things_stand_and_how_big_they_are(database: Database) -> None:
    store = PostgresStatistics(database)
    await database.execute(
        "INSERT INTO station (identity, registration) SELECT 'CP-' || n, 'Accepted' FROM generate_series(1, 3) AS n"
    )
    await database.execute("UPDATE station SET online = true, connected_at = now() WHERE identity IN ('CP-1', 'CP-2')")
    await database.execute("UPDATE station SET online = false WHERE identity = 'CP-2'")
    await database.execute(
        """INSERT INTO connector SELECT id, 1, 1, 'Faulted', '', '', '', '', now(), now() FROM station
        WHERE identity = 'CP-1'"""
    )
    for station, place in (("(SELECT min(id) FROM station)", "NULL"), ("NULL", "1")):
        await database.execute(
            f"""INSERT INTO alarm (station_id, place_id, key, kind, severity, source, code, text, active, count,
                first_raised_at, last_raised_at)
            VALUES ({station}, {place}, 'k', 'FAULT', 1, 'STATUS', '', '', true, 1, now(), now())"""
        )
    await a_session(database, 1, 3_000.0)
    await database.execute("UPDATE session SET state = 'ACTIVE', power_w = 7000, stopped_at = NULL")
    present = await store.present(Selection(), Selection(), Selection())
    counts = present.stations
    assert (counts.online, counts.offline, counts.unknown, counts.faulted) == (1, 1, 1, 1)
    assert (present.active_sessions, present.power_w, present.active_alarms) == (1, 7000.0, 2)
    at_the_system = Selection(scope=Scope(place_ids=frozenset({1})))
    assert (await store.present(at_the_system, at_the_system, at_the_system)).active_alarms == 2
    assert await store.outlets(Selection(), Split.NONE) == {0: 1}
    nobody = Selection(scope=Scope(user_id=7))
    assert (await store.present(nobody, nobody, nobody)).active_alarms == 0
    assert (await store.present(nobody, nobody, None)).active_sessions == 0
    sizes = await store.storage()
    assert {"sessions", "statistics", "meter_values", "messages"} <= {each.name for each in sizes.data}
    assert (sizes.size_bytes > 0, sizes.waiting_sessions) == (True, 1)


async def test_availability_is_the_time_between_coming_and_going(database: Database) -> None:
    store = PostgresStatistics(database)
    await database.execute("INSERT INTO station (identity, registration) VALUES ('CP-1', 'Accepted')")
    station = await database.fetchval("SELECT id FROM station")
    for hours, kind in ((0, "Connected"), (6, "Disconnected"), (9, "Connected")):
        await database.execute(
            "INSERT INTO system_event (at, source, kind, summary, station_id) VALUES ($1, 'STATION', $2, '', $3)",
            FIRST + timedelta(hours=hours),
            kind,
            station,
        )
    axis = axis_of(FIRST, FIRST + timedelta(hours=12), Bucket.DAY, "UTC")
    (cell,) = await store.availability(Selection(), axis, Split.STATION, FIRST + timedelta(hours=12))
    assert (cell.key, cell.amounts.occupied_s, cell.amounts.begun_s) == (station, 9 * 3600, 12 * 3600)


@pytest.mark.parametrize("split", [Split.NONE, Split.SITE, Split.STATION])
async def test_reservations_are_counted_on_the_day_from_which_they_hold(database: Database, split: Split) -> None:
    store = PostgresStatistics(database)
    await database.execute("INSERT INTO station (identity, registration) VALUES ('CP-1', 'Accepted')")
    await database.execute(
        """INSERT INTO reservation (station_id, state, id_token, starts_at, expires_at, created_at, updated_at)
        SELECT id, 'ACTIVE', 'TAG', $1, $1::timestamptz + interval '1 hour', now(), now() FROM station""",
        FIRST,
    )
    for bucket in (Bucket.HOUR, Bucket.DAY):
        axis = axis_of(FIRST, FIRST + timedelta(hours=12), bucket, "UTC")
        (cell,) = await store.reservations(Selection(), axis, split)
        assert (cell.at, cell.amounts.sessions) == ((FIRST if bucket is Bucket.HOUR else FIRST.date()), 1)
    assert not await store.reservations(Selection(scope=Scope(user_id=7)), axis, split)
