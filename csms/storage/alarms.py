"""Alarms, their inbox, and the event log (`csms.ports.alarms`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Scope
from csms.domain.alarm_rules import Told
from csms.domain.alarms import Alarm, AlarmKey, AlarmKind, AlarmSource, Clearing, Severity, Subject
from csms.ports.alarms import (
    AlarmFilter,
    AlarmNumber,
    AlarmOrder,
    AlarmPosition,
    AlarmView,
    Batch,
    EventSource,
    Listened,
    LogFilter,
    LoggedEvent,
    LogPosition,
)
from csms.storage.pool import Database
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresAlarms"]

INBOX_SQL = """
SELECT i.*, s.vendor, s.model FROM alarm_inbox AS i JOIN station AS s ON s.id = i.station_id ORDER BY i.id LIMIT $1
"""
NEWEST_SQL = """
SELECT DISTINCT ON (coalesce(a.station_id, 0), coalesce(a.place_id, 0), a.key) a.* FROM alarm AS a
JOIN unnest($1::bigint[], $2::bigint[], $3::text[]) AS u (station_id, place_id, key)
  ON coalesce(a.station_id, 0) = u.station_id AND coalesce(a.place_id, 0) = u.place_id AND a.key = u.key
ORDER BY coalesce(a.station_id, 0), coalesce(a.place_id, 0), a.key, a.id DESC
"""
ACTIVE_SQL = """
SELECT * FROM alarm WHERE active AND ($1::bigint[] IS NULL OR station_id = ANY($1))
  AND ($2::text IS NULL OR source = $2) ORDER BY id
"""
LISTENED_SQL = """
SELECT id, place_id, created_at, online, last_seen_at, registration <> 'Rejected' AS watched FROM station
"""
NETWORK_OVER_SQL = """
SELECT place_id, max(cleared_at) AS at FROM alarm
WHERE place_id IS NOT NULL AND kind = 'NO_NETWORK' AND clearing = 'BY_ITSELF' GROUP BY place_id
"""
PLACES_SQL = """
SELECT id, place_id, coalesce(nullif(display_name, ''), identity) AS name FROM station WHERE id = ANY($1::bigint[])
"""
NEW_IDS_SQL = """
SELECT nextval(pg_get_serial_sequence('alarm', 'id')) AS id FROM generate_series(1, $1::integer)
"""
SAVE_SQL = """
INSERT INTO alarm (id, station_id, place_id, key, kind, severity, evse_id, source, code, text, active, count,
                   first_raised_at, last_raised_at, cleared_at, clearing, cleared_by, folded_into)
OVERRIDING SYSTEM VALUE
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
WHERE EXISTS (SELECT FROM station WHERE id = $2 FOR KEY SHARE) OR EXISTS (SELECT FROM place WHERE id = $3 FOR KEY SHARE)
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, severity = excluded.severity, evse_id = excluded.evse_id, code = excluded.code,
    text = excluded.text, active = excluded.active, count = excluded.count,
    last_raised_at = excluded.last_raised_at, cleared_at = excluded.cleared_at, clearing = excluded.clearing,
    cleared_by = excluded.cleared_by, folded_into = excluded.folded_into, updated_at = now()
"""
TAKEN_SQL = "DELETE FROM alarm_inbox WHERE id = ANY($1::bigint[])"
NOTE_SQL = """
INSERT INTO system_event (at, source, kind, summary, station_id, place_id, evse_id, severity, body)
SELECT $1, $2, $3, $4, $5::bigint, $6::bigint, $7, $8, $9
WHERE $5 IS NULL OR EXISTS (SELECT FROM station WHERE id = $5 FOR KEY SHARE)
"""
SEND_SQL = """
INSERT INTO webhook_delivery (webhook_id, event, alarm_id, body, state, created_at, next_attempt_at)
SELECT id, $2, $3, $4, 'WAITING', $5, $5 FROM webhook WHERE id = $1 FOR KEY SHARE
"""
ACKNOWLEDGE_SQL = """
UPDATE alarm SET acknowledged_at = coalesce(acknowledged_at, $2),
    acknowledged_by = CASE WHEN acknowledged_at IS NULL THEN $3 ELSE acknowledged_by END,
    note = CASE WHEN $4::text = '' THEN note ELSE $4 END, updated_at = now()
