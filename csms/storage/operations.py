"""Operations and their steps.

Every statement that changes steps locks the operation's row first and takes a new revision from it. So revisions become
visible in their order, and whoever reads "after revision 7" misses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Scope
from csms.domain.operations import (
    Counts,
    Draft,
    Operation,
    OperationState,
    Step,
    StepState,
    Target,
    TargetFilter,
)
from csms.domain.records import JobState
from csms.ports.operations import DueStep, Followed, OperationFilter
from csms.storage.operation_schedules import ScheduleTable
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresOperations"]

_TARGET = """
t.id AS target_id, t.identity AS target_identity, t.display_name AS target_display_name, t.place_id, t.vendor, t.model,
t.firmware_version, t.online, t.booted_at
"""
NAMED_SQL = f"""
SELECT {_TARGET} FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN station AS t ON t.id = wanted.id ORDER BY wanted.place LIMIT $2
"""  # noqa: S608 - constants of ours
CREATE_SQL = """
INSERT INTO operation (kind, title, draft, state, detail, created_by, created_by_name, schedule_id, not_before,
                       created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *
"""
CREATE_STEPS_SQL = """
INSERT INTO operation_step (operation_id, number, station_id, identity, display_name, wave)
SELECT $1, * FROM unnest($2::integer[], $3::bigint[], $4::text[], $5::text[], $6::integer[])
"""
FIND_SQL = "SELECT * FROM operation WHERE id = $1"
COUNTS_SQL = """
SELECT operation_id, wave, state, count(*) AS count FROM operation_step WHERE operation_id = ANY($1::bigint[])
GROUP BY operation_id, wave, state
"""
_WANTED = """
    (cardinality($1::text[]) = 0 OR state = ANY($1)) AND (cardinality($2::text[]) = 0 OR kind = ANY($2))
    AND ($3 = '' OR created_by = $3) AND ($4::bigint IS NULL OR schedule_id = $4)
    AND ($5::bigint IS NULL OR EXISTS (
        SELECT FROM operation_step WHERE operation_id = operation.id AND operation_step.station_id = $5))
    AND ($6::timestamptz IS NULL OR created_at >= $6) AND ($7::timestamptz IS NULL OR created_at < $7)
    AND ($8 = '' OR title ILIKE $8)
"""
COUNT_SQL = f"SELECT count(*) FROM operation WHERE {_WANTED}"  # noqa: S608 - constants of ours
NEWEST_SQL = f"""
SELECT * FROM operation WHERE {_WANTED} AND ($9::bigint IS NULL OR id < $9) ORDER BY id DESC LIMIT $10
"""  # noqa: S608 - constants of ours
OLDEST_SQL = f"""
SELECT * FROM operation WHERE {_WANTED} AND ($9::bigint IS NULL OR id > $9) ORDER BY id LIMIT $10
"""  # noqa: S608 - constants of ours
_WANTED_STEPS = """
    operation_id = $1 AND (cardinality($2::text[]) = 0 OR state = ANY($2))
    AND ($3 = '' OR concat_ws(E'\\n', identity, display_name, detail) ILIKE $3)
"""
COUNT_STEPS_SQL = f"SELECT count(*) FROM operation_step WHERE {_WANTED_STEPS}"  # noqa: S608 - constants of ours
STEPS_SQL = f"""
SELECT * FROM operation_step WHERE {_WANTED_STEPS} AND number > $4 ORDER BY number LIMIT $5
"""  # noqa: S608 - constants of ours
CHANGED_STEPS_SQL = """
SELECT * FROM operation_step WHERE operation_id = $1 AND revision > $2 ORDER BY revision, number LIMIT $3 OFFSET $4
"""
CHANGE_SQL = """
UPDATE operation SET
    state = $3, detail = $4, wave = $5, wave_started_at = $6, wave_ended_at = $7, started_at = $8, finished_at = $9,
    revision = revision + 1
WHERE id = $1 AND state = ANY($2::text[]) RETURNING *
"""
UNDER_WAY_SQL = "SELECT * FROM operation WHERE finished_at IS NULL ORDER BY id"
DUE_STEPS_SQL = f"""
SELECT s.*, {_TARGET} FROM operation_step AS s LEFT JOIN station AS t ON t.id = s.station_id
WHERE s.operation_id = $1 AND s.state = 'PENDING' AND s.wave = $2 AND (s.not_before IS NULL OR s.not_before <= $3)
  AND (NOT $4::boolean OR t.online OR t.id IS NULL)
ORDER BY s.number LIMIT $5
"""  # noqa: S608 - constants of ours
_LOCKED = "WITH locked AS (UPDATE operation SET revision = revision + 1 WHERE id = $1 RETURNING revision)"
CLAIM_SQL = f"""
{_LOCKED}
UPDATE operation_step SET
    state = 'RUNNING', attempt = attempt + 1, started_at = $3, ended_at = NULL, answer = '', reason = '', detail = '',
    job_id = NULL, revision = locked.revision
FROM locked WHERE operation_id = $1 AND number = ANY($2::integer[]) AND state = 'PENDING' RETURNING operation_step.*
"""  # noqa: S608 - constants of ours
PUT_STEPS_SQL = f"""
{_LOCKED}
UPDATE operation_step AS s SET
    state = u.state, answer = u.answer, reason = u.reason, detail = u.detail, job_id = u.job_id,
    not_before = u.not_before, ended_at = u.ended_at, revision = locked.revision
FROM locked, unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[],
                    $9::timestamptz[]) AS u (number, state, answer, reason, detail, job_id, not_before, ended_at)
