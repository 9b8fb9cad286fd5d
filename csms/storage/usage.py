"""The reckoning of statistics: sessions that changed are read, cut into slices and put into the sums.

One transaction takes some changes (`usage_change`), reckons their sessions anew, writes the difference to what each had
in the sums (`session_usage` remembers that), and forgets the changes. So it may die anywhere, and be run by anybody: an
advisory lock sees to it that one does it at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import asyncpg

from csms.domain.usage import QUARTER, Amounts, Charge, Point, Usage, slices_of, usage_of
from csms.ports.statistics import Whereabouts
from csms.storage.pool import Database

__all__ = ["PostgresUsage"]

LIMIT_MWH: Final = 10**13  # ten GWh: what is more is a mistake of a meter, and would not fit into sums
PATIENCE: Final = timedelta(minutes=5)
"""A session that goes on is reckoned anew so often."""
NOWHERE: Final = Whereabouts(1, "UTC")

LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtext('chargehouse statistics'))"
TAKE_SQL = """
WITH taken AS (
    DELETE FROM usage_change WHERE id IN (SELECT id FROM usage_change ORDER BY id LIMIT $1) RETURNING session_id)
SELECT session_id, count(*) AS changes FROM taken GROUP BY session_id
"""
PENDING_SQL = """
SELECT session_id FROM session_usage WHERE pending AND reckoned_at <= $1 ORDER BY reckoned_at LIMIT $2
"""
POSTPONE_SQL = "UPDATE session_usage SET pending = true WHERE session_id = ANY($1::bigint[]) AND NOT pending"
SESSIONS_SQL = """
SELECT id, station_id_at_start AS station_id, place_id, coalesce(user_id, 0) AS user_id, shown_token, charged_wh,
       state = 'ACTIVE' AS active, began_at, meter_start_wh, meter_stop_wh, max_power_w, register_last_at,
       CASE state WHEN 'ENDED' THEN ended_at ELSE greatest(began_at, progress_at, last_meter_at) END AS ended_at,
       plugged_out_at
FROM session WHERE id = ANY($1::bigint[])
"""
KNOWN_SQL = "SELECT * FROM session_usage WHERE session_id = ANY($1::bigint[])"
# One point a minute is plenty.
POINTS_SQL = """
SELECT session_id, extract(epoch FROM max(measured_at))::float8 AS at, max(energy_wh) AS energy_wh,
       max(power_w) AS power_w
FROM meter_value WHERE session_id = ANY($1::bigint[]) AND measured_at BETWEEN $2 AND $3
GROUP BY session_id, date_bin('1 minute', measured_at, '2000-01-01')
ORDER BY session_id, 2
"""
KEEP_SQL = """
INSERT INTO session_usage (session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s,
                           unplugged_s, energy_mwh, first_quarter, last_quarter, slice_mwh, slice_s, slice_w,
                           reckoned_at)
SELECT session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s, unplugged_s, energy_mwh,
       first_quarter, last_quarter, slice_mwh::bigint[], slice_s::smallint[], slice_w::integer[], $17
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::integer[], $13::integer[], $14::text[], $15::text[],
            $16::text[])
AS u (session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s, unplugged_s, energy_mwh,
      first_quarter, last_quarter, slice_mwh, slice_s, slice_w)
ON CONFLICT (session_id) DO UPDATE SET
    station_id = excluded.station_id, place_id = excluded.place_id, site_id = excluded.site_id,
    user_id = excluded.user_id, id_token = excluded.id_token, zone = excluded.zone, began_s = excluded.began_s,
    ended_s = excluded.ended_s, unplugged_s = excluded.unplugged_s, energy_mwh = excluded.energy_mwh,
    first_quarter = excluded.first_quarter, last_quarter = excluded.last_quarter, slice_mwh = excluded.slice_mwh,
    slice_s = excluded.slice_s, slice_w = excluded.slice_w, reckoned_at = excluded.reckoned_at, pending = false