WHERE id = ANY($1::bigint[])
"""
CLEAR_SQL = """
UPDATE alarm SET active = false, cleared_at = greatest($2::timestamptz, last_raised_at), clearing = 'BY_HAND',
    cleared_by = $3, note = CASE WHEN $4::text = '' THEN note ELSE $4 END, updated_at = now()
WHERE id = ANY($1::bigint[]) AND active
"""
_VIEW = """
SELECT a.*, coalesce(nullif(s.display_name, ''), s.identity, '') AS station_name,
       coalesce(s.place_id, a.place_id) AS where_id
FROM alarm AS a LEFT JOIN station AS s ON s.id = a.station_id
"""
CHANGED_SQL = f"""{_VIEW}
WHERE a.updated_at > now() - $1 * interval '1 second' ORDER BY a.updated_at DESC, a.id DESC LIMIT 1000
"""
_ORDERS = {
    AlarmOrder.NEWEST: ("a.last_raised_at DESC, a.id DESC", "(a.last_raised_at, a.id) < ({at}, {id})"),
    AlarmOrder.OLDEST: ("a.last_raised_at, a.id", "(a.last_raised_at, a.id) > ({at}, {id})"),
    AlarmOrder.SEVERITY: (
        "a.severity, a.last_raised_at DESC, a.id DESC",
        "(a.severity > {severity} OR (a.severity = {severity} AND (a.last_raised_at, a.id) < ({at}, {id})))",
    ),
}
PRUNE_SQL = """
WITH gone AS (DELETE FROM alarm WHERE cleared_at < $1 RETURNING 1),
     told AS (DELETE FROM system_event WHERE at < $1 RETURNING 1)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM told)