WHERE s.operation_id = $1 AND s.number = u.number AND s.state IN ('PENDING', 'RUNNING')
"""  # noqa: S608 - constants of ours
RUNNING_SQL = "SELECT * FROM operation_step WHERE operation_id = $1 AND state = 'RUNNING' ORDER BY number"
FOLLOWED_SQL = f"""
SELECT s.*, {_TARGET}, j.state AS job_state, j.status AS job_status, j.detail AS job_detail FROM operation_step AS s
LEFT JOIN station_job AS j ON j.id = s.job_id LEFT JOIN station AS t ON t.id = s.station_id
WHERE s.operation_id = $1 AND s.state = 'RUNNING' AND s.job_id IS NOT NULL ORDER BY s.number
"""  # noqa: S608 - constants of ours
GIVE_UP_SQL = f"""
{_LOCKED}
UPDATE operation_step AS s SET
    state = 'FAILED', reason = 'STATION_OFFLINE', detail = $5, ended_at = $4, revision = locked.revision
FROM locked, operation AS o
WHERE o.id = $1 AND s.operation_id = $1 AND s.wave = $2 AND s.state = 'PENDING'
  AND greatest(o.wave_started_at, s.not_before) < $3
  AND NOT EXISTS (SELECT FROM station WHERE station.id = s.station_id AND station.online)
"""  # noqa: S608 - constants of ours
SKIP_SQL = f"""
{_LOCKED}
UPDATE operation_step SET state = 'SKIPPED', reason = 'NOT_BEGUN', detail = $3, ended_at = $2,
    revision = locked.revision
FROM locked WHERE operation_id = $1 AND state = 'PENDING'
"""  # noqa: S608 - constants of ours
REOPEN_SQL = """
WITH locked AS (UPDATE operation SET revision = revision + 1
                WHERE id = $1 AND finished_at IS NOT NULL RETURNING revision)
UPDATE operation_step SET state = 'PENDING', not_before = NULL, revision = locked.revision
FROM locked WHERE operation_id = $1 AND state = ANY($2::text[]) AND (state <> 'SKIPPED' OR reason = 'NOT_BEGUN')
RETURNING wave
"""
REQUEUE_SQL = """
UPDATE operation SET state = 'QUEUED', detail = '', finished_at = NULL, wave = $2, wave_started_at = $3,
    wave_ended_at = NULL