"""
FORGET_SQL = "DELETE FROM session_usage WHERE session_id = ANY($1::bigint[])"
DONE_SQL = "UPDATE session_usage SET pending = false, reckoned_at = $2 WHERE session_id = ANY($1::bigint[])"

_AMOUNTS = ", ".join(Amounts._fields)
_ADDED = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in Amounts._fields)
_COLUMNS = ", ".join(["unnest({}::bigint[])"] * len(Amounts._fields))


def _add_sql(table: str, keys: Mapping[str, str], *, peak: bool) -> str:
    """A statement that adds to sums; its arguments are the columns of the keys, of the amounts and of the peak."""
    types = [*keys.values(), *("bigint" for _ in Amounts._fields), *(["integer"] if peak else [])]
    arrays = ", ".join(f"${index}::{kind}[]" for index, kind in enumerate(types, 1))
    names = ", ".join([*keys, _AMOUNTS, *(["peak_w"] if peak else [])])
    highest = ", peak_w = greatest(old.peak_w, excluded.peak_w)" if peak else ""
    return (
        f"INSERT INTO {table} AS old ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - names of ours
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {_ADDED}{highest}"
    )


_WHOSE: Final = {"station_id": "bigint", "day": "date", "place_id": "bigint", "user_id": "bigint", "id_token": "text"}
ADD_DAY_SQL = _add_sql("usage_day", _WHOSE, peak=True)
ADD_MONTH_SQL = _add_sql("usage_month", _WHOSE, peak=True)
ADD_HOUR_SQL = _add_sql("usage_hour", {"site_id": "bigint", "day": "date", "hour": "smallint"}, peak=False)
ADD_QUARTER_SQL = _add_sql("usage_quarter", {"site_id": "bigint", "at": "timestamptz"}, peak=False)


def _clear_sql(table: str) -> str:
    """Sums in which nothing is left."""
    return f"""
DELETE FROM {table} AS t USING unnest($1::bigint[], $2::date[], $3::bigint[], $4::bigint[], $5::text[])
    AS k (station_id, day, place_id, user_id, id_token)
WHERE (t.station_id, t.day, t.place_id, t.user_id, t.id_token)
      = (k.station_id, k.day, k.place_id, k.user_id, k.id_token)
  AND t.sessions = 0 AND t.occupied_s = 0 AND t.energy_mwh = 0 AND t.begun_s = 0
"""  # noqa: S608 - names of ours


def _peak_sql(table: str, unit: str) -> str:
    """A peak that went down is looked for among the sessions that are left."""
    return f"""
UPDATE {table} AS t SET peak_w = coalesce((
    SELECT max(s.w) FROM session_usage AS u, unnest(u.slice_w) WITH ORDINALITY AS s (w, n)
    WHERE u.station_id = t.station_id AND u.place_id = t.place_id AND u.user_id = t.user_id AND u.id_token = t.id_token
      AND u.first_quarter < (extract(epoch FROM t.day + interval '1 {unit}') / 900 + 96)::integer
      AND u.last_quarter >= (extract(epoch FROM t.day) / 900 - 96)::integer
      AND date_trunc('{unit}', to_timestamp((u.first_quarter + s.n - 1) * 900.0) AT TIME ZONE u.zone)::date = t.day), 0)
FROM unnest($1::bigint[], $2::date[], $3::bigint[], $4::bigint[], $5::text[])
    AS k (station_id, day, place_id, user_id, id_token)
WHERE (t.station_id, t.day, t.place_id, t.user_id, t.id_token)
      = (k.station_id, k.day, k.place_id, k.user_id, k.id_token)
"""  # noqa: S608 - names of ours


ADD_PEAK_SQL = """
INSERT INTO usage_peak AS old (site_id, day, peak_w) SELECT * FROM unnest($1::bigint[], $2::date[], $3::integer[])
ON CONFLICT (site_id, day) DO UPDATE SET peak_w = excluded.peak_w WHERE excluded.peak_w > old.peak_w
"""
LOWER_PEAK_SQL = """
UPDATE usage_peak AS t SET peak_w = coalesce((
    SELECT max(d.peak_w) FROM usage_day AS d LEFT JOIN usage_place AS p ON p.place_id = d.place_id
    WHERE d.day = t.day AND (t.site_id = 0 OR coalesce(p.site_id, 1) = t.site_id)), 0)
FROM unnest($1::bigint[], $2::date[]) AS k (site_id, day)
WHERE (t.site_id, t.day) = (k.site_id, k.day)
"""
PLACES_SQL = "SELECT * FROM usage_place"
NOTE_PLACES_SQL = """
INSERT INTO usage_place (place_id, site_id, zone) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])
ON CONFLICT (place_id) DO UPDATE SET site_id = excluded.site_id, zone = excluded.zone
"""
MOVED_SQL = """
INSERT INTO usage_change (session_id) SELECT session_id FROM session_usage WHERE place_id = ANY($1::bigint[])
"""

Whose = tuple[int, date, int, int, str]


class PostgresUsage:
    """csms.ports.statistics.UsageStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reckon(
        self, places: Mapping[int, Whereabouts], now: datetime, *, kept_since: datetime | None = None, limit: int = 200
    ) -> int | None:
        """See the port."""
        return await self._database.transaction(_reckon, dict(places), now, kept_since, limit)


