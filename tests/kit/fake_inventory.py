"""The inventory in memory, which passes the same contract as the real one (tests/contracts/test_inventory.py).

``apply(records)`` takes in records as the journal's disk does; on ``FakeTables`` it gets them from the fake journal.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from csms.domain.access import Scope
from csms.domain.errors import NotFound
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, JobState, Record, VariableRecord
from csms.ports.inventory import EventFilter, Item, Job, StationEvent, VariableFilter, VariableKey, VariableView
from tests.kit.fake_tables import FakeTables

FINISHED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED)


class FakeInventory:
    """See csms.ports.inventory.Inventory. Without tables every station exists."""

    def __init__(self, tables: FakeTables | None = None) -> None:
        self.tables = tables
        if tables is not None:
            tables.takers.append(self.apply)
        self._events: dict[EventRecord, int] = {}
        self._items: dict[tuple[int, str, str], ItemRecord] = {}
        self._variables: dict[tuple[int, VariableKey], VariableRecord] = {}
        self._jobs: dict[int, Job] = {}
        self._told: dict[int, datetime] = {}
        self._event_ids, self._job_ids = itertools.count(1), itertools.count(1)

    def apply(self, records: Sequence[Record]) -> None:
        """Take in what belongs here, of stations that exist."""
        for record in records:
            if not isinstance(record, EventRecord | ItemRecord | VariableRecord | JobRecord):
                continue
            if not self._exists(record.station_id):
                continue
            record = _clean(record)
            if isinstance(record, EventRecord):
                if record not in self._events:
                    self._events[record] = next(self._event_ids)
            elif isinstance(record, ItemRecord):
                self._put_item(record)
            elif isinstance(record, VariableRecord):
                self._put_variable(record, characteristics=record.characteristics)
            else:
                self._step(record)

    async def page_events(self, wanted: EventFilter, *, size: int, before: int | None = None) -> Sequence[StationEvent]:
        self._check()
        found = [
            StationEvent(
                number, e.station_id, e.at, e.received_at, e.kind, e.summary, e.evse_id, e.severity, _jsonb(e.body)
            )
            for e, number in reversed(self._events.items())
            if self._exists(e.station_id) and (before is None or number < before) and _admits(wanted, e)
            if self._in(wanted.scope, e.station_id)
        ]
        return found[:size]

    async def items(self, station_id: int, kind: str) -> Sequence[Item]:
        self._check()
        return [
            Item(*key, r.at, _jsonb(r.body))
            for key, r in sorted(self._items.items())
            if key[:2] == (station_id, kind) and r.body is not None and self._exists(station_id)
        ]

    async def put_item(self, station_id: int, kind: str, key: str, body: bytes | None, at: datetime) -> None:
        self._check()
        self.apply([ItemRecord(station_id, kind, key, at, body)])

    async def drop_items(self, station_id: int, kind: str, *, before: datetime) -> int:
        self._check()
        gone = [key for key, r in self._items.items() if key[:2] == (station_id, kind) and r.at < before]
        return sum(self._items.pop(key).body is not None for key in gone)

    async def page_variables(
        self, station_id: int, wanted: VariableFilter, *, size: int, after: VariableKey | None = None
    ) -> tuple[Sequence[VariableView], int]:
        self._check()
        found = [
            VariableView(key, r.value, r.mutability, r.persistent, r.constant, _jsonb(r.characteristics or b"{}"), r.at)
            for (owner, key), r in self._variables.items()
            if owner == station_id and self._exists(owner) and _has(wanted, r)
        ]
        found.sort(key=lambda view: msgspec.structs.astuple(view.key))
        rest = [v for v in found if after is None or msgspec.structs.astuple(v.key) > msgspec.structs.astuple(after)]
        return rest[:size], len(found)

    async def put_variable(
        self, station_id: int, key: VariableKey, value: str | None, at: datetime, *, mutability: str = ""
    ) -> None:
        self._check()
        if not self._exists(station_id):
            return
        old = self._variables.get((station_id, key))
        new = VariableRecord(station_id, *msgspec.structs.astuple(key), at, value)
        if old is not None:
            new = msgspec.structs.replace(old, at=at, value=value)
        new = msgspec.structs.replace(new, mutability=mutability or new.mutability)
        self._put_variable(_clean(new))

    async def drop_variables(self, station_id: int, *, before: datetime) -> int:
        self._check()
        gone = [key for key, r in self._variables.items() if key[0] == station_id and r.at < before]
        for key in gone:
            del self._variables[key]
        return len(gone)

    async def begin_job(self, station_id: int, kind: JobKind, request: bytes, at: datetime) -> Job:
        self._check()
        if not self._exists(station_id):
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        number = next(self._job_ids)
        job = Job(number, station_id, kind, JobState.REQUESTED, "", "", _jsonb(request), (), None, at, at, None)
        self._jobs[number] = job
        return job

    async def find_job(self, job_id: int) -> Job | None:
        self._check()
        job = self._jobs.get(job_id)
        return job if job is not None and self._exists(job.station_id) else None

    async def change_job(
        self, job_id: int, state: JobState, at: datetime, *, status: str = "", detail: str = ""
    ) -> Job:
        job = await self.find_job(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id} (any more).", reason="JOB_NOT_FOUND")
        if job.finished_at is not None or (state not in FINISHED and job.state is not JobState.REQUESTED):
            return job
        self._jobs[job_id] = msgspec.structs.replace(
            job,
            state=state,
            status=status or job.status,
            detail=job.detail + detail,
            updated_at=max(job.updated_at, at),
            finished_at=at if state in FINISHED else None,
        )
        return self._jobs[job_id]

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
        self._check()
        found = [
            job
            for number, job in sorted(self._jobs.items(), reverse=True)
            if self._exists(job.station_id)
            and (station_id is None or job.station_id == station_id)
            and (not kinds or job.kind in kinds)
            and (not unfinished or job.finished_at is None)
            and (before is None or number < before)
            and self._in(scope, job.station_id)
        ]
        return found[:size]

    def _in(self, scope: Scope | None, station_id: int) -> bool:
        if scope is None or self.tables is None:
            return True
        return scope.holds(station_id, self.tables.stations[station_id].place_id)

    def _check(self) -> None:
        if self.tables is not None:
            self.tables.check()

    def _exists(self, station_id: int) -> bool:
        return self.tables is None or station_id in self.tables.stations

    def _put_item(self, record: ItemRecord) -> None:
        key = (record.station_id, record.kind, record.key)
        if key not in self._items or self._items[key].at <= record.at:
            self._items[key] = record

    def _put_variable(self, record: VariableRecord, *, characteristics: bytes | None = None) -> None:
        key = VariableKey(*(getattr(record, name) for name in VariableKey.__struct_fields__))
        old = self._variables.get((record.station_id, key))
        if old is not None and old.at > record.at:
            return
        if characteristics is None and old is not None:
            record = msgspec.structs.replace(record, characteristics=old.characteristics)
        if not record.mutability:
            known = old or msgspec.structs.replace(record, mutability="ReadWrite")
            record = msgspec.structs.replace(
                record, mutability=known.mutability, persistent=known.persistent, constant=known.constant
            )
        self._variables[record.station_id, key] = record

    def _step(self, step: JobRecord) -> None:
        open_jobs = [
            job
            for job in self._jobs.values()
            if (job.station_id, job.kind, job.finished_at) == (step.station_id, step.kind, None)
            and step.request_id in (None, job.id)
        ]
        if not open_jobs:
            return
        job = max(open_jobs, key=lambda job: job.id)
        told = self._told.get(job.id)
        fresh = (told is None or step.at > told) if step.part is None else step.part not in job.parts
        parts = job.parts if step.part is None or step.part in job.parts else (*job.parts, step.part)
        last_part = step.part if step.last and step.part is not None else job.last_part
        state = step.state or (JobState.RUNNING if job.state is JobState.REQUESTED else job.state)
        whole = step.part is not None and last_part is not None and set(range(last_part + 1)) <= set(parts)
        if step.state is None and whole:
            state = JobState.SUCCEEDED
        self._told[job.id] = step.at if told is None else max(told, step.at)
        self._jobs[job.id] = msgspec.structs.replace(
            job,
            state=state,
            status=step.status or job.status,
            detail=job.detail + step.detail if fresh else job.detail,
            parts=parts,
            last_part=last_part,
            updated_at=max(job.updated_at, step.at),
            finished_at=step.at if state in FINISHED else None,
        )


def _clean(value: Any) -> Any:
    """Without NULs: PostgreSQL cannot keep them."""
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if type(field) is str:
            changes[name] = field.replace("\0", "")
        elif type(field) is bytes:
            changes[name] = field.replace(b"\\u0000", b"")
    return msgspec.structs.replace(value, **changes)


def _jsonb(body: bytes) -> bytes:
    """As PostgreSQL's jsonb prints it: shorter keys first."""

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return {key: ordered(value[key]) for key in keys}
        return [ordered(each) for each in value] if isinstance(value, list) else value

    return json.dumps(ordered(json.loads(body)), ensure_ascii=False).encode()


def _admits(wanted: EventFilter, event: EventRecord) -> bool:
    text = "\n".join((event.kind, event.summary, _jsonb(event.body).decode())).casefold()
    return (
        (wanted.station_id is None or event.station_id == wanted.station_id)
        and (not wanted.kinds or event.kind in wanted.kinds)
        and (wanted.severity is None or (event.severity is not None and event.severity <= wanted.severity))
        and wanted.query.strip().casefold() in text
        and (wanted.at_from is None or event.at >= wanted.at_from)
        and (wanted.at_to is None or event.at < wanted.at_to)
    )


def _has(wanted: VariableFilter, r: VariableRecord) -> bool:
    names = (r.component, r.component_instance, r.variable, r.variable_instance, r.value or "")
    return (
        wanted.component in ("", r.component)
        and wanted.variable in ("", r.variable)
        and (wanted.evse_id is None or r.evse_id == wanted.evse_id)
        and wanted.query.strip().casefold() in "\n".join(names).casefold()
    )