WHERE id = $1
"""


class PostgresOperations(ScheduleTable):
    """csms.ports.operations.OperationStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    async def resolve(
        self,
        station_ids: Sequence[int] | None,
        wanted: TargetFilter,
        *,
        place_ids: frozenset[int] = frozenset(),
        scope: Scope | None = None,
        accepted_only: bool = True,
        limit: int,
    ) -> Sequence[Target]:
        """See `OperationStore.resolve`."""
        if station_ids is not None:
            known = [number for number in station_ids if fits_bigint(number)]
            return [_target(row) for row in await self._database.fetch(NAMED_SQL, known, limit)]
        args: list[object] = []

        def arg(value: object) -> str:
            args.append(value)
            return f"${len(args)}"

        conditions = ["t.registration = 'Accepted'"] if accepted_only else []
        lists = {
            "t.vendor = ANY": wanted.vendors,
            "t.model = ANY": wanted.models,
            "t.firmware_version = ANY": wanted.firmware_versions,
            "t.firmware_version <> ALL": wanted.not_firmware_versions,
        }
        conditions += [f"{test}({arg(list(map(clean, texts)))}::text[])" for test, texts in lists.items() if texts]
        if wanted.query.strip():
            conditions.append(f"concat_ws(E'\\n', t.identity, t.display_name) ILIKE {arg(pattern(wanted.query))}")
        if place_ids:
            conditions.append(f"t.place_id = ANY({arg(sorted(place_ids))}::bigint[])")
        if scope is not None:
            conditions.append(scope_condition(scope, arg, station="t.id", place="t.place_id"))
        where = " AND ".join(conditions) or "true"
        sql = f"SELECT {_TARGET} FROM station AS t WHERE {where} ORDER BY t.identity, t.id LIMIT {arg(limit)}"  # noqa: S608 - conditions of ours
        return [_target(row) for row in await self._database.fetch(sql, *args)]

    async def create(self, operation: Operation, targets: Sequence[tuple[Target, int]]) -> Operation:
        """See `OperationStore.create`."""
        return await self._database.transaction(_create, operation, targets)

    async def find(self, operation_id: int) -> Operation | None:
        """By id."""
        row = await self._database.fetchrow(FIND_SQL, operation_id) if fits_bigint(operation_id) else None
        return None if row is None else _operation(row)

    async def counts(self, operation_ids: Collection[int]) -> Mapping[int, Mapping[int, Counts]]:
        """See `OperationStore.counts`."""
        found: dict[int, dict[int, dict[StepState, int]]] = {number: {} for number in operation_ids}
        for row in await self._database.fetch(COUNTS_SQL, list(operation_ids)):
            found[row["operation_id"]].setdefault(row["wave"], {})[StepState(row["state"])] = row["count"]
        return {number: {wave: Counts(states) for wave, states in waves.items()} for number, waves in found.items()}

    async def page(
        self, wanted: OperationFilter, *, size: int, after: int | None = None, oldest_first: bool = False
    ) -> tuple[Sequence[Operation], int]:
        """See `OperationStore.page`."""
        args = (
            [state.value for state in wanted.states],
            [kind.value for kind in wanted.kinds],
            clean(wanted.created_by),
            wanted.schedule_id,
            wanted.station_id,
            wanted.created_from,
            wanted.created_to,
            pattern(wanted.query),
        )
        rows = await self._database.fetch(OLDEST_SQL if oldest_first else NEWEST_SQL, *args, after, size)
        return [_operation(row) for row in rows], int(await self._database.fetchval(COUNT_SQL, *args))

    async def page_steps(
        self, operation_id: int, states: Sequence[StepState], query: str, *, size: int, after: int = 0
    ) -> tuple[Sequence[Step], int]:
        """See `OperationStore.page_steps`."""
        args = (operation_id, [state.value for state in states], pattern(query))
        rows = await self._database.fetch(STEPS_SQL, *args, after, size)
        return [_step(row) for row in rows], int(await self._database.fetchval(COUNT_STEPS_SQL, *args))

    async def changed_steps(self, operation_id: int, after: int, *, size: int, skip: int = 0) -> Sequence[Step]:
        """See `OperationStore.changed_steps`."""
        return [_step(row) for row in await self._database.fetch(CHANGED_STEPS_SQL, operation_id, after, size, skip)]

    async def change(self, operation: Operation, expected: Collection[OperationState]) -> Operation | None:
        """See `OperationStore.change`."""
        row = await self._database.fetchrow(
            CHANGE_SQL,
            operation.id,
            [state.value for state in expected],
            operation.state.value,
            clean(operation.detail),
            operation.wave,
            operation.wave_started_at,
            operation.wave_ended_at,
            operation.started_at,
            operation.finished_at,
        )
        return None if row is None else _operation(row)

    async def under_way(self) -> Sequence[Operation]:
        """Those that are not finished."""
        return [_operation(row) for row in await self._database.fetch(UNDER_WAY_SQL)]

    async def due_steps(
        self, operation_id: int, wave: int, now: datetime, *, size: int, online_only: bool
    ) -> Sequence[DueStep]:
        """See `OperationStore.due_steps`."""
        rows = await self._database.fetch(DUE_STEPS_SQL, operation_id, wave, now, online_only, size)
        return [DueStep(_step(row), _target_of(row)) for row in rows]

    async def claim(self, operation_id: int, numbers: Sequence[int], now: datetime) -> Sequence[Step]:
        """See `OperationStore.claim`."""
        rows = await self._database.fetch(CLAIM_SQL, operation_id, list(numbers), now)
        return sorted((_step(row) for row in rows), key=lambda step: step.number)

    async def put_steps(self, operation_id: int, steps: Sequence[Step]) -> None:
        """See `OperationStore.put_steps`."""
        await self._database.execute(
            PUT_STEPS_SQL,
            operation_id,
            [step.number for step in steps],
            [step.state.value for step in steps],
            [clean(step.answer) for step in steps],
            [clean(step.reason) for step in steps],
            [clean(step.detail) for step in steps],
            [step.job_id for step in steps],
            [step.not_before for step in steps],
            [step.ended_at for step in steps],
        )

    async def running_steps(self, operation_id: int) -> Sequence[Step]:
        """All that are under way."""
        return [_step(row) for row in await self._database.fetch(RUNNING_SQL, operation_id)]

    async def followed(self, operation_id: int) -> Sequence[Followed]:
        """See `OperationStore.followed`."""
        return [
            Followed(
                _step(row),
                None if row["job_state"] is None else JobState(row["job_state"]),
                row["job_status"] or "",
                row["job_detail"] or "",
                _target_of(row),
            )
            for row in await self._database.fetch(FOLLOWED_SQL, operation_id)
        ]

    async def give_up_waiting(
        self, operation_id: int, wave: int, begun_before: datetime, now: datetime, detail: str
    ) -> int:
        """See `OperationStore.give_up_waiting`."""
        return _rows(await self._database.execute(GIVE_UP_SQL, operation_id, wave, begun_before, now, clean(detail)))

    async def skip_pending(self, operation_id: int, now: datetime, detail: str) -> int:
        """See `OperationStore.skip_pending`."""
        return _rows(await self._database.execute(SKIP_SQL, operation_id, now, clean(detail)))

    async def reopen(self, operation: Operation, states: Collection[StepState], now: datetime) -> int:
        """See `OperationStore.reopen`."""
        return await self._database.transaction(_reopen, operation.id, [state.value for state in states], now)