class _Work(NamedTuple):
    """What goes out of the sums and what comes into them; sessions to write and to forget."""

    old: list[Usage]
    new: list[Usage]
    gone: list[int]
    same: list[int]


async def _reckon(
    connection: asyncpg.Connection,
    places: Mapping[int, Whereabouts],
    now: datetime,
    kept_since: datetime | None,
    limit: int,
) -> int | None:
    """In asyncio."""
    if not await connection.fetchval(LOCK_SQL):
        return None
    await _note_places(connection, places)
    taken = {row["session_id"]: row["changes"] for row in await connection.fetch(TAKE_SQL, limit)}
    waited = [row["session_id"] for row in await connection.fetch(PENDING_SQL, now - PATIENCE, limit)]
    wanted = sorted({*taken, *waited})
    if not wanted:
        return 0
    known = {row["session_id"]: _usage(row) for row in await connection.fetch(KNOWN_SQL, wanted)}
    rows = {row["id"]: row for row in await connection.fetch(SESSIONS_SQL, wanted)}
    due = set(waited)
    later = await _postponed(connection, rows, known, due, now)
    todo = [number for number in wanted if number not in later]
    charges = {number: _charge(rows[number], places) for number in todo if number in rows}
    points = await _points(connection, charges, rows)
    for number, charge in charges.items():
        if kept_since is not None and number in known and charge.ended_s < kept_since.timestamp():
            points[number] = _remembered(known[number])
    work, sums = await asyncio.to_thread(_compute, todo, charges, known, points)
    await _write(connection, work, sums, now)
    return int(sum(taken.values())) + len(waited)


async def _note_places(connection: asyncpg.Connection, places: Mapping[int, Whereabouts]) -> None:
    """Sessions of places that now have another site or zone are reckoned anew."""
    known = {row["place_id"]: Whereabouts(row["site_id"], row["zone"]) for row in await connection.fetch(PLACES_SQL)}
    changed = [number for number, where in places.items() if known.get(number) != where]
    if changed:
        columns = [changed, [places[n].site_id for n in changed], [places[n].zone for n in changed]]
        await connection.execute(NOTE_PLACES_SQL, *columns)
        await connection.execute(MOVED_SQL, [number for number in changed if number in known])


async def _postponed(
    connection: asyncpg.Connection,
    rows: Mapping[int, asyncpg.Record],
    known: Mapping[int, tuple[Usage, datetime]],
    due: set[int],
    now: datetime,
) -> set[int]:
    """Those that go on and were reckoned a moment ago: they are remembered."""
    later = {
        number
        for number, row in rows.items()
        if row["active"] and number not in due and number in known and known[number][1] > now - PATIENCE
    }
    if later:
        await connection.execute(POSTPONE_SQL, sorted(later))
    return later


def _charge(row: asyncpg.Record, places: Mapping[int, Whereabouts]) -> Charge:
    where = places.get(row["place_id"], NOWHERE)
    began = math.floor(row["began_at"].timestamp())
    ended = max(began, math.floor(row["ended_at"].timestamp()))
    out = row["plugged_out_at"]
    unplugged = ended if out is None else max(ended, math.floor(out.timestamp()))
    energy = row["charged_wh"]
    return Charge(
        row["id"],
        row["station_id"],
        row["place_id"],
        where.site_id,
        row["user_id"],
        row["shown_token"],
        where.zone,
        began,
        ended,
        unplugged,
        min(LIMIT_MWH, max(0, round(energy * 1000.0))) if math.isfinite(energy) else 0,
        row["max_power_w"] if math.isfinite(row["max_power_w"]) else 0.0,
    )


