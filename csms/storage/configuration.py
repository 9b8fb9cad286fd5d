"""What stations are to be set to (`csms.ports.configuration`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.access import Scope
from csms.domain.configuration import Desired, DesiredState
from csms.domain.errors import NotFound
from csms.domain.variable_names import VariablePlace
from csms.ports.configuration import ConfigurationStatus, DriftFilter, DriftRow, StationNow
from csms.storage.configuration_templates import PostgresTemplates
from csms.storage.inventory_records import clean_json
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["PostgresConfiguration"]

_PLACE = "component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type"
_NAMES = (
    "component",
    "component_instance",
    "evse_id",
    "connector_id",
    "variable",
    "variable_instance",
    "attribute_type",
)
_PLACES = (
    f"unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[]) AS p ({_PLACE})"
)
DESIRED_SQL = f"SELECT * FROM desired_variable WHERE station_id = $1 ORDER BY {_PLACE}"  # noqa: S608
WANT_SQL = f"""
INSERT INTO desired_variable (station_id, {_PLACE}, value, state, answer, detail, set_by, set_at, sent_at, answered_at,
                              drifted_at, template_id)
SELECT $1, u.*
FROM unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[], $18::bigint[]) AS u
ON CONFLICT (station_id, {_PLACE}) DO UPDATE SET
    value = excluded.value, state = excluded.state, answer = excluded.answer, detail = excluded.detail,
    set_by = excluded.set_by, set_at = excluded.set_at, sent_at = excluded.sent_at, answered_at = excluded.answered_at,
    drifted_at = excluded.drifted_at, template_id = excluded.template_id
"""  # noqa: S608 - constants of ours
NOTE_SQL = f"""
UPDATE desired_variable AS d SET state = u.state, answer = u.answer, detail = u.detail, sent_at = u.sent_at,
    answered_at = u.answered_at, drifted_at = u.drifted_at
FROM unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
            $16::timestamptz[]) AS u ({_PLACE}, value, state, answer, detail, set_at, sent_at, answered_at, drifted_at)
WHERE d.station_id = $1 AND {" AND ".join(f"d.{name} = u.{name}" for name in _NAMES)}
  AND d.set_at = u.set_at AND d.value = u.value
"""  # noqa: S608 - constants of ours
DROP_SQL = f"""
DELETE FROM desired_variable AS d USING {_PLACES}
WHERE d.station_id = $1 AND {" AND ".join(f"d.{name} = p.{name}" for name in _NAMES)}
RETURNING 1
"""  # noqa: S608 - constants of ours
COMPARED_SQL = """
INSERT INTO station_configuration (station_id, compared_at, drifted)
SELECT id, $2, $3 FROM station WHERE id = $1 FOR KEY SHARE
ON CONFLICT (station_id) DO UPDATE SET compared_at = excluded.compared_at, drifted = excluded.drifted
"""
ALARM_SQL = """
INSERT INTO alarm_inbox (station_id, source, at, body)
SELECT id, 'CONFIGURATION', $2, $3 FROM station WHERE id = $1 FOR KEY SHARE
"""
_NOW = """
SELECT s.id, s.online, s.protocol, s.vendor AS is_vendor, s.model AS is_model, s.firmware_version AS is_firmware,
       s.booted_at, c.* FROM station AS s LEFT JOIN station_configuration AS c ON c.station_id = s.id
"""
NOW_SQL = _NOW + " WHERE s.id = $1"
PUT_STATUS_SQL = """
INSERT INTO station_configuration AS c (station_id, vendor, model, firmware_version, read_at, templated_at, apply_due,
    apply_template_id, apply_by, upload_due, attempts, not_before, failure, requested_at)
SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::timestamptz FROM station WHERE id = $1 FOR KEY SHARE
ON CONFLICT (station_id) DO UPDATE SET
    vendor = $2, model = $3, firmware_version = $4, read_at = $5, templated_at = $6,
    apply_due = CASE WHEN c.requested_at IS DISTINCT FROM $14 THEN c.apply_due ELSE $7 END,
    apply_template_id = CASE WHEN c.requested_at IS DISTINCT FROM $14 THEN c.apply_template_id ELSE $8 END,
    apply_by = CASE WHEN c.requested_at IS DISTINCT FROM $14 THEN c.apply_by ELSE $9 END,
    upload_due = CASE WHEN c.requested_at IS DISTINCT FROM $14 THEN c.upload_due ELSE $10 END,
    attempts = $11, not_before = $12, failure = $13
"""
REQUEST_SQL = """
INSERT INTO station_configuration AS c (
    station_id, apply_due, apply_template_id, apply_by, upload_due, requested_at)
SELECT id, $2::boolean, $3::bigint, $4, $5::boolean, $6::timestamptz FROM station
WHERE id = ANY($1::bigint[]) FOR KEY SHARE
ON CONFLICT (station_id) DO UPDATE SET
    apply_template_id = CASE WHEN $2 THEN $3 ELSE c.apply_template_id END,
    apply_by = CASE WHEN $2 THEN $4 ELSE c.apply_by END,
    apply_due = c.apply_due OR $2, upload_due = c.upload_due OR $5, requested_at = $6,
    not_before = NULL, attempts = 0