async def _create(
    connection: asyncpg.Connection, operation: Operation, targets: Sequence[tuple[Target, int]]
) -> Operation:
    """In asyncio."""
    row = await connection.fetchrow(
        CREATE_SQL,
        operation.kind.value,
        clean(operation.draft.title),
        msgspec.json.encode(operation.draft).decode(),
        operation.state.value,
        clean(operation.detail),
        operation.created_by,
        clean(operation.created_by_name),
        operation.schedule_id,
        operation.draft.not_before,
        operation.created_at,
    )
    made = _operation(row)
    await connection.execute(
        CREATE_STEPS_SQL,
        made.id,
        list(range(1, len(targets) + 1)),
        [target.station_id for target, _ in targets],
        [target.identity for target, _ in targets],
        [target.display_name for target, _ in targets],
        [wave for _, wave in targets],
    )
    return made


async def _reopen(connection: asyncpg.Connection, operation_id: int, states: list[str], now: datetime) -> int:
    """In asyncio."""
    waves = [row["wave"] for row in await connection.fetch(REOPEN_SQL, operation_id, states)]
    if waves:
        await connection.execute(REQUEUE_SQL, operation_id, min(waves), now)
    return len(waves)


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])


def _operation(row: asyncpg.Record) -> Operation:
    return Operation(
        row["id"],
        msgspec.json.decode(row["draft"], type=Draft),
        OperationState(row["state"]),
        row["created_by"],
        row["created_by_name"],
        row["created_at"],
        row["detail"],
        row["schedule_id"],
        row["wave"],
        row["wave_started_at"],
        row["wave_ended_at"],
        row["started_at"],
        row["finished_at"],
        row["revision"],
    )


def _step(row: asyncpg.Record) -> Step:
    return Step(
        row["operation_id"],
        row["number"],
        row["station_id"],
        row["identity"],
        row["display_name"],
        row["wave"],
        StepState(row["state"]),
        row["attempt"],
        row["answer"],
        row["reason"],
        row["detail"],
        row["job_id"],
        row["not_before"],
        row["started_at"],
        row["ended_at"],
        row["revision"],
    )


def _target(row: asyncpg.Record) -> Target:
    return Target(
        row["target_id"],
        row["target_identity"],
        row["target_display_name"],
        row["place_id"],
        row["vendor"],
        row["model"],
        row["firmware_version"],
        row["online"],
        row["booted_at"],
    )


def _target_of(row: asyncpg.Record) -> Target | None:
    return None if row["target_id"] is None else _target(row)
