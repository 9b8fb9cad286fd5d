"""How the records of what stations told get into their tables; see csms.storage.records for what all writing promises.

Within a batch the last record of a thing wins; the steps of a job are taken in one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from csms.domain.records import EventRecord, ItemRecord, JobRecord, VariableRecord
from csms.storage.text import clean, fits_bigint

__all__ = ["ITEM_SQL", "VARIABLE_SQL", "clean_json", "events", "items", "job_steps", "variables"]

MAX_PARTS = 100_000

# Its id is drawn when it is written first: what is left out as known already costs a number, not an order.
EVENT_SQL = """
INSERT INTO station_event (station_id, at, received_at, kind, summary, evse_id, severity, body, digest)
SELECT u.station_id, u.at, u.received_at, u.kind, u.summary, u.evse_id, u.severity, u.body, u.digest
FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::smallint[],
            $8::jsonb[], $9::bigint[])
WITH ORDINALITY AS u (station_id, at, received_at, kind, summary, evse_id, severity, body, digest, place)
JOIN station ON station.id = u.station_id
ORDER BY u.place
FOR KEY SHARE OF station
ON CONFLICT DO NOTHING
"""

ITEM_SQL = """
INSERT INTO station_item AS old (station_id, kind, key, at, body)
SELECT u.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[])
AS u (station_id, kind, key, at, body)
JOIN station ON station.id = u.station_id
FOR KEY SHARE OF station
ON CONFLICT (station_id, kind, key) DO UPDATE SET at = excluded.at, body = excluded.body
WHERE excluded.at >= old.at
"""

VARIABLE_SQL = """
INSERT INTO station_variable AS old (
    station_id, component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type,
    at, value, mutability, persistent, constant, characteristics)
SELECT u.station_id, u.component, u.component_instance, u.evse_id, u.connector_id, u.variable, u.variable_instance,
       u.attribute_type, u.at, u.value, coalesce(nullif(u.mutability, ''), known.mutability, 'ReadWrite'),
       CASE WHEN u.mutability = '' THEN coalesce(known.persistent, false) ELSE u.persistent END,
       CASE WHEN u.mutability = '' THEN coalesce(known.constant, false) ELSE u.constant END,
       coalesce(u.characteristics, known.characteristics, '{}')
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::jsonb[])
AS u (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance, attribute_type,
      at, value, mutability, persistent, constant, characteristics)
JOIN station ON station.id = u.station_id
LEFT JOIN LATERAL (
    SELECT v.mutability, v.persistent, v.constant, v.characteristics FROM station_variable AS v
    WHERE v.station_id = u.station_id AND v.component = u.component AND v.component_instance = u.component_instance
      AND v.evse_id = u.evse_id AND v.connector_id = u.connector_id AND v.variable = u.variable
      AND v.variable_instance = u.variable_instance AND v.attribute_type = u.attribute_type
) AS known ON u.characteristics IS NULL OR u.mutability = ''
FOR KEY SHARE OF station
ON CONFLICT (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance,
             attribute_type)
DO UPDATE SET at = excluded.at, value = excluded.value, mutability = excluded.mutability,
    persistent = excluded.persistent, constant = excluded.constant, characteristics = excluded.characteristics
WHERE excluded.at >= old.at
"""

JOB_SQL = """
SELECT take_job_steps($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[],
                      $7::integer[], $8::boolean[], $9::text[])
"""

Statement = tuple[str, Sequence[Sequence[object]]]


def events(records: list[EventRecord]) -> list[Statement]:
    """In the order in which they came."""
    rows = [
        (
            r.station_id,
            r.at,
            r.received_at,
            clean(r.kind),
            clean(r.summary),
            r.evse_id,
            r.severity,
            clean_json(r.body),
            _digest(r),
        )
        for r in records
    ]
    return [(EVENT_SQL, _columns(rows))]


def items(records: list[ItemRecord]) -> list[Statement]:
    """The last of each."""
    last = {(r.station_id, clean(r.kind), clean(r.key)): r for r in records}
    rows = [(*key, r.at, None if r.body is None else clean_json(r.body)) for key, r in sorted(last.items())]
    return [(ITEM_SQL, _columns(rows))]


def variables(records: list[VariableRecord]) -> list[Statement]:
    """The last of each, with the characteristics that were last told."""
    last: dict[tuple[object, ...], VariableRecord] = {}
    for r in records:
        key = (
            r.station_id,
            clean(r.component),
            clean(r.component_instance),
            r.evse_id,
            r.connector_id,
            clean(r.variable),
            clean(r.variable_instance),
            clean(r.attribute_type),
        )
        if r.characteristics is None and key in last:
            r = msgspec.structs.replace(r, characteristics=last[key].characteristics)
        if not r.mutability and key in last:
            old = last[key]
            r = msgspec.structs.replace(r, mutability=old.mutability, persistent=old.persistent, constant=old.constant)
        last[key] = r
    rows = [
        (
            *key,
            r.at,
            None if r.value is None else clean(r.value),
            clean(r.mutability),
            r.persistent,
            r.constant,
            None if r.characteristics is None else clean_json(r.characteristics),
        )
        for key, r in sorted(last.items(), key=lambda pair: pair[0])
    ]
    return [(VARIABLE_SQL, _columns(rows))]


def job_steps(records: list[JobRecord]) -> list[Statement]:
    """In the order in which they came; without those that name a job that cannot be ours."""
    rows = [
        (
            r.station_id,
            r.kind,
            r.at,
            r.request_id,
            clean(r.status),
            r.state,
            r.part if r.part is not None and 0 <= r.part < MAX_PARTS else None,
            r.last,
            clean(r.detail),
        )
        for r in records
        if r.request_id is None or fits_bigint(r.request_id)
    ]
    return [(JOB_SQL, _columns(rows))] if rows else []


def clean_json(body: bytes) -> str:
    """JSON as PostgreSQL can keep it: without NULs in its texts. Raises ValueError when it is no JSON."""
    if b"\\u0000" not in body:
        return body.decode()
    return msgspec.json.encode(_without_nul(msgspec.json.decode(body))).decode()


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(each) for key, each in value.items()}
    return value


def _digest(record: EventRecord) -> int:
    """64 bits over what the entry says."""
    text = f"{record.at}\n{record.evse_id}\n{record.severity}\n{record.summary}\n".encode("utf-8", "replace")
    return int.from_bytes(blake2b(text + record.body, digest_size=8).digest(), "big", signed=True)


def _columns(rows: Iterable[Sequence[object]]) -> Sequence[Sequence[object]]:
    return list(zip(*rows, strict=True))
