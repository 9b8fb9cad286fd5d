"""What stations told about themselves (`csms.ports.inventory`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from csms.domain.access import Scope
from csms.domain.errors import NotFound
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import EventFilter, Item, Job, StationEvent, VariableFilter, VariableKey, VariableView
from csms.storage.inventory_records import ITEM_SQL, clean_json
from csms.storage.pool import Database
from csms.storage.scoping import at_stations
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresInventory"]

_FINISHED = "('SUCCEEDED', 'FAILED', 'CANCELED')"
_LAST = 2**62

_PAGE_EVENTS = r"""
SELECT id, station_id, at, received_at, kind, summary, evse_id, severity, body FROM station_event
WHERE id < $1 AND ($2::bigint IS NULL OR station_id = $2)
  AND (cardinality($3::text[]) = 0 OR kind = ANY($3))
  AND ($4::smallint IS NULL OR severity <= $4)
  AND ($5::text = '' OR concat_ws(E'\n', kind, summary, body::text) ILIKE $5)
  AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7){scope}
ORDER BY id DESC LIMIT $8
"""
ITEMS_SQL = """
SELECT station_id, kind, key, at, body FROM station_item
WHERE station_id = $1 AND kind = $2 AND body IS NOT NULL ORDER BY key
"""
DROP_ITEMS_SQL = """
WITH gone AS (DELETE FROM station_item WHERE station_id = $1 AND kind = $2 AND at < $3 RETURNING body)
SELECT count(body) FROM gone
"""
_VARIABLE = r"""
station_id = $1 AND ($2::text = '' OR component = $2) AND ($3::text = '' OR variable = $3)
AND ($4::integer IS NULL OR evse_id = $4)
AND ($5::text = '' OR concat_ws(E'\n', component, component_instance, variable, variable_instance, value) ILIKE $5)
"""
PAGE_VARIABLES_SQL = f"""
SELECT component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type,
       value, mutability, persistent, constant, characteristics, at
FROM station_variable
WHERE {_VARIABLE} AND (NOT $6::boolean
  OR (component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type)
   > ($7::text, $8::text, $9::integer, $10::integer, $11::text, $12::text, $13::text))
ORDER BY component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type LIMIT $14
"""  # noqa: S608 - constants of ours
COUNT_VARIABLES_SQL = f"SELECT count(*) FROM station_variable WHERE {_VARIABLE}"  # noqa: S608 - constants of ours
PUT_VARIABLE_SQL = """
INSERT INTO station_variable AS old (
    station_id, component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type,
    at, value, mutability)
SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce(nullif($11, ''), 'ReadWrite')
FROM station WHERE id = $1 FOR KEY SHARE
ON CONFLICT (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance,
             attribute_type)
DO UPDATE SET at = excluded.at, value = excluded.value, mutability = coalesce(nullif($11, ''), old.mutability)
WHERE excluded.at >= old.at
"""
DROP_VARIABLES_SQL = """
WITH gone AS (DELETE FROM station_variable WHERE station_id = $1 AND at < $2 RETURNING at) SELECT count(*) FROM gone
"""
BEGIN_JOB_SQL = """
INSERT INTO station_job (station_id, kind, state, request, created_at, updated_at)
SELECT id, $2, 'REQUESTED', $3, $4, $4 FROM station WHERE id = $1 FOR KEY SHARE
RETURNING *
"""
FIND_JOB_SQL = "SELECT * FROM station_job WHERE id = $1"
# What a station said of a job that runs is newer than our note that it accepted the order.
CHANGE_JOB_SQL = f"""
UPDATE station_job SET
    state = $2::text, status = CASE WHEN $4::text = '' THEN status ELSE $4 END,
    detail = left(detail || $5::text, 1000000), updated_at = greatest(updated_at, $3::timestamptz),
    finished_at = CASE WHEN $2 IN {_FINISHED} THEN $3 END
WHERE id = $1 AND finished_at IS NULL AND ($2 IN {_FINISHED} OR state = 'REQUESTED')
RETURNING *
"""  # noqa: S608 - constants of ours
_PAGE_JOBS = """
SELECT * FROM station_job
WHERE id < $1 AND ($2::bigint IS NULL OR station_id = $2)
  AND (cardinality($3::text[]) = 0 OR kind = ANY($3)) AND (NOT $4::boolean OR finished_at IS NULL){scope}
