"""How each kind of record gets into its table: one statement per kind, however many records there are.

Every statement may be repeated (the answer to a commit can be lost) and none can be poisoned by a station that was
deleted meanwhile: what belongs to it is left out, its sessions stay without it.

Rows travel as one array per column. Meter values are the hot path: their struct has the columns' order, so that
the arrays are a single ``zip``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import astuple

from csms.domain.records import (
    BootRecord,
    CableRecord,
    EventRecord,
    ItemRecord,
    JobRecord,
    LinkRecord,
    MeterRecord,
    Record,
    RegistrationRecord,
    SeenRecord,
    SessionRecord,
    StatusRecord,
    VariableRecord,
)
from csms.domain.transaction import Numbering
from csms.storage import inventory_records
from csms.storage.text import clean

_json = msgspec.json.Encoder().encode

__all__ = ["REFUSED", "statements", "write"]

# The records themselves are wrong, or contradict what is there: trying again would not help.
REFUSED = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,  # class 22, and what asyncpg itself cannot encode
    asyncpg.ProgramLimitExceededError,  # a text too long for an index
    ValueError,
    TypeError,
    OverflowError,
)

METER_SQL = """
INSERT INTO meter_value (station_id, evse_id, session_id, measured_at, received_at, digest,
                         energy_wh, power_w, soc_percent, samples)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
                     $7::double precision[], $8::double precision[], $9::double precision[], $10::bytea[])
ON CONFLICT DO NOTHING
"""

# FOR KEY SHARE: a station that is being deleted at this very moment is waited for, then seen as gone.
STATUS_SQL = """
INSERT INTO connector AS old (station_id, evse_id, connector_id, status, error_code, info, vendor_id,
                              vendor_error_code, at, received_at)
SELECT u.* FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::timestamptz[], $10::timestamptz[]) AS u (station_id)
JOIN station ON station.id = u.station_id
FOR KEY SHARE OF station
ON CONFLICT (station_id, evse_id, connector_id) DO UPDATE SET
    status = excluded.status, error_code = excluded.error_code, info = excluded.info,
    vendor_id = excluded.vendor_id, vendor_error_code = excluded.vendor_error_code,
    at = excluded.at, received_at = excluded.received_at
WHERE excluded.received_at >= old.received_at
"""

HISTORY_SQL = """
INSERT INTO status_history (station_id, evse_id, connector_id, at, received_at, status, error_code, info,
                            vendor_error_code)
SELECT u.* FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::text[],
                       $7::text[], $8::text[], $9::text[]) AS u (station_id)
WHERE u.station_id IN (SELECT id FROM station)
ON CONFLICT DO NOTHING
"""

# The newest session there, if it has ended.
CABLE_SQL = """
UPDATE session SET plugged_out_at = u.at
FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::timestamptz[]) AS u (station_id, evse_id, connector_id, at)
WHERE session.state = 'ENDED' AND session.plugged_out_at IS NULL AND session.id = (
    SELECT last.id FROM session AS last
    WHERE last.station_id = u.station_id AND last.evse_id = u.evse_id AND last.connector_id = u.connector_id
      AND last.began_at > u.at - interval '30 days'
    ORDER BY last.began_at DESC, last.id DESC LIMIT 1)
"""

# An older snapshot never overwrites a newer one, and nothing makes an ended session active again.
SESSION_SQL = """
INSERT INTO session AS old (
    id, station_id, station_id_at_start, station_identity, logged_at, progress_at, evse_id, connector_id,
    transaction_id, id_token, authorization_status, authentication, state, started_at, stopped_at, stop_logged_at,
    meter_start_wh, meter_stop_wh, energy_wh, register_last_wh, register_last_at, power_w, max_power_w, soc_percent,
    stop_reason, reservation_id, flags, needs_reconciliation, meter_value_count, last_meter_at, register_first_wh,
    register_first_at, sequence, token_seq, charging_state, remote_start_id, stop_id_token, extras, place_id,
    user_id, plugged_in_at, plugged_out_at, goal_reached_at, soc_start_percent, error_codes)