async def _points(
    connection: asyncpg.Connection, charges: Mapping[int, Charge], rows: Mapping[int, asyncpg.Record]
) -> dict[int, list[Point]]:
    """What the meters showed, day by day, so that few partitions are looked into."""
    found: dict[int, list[Point]] = {number: [] for number in charges}
    in_order = sorted(charges.values(), key=lambda charge: charge.began_s)
    for _, group in groupby(in_order, key=lambda charge: charge.began_s // 86_400):
        some = list(group)
        first = datetime.fromtimestamp(min(charge.began_s for charge in some), UTC)
        last = datetime.fromtimestamp(max(charge.ended_s for charge in some) + 1, UTC)
        ids = [charge.session_id for charge in some]
        for row in await connection.fetch(POINTS_SQL, ids, first, last):
            found[row["session_id"]].append(Point(row["at"], _finite(row["energy_wh"]), _finite(row["power_w"])))
    for number, points in found.items():
        charge, row = charges[number], rows[number]
        start, stop = _finite(row["meter_start_wh"]), _finite(row["meter_stop_wh"])
        if start is not None:
            points.insert(0, Point(float(charge.began_s), start, None))
        if stop is not None:
            points.append(Point(float(charge.ended_s), stop, None))
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < 1e15 else None


def _remembered(known: tuple[Usage, datetime]) -> list[Point]:
    """The shape that a session had when its meter values were still there."""
    usage, total = known[0], 0.0
    points = [Point(float(usage.charge.began_s), 0.0, None)]
    for index, energy in enumerate(usage.slice_mwh):
        total += energy / 1000.0
        end = min((usage.first_quarter + index + 1) * QUARTER, usage.charge.ended_s)
        points.append(Point(float(end), total, float(usage.slice_w[index])))
    return points


def _usage(row: asyncpg.Record) -> tuple[Usage, datetime]:
    charge = Charge(
        row["session_id"],
        row["station_id"],
        row["place_id"],
        row["site_id"],
        row["user_id"],
        row["id_token"],
        row["zone"],
        row["began_s"],
        row["ended_s"],
        row["unplugged_s"],
        row["energy_mwh"],
    )
    slices = (tuple(row["slice_mwh"]), tuple(row["slice_s"]), tuple(row["slice_w"]))
    return Usage(charge, row["first_quarter"], *slices), row["reckoned_at"]


class _Sums:
    """Differences, by key. `lowered`: where a peak may have gone down."""

    def __init__(self) -> None:
        self.days: dict[Whose, list[int]] = {}
        self.months: dict[Whose, list[int]] = {}
        self.hours: dict[tuple[int, date, int], list[int]] = {}
        self.quarters: dict[tuple[int, datetime], list[int]] = {}
        self.day_peaks: dict[Whose, int] = defaultdict(int)
        self.month_peaks: dict[Whose, int] = defaultdict(int)
        self.site_peaks: dict[tuple[int, date], int] = defaultdict(int)
        self.lowered: tuple[set[Whose], set[Whose]] = (set(), set())
        self.lowered_sites: set[tuple[int, date]] = set()

    def add(self, usage: Usage, sign: int) -> None:
        """Put a session in (1) or take it out (-1)."""
        charge = usage.charge
        sites = (0, charge.site_id)
        for each in slices_of(usage):
            day, month = _whose(charge, each.day), _whose(charge, each.day.replace(day=1))
            at = datetime.fromtimestamp(each.quarter * QUARTER, UTC)
            _add(self.days, day, each.amounts, sign)
            _add(self.months, month, each.amounts, sign)
            for site in sites:
                _add(self.hours, (site, each.day, each.hour), each.amounts, sign)
                _add(self.quarters, (site, at), each.amounts, sign)
            if sign > 0:
                self.day_peaks[day] = max(self.day_peaks[day], each.peak_w)
                self.month_peaks[month] = max(self.month_peaks[month], each.peak_w)
                for site in sites:
                    self.site_peaks[site, each.day] = max(self.site_peaks[site, each.day], each.peak_w)

    def compare(self, old: Usage, new: Usage | None) -> None:
        """Where did the session's peaks go down?"""
        for index, unit in enumerate((1, 0)):
            before, after = _peaks(old, unit), {} if new is None else _peaks(new, unit)
            self.lowered[index].update(key for key, peak in before.items() if after.get(key, 0) < peak)
        ours, theirs = _site_peaks(old), {} if new is None else _site_peaks(new)
        self.lowered_sites.update(key for key, peak in ours.items() if theirs.get(key, 0) < peak)


def _whose(charge: Charge, day: date) -> Whose:
    return (charge.station_id, day, charge.place_id, charge.user_id, charge.id_token)


def _peaks(usage: Usage, daily: int) -> dict[Whose, int]:
    found: dict[Whose, int] = {}
    for each in slices_of(usage):
        key = _whose(usage.charge, each.day if daily else each.day.replace(day=1))
        found[key] = max(found.get(key, 0), each.peak_w)
    return found


def _site_peaks(usage: Usage) -> dict[tuple[int, date], int]:
    found: dict[tuple[int, date], int] = {}
    for each in slices_of(usage):
        for site in (0, usage.charge.site_id):
            found[site, each.day] = max(found.get((site, each.day), 0), each.peak_w)
    return found


def _add(sums: dict[Any, list[int]], key: Hashable, amounts: Amounts, sign: int) -> None:
    found = sums.get(key)
    if found is None:
        sums[key] = list(amounts) if sign > 0 else [-each for each in amounts]
    else:
        for index, each in enumerate(amounts):
            if each:
                found[index] += sign * each


def _compute(
    todo: Iterable[int],
    charges: Mapping[int, Charge],
    known: Mapping[int, tuple[Usage, datetime]],
    points: Mapping[int, Sequence[Point]],
) -> tuple[_Work, _Sums]:
    """In a thread: it may take tens of milliseconds, and others wait for this loop."""
    work, sums = _Work([], [], [], []), _Sums()
    for number in todo:
        old = known[number][0] if number in known else None
        charge = charges.get(number)
        new = None if charge is None else usage_of(charge, points[number])
        if old is not None and new is not None and _same(old, new):
            work.same.append(number)
            continue
        if old is not None:
            sums.add(old, -1)
            sums.compare(old, new)
            if new is None:
                work.gone.append(number)
        if new is not None:
            sums.add(new, 1)
            work.new.append(new)
    return work, sums


def _same(old: Usage, new: Usage) -> bool:
    return (old.first_quarter, old.slice_mwh, old.slice_s, old.slice_w, _dimensions(old.charge)) == (
        new.first_quarter,
        new.slice_mwh,
        new.slice_s,
        new.slice_w,
        _dimensions(new.charge),
    )


def _dimensions(charge: Charge) -> tuple[object, ...]:
    """All but the highest power, which is not kept."""
    return tuple(getattr(charge, name) for name in Charge.__struct_fields__[:-1])


async def _write(connection: asyncpg.Connection, work: _Work, sums: _Sums, now: datetime) -> None:
    if work.new:
        rows = [_row(usage) for usage in work.new]
        await connection.execute(KEEP_SQL, *map(list, zip(*rows, strict=True)), now)
    if work.gone:
        await connection.execute(FORGET_SQL, work.gone)
    if work.same:
        await connection.execute(DONE_SQL, work.same, now)
    await _add_all(connection, ADD_DAY_SQL, sums.days, sums.day_peaks)
    await _add_all(connection, ADD_MONTH_SQL, sums.months, sums.month_peaks)
    await _add_all(connection, ADD_HOUR_SQL, sums.hours)
    await _add_all(connection, ADD_QUARTER_SQL, sums.quarters)
    for table, unit, lowered in (("usage_day", "day", sums.lowered[0]), ("usage_month", "month", sums.lowered[1])):
        if lowered:
            columns = list(map(list, zip(*sorted(lowered), strict=True)))
            await connection.execute(_peak_sql(table, unit), *columns)
            await connection.execute(_clear_sql(table), *columns)
    if sums.site_peaks:
        rows = [(*key, sums.site_peaks[key]) for key in sorted(sums.site_peaks)]
        await connection.execute(ADD_PEAK_SQL, *map(list, zip(*rows, strict=True)))
    if sums.lowered_sites:
        await connection.execute(LOWER_PEAK_SQL, *map(list, zip(*sorted(sums.lowered_sites), strict=True)))


async def _add_all(
    connection: asyncpg.Connection,
    sql: str,
    sums: Mapping[Any, Sequence[int]],
    peaks: Mapping[Any, int] | None = None,
) -> None:
    rows: list[tuple[object, ...]] = []
    for key in sorted(sums):
        if any(sums[key]) or (peaks and peaks.get(key)):
            rows.append((*key, *sums[key], *(() if peaks is None else (peaks.get(key, 0),))))
    if rows:
        await connection.execute(sql, *map(list, zip(*rows, strict=True)))


def _row(usage: Usage) -> tuple[object, ...]:
    charge = usage.charge
    return (
        charge.session_id,
        charge.station_id,
        charge.place_id,
        charge.site_id,
        charge.user_id,
        charge.id_token,
        charge.zone,
        charge.began_s,
        charge.ended_s,
        charge.unplugged_s,
        charge.energy_mwh,
        usage.first_quarter,
        usage.first_quarter + len(usage.slice_mwh) - 1,
        _array(usage.slice_mwh),
        _array(usage.slice_s),
        _array(usage.slice_w),
    )


def _array(values: Sequence[int]) -> str:
    """PostgreSQL's own spelling: arrays of different lengths cannot travel as one."""
    return "{" + ",".join(map(str, values)) + "}"
