"""The reckoning of statistics: sessions that changed are read, cut into slices and put into the sums.

One transaction takes some changes (`usage_change`), reckons their sessions anew, writes the difference to what each had
in the sums (`session_usage` remembers that), and forgets the changes. So it may die anywhere, and be run by anybody: an
advisory lock sees to it that one does it at a time.

It shares the thread of asyncio with the journal, and Python with the stations: so it works in small pieces
(`csms.storage.pace`), and reads and writes no more at once than some thousands of values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import asyncpg

from csms.domain.usage import MAX_SPAN, QUARTER, Charge, Point, Usage, usage_of
from csms.domain.usage_changes import Differences, add_amounts
from csms.ports.statistics import Whereabouts
from csms.storage.pace import Pace
from csms.storage.pool import Database
from csms.storage.usage_sql import (
    ADD_DAY_SQL,
    ADD_HOUR_SQL,
    ADD_MONTH_SQL,
    ADD_PEAK_SQL,
    ADD_QUARTER_SQL,
    DONE_SQL,
    FORGET_SQL,
    KEEP_SQL,
    KNOWN_SQL,
    LOCK_SQL,
    LOWER_PEAK_SQL,
    MOVED_SQL,
    NOTE_PLACES_SQL,
    PENDING_SQL,
    PLACES_SQL,
    POINTS_SQL,
    POSTPONE_SQL,
    SESSIONS_SQL,
    TAKE_SQL,
    clear_sql,
    peak_sql,
)

__all__ = ["PostgresUsage"]

LIMIT_MWH: Final = 10**13  # ten GWh: what is more is a mistake of a meter, and would not fit into sums
PATIENCE: Final = timedelta(minutes=5)
"""A session that goes on is reckoned anew so often."""
NOWHERE: Final = Whereabouts(1, "UTC")
PORTION: Final = 20_000
"""Slices and meter values that are in memory at once."""
ROWS: Final = 1_000
"""Rows that one statement writes: the longer, the longer others wait while its arguments are put together."""


class PostgresUsage:
    """csms.ports.statistics.UsageStore on PostgreSQL. `rest`: see `csms.storage.pace.Pace`."""

    def __init__(self, database: Database, *, rest: float = 1.0) -> None:
        self._database = database
        self._rest = rest

    async def reckon(
        self, places: Mapping[int, Whereabouts], now: datetime, *, kept_since: datetime | None = None, limit: int = 200
    ) -> int | None:
        """See the port."""
        return await self._database.transaction(_reckon, dict(places), now, kept_since, limit, self._rest)


async def _reckon(
    connection: asyncpg.Connection,
    places: Mapping[int, Whereabouts],
    now: datetime,
    kept_since: datetime | None,
    limit: int,
    rest: float,
) -> int | None:
    """In asyncio."""
    if not await connection.fetchval(LOCK_SQL):
        return None
    await _note_places(connection, places)
    taken = {row["session_id"]: row["changes"] for row in await connection.fetch(TAKE_SQL, limit)}
    waited = [row["session_id"] for row in await connection.fetch(PENDING_SQL, now - PATIENCE, limit)]
    wanted = sorted({*taken, *waited})
    if wanted:
        rows = {row["id"]: row for row in await connection.fetch(SESSIONS_SQL, wanted)}
        later = await _postpone(connection, rows, set(waited), now)
        sweep = _Sweep(connection, places, now, kept_since, Pace(rest=rest))
        for portion in _portions([number for number in wanted if number not in later], rows):
            await sweep.reckon(portion, rows)
        await sweep.write()
    return int(sum(taken.values())) + len(waited)


async def _note_places(connection: asyncpg.Connection, places: Mapping[int, Whereabouts]) -> None:
    """Sessions of places that now have another site or zone are reckoned anew."""
    known = {row["place_id"]: Whereabouts(row["site_id"], row["zone"]) for row in await connection.fetch(PLACES_SQL)}
    changed = [number for number, where in places.items() if known.get(number) != where]
    if changed:
        columns = [changed, [places[n].site_id for n in changed], [places[n].zone for n in changed]]
        await connection.execute(NOTE_PLACES_SQL, *columns)
        await connection.execute(MOVED_SQL, [number for number in changed if number in known])


async def _postpone(
    connection: asyncpg.Connection, rows: Mapping[int, asyncpg.Record], due: set[int], now: datetime
) -> set[int]:
    """Those that go on and were reckoned a moment ago: they are remembered."""
    active = [number for number, row in rows.items() if row["active"] and number not in due]
    return {row["session_id"] for row in await connection.fetch(POSTPONE_SQL, active, now - PATIENCE)}


def _portions(numbers: Sequence[int], rows: Mapping[int, asyncpg.Record]) -> Iterator[list[int]]:
    """As many sessions as have some thousands of slices and meter values together; one, if it has more."""
    portion: list[int] = []
    size = 0
    for number in numbers:
        row = rows.get(number)
        cost = 1 + MAX_SPAN // QUARTER  # of a session that is gone nothing is known
        if row is not None:
            span = max(timedelta(0), (row["plugged_out_at"] or row["ended_at"]) - row["began_at"]).total_seconds()
            cost = 1 + int(min(span, MAX_SPAN) // QUARTER) + min(row["meter_value_count"], int(span // 60) + 1)
        if portion and size + cost > PORTION:
            yield portion
            portion, size = [], 0
        portion.append(number)
        size += cost
    if portion:
        yield portion


class _Sweep:
    """What one transaction does. In asyncio."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        places: Mapping[int, Whereabouts],
        now: datetime,
        kept_since: datetime | None,
        pace: Pace,
    ) -> None:
        self._connection = connection
        self._places = places
        self._now = now
        self._kept_since = kept_since
        self._pace = pace
        self._differences = Differences()

    async def reckon(self, numbers: Sequence[int], rows: Mapping[int, asyncpg.Record]) -> None:
        """Read, cut into slices and keep some sessions."""
        known = {row["session_id"]: row for row in await self._connection.fetch(KNOWN_SQL, numbers)}
        charges = {number: _charge(rows[number], self._places) for number in numbers if number in rows}
        points = await self._points(charges, rows)
        new: list[Usage] = []
        gone: list[int] = []
        same: list[int] = []
        for number in numbers:
            await self._pace.breathe()
            old = _usage(known[number]) if number in known else None
            charge = charges.get(number)
            if charge is None:
                self._differences.change(old, None)
                gone.append(number)
                continue
            if old is not None and self._kept_since is not None and charge.ended_s < self._kept_since.timestamp():
                points[number] = _remembered(old)
            usage = usage_of(charge, points[number])
            if old is not None and _same(old, usage):
                same.append(number)
                continue
            self._differences.change(old, usage)
            new.append(usage)
        await self._keep(new)
        if gone:
            await self._connection.execute(FORGET_SQL, gone)
        if same:
            await self._connection.execute(DONE_SQL, same, self._now)

    async def _points(
        self, charges: Mapping[int, Charge], rows: Mapping[int, asyncpg.Record]
    ) -> dict[int, list[Point]]:
        """What the meters showed, day by day, so that few partitions are looked into."""
        found: dict[int, list[Point]] = {number: [] for number in charges}
        in_order = sorted(charges.values(), key=lambda charge: charge.began_s)
        for _, group in groupby(in_order, key=lambda charge: charge.began_s // 86_400):
            some = list(group)
            first = datetime.fromtimestamp(min(charge.began_s for charge in some), UTC)
            last = datetime.fromtimestamp(max(charge.ended_s for charge in some) + 1, UTC)
            ids = [charge.session_id for charge in some]
            values = await self._connection.fetch(POINTS_SQL, ids, first, last)
            for index, row in enumerate(values):
                if index % 100 == 0:
                    await self._pace.breathe()
                found[row["session_id"]].append(Point(row["at"], _finite(row["energy_wh"]), _finite(row["power_w"])))
        for number, points in found.items():
            charge, row = charges[number], rows[number]
            start, stop = _finite(row["meter_start_wh"]), _finite(row["meter_stop_wh"])
            if start is not None:
                points.insert(0, Point(float(charge.began_s), start, None))
            if stop is not None:
                points.append(Point(float(charge.ended_s), stop, None))
        return found

    async def _keep(self, usages: Sequence[Usage]) -> None:
        """Write what sessions have in the sums now."""
        for portion in _long(usages):
            columns: list[list[Any]] = [[] for _ in range(17)]
            energy, seconds, power = columns[14:]
            for usage in portion:
                low = len(energy) + 1
                energy += usage.slice_mwh
                seconds += usage.slice_s
                power += usage.slice_w
                for column, value in zip(columns, _row(usage, low, len(energy)), strict=False):
                    column.append(value)
            await self._pace.breathe()
            await self._connection.execute(KEEP_SQL, *columns, self._now)

    async def write(self) -> None:
        """Put the differences into the sums."""
        found = self._differences
        await self._add(ADD_DAY_SQL, _rows(found.days, found.day_peaks))
        await self._add(ADD_MONTH_SQL, _rows(found.months, found.month_peaks))
        hours: dict[tuple[int, date, int], list[int]] = {}
        quarters: list[tuple[object, ...]] = []
        for utc_day in found.utc_days():
            sites = found.of_sites(utc_day)
            for key, sums in sites.hours.items():
                add_amounts(hours, key, sums)
            quarters += _rows(sites.quarters)
            await self._pace.breathe()
        await self._add(ADD_QUARTER_SQL, quarters)
        await self._add(ADD_HOUR_SQL, _rows(hours))
        for table, unit, lowered in (
            ("usage_day", "day", found.lowered_days),
            ("usage_month", "month", found.lowered_months),
        ):
            for rows in _some(sorted(lowered)):
                await self._connection.execute(peak_sql(table, unit), *_columns(rows))
                await self._connection.execute(clear_sql(table), *_columns(rows))
        await self._add(ADD_PEAK_SQL, [(*key, peak) for key, peak in sorted(found.site_peaks.items())])
        await self._add(LOWER_PEAK_SQL, sorted(found.lowered_sites))

    async def _add(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        for some in _some(rows):
            await self._pace.breathe()
            await self._connection.execute(sql, *_columns(some))


def _rows(sums: Mapping[Any, Sequence[int]], peaks: Mapping[Any, int] | None = None) -> list[tuple[object, ...]]:
    """What is added, in the order of the keys; with the peaks, where there are such."""
    if peaks is None:
        return [(*key, *sums[key]) for key in sorted(sums) if any(sums[key])]
    return [(*key, *sums[key], peaks.get(key, 0)) for key in sorted(sums) if any(sums[key]) or peaks.get(key)]


def _some(rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return list(map(list, zip(*rows, strict=True)))


def _long(usages: Sequence[Usage]) -> Iterator[list[Usage]]:
    """As many as make a statement of some thousands of values."""
    portion: list[Usage] = []
    size = 0
    for usage in usages:
        portion.append(usage)
        size += 5 + len(usage.slice_mwh)
        if size > 3 * ROWS:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


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


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < 1e15 else None


def _remembered(usage: Usage) -> list[Point]:
    """The shape that a session had when its meter values were still there."""
    total = 0.0
    points = [Point(float(usage.charge.began_s), 0.0, None)]
    for index, energy in enumerate(usage.slice_mwh):
        total += energy / 1000.0
        end = min((usage.first_quarter + index + 1) * QUARTER, usage.charge.ended_s)
        points.append(Point(float(end), total, float(usage.slice_w[index])))
    return points


def _usage(row: asyncpg.Record) -> Usage:
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
    return Usage(charge, row["first_quarter"], *slices)


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


def _row(usage: Usage, low: int, high: int) -> tuple[object, ...]:
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
        low,
        high,
    )
