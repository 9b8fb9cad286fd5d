"""Statistics, asked: every question goes to the smallest table that can answer it.

intervals shorter than a day   whole sites: usage_quarter; else the slices of session_usage
days and weeks                 whole sites, not by person: usage_site_day; else usage_day
months, years, totals          the same; else sums of months, with usage_day for the days at the ends: by station, user
                               or tag (usage_station_month, …) where that will do, else usage_month
hours of the week              whole sites: usage_hour; else the slices
combined power                 whole sites: usage_quarter; else the slices
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import asyncpg

from csms.domain.errors import StaleVersion
from csms.domain.facts import ConnectorStatus
from csms.domain.statistics import (
    Bucket,
    Cell,
    Co2Settings,
    Present,
    Split,
    StationCounts,
    StorageUsage,
)
from csms.domain.time_axis import Axis
from csms.domain.usage import QUARTER, Amounts
from csms.ports.statistics import Order, Selection
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.statistics_sizes import storage_usage

__all__ = ["PostgresStatistics"]

_SUMS: Final = ", ".join(f"sum({name})::bigint AS {name}" for name in Amounts._fields)
_AMOUNTS: Final = ", ".join(f"u.{name}" for name in Amounts._fields)
_BY_SITE: Final = frozenset({Split.NONE, Split.SITE, Split.HOUR_OF_WEEK})
_UNITS: Final = {Bucket.WEEK: "week", Bucket.MONTH: "month", Bucket.YEAR: "year"}
_KEYS: Final = {Split.STATION: "u.station_id", Split.USER: "u.user_id", Split.TAG: "u.id_token"}
# One row for each slice, with the columns of the sums.
_SLICES: Final = f"""(
    SELECT v.station_id, v.place_id, v.site_id, v.user_id, v.id_token, v.zone, q.quarter, s.mwh AS energy_mwh,
           s.seconds AS charging_s, s.watts AS peak_w,
           greatest(0, least((q.quarter + 1) * {QUARTER}, v.unplugged_s) - greatest(q.quarter * {QUARTER}, v.began_s))
               AS occupied_s,
           (s.n = 1)::integer AS sessions,
           (s.n = 1 AND v.energy_mwh > 0)::integer AS with_energy,
           CASE s.n WHEN 1 THEN v.energy_mwh ELSE 0 END AS begun_mwh,
           CASE s.n WHEN 1 THEN v.ended_s - v.began_s ELSE 0 END AS begun_s
    FROM session_usage AS v
    CROSS JOIN LATERAL unnest(v.slice_mwh, v.slice_s, v.slice_w) WITH ORDINALITY AS s (mwh, seconds, watts, n)
    CROSS JOIN LATERAL (SELECT v.first_quarter + s.n - 1 AS quarter) AS q
    WHERE {{conditions}}) AS u"""  # noqa: S608 - names of ours
_ENERGY: Final = """(
    SELECT v.site_id, v.first_quarter + generate_subscripts(v.slice_mwh, 1) - 1 AS quarter,
           unnest(v.slice_mwh) AS energy_mwh
    FROM session_usage AS v WHERE {conditions}) AS u"""
LONGEST: Final = 31 * 96 + 2  # quarters of an hour that a session has at most

# A plan for this span and these stations, which may be an hour or years, one or all; to compile it would take longer
# than to carry it out.
PLANNING = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; SET LOCAL work_mem = '32MB'"
CO2_SQL = "SELECT * FROM statistics_settings"
CHANGE_CO2_SQL = """
UPDATE statistics_settings SET grid_g_per_kwh = $1, fossil_g_per_km = $2, vehicle_wh_per_km = $3, version = version + 1
WHERE $4::integer IS NULL OR version = $4 RETURNING *
"""
NAMES_SQL: Final = {
    Split.SITE: "SELECT id AS key, name FROM place WHERE id = ANY($1::bigint[])",
    Split.STATION: """
        SELECT k.id AS key, coalesce(nullif(station.display_name, ''), station.identity, (
            SELECT station_identity FROM session WHERE station_id_at_start = k.id LIMIT 1), '') AS name
        FROM unnest($1::bigint[]) AS k (id) LEFT JOIN station ON station.id = k.id""",
    Split.USER: "SELECT id AS key, display_name AS name FROM app_user WHERE id = ANY($1::bigint[])",
    Split.TAG: "SELECT id_token AS key, alias AS name FROM id_token WHERE id_token = ANY($1::text[])",
}


class _Select:
    """Collects the arguments of a statement."""

    def __init__(self, selection: Selection) -> None:
        self.args: list[object] = []
        self._selection = selection

    def arg(self, value: object) -> str:
        """Its placeholder."""
        self.args.append(value)
        return f"${len(self.args)}"

    def whose(self, *, station: str, place: str, user: str = "") -> list[str]:
        """What holds for rows of the selection."""
        wanted, found = self._selection, []
        if wanted.scope is not None:
            found.append(scope_condition(wanted.scope, self.arg, station=station, place=place, user=user))
        if wanted.place_ids:
            found.append(f"{place} = ANY({self.arg(sorted(wanted.place_ids))}::bigint[])")
        if wanted.station_ids:
            found.append(f"{station} = ANY({self.arg(sorted(wanted.station_ids))}::bigint[])")
        return found

    def stations(self) -> str:
        """Which stations are selected."""
        return " AND ".join(self.whose(station="station.id", place="station.place_id")) or "true"

    def sites(self, split: Split) -> str:
        """Which sites are selected, where they are whole."""
        wanted = self._selection.site_ids or frozenset()
        if wanted == {0} and split is Split.SITE:
            return "u.site_id <> 0"
        return f"u.site_id = ANY({self.arg(sorted(wanted))}::bigint[])"

    def months(self, split: Split) -> str:
        """The smallest table of months that knows all that is asked for."""
        wanted = self._selection
        if split in (Split.USER, Split.TAG):
            if wanted.scope is None and not wanted.place_ids and not wanted.station_ids:
                return "usage_user_month" if split is Split.USER else "usage_tag_month"
            return "usage_month"
        return "usage_month" if wanted.scope is not None and wanted.scope.user_id is not None else "usage_station_month"

    def slices(self, axis: Axis) -> str:
        """The slices of the selection in the span: what stands behind FROM, and the conditions on them."""
        return self._slices(_SLICES, axis)

    def energy(self, axis: Axis) -> str:
        """The same, of their energy alone: twice as fast."""
        return self._slices(_ENERGY, axis)

    def _slices(self, source: str, axis: Axis) -> str:
        first, last = int(axis.starts[0].timestamp()) // QUARTER, -(-int(axis.end.timestamp()) // QUARTER)
        early, start, end = self.arg(first - LONGEST), self.arg(first), self.arg(last)
        conditions = [
            f"v.first_quarter >= {early}::integer AND v.first_quarter < {end}::integer",
            f"v.last_quarter >= {start}::integer",
            *self.whose(station="v.station_id", place="v.place_id", user="v.user_id"),
        ]
        inside = source.format(conditions=" AND ".join(conditions))
        return f"{inside} WHERE u.quarter >= {start}::integer AND u.quarter < {end}::integer"


class PostgresStatistics:
    """csms.ports.statistics.StatisticsStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _ask(self, sql: str, args: Sequence[object]) -> Sequence[asyncpg.Record]:
        return await self._database.transaction(_planned, sql, args)

    async def cells(
        self, selection: Selection, axis: Axis, split: Split, *, by_time: bool, keys: Iterable[int | str] | None = None
    ) -> Sequence[Cell]:
        """See the port."""
        select = _Select(selection)
        if selection.site_ids is not None and split in _BY_SITE:
            sql = _of_sites(select, axis, split, by_time=by_time)
        elif axis.fine or split is Split.HOUR_OF_WEEK:
            sql = _of_slices(select, axis, split, by_time=by_time)
        else:
            sql = _of_days(select, axis, split, by_time=by_time, keys=keys)
        if keys is not None and split is not Split.NONE:
            kind = "text" if split is Split.TAG else "bigint"
            sql = f"SELECT * FROM ({sql}) AS found WHERE key = ANY({select.arg(list(keys))}::{kind}[])"  # noqa: S608
        return [_cell(row) for row in await self._ask(sql, select.args)]

    async def greatest(
        self, selection: Selection, axis: Axis, split: Split, order: Order, count: int
    ) -> tuple[Sequence[int | str], int]:
        """See the port."""
        select = _Select(selection)
        if axis.fine:
            key, source = _KEYS[split], f"SELECT * FROM {select.slices(axis)}"  # noqa: S608
        else:
            key, source = "u.key", _days_source(select, axis, split, by_day=False)
        rank = f"sum(u.{order.amount})" if order.amount else "max(u.peak_w)"
        if order.each_session:
            rank = f"{rank}::float8 / nullif(sum(u.sessions), 0)"
        direction = "DESC" if order.descending else "ASC"
        # Of those that were moved or deleted nothing but zeros may be left.
        sql = f"""SELECT {key} AS key, count(*) OVER () AS series FROM ({source}) AS u
            WHERE u.energy_mwh <> 0 OR u.occupied_s <> 0 OR u.sessions <> 0
            GROUP BY 1 ORDER BY {rank} {direction} NULLS LAST, {key}::text COLLATE "C"
            LIMIT {select.arg(count)}"""  # noqa: S608
        rows = await self._ask(sql, select.args)
        return [row["key"] for row in rows], rows[0]["series"] if rows else 0

    async def combined_power(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """See the port."""
        select = _Select(selection)
        key = "u.site_id" if split is Split.SITE else "0::bigint"
        if selection.site_ids is not None:
            since, until = select.arg(axis.starts[0]), select.arg(axis.end)
            alone = split is Split.SITE or len(selection.site_ids) == 1  # a row for each quarter of an hour
            energy, group = ("u.energy_mwh", "") if alone else ("sum(u.energy_mwh)", "GROUP BY 1, 2")
            source = f"""SELECT {key} AS key, u.at, {energy} AS mwh FROM usage_quarter AS u
                WHERE {select.sites(split)} AND u.at >= {since} AND u.at < {until} {group}"""  # noqa: S608
        else:
            source = f"""SELECT {key} AS key, to_timestamp(u.quarter * {QUARTER}) AS at, sum(u.energy_mwh) AS mwh
                FROM {select.energy(axis)} GROUP BY u.quarter, 1"""  # noqa: S608
        at = _moment(select, axis, f"extract(epoch FROM at)::bigint / {QUARTER}", "at", axis.zone)
        sql = f"""SELECT key, {at} AS at, max(mwh)::float8 * {3600 // QUARTER} / 1000 AS power_w
            FROM ({source}) AS q GROUP BY 1, 2"""  # noqa: S608
        rows = await self._ask(sql, select.args)
        return [Cell(row["key"], row["at"], Amounts(), row["power_w"]) for row in rows]

    async def site_peaks(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """See the port."""
        select = _Select(selection)
        key = "u.site_id" if split is Split.SITE else "0::bigint"
        where = f"{select.sites(split)} AND u.day >= {select.arg(axis.days[0])} AND u.day < {select.arg(axis.end_day)}"
        sql = f"""SELECT {key} AS key, {_day(axis, "u.day")} AS at, max(u.peak_w) AS peak_w FROM usage_peak AS u
            WHERE {where} GROUP BY 1, 2"""  # noqa: S608
        rows = await self._ask(sql, select.args)
        return [Cell(row["key"], row["at"], Amounts(), row["peak_w"]) for row in rows]

    async def outlets(self, selection: Selection, split: Split) -> Mapping[int, int]:
        """See the port."""
        select = _Select(selection)
        key = {Split.SITE: "coalesce(p.site_id, 1)", Split.STATION: "station.id"}.get(split, "0::bigint")
        sql = f"""
            SELECT {key} AS key, count(DISTINCT (station.id, connector.evse_id)) AS outlets
            FROM station JOIN connector ON connector.station_id = station.id AND connector.evse_id > 0
            LEFT JOIN usage_place AS p ON p.place_id = station.place_id
            WHERE registration = 'Accepted' AND {select.stations()} GROUP BY 1"""  # noqa: S608
        return {row["key"]: row["outlets"] for row in await self._ask(sql, select.args)}

    async def reservations(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """See the port."""
        select = _Select(selection)
        key = {Split.SITE: "coalesce(p.site_id, 1)", Split.STATION: "station.id"}.get(split, "0::bigint")
        at = _moment(
            select, axis, f"floor(extract(epoch FROM r.starts_at) / {QUARTER})::bigint", "r.starts_at", axis.zone
        )
        owner = "(SELECT t.user_id FROM id_token AS t WHERE t.id_token = r.id_token)"
        whose = select.whose(station="station.id", place="station.place_id", user=owner)
        conditions = [
            f"r.starts_at >= {select.arg(axis.starts[0])} AND r.starts_at < {select.arg(axis.end)}",
            "r.state <> 'REFUSED'",
            *whose,
        ]
        sql = f"""
            SELECT {key} AS key, {at} AS at, count(*) AS reservations
            FROM reservation AS r JOIN station ON station.id = r.station_id
            LEFT JOIN usage_place AS p ON p.place_id = station.place_id
            WHERE {" AND ".join(conditions)} GROUP BY 1, 2"""  # noqa: S608
        rows = await self._ask(sql, select.args)
        return [Cell(row["key"], row["at"], Amounts(sessions=row["reservations"])) for row in rows]

    async def availability(self, selection: Selection, axis: Axis, split: Split, now: datetime) -> Sequence[Cell]:
        """See the port. Coming and going is in the event log; before it first tells of a station nothing is known."""
        select = _Select(selection)
        begin, end = select.arg(axis.starts[0]), select.arg(min(axis.end, max(now, axis.starts[0])))
        starts = select.arg([*axis.days] if axis.days else [*axis.starts])
        kind = "date" if axis.days else "timestamptz"
        froms, tos = select.arg([*axis.starts]), select.arg([*axis.starts[1:], axis.end])
        key = "e.station_id" if split is Split.STATION else "0::bigint"
        sql = f"""
            WITH told AS (
                SELECT station.id AS station_id, {begin}::timestamptz AS at, before.online
                FROM station CROSS JOIN LATERAL (
                    SELECT e.kind = 'Connected' AS online FROM system_event AS e
                    WHERE e.station_id = station.id AND e.kind IN ('Connected', 'Disconnected') AND e.at <= {begin}
                    ORDER BY e.at DESC, e.id DESC LIMIT 1) AS before
                WHERE {select.stations()}
                UNION ALL
                SELECT e.station_id, e.at, e.kind = 'Connected'
                FROM system_event AS e JOIN station ON station.id = e.station_id
                WHERE e.kind IN ('Connected', 'Disconnected') AND e.at > {begin} AND e.at < {end}
                    AND {select.stations()}
            ), spans AS (
                SELECT station_id, online, at,
                       lead(at, 1, {end}::timestamptz) OVER (PARTITION BY station_id ORDER BY at) AS until FROM told
            )
            SELECT {key} AS key, b.name AS at,
                   coalesce(sum(p.seconds) FILTER (WHERE e.online), 0)::bigint AS up, sum(p.seconds)::bigint AS known
            FROM spans AS e
            JOIN unnest({starts}::{kind}[], {froms}::timestamptz[], {tos}::timestamptz[]) AS b (name, since, until)
                ON e.at < b.until AND e.until > b.since
            CROSS JOIN LATERAL (SELECT extract(epoch FROM least(e.until, b.until) - greatest(e.at, b.since)) AS seconds)
                AS p
            GROUP BY 1, 2"""  # noqa: S608
        return [
            Cell(row["key"], row["at"], Amounts(occupied_s=row["up"], begun_s=row["known"]))
            for row in await self._ask(sql, select.args)
        ]

    async def names(self, split: Split, keys: Iterable[int | str]) -> Mapping[int | str, str]:
        """See the port."""
        wanted = list(keys)
        if split not in NAMES_SQL or not wanted:
            return {}
        rows = await self._database.fetch(NAMES_SQL[split], wanted)
        return {row["key"]: row["name"] for row in rows if row["name"]}

    async def present(self, stations: Selection, sessions: Selection, alarms: Selection | None) -> Present:
        """See the port."""
        return await self._database.run(_present, stations, sessions, alarms)

    async def co2(self) -> Co2Settings:
        """See the port."""
        row = await self._database.fetchrow(CO2_SQL)
        return Co2Settings() if row is None else _co2(row)

    async def change_co2(self, settings: Co2Settings, *, version: int | None) -> Co2Settings:
        """See the port."""
        numbers = (settings.grid_g_per_kwh, settings.fossil_g_per_km, settings.vehicle_wh_per_km)
        row = await self._database.fetchrow(CHANGE_CO2_SQL, *numbers, version)
        if row is None:
            raise StaleVersion("Somebody else has changed these settings meanwhile. Reload them and try again.")
        return _co2(row)

    async def storage(self) -> StorageUsage:
        """See the port."""
        return await self._database.run(storage_usage)


def _cell(row: asyncpg.Record) -> Cell:
    return Cell(row["key"], row["at"], Amounts(*(row[name] for name in Amounts._fields)), row["peak_w"])


async def _planned(connection: asyncpg.Connection, sql: str, args: Sequence[object]) -> Sequence[asyncpg.Record]:
    """In asyncio."""
    await connection.execute(PLANNING)
    rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *args)
    return rows


def _day(axis: Axis, column: str) -> str:
    """The interval in which a day of a table is."""
    if axis.bucket is Bucket.TOTAL:
        return "NULL::date"
    return column if axis.bucket is Bucket.DAY else f"date_trunc('{_UNITS[axis.bucket]}', {column})::date"


def _moment(select: _Select, axis: Axis, quarter: str, at: str, zone: str) -> str:
    """The interval in which a quarter of an hour is; `zone` decides which day that is."""
    if axis.bucket is Bucket.TOTAL:
        return "NULL::date"
    if axis.fine:
        start = f"{select.arg(int(axis.starts[0].timestamp()))}::bigint"
        width = QUARTER if axis.bucket is Bucket.QUARTER_HOUR else 3600
        return f"to_timestamp({start} + ({quarter} * {QUARTER} - {start}) / {width} * {width})"
    unit = _UNITS.get(axis.bucket, "day")
    return f"date_trunc('{unit}', {at} AT TIME ZONE {select.arg(zone)})::date"


def _of_sites(select: _Select, axis: Axis, split: Split, *, by_time: bool) -> str:
    """Sums of whole sites."""
    key = "u.site_id" if split is Split.SITE else "0::bigint"
    if split is Split.HOUR_OF_WEEK:
        key = "(extract(isodow FROM u.day)::integer - 1) * 24 + u.hour"
    at = "NULL::date"
    if axis.fine:
        table, column = "usage_quarter", "u.at"
        bounds: tuple[object, object] = (axis.starts[0], axis.end)
        if by_time:
            at = _moment(select, axis, f"extract(epoch FROM u.at)::bigint / {QUARTER}", "u.at", axis.zone)
    else:
        column = "u.day"
        table = "usage_hour" if split is Split.HOUR_OF_WEEK else "usage_site_day"
        bounds = (axis.days[0], axis.end_day)
        if by_time:
            at = _day(axis, "u.day")
    where = f"{select.sites(split)} AND {column} >= {select.arg(bounds[0])} AND {column} < {select.arg(bounds[1])}"
    return f"""SELECT {key} AS key, {at} AS at, {_SUMS}, 0 AS peak_w FROM {table} AS u
        WHERE {where} GROUP BY 1, 2"""  # noqa: S608


def _of_slices(select: _Select, axis: Axis, split: Split, *, by_time: bool) -> str:
    """Sums of what sessions had in the span."""
    key = {**_KEYS, Split.SITE: "u.site_id"}.get(split, "0::bigint")
    if split is Split.HOUR_OF_WEEK:
        local = f"to_timestamp(u.quarter * {QUARTER}) AT TIME ZONE u.zone"
        key = f"(extract(isodow FROM {local})::integer - 1) * 24 + extract(hour FROM {local})::integer"
    source = select.slices(axis)
    at = "NULL::date"
    if by_time and split is not Split.HOUR_OF_WEEK:
        at = _moment(select, axis, "u.quarter", f"to_timestamp(u.quarter * {QUARTER})", axis.zone)
    return f"SELECT {key} AS key, {at} AS at, {_SUMS}, max(peak_w) AS peak_w FROM {source} GROUP BY 1, 2"  # noqa: S608


def _of_days(
    select: _Select, axis: Axis, split: Split, *, by_time: bool, keys: Iterable[int | str] | None = None
) -> str:
    """Sums of days, and of whole months where days need not be told apart."""
    at = _day(axis, "u.day") if by_time else "NULL::date"
    by_day = by_time and axis.bucket in (Bucket.DAY, Bucket.WEEK)
    source = _days_source(select, axis, split, by_day=by_day, keys=keys)
    shown, join = "u.key", ""
    if split is Split.SITE:
        shown, join = "coalesce(p.site_id, 1)", "LEFT JOIN usage_place AS p ON p.place_id = u.key"
    return f"""SELECT {shown} AS key, {at} AS at, {_SUMS}, max(peak_w) AS peak_w FROM ({source}) AS u {join}
        GROUP BY 1, 2"""  # noqa: S608


def _days_source(
    select: _Select, axis: Axis, split: Split, *, by_day: bool, keys: Iterable[int | str] | None = None
) -> str:
    """Rows of days, and of whole months where it need not be by the day, of the selection, each with its key."""
    key = _KEYS.get(split, "u.place_id" if split is Split.SITE else "0::bigint")
    conditions = select.whose(station="u.station_id", place="u.place_id", user="u.user_id")
    if keys is not None and split in _KEYS:
        kind = "text" if split is Split.TAG else "bigint"
        conditions.append(f"{_KEYS[split]} = ANY({select.arg(list(keys))}::{kind}[])")
    whose = "".join(f" AND {condition}" for condition in conditions)

    def part(table: str, first: date, end: date) -> str:
        span = f"u.day >= {select.arg(first)} AND u.day < {select.arg(end)}"
        return f"SELECT {key} AS key, u.day, {_AMOUNTS}, u.peak_w FROM {table} AS u WHERE {span}{whose}"  # noqa: S608

    first, last = _month_after(axis.days[0]), axis.end_day.replace(day=1)
    spans = [("usage_day", axis.days[0], axis.end_day)]
    if not by_day and first < last:
        months = select.months(split)
        spans = [(months, first, last), ("usage_day", axis.days[0], first), ("usage_day", last, axis.end_day)]
    return " UNION ALL ".join(part(*span) for span in spans if span[1] < span[2])


def _month_after(day: date) -> date:
    """The first of a month that is not before the day."""
    return day if day.day == 1 else (day.replace(day=1) + timedelta(days=32)).replace(day=1)


async def _present(
    connection: asyncpg.Connection, stations: Selection, sessions: Selection, alarms: Selection | None
) -> Present:
    """In asyncio."""
    select = _Select(stations)
    where = select.stations()
    counts = await connection.fetchrow(
        f"""SELECT
            count(*) FILTER (WHERE accepted AND online) AS online,
            count(*) FILTER (WHERE accepted AND NOT online AND connected_at IS NOT NULL) AS offline,
            count(*) FILTER (WHERE accepted AND NOT online AND connected_at IS NULL) AS unknown,
            count(*) FILTER (WHERE registration = 'Pending') AS pending,
            count(*) FILTER (WHERE accepted AND EXISTS (
                SELECT FROM connector AS c WHERE c.station_id = station.id AND c.status = 'Faulted')) AS faulted
        FROM station CROSS JOIN LATERAL (SELECT registration = 'Accepted' AS accepted) AS a WHERE {where}""",  # noqa: S608
        *select.args,
    )
    connectors = await connection.fetch(
        f"""SELECT status, count(*) FROM connector JOIN station ON station.id = connector.station_id
        WHERE registration = 'Accepted' AND evse_id > 0 AND {where} GROUP BY status""",  # noqa: S608
        *select.args,
    )
    running = _Select(sessions)
    conditions = ["state = 'ACTIVE'", *running.whose(station="station_id", place="place_id", user="user_id")]
    active = await connection.fetchrow(
        f"""SELECT count(*) AS count, coalesce(sum(power_w), 0)::float8 AS power_w FROM session
        WHERE {" AND ".join(conditions)}""",  # noqa: S608
        *running.args,
    )
    by_status = {ConnectorStatus(row["status"]): row["count"] for row in connectors}
    return Present(
        StationCounts(*(counts[name] for name in ("online", "offline", "unknown", "pending", "faulted"))),
        tuple((status, by_status[status]) for status in ConnectorStatus if status in by_status),
        active["count"],
        active["power_w"],
        None if alarms is None else await _active_alarms(connection, alarms),
    )


async def _active_alarms(connection: asyncpg.Connection, selection: Selection) -> int:
    select = _Select(selection)
    conditions = [
        "active AND folded_into IS NULL",
        *select.whose(station="alarm.station_id", place="coalesce(station.place_id, alarm.place_id)"),
    ]
    sql = f"""SELECT count(*) FROM alarm LEFT JOIN station ON station.id = alarm.station_id
        WHERE {" AND ".join(conditions)}"""  # noqa: S608
    return int(await connection.fetchval(sql, *select.args))


def _co2(row: asyncpg.Record) -> Co2Settings:
    return Co2Settings(row["grid_g_per_kwh"], row["fossil_g_per_km"], row["vehicle_wh_per_km"], row["version"])
