"""The statements of the reckoning of statistics (`csms.storage.usage`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from csms.domain.usage import Amounts

LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtext('chargehouse statistics'))"
TAKE_SQL = """
WITH taken AS (
    DELETE FROM usage_change WHERE id IN (SELECT id FROM usage_change ORDER BY id LIMIT $1) RETURNING session_id)
SELECT session_id, count(*) AS changes FROM taken GROUP BY session_id
"""
PENDING_SQL = """
SELECT session_id FROM session_usage WHERE pending AND reckoned_at <= $1 ORDER BY reckoned_at LIMIT $2
"""
# Those that were reckoned a moment ago; there is nothing to remember again of those that are remembered.
POSTPONE_SQL = """
WITH marked AS (
    UPDATE session_usage SET pending = true
    WHERE session_id = ANY($1::bigint[]) AND reckoned_at > $2 AND NOT pending RETURNING session_id)
SELECT session_id FROM marked
UNION ALL SELECT session_id FROM session_usage WHERE session_id = ANY($1::bigint[]) AND reckoned_at > $2 AND pending
"""
SESSIONS_SQL = """
SELECT id, station_id_at_start AS station_id, place_id, coalesce(user_id, 0) AS user_id, shown_token, charged_wh,
       state = 'ACTIVE' AS active, began_at, meter_start_wh, meter_stop_wh, max_power_w, meter_value_count,
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
# The slices of all sessions travel in three long arrays; `low` and `high` say whose are where.
KEEP_SQL = """
INSERT INTO session_usage (session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s,
                           unplugged_s, energy_mwh, first_quarter, last_quarter, slice_mwh, slice_s, slice_w,
                           reckoned_at)
SELECT session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s, unplugged_s, energy_mwh,
       first_quarter, first_quarter + high - low, ($15::bigint[])[low:high], ($16::smallint[])[low:high],
       ($17::integer[])[low:high], $18
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::integer[], $13::integer[], $14::integer[])
AS u (session_id, station_id, place_id, site_id, user_id, id_token, zone, began_s, ended_s, unplugged_s, energy_mwh,
      first_quarter, low, high)
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
_QUARTER = _add_sql("usage_quarter", {"site_id": "bigint", "at": "integer"}, peak=False)
# A quarter of an hour travels as its number, counted from 1970.
ADD_QUARTER_SQL = _QUARTER.replace("SELECT *", f"SELECT site_id, to_timestamp(at * 900.0), {_AMOUNTS}").replace(
    " ON CONFLICT", f" AS u (site_id, at, {_AMOUNTS}) ON CONFLICT"
)


def clear_sql(table: str) -> str:
    """Sums in which nothing is left."""
    return f"""
DELETE FROM {table} AS t USING unnest($1::bigint[], $2::date[], $3::bigint[], $4::bigint[], $5::text[])
    AS k (station_id, day, place_id, user_id, id_token)
WHERE (t.station_id, t.day, t.place_id, t.user_id, t.id_token)
      = (k.station_id, k.day, k.place_id, k.user_id, k.id_token)
  AND t.sessions = 0 AND t.occupied_s = 0 AND t.energy_mwh = 0 AND t.begun_s = 0
"""  # noqa: S608 - names of ours


def peak_sql(table: str, unit: str) -> str:
    """A peak that went down is looked for among the sessions that are left: in a day or month of theirs, and a day on
    either side, for it is one of the session's zone."""
    return f"""
UPDATE {table} AS t SET peak_w = coalesce((
    SELECT max(s.w) FROM session_usage AS u
    CROSS JOIN LATERAL (
        SELECT greatest(0, (extract(epoch FROM t.day) / 900 - 96)::integer - u.first_quarter) AS skipped) AS b
    CROSS JOIN LATERAL unnest(u.slice_w[
        b.skipped + 1 : (extract(epoch FROM t.day + interval '1 {unit}') / 900 + 96)::integer - u.first_quarter + 1])
        WITH ORDINALITY AS s (w, n)
    WHERE u.station_id = t.station_id AND u.place_id = t.place_id AND u.user_id = t.user_id AND u.id_token = t.id_token
      AND u.first_quarter < (extract(epoch FROM t.day + interval '1 {unit}') / 900 + 96)::integer
      AND u.last_quarter >= (extract(epoch FROM t.day) / 900 - 96)::integer
      AND date_trunc('{unit}', to_timestamp((u.first_quarter + b.skipped + s.n - 1) * 900.0) AT TIME ZONE u.zone)::date
          = t.day), 0)
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