SELECT
    id, (SELECT station.id FROM station WHERE station.id = u.station_id FOR KEY SHARE), station_id,
    station_identity, logged_at, progress_at, evse_id, connector_id,
    transaction_id, id_token, authorization_status, authentication, state, started_at, stopped_at, stop_logged_at,
    meter_start_wh, meter_stop_wh, energy_wh, register_last_wh, register_last_at, power_w, max_power_w, soc_percent,
    stop_reason, reservation_id, string_to_array(flags, ' '), needs_reconciliation, meter_value_count, last_meter_at,
    register_first_wh, register_first_at, sequence, token_seq, charging_state, remote_start_id, stop_id_token,
    extras::jsonb, coalesce((SELECT station.place_id FROM station WHERE station.id = u.station_id), 1),
    (SELECT CASE WHEN bool_or(known.id_token = u.id_token)
            THEN max(known.user_id) FILTER (WHERE known.id_token = u.id_token)
            WHEN count(*) = 1 THEN max(known.user_id) END
        FROM id_token AS known
        WHERE u.id_token <> '' AND (known.id_token = u.id_token OR known.spellings @> ARRAY[u.id_token])),
    plugged_in_at, plugged_out_at, goal_reached_at, soc_start_percent, string_to_array(error_codes, E'\n')
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::integer[],
    $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[],
    $14::timestamptz[], $15::timestamptz[], $16::double precision[], $17::double precision[],
    $18::double precision[], $19::double precision[], $20::timestamptz[], $21::double precision[],
    $22::double precision[], $23::double precision[], $24::text[], $25::bigint[], $26::text[], $27::boolean[],
    $28::bigint[], $29::timestamptz[], $30::double precision[], $31::timestamptz[], $32::text[], $33::bigint[],
    $34::text[], $35::bigint[], $36::text[], $37::text[], $38::timestamptz[], $39::timestamptz[], $40::timestamptz[],
    $41::double precision[], $42::text[])
AS u (id, station_id, station_identity, logged_at, progress_at, evse_id,
    connector_id, transaction_id, id_token, authorization_status, authentication, state, started_at,
    stopped_at, stop_logged_at, meter_start_wh, meter_stop_wh,
    energy_wh, register_last_wh, register_last_at, power_w,
    max_power_w, soc_percent, stop_reason, reservation_id, flags, needs_reconciliation,
    meter_value_count, last_meter_at, register_first_wh, register_first_at, sequence, token_seq, charging_state,
    remote_start_id, stop_id_token, extras, plugged_in_at, plugged_out_at, goal_reached_at, soc_start_percent,
    error_codes)
ON CONFLICT (id) DO UPDATE SET
    station_identity = excluded.station_identity, progress_at = excluded.progress_at,
    evse_id = excluded.evse_id, connector_id = excluded.connector_id, transaction_id = excluded.transaction_id,
    id_token = excluded.id_token, authorization_status = excluded.authorization_status,
    authentication = excluded.authentication, state = excluded.state, started_at = excluded.started_at,
    stopped_at = excluded.stopped_at, stop_logged_at = excluded.stop_logged_at,
    meter_start_wh = excluded.meter_start_wh, meter_stop_wh = excluded.meter_stop_wh,
    energy_wh = excluded.energy_wh, register_last_wh = excluded.register_last_wh,
    register_last_at = excluded.register_last_at, power_w = excluded.power_w, max_power_w = excluded.max_power_w,
    soc_percent = excluded.soc_percent, stop_reason = excluded.stop_reason,
    reservation_id = excluded.reservation_id, flags = excluded.flags,
    needs_reconciliation = excluded.needs_reconciliation, meter_value_count = excluded.meter_value_count,
    last_meter_at = excluded.last_meter_at,
    register_first_wh = excluded.register_first_wh, register_first_at = excluded.register_first_at,
    sequence = excluded.sequence, token_seq = excluded.token_seq, charging_state = excluded.charging_state,
    remote_start_id = excluded.remote_start_id, stop_id_token = excluded.stop_id_token, extras = excluded.extras,
    user_id = CASE WHEN old.user_corrected OR old.corrected_id_token IS NOT NULL THEN old.user_id
        ELSE coalesce(old.user_id, excluded.user_id) END,
    plugged_in_at = excluded.plugged_in_at,
    plugged_out_at = CASE WHEN excluded.state = 'ACTIVE' THEN excluded.plugged_out_at
        ELSE coalesce(excluded.plugged_out_at, old.plugged_out_at) END,
    goal_reached_at = excluded.goal_reached_at, soc_start_percent = excluded.soc_start_percent,
    error_codes = excluded.error_codes