RETURNING station_id
"""
DUE_SQL = (
    _NOW
    + """
WHERE s.registration = 'Accepted' AND s.id <> ALL($4::bigint[]) AND (c.not_before IS NULL OR c.not_before <= $1)
  AND (c.apply_due OR s.online AND s.booted_at IS NOT NULL AND greatest(s.booted_at, s.connected_at) <= $2 AND (
      c.read_at IS NULL OR c.upload_due
      OR (c.vendor, c.model, c.firmware_version) IS DISTINCT FROM (s.vendor, s.model, s.firmware_version)
      OR c.read_at < s.booted_at AND EXISTS (
          SELECT FROM desired_variable AS d
          WHERE d.station_id = s.id AND d.state = 'REBOOT_REQUIRED' AND d.answered_at < s.booted_at)))
ORDER BY s.booted_at NULLS LAST, s.id LIMIT $3
"""
)
UNCOMPARED_SQL = f"""
SELECT c.station_id FROM station_configuration AS c WHERE EXISTS (
    SELECT FROM desired_variable AS d JOIN station_variable AS v USING (station_id, {_PLACE})
    WHERE d.station_id = c.station_id AND v.at > coalesce(c.compared_at, '-infinity'))
ORDER BY c.station_id LIMIT $1
"""  # noqa: S608 - constants of ours
_DRIFT = """
FROM station AS s JOIN (
    SELECT station_id, count(*) FILTER (WHERE drifted_at IS NOT NULL) AS drifted,
           count(*) FILTER (WHERE state IN ('PENDING', 'SENT')) AS unsent,
           count(*) FILTER (WHERE state IN ('REJECTED', 'NOT_SUPPORTED', 'UNKNOWN')) AS refused,
           count(*) FILTER (WHERE state = 'REBOOT_REQUIRED') AS reboot, min(drifted_at) AS since
    FROM desired_variable WHERE drifted_at IS NOT NULL OR state <> 'ACCEPTED' GROUP BY station_id
) AS d ON d.station_id = s.id LEFT JOIN station_configuration AS c ON c.station_id = s.id WHERE
"""


class PostgresConfiguration(PostgresTemplates):
    """`ConfigurationStore` on PostgreSQL."""

    async def desired(self, station_id: int) -> Sequence[Desired]:
        """See `ConfigurationStore.desired`."""
        if not fits_bigint(station_id):
            return []
        return [_desired(row) for row in await self._database.fetch(DESIRED_SQL, station_id)]

    async def want(self, station_id: int, wishes: Sequence[Desired]) -> None:
        """See `ConfigurationStore.want`."""
        rows = [
            (
                *_place(w.place),
                clean(w.value),
                w.state,
                clean(w.answer),
                clean(w.detail),
                w.set_by,
                w.set_at,
                w.sent_at,
                w.answered_at,
                w.drifted_at,
                w.template_id,
            )
            for w in wishes
        ]
        try:
            if not fits_bigint(station_id):
                raise _no_station(station_id)
            await self._database.execute(WANT_SQL, station_id, *_columns(rows, 17))
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_station(station_id) from error

    async def drop(self, station_id: int, places: Collection[VariablePlace]) -> int:
        """See `ConfigurationStore.drop`."""
        columns = _columns([_place(place) for place in places], 7)
        return len(await self._database.fetch(DROP_SQL, station_id, *columns))

    async def note(self, station_id: int, wishes: Sequence[Desired]) -> None:
        """See `ConfigurationStore.note`."""
        if wishes:
            await self._database.execute(NOTE_SQL, station_id, *_noted(wishes))

    async def note_comparison(
        self, station_id: int, wishes: Sequence[Desired], drifted: Sequence[str], at: datetime, alarm: bytes | None
    ) -> None:
        """See `ConfigurationStore.note_comparison`."""
        columns = _noted(wishes)
        names = [clean(name) for name in drifted]
        body = None if alarm is None else clean_json(alarm)

        async def work(connection: asyncpg.Connection) -> None:
            await connection.execute(NOTE_SQL, station_id, *columns)
            await connection.execute(COMPARED_SQL, station_id, at, names)
            if body is not None:
                await connection.execute(ALARM_SQL, station_id, at, body)

        await self._database.transaction(work)

    async def now(self, station_id: int) -> StationNow:
        """See `ConfigurationStore.now`."""
        row = await self._database.fetchrow(NOW_SQL, station_id) if fits_bigint(station_id) else None
        if row is None:
            raise _no_station(station_id)
        return _now(row)

    async def put_status(self, status: ConfigurationStatus) -> None:
        """See `ConfigurationStore.put_status`."""
        await self._database.execute(
            PUT_STATUS_SQL,
            status.station_id,
            status.vendor,
            status.model,
            status.firmware_version,
            status.read_at,
            status.templated_at,
            status.apply_due,
            status.apply_template_id,
            status.apply_by,
            status.upload_due,
            status.attempts,
            status.not_before,
            clean(status.failure),
            status.requested_at,
        )

    async def request(
        self,
        station_ids: Collection[int],
        at: datetime,
        *,
        apply: bool = False,
        template_id: int | None = None,
        by: str = "",
        upload: bool = False,
    ) -> int:
        """See `ConfigurationStore.request`."""
        known = [number for number in station_ids if fits_bigint(number)]
        return len(await self._database.fetch(REQUEST_SQL, known, apply, template_id, by, upload, at))

    async def due(
        self, now: datetime, booted_before: datetime, *, size: int, but: Collection[int]
    ) -> Sequence[StationNow]:
        """See `ConfigurationStore.due`."""
        return [_now(row) for row in await self._database.fetch(DUE_SQL, now, booted_before, size, list(but))]

    async def uncompared(self, size: int) -> Sequence[int]:
        """See `ConfigurationStore.uncompared`."""
        return [row["station_id"] for row in await self._database.fetch(UNCOMPARED_SQL, size)]

    async def page_drift(
        self, wanted: DriftFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[DriftRow], int]:
        """See `ConfigurationStore.page_drift`."""
        args: list[object] = []
        matches = _DRIFT + _conditions(wanted, args)
        total = await self._database.fetchval("SELECT count(*) " + matches, *args)
        identity, station_id = after or ("", 0)
        args += [clean(identity), station_id, size]
        place = f'(${len(args) - 2}::text COLLATE "C", ${len(args) - 1}::bigint)'
        page = (
            "SELECT s.id, s.identity, s.display_name, s.online, d.*, c.drifted AS names "
            + matches
            + f" AND (s.identity, s.id) > {place} ORDER BY s.identity, s.id LIMIT ${len(args)}"
        )
        return [
            DriftRow(
                row["id"],
                row["identity"],
                row["display_name"],
                row["online"],
                row["drifted"],
                row["unsent"],
                row["refused"],
                row["reboot"],
                tuple(row["names"] or ()),
                row["since"],
            )
            for row in await self._database.fetch(page, *args)
        ], total

    async def candidates(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[StationNow]:
        """See `ConfigurationStore.candidates`."""
        args: list[object] = []
        condition = _at(place_ids, scope, args)
        sql = f"{_NOW} WHERE s.registration = 'Accepted' AND s.booted_at IS NOT NULL{condition} ORDER BY s.id"
        return [_now(row) for row in await self._database.fetch(sql, *args)]


def _place(place: VariablePlace) -> tuple[str, str, int, int, str, str, str]:
    return (
        clean(place.component),
        clean(place.component_instance),
        place.evse_id,
        place.connector_id,
        clean(place.variable),
        clean(place.variable_instance),
        place.attribute_type,
    )


def _noted(wishes: Sequence[Desired]) -> Sequence[Sequence[object]]:
    rows = [
        (
            *_place(w.place),
            clean(w.value),
            w.state,
            clean(w.answer),
            clean(w.detail),
            w.set_at,
            w.sent_at,
            w.answered_at,
            w.drifted_at,
        )
        for w in wishes
    ]
    return _columns(rows, 15)


def _columns(rows: Sequence[Sequence[object]], count: int) -> Sequence[Sequence[object]]:
    return list(zip(*rows, strict=True)) if rows else [[] for _ in range(count)]


def _at(place_ids: frozenset[int], scope: Scope | None, args: list[object]) -> str:
    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    condition = f" AND s.place_id = ANY({argument(sorted(place_ids))}::bigint[])" if place_ids else ""
    if scope is not None:
        condition += " AND " + scope_condition(scope, argument, station="s.id", place="s.place_id")
    return condition


def _conditions(wanted: DriftFilter, args: list[object]) -> str:
    conditions = "s.registration <> 'Rejected'"
    if wanted.drifted_only:
        conditions += " AND d.drifted > 0"
    if wanted.query.strip():
        args.append(pattern(wanted.query))
        conditions += rf" AND concat_ws(E'\n', s.identity, s.display_name) ILIKE ${len(args)}"
    return conditions + _at(wanted.place_ids, wanted.scope, args)


def _desired(row: asyncpg.Record) -> Desired:
    place = VariablePlace(**{name: row[name] for name in _NAMES})
    return Desired(
        place,
        row["value"],
        row["set_at"],
        row["set_by"],
        DesiredState(row["state"]),
        row["answer"],
        row["detail"],
        row["sent_at"],
        row["answered_at"],
        row["drifted_at"],
        row["template_id"],
    )


def _now(row: asyncpg.Record) -> StationNow:
    status = ConfigurationStatus(row["id"])
    if row["station_id"] is not None:
        fields = {name: row[name] for name in ConfigurationStatus.__struct_fields__}
        status = msgspec.convert(fields | {"drifted": tuple(row["drifted"])}, ConfigurationStatus)
    return StationNow(
        row["id"],
        row["online"],
        row["protocol"],
        row["is_vendor"],
        row["is_model"],
        row["is_firmware"],
        row["booted_at"],
        status,
    )


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