"""


class _Arguments(list[object]):
    """Values of a statement; `add` gives the placeholder."""

    def add(self, value: object) -> str:
        self.append(value)
        return f"${len(self)}"


class PostgresAlarms:
    """`AlarmStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- weighing ------------------------------------------------------------------------------------------------------

    async def inbox(self, size: int) -> Sequence[Told]:
        """What was told and not weighed, oldest first."""
        rows = await self._database.fetch(INBOX_SQL, size)
        return [
            Told(
                row["id"],
                row["station_id"],
                AlarmSource(row["source"]),
                row["at"],
                row["evse_id"],
                row["severity"],
                msgspec.json.decode(row["body"], type=dict),
                row["vendor"],
                row["model"],
            )
            for row in rows
        ]

    async def newest(self, names: Collection[AlarmKey]) -> Mapping[AlarmKey, Alarm]:
        """The newest alarm of each name, where there is one."""
        if not names:
            return {}
        listed = list(names)
        rows = await self._database.fetch(
            NEWEST_SQL,
            [name.subject.station_id or 0 for name in listed],
            [name.subject.place_id or 0 for name in listed],
            [clean(name.key) for name in listed],
        )
        return {alarm.name: alarm for alarm in map(_alarm, rows)}

    async def active(
        self, *, station_ids: Collection[int] | None = None, source: AlarmSource | None = None
    ) -> Sequence[Alarm]:
        """Those that go on, of these stations, from this source."""
        rows = await self._database.fetch(ACTIVE_SQL, None if station_ids is None else list(station_ids), source)
        return [_alarm(row) for row in rows]

    async def listened(self) -> Sequence[Listened]:
        """All stations."""
        return [Listened(*row) for row in await self._database.fetch(LISTENED_SQL)]

    async def places_of(self, station_ids: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """(place, name for people) of each station that there is."""
        rows = await self._database.fetch(PLACES_SQL, list(station_ids))
        return {row["id"]: (row["place_id"], row["name"]) for row in rows}

    async def network_over(self) -> Mapping[int, datetime]:
        """When the last No network of each place ended by itself."""
        return {row["place_id"]: row["at"] for row in await self._database.fetch(NETWORK_OVER_SQL)}

    async def new_ids(self, count: int) -> Sequence[int]:
        """For new alarms."""
        return [row["id"] for row in await self._database.fetch(NEW_IDS_SQL, count)] if count else []

    async def save(self, batch: Batch) -> None:
        """See `AlarmStore.save`."""
        await self._database.transaction(_save, batch)

    # -- people --------------------------------------------------------------------------------------------------------

    async def find(self, ids: Collection[int], scope: Scope | None) -> Sequence[AlarmView]:
        """Those of them that are in the scope."""
        args = _Arguments()
        conditions = [f"a.id = ANY({args.add([number for number in ids if fits_bigint(number)])}::bigint[])"]
        conditions += _in_scope(scope, args)
        rows = await self._database.fetch(f"{_VIEW} WHERE {' AND '.join(conditions)}", *args)
        return [_view(row) for row in rows]

    async def changed_within(self, seconds: float) -> Sequence[AlarmView]:
        """Those that were written so lately, by whatever, the newest 1000."""
        return [_view(row) for row in await self._database.fetch(CHANGED_SQL, seconds)]

    async def acknowledge(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        """See `AlarmStore.acknowledge`."""
        await self._database.transaction(_handle, ACKNOWLEDGE_SQL, list(ids), by, clean(note), batch)

    async def clear(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        """See `AlarmStore.clear`."""
        await self._database.transaction(_handle, CLEAR_SQL, list(ids), by, clean(note), batch)

    async def page(
        self, wanted: AlarmFilter, order: AlarmOrder, *, size: int, after: AlarmPosition | None = None
    ) -> Sequence[AlarmView]:
        """In this order, after a place."""
        args = _Arguments()
        conditions = _conditions(wanted, args)
        by, past = _ORDERS[order]
        if after is not None:
            severity, at, number = after
            conditions.append(
                past.format(
                    severity=args.add(severity) + "::smallint",
                    at=args.add(at) + "::timestamptz",
                    id=args.add(number) + "::bigint",
                )
                if order is AlarmOrder.SEVERITY
                else past.format(at=args.add(at) + "::timestamptz", id=args.add(number) + "::bigint")
            )
        sql = f"{_VIEW} WHERE {' AND '.join(conditions)} ORDER BY {by} LIMIT {args.add(size)}"
        return [_view(row) for row in await self._database.fetch(sql, *args)]

    async def count(self, wanted: AlarmFilter) -> int:
        """How many match."""
        args = _Arguments()
        conditions = " AND ".join(_conditions(wanted, args))
        sql = f"SELECT count(*) FROM alarm AS a LEFT JOIN station AS s ON s.id = a.station_id WHERE {conditions}"  # noqa: S608 - conditions of ours
        return int(await self._database.fetchval(sql, *args))

    async def summarize(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[AlarmNumber]:
        """The active ones, the worst first."""
        args = _Arguments()
        conditions = " AND ".join(_conditions(AlarmFilter(active=True, place_ids=place_ids, scope=scope), args))
        sql = f"""
SELECT a.kind, a.severity, count(*) AS active, count(*) FILTER (WHERE a.acknowledged_at IS NULL) AS unacknowledged
FROM alarm AS a LEFT JOIN station AS s ON s.id = a.station_id WHERE {conditions}
GROUP BY a.kind, a.severity ORDER BY a.severity, a.kind
"""  # noqa: S608 - conditions of ours
        return [
            AlarmNumber(AlarmKind(row["kind"]), Severity(row["severity"]), row["active"], row["unacknowledged"])
            for row in await self._database.fetch(sql, *args)
        ]

    # -- the event log -------------------------------------------------------------------------------------------------

    async def note(self, events: Sequence[LoggedEvent]) -> None:
        """Keep them; their ids are ignored, and stations that are gone."""
        if events:
            await self._database.transaction(_save, Batch(events[0].at, events=events))

    async def page_log(
        self, wanted: LogFilter, *, size: int, before: LogPosition | None = None
    ) -> Sequence[LoggedEvent]:
        """What stations told and what was noted, newest first."""
        args = _Arguments()
        limit = args.add(size)
        parts = []
        if not wanted.sources or EventSource.STATION in wanted.sources:
            conditions = " AND ".join(_log_conditions(wanted, args, "e.received_at", "s.place_id", before, told=True))
            parts.append(
                f"""(SELECT e.id, e.received_at AS at, 'STATION' AS source, e.kind, e.summary, e.station_id,
  s.place_id, e.evse_id, e.severity, e.body, true AS told, {_STATION_NAME} AS station_name
FROM station_event AS e JOIN station AS s ON s.id = e.station_id WHERE {conditions}
ORDER BY e.received_at DESC, e.id DESC LIMIT {limit})"""  # noqa: S608 - conditions of ours
            )
        place = "coalesce(s.place_id, e.place_id)"
        conditions = " AND ".join(_log_conditions(wanted, args, "e.at", place, before, told=False))
        if wanted.sources:
            conditions += f" AND e.source = ANY({args.add(list(wanted.sources))}::text[])"
        parts.append(
            f"""(SELECT e.id, e.at, e.source, e.kind, e.summary, e.station_id, {place} AS place_id, e.evse_id,
  e.severity, e.body, false AS told, {_STATION_NAME} AS station_name
FROM system_event AS e LEFT JOIN station AS s ON s.id = e.station_id WHERE {conditions}
ORDER BY e.at DESC, e.id DESC LIMIT {limit})"""  # noqa: S608 - conditions of ours
        )
        # in brackets: one part alone may not be ordered twice
        log = f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS log"  # noqa: S608 - conditions of ours
        sql = f"{log} ORDER BY at DESC, told DESC, id DESC LIMIT {limit}"
        return [_logged(row) for row in await self._database.fetch(sql, *args)]

    async def prune(self, before: datetime) -> int:
        """Alarms that were over by then, and entries of the log from before, go. How many."""
        return int(await self._database.fetchval(PRUNE_SQL, before))


_STATION_NAME = "coalesce(nullif(s.display_name, ''), s.identity, '')"


def _in_scope(scope: Scope | None, args: _Arguments, own: str = "a.place_id") -> list[str]:
    condition = scope_condition(scope, args.add, station="s.id", place=f"coalesce(s.place_id, {own})")
    return [condition] if condition else []


def _conditions(wanted: AlarmFilter, args: _Arguments) -> list[str]:
    found = ["true"]
    if wanted.active is not None:
        found.append("a.active" if wanted.active else "NOT a.active")
    if wanted.place_ids:
        found.append(f"coalesce(s.place_id, a.place_id) = ANY({args.add(sorted(wanted.place_ids))}::bigint[])")
    if wanted.station_id is not None:
        known = wanted.station_id if fits_bigint(wanted.station_id) else 0
        found.append(f"a.station_id = {args.add(known)}::bigint")
    if wanted.kinds:
        found.append(f"a.kind = ANY({args.add(list(wanted.kinds))}::text[])")
    if wanted.severities:
        found.append(f"a.severity = ANY({args.add([int(each) for each in wanted.severities])}::smallint[])")
    if wanted.acknowledged is not None:
        found.append(f"a.acknowledged_at IS {'NOT ' if wanted.acknowledged else ''}NULL")
    if wanted.since is not None:
        found.append(f"(a.cleared_at IS NULL OR a.cleared_at >= {args.add(wanted.since)}::timestamptz)")
    if wanted.until is not None:
        found.append(f"a.first_raised_at < {args.add(wanted.until)}::timestamptz")
    if wanted.query.strip():
        looked = "concat_ws(E'\\n', a.text, a.code, a.note, s.display_name, s.identity)"
        found.append(f"{looked} ILIKE {args.add(pattern(wanted.query))}::text")
    return found + _in_scope(wanted.scope, args)


def _log_conditions(
    wanted: LogFilter, args: _Arguments, at: str, place: str, before: LogPosition | None, *, told: bool
) -> list[str]:
    found = ["true"]
    if before is not None:
        moment, was_told, number = before
        time, key = args.add(moment) + "::timestamptz", args.add(number) + "::bigint"
        if told == was_told:
            found.append(f"({at}, e.id) < ({time}, {key})")
        else:  # at one moment what stations told comes first
            found.append(f"{at} {'<=' if was_told else '<'} {time} AND {key} IS NOT NULL")
    if wanted.place_ids:
        found.append(f"{place} = ANY({args.add(sorted(wanted.place_ids))}::bigint[])")
    if wanted.station_id is not None:
        known = wanted.station_id if fits_bigint(wanted.station_id) else 0
        found.append(f"e.station_id = {args.add(known)}::bigint")
    if wanted.kinds:
        found.append(f"e.kind = ANY({args.add([clean(kind) for kind in wanted.kinds])}::text[])")
    if wanted.severity is not None:
        found.append(f"e.severity <= {args.add(wanted.severity)}::smallint")
    if wanted.query.strip():
        looked = "concat_ws(E'\\n', e.kind, e.summary, s.display_name, s.identity)"
        found.append(f"{looked} ILIKE {args.add(pattern(wanted.query))}::text")
    if wanted.since is not None:
        found.append(f"{at} >= {args.add(wanted.since)}::timestamptz")
    if wanted.until is not None:
        found.append(f"{at} < {args.add(wanted.until)}::timestamptz")
    condition = scope_condition(wanted.scope, args.add, station="s.id", place=place)
    return found + ([condition] if condition else [])


async def _handle(
    connection: asyncpg.Connection, sql: str, ids: Sequence[int], by: str, note: str, batch: Batch
) -> None:
    await connection.execute(sql, ids, batch.at, by, note)
    await _save(connection, msgspec.structs.replace(batch, alarms=()))


async def _save(connection: asyncpg.Connection, batch: Batch) -> None:
    if batch.alarms:
        # One that is over makes room for a new one of the same name.
        ordered = sorted(batch.alarms, key=lambda alarm: alarm.active)
        await connection.executemany(SAVE_SQL, [_row(alarm) for alarm in ordered])
    if batch.taken:
        await connection.execute(TAKEN_SQL, list(batch.taken))
    if batch.events:
        await connection.executemany(NOTE_SQL, [_event_row(event) for event in batch.events])
    if batch.outgoing:
        await connection.executemany(
            SEND_SQL, [(each.webhook_id, each.event, each.alarm_id, each.body, batch.at) for each in batch.outgoing]
        )


def _row(alarm: Alarm) -> tuple[object, ...]:
    return (
        alarm.id,
        alarm.subject.station_id,
        alarm.subject.place_id,
        clean(alarm.key),
        alarm.kind.value,
        int(alarm.severity),
        alarm.evse_id,
        alarm.source.value,
        clean(alarm.code),
        clean(alarm.text),
        alarm.active,
        alarm.count,
        alarm.first_raised_at,
        alarm.last_raised_at,
        alarm.cleared_at,
        "" if alarm.clearing is None else alarm.clearing.value,
        alarm.cleared_by,
        alarm.folded_into,
    )


def _event_row(event: LoggedEvent) -> tuple[object, ...]:
    return (
        event.at,
        event.source.value,
        clean(event.kind),
        clean(event.summary),
        event.station_id,
        event.place_id,
        event.evse_id,
        event.severity,
        event.body.decode(),
    )


def _alarm(row: asyncpg.Record) -> Alarm:
    return Alarm(
        row["id"],
        Subject(row["station_id"], row["place_id"]),
        row["key"],
        AlarmKind(row["kind"]),
        Severity(row["severity"]),
        AlarmSource(row["source"]),
        row["code"],
        row["text"],
        row["first_raised_at"],
        row["last_raised_at"],
        row["evse_id"],
        row["count"],
        row["cleared_at"],
        Clearing(row["clearing"]) if row["clearing"] else None,
        row["cleared_by"],
        row["folded_into"],
        row["acknowledged_at"],
        row["acknowledged_by"],
        row["note"],
    )


def _view(row: asyncpg.Record) -> AlarmView:
    return AlarmView(_alarm(row), row["station_name"], row["where_id"])


def _logged(row: asyncpg.Record) -> LoggedEvent:
    return LoggedEvent(
        row["id"],
        row["at"],
        EventSource(row["source"]),
        row["kind"],
        row["summary"],
        row["station_id"],
        row["place_id"],
        row["evse_id"],
        row["severity"],
        row["body"].encode(),
        row["told"],
        row["station_name"],
    )