WHERE excluded.progress_at >= old.progress_at AND NOT (old.state = 'ENDED' AND excluded.state = 'ACTIVE')
"""

BOOT_SQL = """
UPDATE station SET
    vendor = u.vendor, model = u.model, serial_number = u.serial_number, firmware_version = u.firmware_version,
    iccid = u.iccid, imsi = u.imsi, meter_type = u.meter_type, meter_serial_number = u.meter_serial_number,
    charge_box_serial_number = u.charge_box_serial_number, boot_reason = u.reason,
    booted_at = u.at, last_seen_at = greatest(station.last_seen_at, u.at), updated_at = u.at
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[])
AS u (station_id, at, vendor, model, serial_number, firmware_version, iccid, imsi,
      meter_type, meter_serial_number, charge_box_serial_number, reason)
WHERE station.id = u.station_id AND (station.booted_at IS NULL OR station.booted_at <= u.at)
"""

LINK_UP_SQL = """
UPDATE station SET
    online = true, link_epoch = u.epoch, protocol = u.protocol, remote_address = u.remote_address,
    connected_at = u.at, last_seen_at = greatest(station.last_seen_at, u.at)
FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[])
AS u (station_id, at, epoch, protocol, remote_address)
WHERE station.id = u.station_id AND u.epoch >= station.link_epoch
"""

LINK_DOWN_SQL = """
UPDATE station SET online = false, link_epoch = u.epoch
FROM unnest($1::bigint[], $2::bigint[]) AS u (station_id, epoch)
WHERE station.id = u.station_id AND u.epoch >= station.link_epoch
"""

SEEN_SQL = """
UPDATE station SET last_seen_at = u.at
FROM unnest($1::bigint[], $2::timestamptz[]) AS u (station_id, at)
WHERE station.id = u.station_id AND (station.last_seen_at IS NULL OR station.last_seen_at < u.at)
"""

# By their times, so that an attempt is counted once however often it is written.
ATTEMPT_SQL = """
UPDATE station SET attempts = attempts + fresh.count, last_attempt_at = fresh.at
FROM (SELECT u.station_id, count(DISTINCT u.at), max(u.at) AS at
      FROM unnest($1::bigint[], $2::timestamptz[]) AS u (station_id, at)
      JOIN station AS known ON known.id = u.station_id
      WHERE known.last_attempt_at IS NULL OR u.at > known.last_attempt_at
      GROUP BY u.station_id) AS fresh