ORDER BY id DESC LIMIT $5
"""


class PostgresInventory:
    """`Inventory` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page_events(self, wanted: EventFilter, *, size: int, before: int | None = None) -> Sequence[StationEvent]:
        """Newest first, with an id below `before`."""
        if wanted.station_id is not None and not fits_bigint(wanted.station_id):
            return []
        args: list[object] = [
            _below(before),
            wanted.station_id,
            [clean(kind) for kind in wanted.kinds],
            wanted.severity,
            pattern(wanted.query),
            wanted.at_from,
            wanted.at_to,
            size,
        ]
        sql = _PAGE_EVENTS.format(scope=at_stations(wanted.scope, args))
        rows = await self._database.fetch(sql, *args)
        return [
            StationEvent(
                row["id"],
                row["station_id"],
                row["at"],
                row["received_at"],
                row["kind"],
                row["summary"],
                row["evse_id"],
                row["severity"],
                row["body"].encode(),
            )
            for row in rows
        ]

    async def items(self, station_id: int, kind: str) -> Sequence[Item]:
        """All of a kind, in the order of their keys."""
        if not fits_bigint(station_id):
            return []
        rows = await self._database.fetch(ITEMS_SQL, station_id, clean(kind))
        return [Item(row["station_id"], row["kind"], row["key"], row["at"], row["body"].encode()) for row in rows]

    async def put_item(self, station_id: int, kind: str, key: str, body: bytes | None, at: datetime) -> None:
        """As `ItemRecord`. None: it is gone."""
        content = None if body is None else clean_json(body)
        await self._database.execute(ITEM_SQL, [station_id], [clean(kind)], [clean(key)], [at], [content])

    async def drop_items(self, station_id: int, kind: str, *, before: datetime) -> int:
        """Forget those not told since `before`. How many."""
        dropped: int = await self._database.fetchval(DROP_ITEMS_SQL, station_id, clean(kind), before)
        return dropped

    async def page_variables(
        self, station_id: int, wanted: VariableFilter, *, size: int, after: VariableKey | None = None
    ) -> tuple[Sequence[VariableView], int]:
        """In the order of their keys, after a place; and how many match in all."""
        if not fits_bigint(station_id):
            return [], 0
        args = (
            station_id,
            clean(wanted.component),
            clean(wanted.variable),
            wanted.evse_id,
            pattern(wanted.query),
        )
        place = ("", "", 0, 0, "", "", "") if after is None else _place(after)
        rows = await self._database.fetch(PAGE_VARIABLES_SQL, *args, after is not None, *place, size)
        total: int = await self._database.fetchval(COUNT_VARIABLES_SQL, *args)
        return [_variable(row) for row in rows], total

    async def put_variable(
        self, station_id: int, key: VariableKey, value: str | None, at: datetime, *, mutability: str = ""
    ) -> None:
        """A value that the station accepted or gave in an answer; what else is known of the variable stays."""
        content = None if value is None else clean(value)
        await self._database.execute(PUT_VARIABLE_SQL, station_id, *_place(key), at, content, mutability)

    async def drop_variables(self, station_id: int, *, before: datetime) -> int:
        """Forget those not told since `before`. How many."""
        dropped: int = await self._database.fetchval(DROP_VARIABLES_SQL, station_id, before)
        return dropped

    async def begin_job(self, station_id: int, kind: JobKind, request: bytes, at: datetime) -> Job:
        """A new one, REQUESTED. Raises NotFound/STATION_NOT_FOUND."""
        row = None
        if fits_bigint(station_id):
            row = await self._database.fetchrow(BEGIN_JOB_SQL, station_id, kind, clean_json(request), at)
        if row is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return _job(row)

    async def find_job(self, job_id: int) -> Job | None:
        """By id."""
        if not fits_bigint(job_id):
            return None
        row = await self._database.fetchrow(FIND_JOB_SQL, job_id)
        return None if row is None else _job(row)

    async def change_job(
        self, job_id: int, state: JobState, at: datetime, *, status: str = "", detail: str = ""
    ) -> Job:
        """End it, or have it run. What has ended, or runs by the station's own words, stays. Raises NotFound."""
        if fits_bigint(job_id):
            row = await self._database.fetchrow(CHANGE_JOB_SQL, job_id, state, at, clean(status), clean(detail))
            if row is not None:
                return _job(row)
        job = await self.find_job(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id} (any more).", reason="JOB_NOT_FOUND")
        return job

    async def page_jobs(
        self,
        station_id: int | None,
        kinds: Sequence[JobKind] = (),
        *,
        unfinished: bool = False,
        size: int,
        before: int | None = None,
        scope: Scope | None = None,
    ) -> Sequence[Job]:
        """Newest first, with an id below `before`; of stations in the scope."""
        if station_id is not None and not fits_bigint(station_id):
            return []
        args: list[object] = [_below(before), station_id, list(kinds), unfinished, size]
        rows = await self._database.fetch(_PAGE_JOBS.format(scope=at_stations(scope, args)), *args)
        return [_job(row) for row in rows]


def _below(before: int | None) -> int:
    return _LAST if before is None else min(before, _LAST)


def _place(key: VariableKey) -> tuple[str, str, int, int, str, str, str]:
    return (
        clean(key.component),
        clean(key.component_instance),
        key.evse_id,
        key.connector_id,
        clean(key.variable),
        clean(key.variable_instance),
        clean(key.attribute_type),
    )


def _variable(row: asyncpg.Record) -> VariableView:
    return VariableView(
        VariableKey(*(row[name] for name in VariableKey.__struct_fields__)),
        row["value"],
        row["mutability"],
        row["persistent"],
        row["constant"],
        row["characteristics"].encode(),
        row["at"],
    )


def _job(row: asyncpg.Record) -> Job:
    return Job(
        row["id"],
        row["station_id"],
        JobKind(row["kind"]),
        JobState(row["state"]),
        row["status"],
        row["detail"],
        row["request"].encode(),
        tuple(row["parts"]),
        row["last_part"],
        row["created_at"],
        row["updated_at"],
        row["finished_at"],
    )