WHERE station.id = fresh.station_id
"""

Statement = tuple[str, Sequence[Sequence[object]]]


async def write(connection: asyncpg.Connection, records: Iterable[Record]) -> None:
    """Write them all, or none. From asyncio.

    Raises:
        one of REFUSED: the records cannot be written
    """
    todo = statements(records)
    if len(todo) == 1:  # is a transaction by itself; saves two rounds to the server
        await connection.execute(todo[0][0], *todo[0][1])
    elif todo:
        async with connection.transaction():
            for sql, columns in todo:
                await connection.execute(sql, *columns)


def statements(records: Iterable[Record]) -> list[Statement]:
    """The records as statements with one array per column."""
    kinds: dict[type, list[Any]] = {}
    for record in records:
        try:
            kinds[type(record)].append(record)
        except KeyError:
            kinds[type(record)] = [record]
    todo: list[Statement] = []
    for kind, make in _KINDS.items():
        if kind in kinds:
            todo.extend(make(kinds[kind]))
    return todo


def _columns(rows: Iterable[Sequence[object]]) -> Sequence[Sequence[object]]:
    return list(zip(*rows, strict=True))


def _meter(records: list[MeterRecord]) -> list[Statement]:
    return [(METER_SQL, _columns(map(astuple, records)))]


def _status(records: list[StatusRecord]) -> list[Statement]:
    last = {(r.station_id, r.evse_id, r.connector_id): r for r in records}
    rows = [
        (
            r.station_id,
            r.evse_id,
            r.connector_id,
            r.status,
            clean(r.error_code),
            clean(r.info),
            clean(r.vendor_id),
            clean(r.vendor_error_code),
            r.at,
            r.received_at,
        )
        for _, r in sorted(last.items())
    ]
    todo: list[Statement] = [(STATUS_SQL, _columns(rows))]
    history = [
        (
            r.station_id,
            r.evse_id,
            r.connector_id,
            r.at,
            r.received_at,
            r.status,
            clean(r.error_code),
            clean(r.info),
            clean(r.vendor_error_code),
        )
        for r in records
        if r.changed
    ]
    if history:
        todo.append((HISTORY_SQL, _columns(history)))
    return todo


def _cable(records: list[CableRecord]) -> list[Statement]:
    last = {(r.station_id, r.evse_id, r.connector_id): r.at for r in records}
    return [(CABLE_SQL, _columns([(*key, at) for key, at in sorted(last.items())]))]


def _session(records: list[SessionRecord]) -> list[Statement]:
    last = {r.transaction.id: r.transaction for r in records}
    rows = [
        (
            t.id,
            t.station_id,
            clean(t.station_identity),
            t.logged_at,
            t.progress_at,
            t.evse_id,
            t.connector_id,
            clean(t.transaction_id),
            clean(t.id_token),
            t.authorization_status,
            t.authentication,
            t.state,
            t.started_at,
            t.stopped_at,
            t.stop_logged_at,
            t.meter_start_wh,
            t.meter_stop_wh,
            t.register.energy_wh,
            t.register.last_wh,
            t.register.last_at,
            t.power_w,
            t.max_power_w,
            t.soc_percent,
            clean(t.stop_reason),
            t.reservation_id,
            " ".join(t.flags),
            t.needs_reconciliation,
            t.meter_value_count,
            t.last_meter_at,
            t.register.first_wh,
            t.register.first_at,
            None if t.sequence is None else _spans(t.sequence),
            t.token_seq,
            t.charging_state,
            t.remote_start_id,
            clean(t.stop_id_token),
            None if t.extras is None else clean(_json(t.extras).decode()),
            t.plugged_in_at,
            t.plugged_out_at,
            t.goal_reached_at,
            t.soc_start_percent,
            clean("\n".join(t.error_codes)),
        )
        for _, t in sorted(last.items())
    ]
    return [(SESSION_SQL, _columns(rows))]


def _spans(sequence: Numbering) -> str:
    return " ".join([f"{first}-{last}" for first, last in sequence.spans])


def _boot(records: list[BootRecord]) -> list[Statement]:
    last = {r.station_id: r for r in records}
    rows = [(r.station_id, r.at, *map(clean, astuple(r.boot))) for _, r in sorted(last.items())]
    return [(BOOT_SQL, _columns(rows))]


def _link(records: list[LinkRecord]) -> list[Statement]:
    """All that came up, then all that went down: the epochs see to it that the newest link decides."""
    up: dict[int, LinkRecord] = {}
    down: dict[int, LinkRecord] = {}
    for r in records:
        newest = up if r.online else down
        if r.station_id not in newest or r.epoch >= newest[r.station_id].epoch:
            newest[r.station_id] = r
    todo: list[Statement] = []
    if up:
        rows = [
            (r.station_id, r.at, r.epoch, clean(r.protocol), clean(r.remote_address)) for _, r in sorted(up.items())
        ]
        todo.append((LINK_UP_SQL, _columns(rows)))
    if down:
        todo.append((LINK_DOWN_SQL, _columns([(r.station_id, r.epoch) for _, r in sorted(down.items())])))
    return todo


def _seen(records: list[SeenRecord]) -> list[Statement]:
    last: dict[int, Any] = {}
    for r in records:
        last[r.station_id] = max(r.at, last.get(r.station_id, r.at))
    return [(SEEN_SQL, _columns(sorted(last.items())))]


def _attempt(records: list[RegistrationRecord]) -> list[Statement]:
    return [(ATTEMPT_SQL, _columns([(r.station_id, r.at) for r in records]))]


# Stations first, in the order of their ids: two writers then wait for each other instead of dead-locking.
_KINDS: dict[type, Callable[[list[Any]], list[Statement]]] = {
    BootRecord: _boot,
    LinkRecord: _link,
    SeenRecord: _seen,
    RegistrationRecord: _attempt,
    StatusRecord: _status,
    SessionRecord: _session,
    CableRecord: _cable,
    MeterRecord: _meter,
    EventRecord: inventory_records.events,
    ItemRecord: inventory_records.items,
    VariableRecord: inventory_records.variables,
    JobRecord: inventory_records.job_steps,
}
